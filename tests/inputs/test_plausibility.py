"""Cross-checks between senders, each cause injected into a stream that is otherwise sound."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.inputs._inputs import InputsStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import config, msg, replay
from autonomy.inputs.plausibility_twin import Quantity, Sender
from autonomy.log.importers import canedge, comma2k19
from autonomy.parameters import load_parameters
from hil import drive
from tests.step_parameters import zeros

TICK_NS = 10_000_000
START_NS = 10**9
PARAMETERS = load_parameters(config.load("vehicles/demo_truck"))
LIMITS = PARAMETERS["plausibility"]["speed"]
STATUS = {name.removeprefix("SENDER_").lower(): number for name, number in msg.constants("VehicleState").items()
          if name.startswith("SENDER_")}  # fmt: skip
ABS, ENGINE, GEARBOX, GNSS, IMU, GYRO, STEERING, IMU_SIDE, SIDE, _, ANGLE, _ = range(12)  # rows of the demonstration truck
SPEED, YAW_RATE, SIDEWAYS, WHEEL_ANGLE = range(4)


class Truck:
    """Samples of all senders of a truck in motion; `lie(sender, value) -> value` changes what one says."""

    def __init__(self, lie=lambda sender, value: value, silent=()):
        p = PARAMETERS
        self.step = InputsStep(p["inputs"], p["vehicle"], p["plausibility"], p["engagement"])
        self.lie, self.silent, self.tick, self.random = lie, silent, 0, np.random.default_rng(1)
        self.shaft = 1.0 / p["plausibility"]["sender"]["scale"][GEARBOX]

    @property
    def now_ns(self) -> int:
        return START_NS + self.tick * TICK_NS

    def run(self, duration_s: float, speed: float = 20.0, acceleration: float = 0.0, curvature: float = 0.0) -> np.void:
        """The last VehicleState of so long a drive."""
        for k in range(round(duration_s * 100)):
            now_speed = max(0.0, speed + acceleration * k * 0.01)
            vehicle = self._step(now_speed, now_speed * curvature)
        self.speed = now_speed
        return vehicle

    def _step(self, speed: float, yaw_rate: float) -> np.void:
        v = PARAMETERS["vehicle"]
        turn = (v["wheelbase_m"] + v["understeer_gradient"] * speed**2) * yaw_rate / max(speed, 1.0) * v["steering_ratio"]
        frame = zeros("InputFrame")
        frame["tick_time_ns"] = self.now_ns
        slow = self.tick % 10 == 0
        said = {"gearbox": speed * self.shaft, "imu": yaw_rate, "imu_side": speed * yaw_rate, "gyro": yaw_rate,
                "side": speed * yaw_rate, "steering": turn}  # fmt: skip
        said |= {"abs": speed, "engine": speed, "gnss": speed} if slow else {}
        noise = {"gearbox": 0.1, "steering": 0.002}
        for sender, value in said.items():
            if sender not in self.silent:
                self._add(frame, sender, self.lie(sender, value + noise.get(sender, 0.003) * self.random.standard_normal()))
        self.tick += 1
        return self.step.step(frame)

    def _add(self, frame, sender: str, value: float) -> None:
        kind, source, field = {
            "abs": ("wheel", 11, "vehicle_speed"), "engine": ("wheel", 0, "vehicle_speed"),
            "gearbox": ("shaft", 3, "shaft_speed"), "gnss": ("gnss", 1, "speed"), "imu": ("imu", 1, "angular_rate_z"),
            "imu_side": ("imu", 1, "acceleration_y"), "gyro": ("signal", 11, "value"), "side": ("signal", 11, "value"),
            "steering": ("steering", 11, "steering_wheel_angle"),
        }[sender]  # fmt: skip
        place = int(frame[kind]["count"]) - (sender == "imu_side")  # of the sample that has the rate already
        row = frame[kind]["items"][place]
        row["valid_time_ns"] = row["received_time_ns"] = self.now_ns
        row["source"], row[field] = source, value
        if kind == "signal":
            row["signal"] = msg.constants("SignalSample")["YAW_RATE" if sender == "gyro" else "LATERAL_ACCELERATION"]
        if kind == "shaft":
            row["driveline_engaged"] = 1
        frame[kind]["count"] = place + 1


def suspects(vehicle) -> set[int]:
    return {row for row in range(16) if vehicle["sender_status"][row] in (STATUS["frozen"], STATUS["disagrees"])}


def held(sender: str):
    """A sender whose value stands still from the first one on that differs from zero."""
    kept = {}

    def lie(name, value):
        return kept.setdefault(name, value) if name == sender and value else value

    return lie


def test_sound_senders_are_never_suspect():
    truck = Truck()
    for acceleration, curvature in ((0.0, 0.0), (-6.0, 0.0), (1.0, 0.003), (0.0, -0.004)):
        vehicle = truck.run(3.0, 22.0, acceleration, curvature)
        assert not suspects(vehicle) and not vehicle["disputed"].any()
    assert vehicle["speed_source"] == 11 and vehicle["steering_source"] == 11
    assert set(vehicle["sender_status"][:12]) == {STATUS["good"]} and set(vehicle["sender_status"][12:]) == {STATUS["unused"]}


def test_a_frozen_wheel_speed_is_left_for_the_next_in_the_list_and_comes_back():
    truck = Truck(held("abs"))
    assert truck.run(1.0, 20.0)["speed_source"] == 11
    vehicle = truck.run(4.0, 20.0, -1.5)
    assert vehicle["sender_status"][ABS] == STATUS["frozen"] and suspects(vehicle) == {ABS}
    assert vehicle["speed_source"] == 0 and abs(vehicle["speed"] - truck.speed) < 0.2 and vehicle["speed_validity"] == 0
    since = vehicle["sender_since_ns"][ABS]
    assert since > START_NS + 10**9 and since < truck.now_ns
    assert list(vehicle["refused_wheel_sources"][: vehicle["refused_wheel_count"]]) == [11]
    truck.lie = lambda sender, value: value
    assert suspects(truck.run(2.5, truck.speed)) == {ABS}, "trusted before the clear condition"
    vehicle = truck.run(1.0, truck.speed)
    assert not suspects(vehicle) and vehicle["speed_source"] == 11 and vehicle["sender_since_ns"][ABS] == 0


@pytest.mark.parametrize(
    ("liar", "lie", "row", "quantity"),
    [
        ("abs", lambda value: 1.2 * value, ABS, SPEED),
        ("engine", lambda value: 0.7 * value, ENGINE, SPEED),
        ("gearbox", lambda value: 0.0, GEARBOX, SPEED),
        ("gnss", lambda value: value + 4.0, GNSS, SPEED),
        ("imu", lambda value: value + 0.2, IMU, YAW_RATE),
        ("gyro", lambda value: -value, GYRO, YAW_RATE),
        ("steering", lambda value: value + 1.5, STEERING, YAW_RATE),
        ("imu_side", lambda value: value + 2.0, IMU_SIDE, SIDEWAYS),
        ("side", lambda value: -value, SIDE, SIDEWAYS),
    ],
)  # fmt: skip
def test_the_one_against_the_majority_is_named(liar, lie, row, quantity):
    truck = Truck(lambda sender, value: lie(value) if sender == liar else value)
    vehicle = truck.run(3.0, 20.0, 0.0, 0.005)
    assert row in suspects(vehicle) and vehicle["sender_status"][row] == STATUS["disagrees"]
    assert suspects(vehicle) <= {row, ANGLE} and not vehicle["disputed"][quantity]
    after_s = (vehicle["sender_since_ns"][row] - START_NS) * 1e-9
    assert 0.3 < after_s < 1.1


def test_wheel_spin_does_not_outvote_the_front_axle():
    """Shaft and the engine's speed are one measurement: together they weigh as much as the front axle alone."""
    truck = Truck(lambda sender, value: 1.5 * value if sender in ("engine", "gearbox") else value)
    assert suspects(truck.run(2.0, 15.0)) == {ENGINE, GEARBOX}
    without = Truck(lambda sender, value: 1.5 * value if sender in ("engine", "gearbox") else value, silent={"gnss"})
    vehicle = without.run(2.0, 15.0)
    assert not suspects(vehicle) and vehicle["disputed"][SPEED] and vehicle["speed_source"] == 11


