"""Drives to calibrate from: a truck other than its vehicle file says keeps its lane behind a lead that changes its speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hil.suites._truck_lateral import STEERING_SENSOR_RAD

CONFIG = "vehicles/demo_truck"
STIFFNESS = (363e3, 551e3, 429e3, 429e3, 429e3)  # N/rad an axle, of the plants
SPEED_MPS = 23.5


class Case(NamedTuple):
    """One drive. The truck differs from what the stack is told by a draw of the seed."""

    plant: str
    seed: int
    duration_s: float = 420.0
    wind: bool = False


def truck(case: Case) -> tuple[dict[str, Any], dict[str, float]]:
    """Overrides of the plant, and the truth by the names of a calibration."""
    random = np.random.default_rng([case.seed, 31])
    front, rear, trailer = random.normal(1.0, [0.1, 0.1, 0.05])
    delay, lag = random.uniform(0.11, 0.2), random.uniform(0.14, 0.27)
    rolling, drag, radius = random.uniform(0.0045, 0.0085), random.uniform(5.0, 7.0), 0.51 * random.normal(1.0, 0.012)
    overrides = {"tyres.cornering_stiffness": [k * f for k, f in zip(STIFFNESS, (front, rear, *[trailer] * 3), strict=True)],
                 "steering.delay_s": delay, "steering.lag_s": lag, "tyres.rolling_resistance": rolling,
                 "air.drag_area_m2": drag, "tyres.wheel_radius_m": radius}  # fmt: skip
    truth = {"front tyre factor": front, "driven tyre factor": rear, "trailer tyre factor": trailer,
             "steering dead time": delay, "steering lag": lag, "steering play": np.radians(0.1), "rolling resistance": rolling,
             "drag area": drag, "wheel radius": radius, "trailer wheelbase": 7.7}  # fmt: skip
    return overrides, truth


def scenario(case: Case) -> dict[str, Any]:
    """Bends of 350 to 1200 m to both sides, hills of up to 3 %, a lead between 25 and 85 km/h."""
    random = np.random.default_rng([case.seed, 32])
    segments, length = [{"length_m": 300.0, "speed_limit_mps": 27.0}], 300.0
    while length < SPEED_MPS * case.duration_s + 300.0:
        radius = float(random.choice([-1.0, 1.0]) * random.uniform(350.0, 1200.0))
        bend, straight = float(random.uniform(120.0, 350.0)), float(random.uniform(150.0, 500.0))
        segments += [{"length_m": 100.0, "radius_m": radius, "grade": float(random.uniform(-0.03, 0.03))},
                     {"length_m": bend, "radius_m": radius}, {"length_m": 100.0}, {"length_m": straight}]  # fmt: skip
        length += 200.0 + bend + straight
    slow = True
    events = []
    for at in range(20, int(case.duration_s), 28):
        speed = random.uniform(7.0, 14.0) if slow else random.uniform(20.0, 24.0)
        events.append({"at_s": float(at), "speed_mps": float(speed), "acceleration_mps2": float(random.uniform(0.6, 1.2))})
        slow = not slow
    found = {"schema": "autonomy.scenario/1", "duration_s": case.duration_s, "set_speed_mps": SPEED_MPS,
             "ego": {"plant": case.plant, "overrides": truck(case)[0], "speed_mps": 20.0}, "road": {"segments": segments},
             "traffic": [{"kind": "car", "gap_m": 60.0, "speed_mps": 20.0, "events": events}]}  # fmt: skip
    if case.wind:
        found["wind"] = {
            "speed_mps": 6.0,
            "from_deg": float(random.uniform(0.0, 360.0)),
            "follows_road": False,
            "gusts": [{"speed_mps": 4.0, "rise": 1.5, "hold": 2.0, "fall": 1.5, "start_s": 15.0, "every": 20.0}],
        }
    return found


def record(case: Case, folder: Path, report: bool = False) -> dict[str, float]:
    """Drives the case and writes `folder`/output.mcap; returns the truth."""
    import hil
    from autonomy import Stack
    from autonomy import config as configuration
    from hil.sensors import Messages
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    # The trailer is told 0.7 m short; a sensor tells its angle
    told = stack_overrides(case.plant) | {"vehicle.trailer_wheelbase_m": 7.0, "vehicle.trailer_axle_x_m": [5.7, 7.0, 8.3, 0.0]}
    config = configuration.load(CONFIG, told)
    offset = float(STEERING_SENSOR_RAD * np.random.default_rng([case.seed, 33]).standard_normal())
    sensors = Messages(config, case.seed, trailer_sensing=True, steering_offset_rad=offset)
    world = Motorway(scenario(case))
    hil.run(world, Stack.from_config(CONFIG, overrides=told), sensors, case.duration_s, seed=case.seed, output_dir=folder,
            report=report)  # fmt: skip
    mass = float(world.plant.parameters["mass"].sum())
    return truck(case)[1] | {"steering offset": offset / sensors.steering_ratio, "mass": mass}
