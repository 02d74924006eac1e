"""Hours of nothing wrong: bends, hills, wind, loads, other vehicles, noisy sensors. Each alarm of the table is a false one."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

DRIVE_S = 900.0
PLANTS = ("plants/eu_4x2_40t", "plants/eu_4x2_empty", "plants/eu_4x2_half", "plants/eu_4x2_49t")
STEPPED = 0.02  # of the grade, from one stretch to the next
STEEPEST = 0.05


class Found(NamedTuple):
    driven_s: float
    alarms: Counter  # by name of the fault
    nearest: dict[str, float]  # by name: highest value over the threshold ever seen, 1 = an alarm
    margin_m: float


def scenario(seed: int) -> dict:
    """A road of clothoids and bends up to R 500 m with hills, drawn by the seed, and a truck ahead that changes its speed."""
    random = np.random.default_rng([seed, 21])
    plant, speed = PLANTS[seed % len(PLANTS)], float(random.uniform(20.0, 24.5))
    segments, length, grade = [{"length_m": 400.0, "speed_limit_mps": 27.0, "lanes": 2}], 400.0, 0.0
    while length < 26.0 * DRIVE_S:
        grade = float(np.clip(grade + random.uniform(-STEPPED, STEPPED), -STEEPEST, STEEPEST))
        radius = float(random.choice([-1.0, 1.0]) * random.uniform(500.0, 2500.0))
        bank = float(-np.sign(radius) * random.uniform(0.0, 0.03))  # the inner side low
        stretch = float(random.uniform(150.0, 600.0))
        segments += [{"length_m": 100.0, "radius_m": radius, "grade": grade, "bank": bank},
                     {"length_m": stretch, "radius_m": radius}, {"length_m": 100.0, "bank": 0.0},
                     {"length_m": float(random.uniform(50.0, 800.0))}]  # fmt: skip
        length += 1000.0 + stretch
    events = [{"at_s": float(at), "speed_mps": float(random.uniform(5.0, 24.0)),
               "acceleration_mps2": float(random.choice([0.5, 1.0, 2.0, 3.5]))}
              for at in range(40, int(DRIVE_S), 60)]  # fmt: skip
    wind = {"speed_mps": float(random.uniform(0.0, 8.0)), "from_deg": float(random.uniform(0.0, 360.0)),
            "gusts": [{"speed_mps": float(random.uniform(2.0, 7.0)), "rise": 1.5, "hold": 2.0, "fall": 1.5, "start_s": 20.0,
                       "every": float(random.uniform(15.0, 40.0))}]}  # fmt: skip
    return {"schema": "autonomy.scenario/1", "duration_s": DRIVE_S, "set_speed_mps": speed, "ego": {"plant": plant},
            "road": {"segments": segments}, "wind": wind,
            "traffic": [{"kind": "truck", "gap_m": 80.0, "speed_mps": speed, "events": events}]}  # fmt: skip


def drive(piece: tuple[int, float]) -> Found:
    """One drive of a seed and a duration at the level of bytes."""
    import hil
    from autonomy import Stack, msg
    from hil.sensors import Bytes
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    seed, duration_s = piece
    told = scenario(seed)
    stack = Stack.from_config("vehicles/demo_truck", stack_overrides(told["ego"]["plant"]))
    rows = stack.parameters["faults"]["row"]
    used = int(np.count_nonzero(rows["detector"]))
    names = {value: name.removeprefix("FAULT_").lower() for name, value in msg.constants("FaultRow").items()
             if name.startswith("FAULT_")}  # fmt: skip
    below = msg.constants("FaultRow")["DETECTOR_BELOW"]
    alarms, before, highest = Counter(), np.zeros(used, bool), np.full(used, -np.inf)
    threshold = rows["threshold"][:used]

    def watch(_, out):
        nonlocal before
        faults = out["faults"]
        is_told = faults["status"][:used] >= 4
        for row in np.flatnonzero(is_told & ~before):
            alarms[names[int(rows["fault"][row])]] += 1
        before = is_told
        np.fmax(highest, faults["value"][:used], out=highest)

    result = hil.run(Motorway(told), stack, Bytes(stack.config, seed), duration_s, seed, watch=watch, report=False)
    nearest = {names[int(rows["fault"][row])]: float(highest[row] / threshold[row]) for row in range(used)
               if threshold[row] > 0.0 and rows["detector"][row] != below}  # fmt: skip
    return Found(result.metrics["driven_s"], alarms, nearest, result.metrics["line_margin_min_m"])