def test_two_that_differ_are_disputed_and_nobody_is_left_out():
    truck = Truck(lambda sender, value: 1.3 * value if sender == "abs" else value, silent={"gnss", "gearbox", "steering"})
    vehicle = truck.run(2.0)
    assert vehicle["disputed"][SPEED] and not suspects(vehicle) and vehicle["speed_source"] == 11


def test_a_frozen_one_of_two_is_known_all_the_same():
    truck = Truck(held("gyro"), silent={"steering"})
    truck.run(1.0, 20.0, 0.0, 0.0001)
    vehicle = truck.run(3.0, 20.0, 0.0, 0.006)
    assert vehicle["sender_status"][GYRO] == STATUS["frozen"] and not vehicle["disputed"][YAW_RATE]


def test_without_a_trusted_imu_the_vehicles_own_gyro_tells_the_yaw_rate():
    truck = Truck(lambda sender, value: value + 0.3 if sender == "imu" else value)
    vehicle = truck.run(2.0, 20.0, 0.0, 0.002)
    assert vehicle["imu_validity"] == 2 and abs(vehicle["yaw_rate"] - 0.04) < 0.02


def test_the_last_wheel_speed_of_a_suspect_is_forgotten_at_once():
    truck = Truck(lambda sender, value: 1.5 * value if sender == "abs" else value)
    for _ in range(100):
        vehicle = truck.run(0.01)
        if suspects(vehicle):
            break
    assert vehicle["speed_source"] == 0 and abs(vehicle["speed"] - 20.0) < 0.1


