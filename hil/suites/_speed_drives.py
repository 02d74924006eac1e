"""The drives of the suite `speed`, each a time series: on a grade, to a stop, behind a lead that stops and goes, behind a trace.

On a straight road with exact tracks or a noisy radar, or in the whole loop at the messages level.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from autonomy.tick_period import TICK_S
from hil.suites._speed_trace import SET_SPEED, IdealTruck, Trace, trace

CONFIG = "vehicles/demo_truck"
KNOWN = {"vehicle.mass_sigma_kg": 700.0}  # as after two accelerations: nothing here tells an engine torque to find it by
GRADE = 0.06
SEED = 11  # of the radar and of the sensors at the messages level
LOST_M = 150.0  # a lead that far away is no longer one
STANDING_M = 250.0  # where a standing lead comes into range


class Drive(NamedTuple):
    """One value a tick."""

    speed: np.ndarray  # m/s
    target: np.ndarray
    acceleration: np.ndarray
    gap: np.ndarray  # m, NaN without a lead
    wanted_gap: np.ndarray
    full_load: np.ndarray  # the engine gives all it has
    shifting: np.ndarray  # the gearbox is between two gears
    emergency: np.ndarray
    ideal: np.ndarray | None = None  # m, by what the gap of a truck with nothing but this power would be too long


def drive(task: tuple) -> Drive:
    """(kind, what, value), see `hil.suites.speed`."""
    from autonomy import Stack
    from hil.longitudinal.plant_train import PlantTrain
    from hil.longitudinal.straight_road import StraightRoad

    kind, what, value = task
    if kind == "stop and go":
        return _stop_and_go(what, value)
    if kind == "stop, noisy":
        return _stopping_in_the_loop(what / 3.6, *value)
    seen_by_radar = kind.startswith("trace")
    road = StraightRoad(Stack.from_config(CONFIG, KNOWN), PlantTrain(), noise=SEED if seen_by_radar else None)
    if kind == "grade":
        return _on_grade(road, what / 3.6, value)
    if kind == "stop":
        return _stopping(road, what / 3.6)
    return _behind(road, trace(Path(what), value, cut=kind == "trace"))


def _on_grade(road, speed: float, grade: float) -> Drive:
    """Level, a vertical curve of 100 m, 600 m of grade, and back to the level."""
    road.begin(speed)
    start = road.s
    profile = ([0.0, 100.0, 200.0, 800.0, 900.0, 1100.0], [0.0, 0.0, grade, grade, 0.0, 0.0])
    record = Recorder(road)
    while road.s - start < profile[0][-1]:
        road.grade = float(np.interp(road.s - start, *profile))
        record(road.step(), np.nan, speed)
    return record.drive()


def _stopping(road, speed: float) -> Drive:
    from hil.longitudinal.straight_road import Other

    road.begin(speed)
    record = Recorder(road)
    place = road.s + STANDING_M
    while len(record.rows) < 60 / TICK_S:
        distance = place - road.s
        record(road.step([Other(1, distance, 0.0, 0.0, 0.0, 0.0)]), distance - road_front(road), 0.0)
    return record.drive()


def _behind(road, lead: Trace) -> Drive:
    """Follows a lead that drives a trace; begins at its first speed and the gap wanted there."""
    from hil.longitudinal.straight_road import Other

    plan = road.stack.parameters["plan"]
    speed = min(float(lead.speed[0]), SET_SPEED)
    road.begin(speed, set_speed=SET_SPEED)
    record = Recorder(road)
    front = road_front(road)
    wanted = float(road.step()["plan"]["desired_gap"])
    place, ideal, errors = road.s + front + wanted, IdealTruck(plan, speed, wanted), []
    origin, has_lead = place, True
    for speed, slope in zip(lead.speed.tolist(), lead.acceleration.tolist(), strict=True):
        road.grade = float(np.interp(road.s - origin, lead.way, lead.grade))
        has_lead = has_lead and place - road.s - front <= LOST_M
        if not has_lead:
            # Driven away: the next one is met where the trace is no faster than the truck may be. The road goes on as it was
            if speed > SET_SPEED:
                record(road.step(), np.nan, speed)
                errors.append(np.nan)
                continue
            wanted = float(road.out["plan"]["desired_gap"][0])
            place, ideal, has_lead = road.s + front + wanted, IdealTruck(plan, road.train.speed, wanted), True
        distance = place - road.s
        record(road.step([Other(1, distance, 0.0, speed, 0.0, slope)]), distance - front, speed)
        errors.append(ideal.error(speed, road.grade))
        place += speed * TICK_S
    return record.drive()._replace(ideal=np.array(errors))


def _stop_and_go(braking: float, grade: float, seed: int = SEED) -> Drive:
    """Behind a car at 12 m/s that brakes to a stop, stands, and drives on with 1 m/s2."""
    events = [{"at_s": 12.0, "speed_mps": 0.0, "acceleration_mps2": -braking},
              {"at_s": 45.0, "speed_mps": 10.0, "acceleration_mps2": 1.0}]  # fmt: skip
    segments = [{"length_m": 60.0}, *({"length_m": length, "grade": grade} for length in (40.0, 1900.0))]
    return _in_the_loop(12.0, segments, {"gap_m": 40.0, "speed_mps": 12.0, "events": events}, 75.0, seed)


def _stopping_in_the_loop(speed: float, braking: float, seed: int) -> Drive:
    """A car that drives ahead brakes to a stop: what never moved is not believed from afar."""
    events = [{"at_s": 12.0, "speed_mps": 0.0, "acceleration_mps2": -braking}]
    lead = {"gap_m": 2.8 * speed, "speed_mps": speed, "events": events}
    return _in_the_loop(speed, [{"length_m": 3000.0}], lead, 80.0, seed)


def _in_the_loop(speed: float, segments: list[dict], lead: dict, duration_s: float, seed: int) -> Drive:
    """All sensors with noise and latency."""
    import hil
    from autonomy import Stack
    from hil.sensors import Messages
    from hil.worlds.motorway import Motorway

    stack, rows = Stack.from_config(CONFIG), []
    front = float(stack.parameters["vehicle"]["front_overhang_m"])
    scenario = {"set_speed_mps": speed, "ego": {"plant": "plants/eu_4x2_40t", "speed_mps": speed},
                "road": {"segments": segments}, "traffic": [{"kind": "car"} | lead]}  # fmt: skip

    def watch(truth, out):
        if int(out["actuation"]["mode"]) in DRIVING_MODES:
            plan, ego, lead = out["plan"], truth.ego, truth.actors[0]
            gap = np.hypot(lead.x - ego.x, lead.y - ego.y) - 0.5 * lead.length - front
            rows.append((ego.velocity, float(plan["target_speed"]), ego.acceleration, gap, float(plan["desired_gap"]), False,
                         ego.gear == 0, int(plan["emergency"])))  # fmt: skip

    hil.run(Motorway(scenario), stack, Messages(stack.config, seed), duration_s, seed, watch=watch, report=False)
    return Drive(*(np.array(column) for column in zip(*rows, strict=True)))


def road_front(road) -> float:
    return float(road.stack.parameters["vehicle"]["front_overhang_m"])


class Recorder:
    """Collects a Drive tick by tick."""

    def __init__(self, road):
        self.road, self.rows = road, []

    def __call__(self, out, gap: float, target: float) -> None:
        train = self.road.train
        self.rows.append((train.speed, target, train.acceleration, gap, float(out["plan"]["desired_gap"]),
                          train.at_full_load(), train.shifting(), int(out["plan"]["emergency"])))  # fmt: skip

    def drive(self) -> Drive:
        return Drive(*(np.array(column) for column in zip(*self.rows, strict=True)))
