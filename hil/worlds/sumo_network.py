"""A motorway for SUMO: our road as a network of netconvert's plain XML, with an on-ramp, and who drives on it.

Lanes of SUMO are numbered from the right, as ours are. Beside the ramp's end the road has one lane more on the right, the
acceleration lane, so that SUMO's lane 0 there is ours -1.
"""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from autonomy.errors import EnvironmentFault
from hil.worlds.road import Road

SHAPE_STEP_M = 10.0  # between points of the edges: 1.3 cm beside an arc of 1000 m
LANES = 3
RAMP_AT_M, MERGE_LENGTH_M = 1600.0, 250.0
RAMP_SHAPE_M = ((300.0, 34.0), (180.0, 14.0), (60.0, 3.0), (0.0, 0.0))  # behind its end, aside of the merging lane
EGO = "ego"
DRIVER_SPEED_MPS = 22.2  # the set speed of the suite, for SUMO's drivers
EGO_LENGTH_M, EGO_WIDTH_M = 16.5, 2.55

# speedFactor is a normal distribution cut at its ends: who keeps what share of the limit of 36 m/s (none on the left lane)
VEHICLE_TYPES = """
  <vType id="car" vClass="passenger" length="4.6" width="1.85" height="1.5" accel="2.0" decel="4.5" emergencyDecel="8.0"
         sigma="0.4" tau="1.1" minGap="2.5" maxSpeed="50" speedFactor="normc(0.92,0.12,0.65,1.2)"/>
  <vType id="van" vClass="passenger" length="6.0" width="2.0" height="2.6" accel="1.6" decel="4.0" emergencyDecel="7.5"
         sigma="0.4" tau="1.2" minGap="2.5" maxSpeed="40" speedFactor="normc(0.82,0.08,0.65,1.0)"/>
  <vType id="truck" vClass="truck" length="16.5" width="2.55" height="4.0" accel="0.7" decel="4.0" emergencyDecel="7.0"
         sigma="0.3" tau="1.6" minGap="3.0" maxSpeed="25" speedFactor="normc(0.64,0.03,0.54,0.69)"/>
  <vType id="ego" vClass="truck" length="16.5" width="2.55" height="4.0" accel="0.7" decel="5.0" emergencyDecel="6.0"
         sigma="0" tau="1.6" minGap="3.0" maxSpeed="30"/>
"""
DRIVER_MODELS = ("IDM", "Krauss")  # SUMO's own, for a truck to hold ours against
DRIVER_TYPE = """  <vType id="ego_{0}" vClass="truck" length="16.5" width="2.55" height="4.0" accel="0.7" decel="5.0"
         emergencyDecel="6.0" sigma="0" tau="1.6" minGap="3.0" maxSpeed="{1}" carFollowModel="{0}"/>
"""
# (type, vehicles an hour over all lanes, edge they come from)
DEMAND = (("car", 1700, "start"), ("van", 160, "start"), ("truck", 260, "start"), ("car", 240, "ramp"), ("truck", 30, "ramp"))


