"""Files people write: configurations, fault timelines, scenarios, lane paths, CAN databases."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np

from autonomy import config
from autonomy.config_review import review
from autonomy.corpus import conditions, scenario
from autonomy.faults import timeline
from autonomy.inputs import lane_path
from autonomy.parameters import load_parameters
from autonomy.playback import tolerance
from drivers.can import codec_twin, database
from drivers.can.codec import Codec
from tests.fuzz import scratch
from tests.fuzz.targets.target import Target, refusals

ORIGIN = (48.0, 11.0, 500.0)
PAYLOADS = (bytes(8), b"\xff" * 8, bytes(range(8)), b"\x12\x34")
MOST_POINTS = 1_000_000  # of a lane path: five thousand kilometres


def configuration(data: bytes) -> None:
    """A vehicle file, with what it includes; then everything that a run would look at."""
    _beside("configs", config.directory())
    path = scratch.write("vehicle.toml", data)
    with refusals(str(path), "configs/"):
        found = config.load(path)
        assert config.Config.from_json(found.to_json()).path == found.path and len(found.sha256) == 64
        told = review(found)
        assert all(isinstance(problem, str) and problem for problem in told.problems + told.notes)
        if not told.problems:
            load_parameters(found)


def override(data: bytes) -> None:
    """What stands behind --set."""
    text = data.decode("utf-8", "replace")
    with refusals("--set"):
        key, value = config.parse_override(text)
        config.load("vehicles/demo_truck", {key: value})


def stored_configuration(data: bytes) -> None:
    """The configuration a log carries."""
    with refusals("stored configuration"):
        review(config.Config.from_json(data.decode("utf-8", "replace")))


def faults(data: bytes) -> None:
    path = scratch.write("faults.toml", data)
    with refusals(str(path)):
        for fault in timeline.load(path).faults:
            assert fault.start_s >= 0 and (fault.end_s is None or fault.end_s > fault.start_s)
            assert math.isfinite(fault.value) and 0 <= fault.probability <= 1


def scenario_toml(data: bytes) -> None:
    _scenario(scratch.write("scenario/scenario.toml", data))


def scenario_yaml(data: bytes) -> None:
    _scenario(scratch.write("scenario/scenario.yaml", data))


def _scenario(path: Path) -> None:
    scratch.write("scenario/drive.mcap", b"")
    with refusals(str(path)):
        case = scenario.load(path, "name")
        metrics = {"ticks": 100, "verdict": "pass", "reference": None, "aids": {"gnss": {"nis": 1.1}}, "list": [1.0]}
        assert {condition.judge(metrics)["outcome"] for condition in case.conditions} <= {"pass", "fail", "unknown"}


def tolerances(data: bytes) -> None:
    path = scratch.write("tolerance.toml", data)
    with refusals(str(path)):
        tolerance.load(path)


def condition(data: bytes) -> None:
    with refusals("here"):
        found = conditions.parse(data.decode("utf-8", "replace"), "here")
        assert found.judge({"ticks": 100, "verdict": "pass", "a": {"b": None}})["outcome"] in ("pass", "fail", "unknown")


def lane_path_csv(data: bytes) -> None:
    """A lane path of finite points, each a step from the last, that a log gives back as it is."""
    path = scratch.write("path.csv", data)
    with refusals(str(path)):
        points = lane_path.from_csv(path, ORIGIN)
        assert points.shape[1] == 5 and np.isfinite(points).all() and len(points) < MOST_POINTS
        assert lane_path.from_text(lane_path.to_text(points)).tobytes() == points.tobytes()


def dbc(data: bytes) -> None:
    """A CAN database; what it describes is decoded as the twin decodes it."""
    path = scratch.write("a.dbc", data)
    with refusals(str(path), "a.dbc"):
        found = database.load(path)
        codec = Codec({0: found})
        assert all(isinstance(problem, str) for problem in codec.problems)
        for message in codec._tables.message_list:
            if any(signal.length > 64 or signal.length < 1 or (signal.is_float and signal.length not in (16, 32, 64))
                   or not (math.isfinite(signal.scale) and math.isfinite(signal.offset)) or signal.start < 0
                   for signal in message.signals):  # fmt: skip
                continue  # never available, and told in `problems`
            for payload in PAYLOADS:
                values, validity = codec.decode(message.identifier, payload)
                if message is not codec._tables.message_list[codec.find(message.identifier)]:
                    continue
                expected, codes = codec_twin.decode(message, payload)
                assert validity.tolist() == codes, message
                for value, wanted in zip(values.tolist(), expected, strict=True):
                    assert value == wanted or (math.isnan(value) and math.isnan(wanted)), message


def _beside(name: str, source: Path) -> None:
    link = scratch.folder() / name
    if not link.is_symlink():
        link.symlink_to(source)


@cache
def _packaged(*pattern: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(config.directory().glob("/".join(pattern))))


def vehicle_seeds() -> list[bytes]:
    return [
        b'include = ["configs/vehicles/demo_truck.toml"]\n[vehicle]\nmass_kg = 18000.0\n',
        b'include = ["configs/tick.toml"]\n[can]\nbus = [{bus = 0, dbc = "j1939.dbc"}]\n'
        b'[[can.route]]\nbus = 0\nmessage = "CCVS1"\n'
        b'kind = "wheel"\nsource_address = 0\ndelay_s = 0.07\nfields.vehicle_speed = '
        b'{ signal = "wheel_based_vehicle_speed", unit = "km/h" }\n',
        b"[vehicle]\nmass_kg = 1\n[replay]\nset_speed_mps = 20.0\n",
    ]


TIMELINE = (
    b'schema = "autonomy.faults/1"\n[[fault]]\nsource = "gnss"\nkind = "delay"\nvalue = 0.2\nstart_s = 1\nend_s = 2.5\n'
    b'probability = 0.5\nseed = 3\n[[fault]]\nsource = "can"\nmessage = "EEC1"\nsignal = "x"\nkind = "corrupt"\nvalue = 3\n'
)
SCENARIO = (
    b'schema = "autonomy.scenario/1"\nlog = "drive.mcap"\nend_s = 3.5\noutages = "at=20:end"\n'
    b'conditions = ["ticks <= 51", "aids.gnss.nis < 1e3", "verdict != fail"]\n[set]\n"vehicle.mass_kg" = 1.0\n'
)
SCENARIO_YAML = b"log: drive.mcap\nend_s: 3.5\nconditions:\n  - ticks >= 100\nset: {vehicle.mass_kg: 1.0}\n"
TOLERANCES = b'[[field]]\nmatch = "ego.position"\nabsolute = 0.01\n[[metric]]\nmatch = "*_ms"\nignore = true\n'
LANE_PATHS = [b"x_m,y_m\n0,0\n10,1\n20,3.5\n",
              b"lat_deg,lon_deg,width_left_m,width_right_m\n48.0,11.0,1.5,2\n48.001,11.001,1.5,2\n"]  # fmt: skip
DBC = (
    b'VERSION ""\nNS_ :\nBS_:\nBU_: ECU\nBO_ 291 SPEED: 8 ECU\n SG_ V : 0|16@1+ (0.01,-5) [0|0] "m/s" ECU\n'
    b' SG_ W : 23|12@0- (1,0) [0|0] "" ECU\nBO_ 2566844672 CCVS1: 8 ECU\n SG_ S M : 0|8@1+ (1,0) [0|0] "" ECU\n'
    b' SG_ A m1 : 8|32@1- (1,0) [0|0] "" ECU\n SG_ B m2 : 8|2@1+ (1,0) [0|0] "" ECU\n\n'
    b'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\nBA_DEF_DEF_ "VFrameFormat" "J1939PG";\n'
    b'BA_DEF_ SG_ "SPN" INT 0 524287;\nBA_DEF_DEF_ "SPN" 0;\nBA_ "SPN" SG_ 2566844672 B 84;\nSIG_VALTYPE_ 2566844672 A : 1;\n'
)
STORED = [b'{"path": "vehicles/demo_truck", "sections": {"vehicle": {"mass_kg": 1.0}, "can": {"bus": [], "route": []}}}']

ROUTER = ("drivers.can.route_config", "drivers.can.router")
DATABASE = ("drivers.can.database", "drivers.can.tables", "drivers.can.codec_twin", "cantools.database")
OVERRIDES = [b"vehicle.mass_kg=18000.0", b"can.bus=[{bus=0}]", b"a.b=word"]
TARGETS = [
    Target("configuration", configuration, vehicle_seeds,
           ("autonomy.config", "autonomy.parameters", "autonomy.config_review", *ROUTER)),
    Target("override", override, lambda: OVERRIDES, ("autonomy.config",), 128),
    Target("stored_configuration", stored_configuration, lambda: STORED, ("autonomy.config", "autonomy.config_review")),
    Target("faults", faults, lambda: [TIMELINE, *_packaged("faults", "*.toml")], ("autonomy.faults.timeline",)),
    Target("scenario_toml", scenario_toml, lambda: [SCENARIO], ("autonomy.corpus.scenario", "autonomy.corpus.conditions")),
    Target("scenario_yaml", scenario_yaml, lambda: [SCENARIO_YAML], ("autonomy.corpus.scenario", "autonomy.corpus.conditions")),
    Target("tolerances", tolerances, lambda: [TOLERANCES], ("autonomy.playback.tolerance",)),
    Target("condition", condition, lambda: [b"ticks <= 51", b"a.b == word"], ("autonomy.corpus.conditions",), 128),
    Target("lane_path", lane_path_csv, lambda: LANE_PATHS, ("autonomy.inputs.lane_path",)),
    Target("dbc", dbc, lambda: [DBC], DATABASE),
]  # fmt: skip