def test_a_suspect_stays_out_while_nobody_can_speak_for_it():
    truck = Truck(lambda sender, value: 1.5 * value if sender == "abs" else value)
    truck.run(2.0)
    truck.lie, truck.silent = (lambda sender, value: value), {"engine", "gearbox", "gnss"}
    vehicle = truck.run(6.0)
    assert suspects(vehicle) == {ABS} and vehicle["speed_validity"] != 0 and np.isnan(vehicle["speed"])
    truck.silent = ()
    assert not suspects(truck.run(4.0))


FIELDS = ("absolute", "relative", "timeout_s", "group")
SENDERS = [("wheel", 11), ("wheel", 0), ("shaft", 3), ("gnss", 1)]
STREAMS = st.lists(
    st.tuples(*[st.tuples(st.booleans(), st.sampled_from([0.0, 20.0, 20.0, 20.5, 22.0, 26.0]), st.integers(-3, 1))] * 4),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.integers(0, 3), st.booleans())
def test_the_kernel_judges_as_the_twin(stream, held_row, repeats):
    step = InputsStep(PARAMETERS["inputs"], PARAMETERS["vehicle"], PARAMETERS["plausibility"], PARAMETERS["engagement"])
    rows = PARAMETERS["plausibility"]["sender"][:4]
    twin = Quantity(LIMITS, [Sender(*(row[name].item() for name in FIELDS)) for row in rows])
    now = START_NS
    for said in stream * (4 if repeats else 1):
        for _ in range(2):  # ticks without samples between
            now += 12 * TICK_NS
            frame = zeros("InputFrame")
            frame["tick_time_ns"] = now
            for row, (kind, source), (speaks, value, late) in zip(range(4), SENDERS, said, strict=True):
                if not speaks:
                    continue
                value = 20.0 if row == held_row else value
                count = int(frame[kind]["count"])
                item = frame[kind]["items"][count]
                item["source"], item["valid_time_ns"] = source, now + late * TICK_NS
                item[{"wheel": "vehicle_speed", "shaft": "shaft_speed", "gnss": "speed"}[kind]] = value
                if kind == "shaft":
                    item["driveline_engaged"] = 1
                frame[kind]["count"] = count + 1
                twin.senders[row].hear(value * float(rows["scale"][row]), now + late * TICK_NS, now)
            twin.step(now)
            vehicle = step.step(frame)
            expected = [STATUS[sender.reason] if sender.suspect_ns else STATUS["good" if sender.speaks(now) else "silent"]
                        for sender in twin.senders]  # fmt: skip
            assert list(vehicle["sender_status"][:4]) == expected
            assert list(vehicle["sender_since_ns"][:4]) == [sender.suspect_ns or 0 for sender in twin.senders]
            assert bool(vehicle["disputed"][SPEED]) == twin.disputed(now)


def test_a_frozen_speed_in_a_recorded_drive_is_left_out_and_told(tmp_path):
    faults = tmp_path / "frozen.toml"
    faults.write_text('schema = "autonomy.faults/1"\n[[fault]]\nsource = "can0"\nmessage = "EBC2@0B"\n'
                      'signal = "front_axle_speed"\nkind = "freeze"\nstart_s = 20.0\nend_s = 40.0\n')  # fmt: skip
    result = replay(drive.record(tmp_path / "drive.mcap"), faults=faults, report=False)
    vehicle, health = result.topic("vehicle"), result.topic("health")
    frozen = np.flatnonzero(vehicle["sender_status"][:, ABS] == STATUS["frozen"])
    assert frozen[0] > 2000 and frozen[-1] < 4700
    assert np.unique(vehicle["speed_source"][frozen]).tolist() == [0]
    assert (health["faults"][frozen] & msg.constants("Health")["FAULT_SENDER_SUSPECT"]).all()
    assert (health["level"][frozen] >= 1).all()  # 2 where the fault table keeps a truck in standby from engaging


def test_the_demonstration_raises_no_alarm(tmp_path):
    assert_no_alarm(replay(drive.record(tmp_path / "drive.mcap"), report=False))


@pytest.mark.real_data
def test_the_recorded_minute_raises_no_alarm(data_directory, tmp_path):
    comma2k19.convert([data_directory / "comma2k19"], tmp_path / "drive.mcap")
    assert_no_alarm(replay(tmp_path / "drive.mcap", report=False))


@pytest.mark.real_data
@pytest.mark.slow
def test_the_recorded_forty_minutes_raise_no_alarm(data_directory, tmp_path):
    canedge.convert([data_directory / "canedge"], tmp_path / "drive.mcap")
    assert_no_alarm(replay(tmp_path / "drive.mcap", report=False))


def assert_no_alarm(result) -> None:
    vehicle = result.topic("vehicle")
    assert vehicle["sender_status"].max() <= STATUS["silent"] and not vehicle["disputed"].any()
    spoken = (vehicle["sender_status"] == STATUS["good"]).mean(axis=0)
    assert (spoken > 0.9).sum() >= 2, "nobody was compared"