def build(road: Road, directory: Path) -> tuple[Path, Path]:
    """Writes network and demand; returns their files. Raises EnvironmentFault where netconvert fails."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_plain(road, directory)
    network = directory / "motorway.net.xml"
    plain = ["-n", "motorway.nod.xml", "-e", "motorway.edg.xml", "-x", "motorway.con.xml"]
    options = {"no-turnarounds": "true", "no-internal-links": "true", "offset.disable-normalization": "true",
               "geometry.max-angle": "0", "no-warnings": "true"}  # fmt: skip
    command = [_binary("netconvert"), *plain, "-o", network.name]
    for name, value in options.items():
        command += [f"--{name}", value]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentFault(f"netconvert: {done.stderr.strip().splitlines()[-1] if done.stderr else 'failed'}")
    demand = directory / "motorway.rou.xml"
    demand.write_text(_demand())
    return network, demand


def _binary(name: str) -> str:
    import sumo

    return str(Path(sumo.SUMO_HOME) / "bin" / name)


def _write_plain(road: Road, directory: Path) -> None:
    width, end = road.lane_width, road.length
    merge_end = RAMP_AT_M + MERGE_LENGTH_M
    middle, beside = (LANES - 1) * 0.5 * width, (LANES - 2) * 0.5 * width  # of all lanes, of those and the merging lane
    places = {"start": (0.0, middle), "join": (RAMP_AT_M, middle), "part": (merge_end, middle), "end": (end, middle)}
    nodes = {name: _point(road, *place) for name, place in places.items()}
    # The ramp comes from the right and behind, and runs beside the road for its last stretch
    ramp = [_point(road, RAMP_AT_M - behind, -width - aside) for behind, aside in RAMP_SHAPE_M]
    nodes["ramp"] = ramp[0]
    lines = [f'  <node id="{name}" x="{px:.3f}" y="{py:.3f}" type="priority"/>\n' for name, (px, py) in nodes.items()]
    (directory / "motorway.nod.xml").write_text("<nodes>\n" + "".join(lines) + "</nodes>\n")
    edges = [
        ("start", "start", "join", LANES, _shape(road, 0.0, RAMP_AT_M, middle)),
        ("merge", "join", "part", LANES + 1, _shape(road, RAMP_AT_M, merge_end, beside)),
        ("after", "part", "end", LANES, _shape(road, merge_end, end, middle)),
        ("ramp", "ramp", "join", 1, ramp),
    ]
    lines = [
        f'  <edge id="{name}" from="{origin}" to="{target}" numLanes="{lanes}" speed="36" width="{width}" spreadType="center" '
        f"priority=\"{1 if name == 'ramp' else 3}\" shape={quoteattr(' '.join(f'{px:.3f},{py:.3f}' for px, py in shape))}/>\n"
        for name, origin, target, lanes, shape in edges
    ]
    (directory / "motorway.edg.xml").write_text("<edges>\n" + "".join(lines) + "</edges>\n")
    through = [("start", "merge", lane, lane + 1) for lane in range(LANES)] + [("ramp", "merge", 0, 0)]
    through += [("merge", "after", lane + 1, lane) for lane in range(LANES)]
    lines = [f'  <connection from="{a}" to="{b}" fromLane="{i}" toLane="{j}"/>\n' for a, b, i, j in through]
    (directory / "motorway.con.xml").write_text("<connections>\n" + "".join(lines) + "</connections>\n")


def _point(road: Road, s: float, left: float) -> tuple[float, float]:
    x, y, heading, _ = road.at(s)
    return x - left * math.sin(heading), y + left * math.cos(heading)


def _shape(road: Road, first: float, last: float, left: float) -> list[tuple[float, float]]:
    count = max(2, round((last - first) / SHAPE_STEP_M) + 1)
    return [_point(road, s, left) for s in np.linspace(first, last, count).tolist()]


def _demand() -> str:
    """Flows with random headways (SUMO's own seed), trucks on the right."""
    routes = {"through": "start merge after", "joining": "ramp merge after"}
    own = (DRIVER_TYPE.format(model, DRIVER_SPEED_MPS) for model in DRIVER_MODELS)
    lines = ["<routes>", VEHICLE_TYPES, *own, *(f'  <route id="{name}" edges="{edges}"/>' for name, edges in routes.items())]
    for number, (kind, per_hour, edge) in enumerate(DEMAND):
        lane = "0" if kind == "truck" or edge == "ramp" else "free"
        route = "joining" if edge == "ramp" else "through"
        speed = "20" if edge == "ramp" else "desired"
        lines.append(f'  <flow id="f{number}" type="{kind}" route="{route}" begin="0" end="4000" departPos="base" '
                     f'probability="{per_hour / 3600:.4f}" departLane="{lane}" departSpeed="{speed}"/>')  # fmt: skip
    return "\n".join([*lines, "</routes>"]) + "\n"
