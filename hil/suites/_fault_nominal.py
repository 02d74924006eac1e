"""Hours of nothing wrong: bends, hills, wind, loads, stop and go, noisy sensors. Each alarm of the table is a false one.

Some have a lead that stops and goes, some begin with a stretch that the driver drives, some are not told their mass: see Kind.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from autonomy.tick_period import TICK_S

DRIVE_S = 900.0
PLANTS = ("plants/eu_4x2_40t", "plants/eu_4x2_empty", "plants/eu_4x2_half", "plants/eu_4x2_49t")
STEPPED = 0.02  # of the grade, from one stretch to the next
STEEPEST = 0.06  # as steep as motorways are [M]
STOPS_EVERY_S, STOPS_FOR_S = 90, 40  # from braking to braking, to driving on
STANDS_MPS = 0.05
STANDBY_SHARE = 0.4  # of a drive is the driver's


class Kind(NamedTuple):
    """What a drive of this seed has in it."""

    stops: bool
    standby: bool
    told_mass: bool

    @classmethod
    def of(cls, seed: int) -> Kind:
        """Each with every plant: half of them, a third, three in five."""
        group = seed // len(PLANTS)
        return cls(group % 2 == 1, group % 3 == 1, group % 5 > 1)


class Found(NamedTuple):
    duration_s: float
    standby_s: float  # the driver drove, or nobody
    standing_s: float
    stops: int
    told_mass: bool
    alarms: Counter  # by name of the fault
    nearest: dict[str, float]  # by name: highest value over the threshold ever seen, 1 for long enough = an alarm
    longest: dict[str, float]  # by name: longest time over the threshold of the time that makes an alarm
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
    events = stop_and_go(random) if Kind.of(seed).stops else speeds(random)
    wind = {"speed_mps": float(random.uniform(0.0, 8.0)), "from_deg": float(random.uniform(0.0, 360.0)),
            "gusts": [{"speed_mps": float(random.uniform(2.0, 7.0)), "rise": 1.5, "hold": 2.0, "fall": 1.5, "start_s": 20.0,
                       "every": float(random.uniform(15.0, 40.0))}]}  # fmt: skip
    return {"schema": "autonomy.scenario/1", "duration_s": DRIVE_S, "set_speed_mps": speed, "ego": {"plant": plant},
            "road": {"segments": segments}, "wind": wind,
            "traffic": [{"kind": "truck", "gap_m": 80.0, "speed_mps": speed, "events": events}]}  # fmt: skip


def speeds(random) -> list[dict]:
    """Another speed every minute."""
    return [{"at_s": float(at), "speed_mps": float(random.uniform(5.0, 24.0)),
             "acceleration_mps2": float(random.choice([0.5, 1.0, 2.0, 3.5]))} for at in range(40, int(DRIVE_S), 60)]  # fmt: skip


def stop_and_go(random) -> list[dict]:
    """It comes to a stand, waits and drives on, from a walk to 80 km/h."""
    found = []
    for at in range(40, int(DRIVE_S), STOPS_EVERY_S):
        found += [{"at_s": float(at), "speed_mps": 0.0, "acceleration_mps2": float(random.choice([0.8, 1.5, 2.5]))},
                  {"at_s": float(at + STOPS_FOR_S), "speed_mps": float(random.uniform(2.0, 22.0)),
                   "acceleration_mps2": float(random.choice([0.5, 0.8]))}]  # fmt: skip
    return found


def drive(piece: tuple[int, float]) -> Found:
    """One drive of a seed and a duration at the level of bytes."""
    import hil
    from autonomy import Stack, msg
    from hil.loop.closed_loop import ENGAGE_AFTER_S
    from hil.sensors import Bytes
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    seed, duration_s = piece
    told = scenario(seed)
    kind, overrides = Kind.of(seed), stack_overrides(told["ego"]["plant"])
    if not kind.told_mass:
        del overrides["vehicle.mass_kg"]
    stack = Stack.from_config("vehicles/demo_truck", overrides)
    rows = stack.parameters["faults"]["row"]
    used = int(np.count_nonzero(rows["detector"]))
    names = msg.words("FaultRow", "FAULT_")
    below, suspected = msg.constants("FaultRow")["DETECTOR_BELOW"], msg.constants("FaultState")["STATUS_SUSPECTED"]
    alarms, before, highest = Counter(), np.zeros(used, bool), np.full(used, -np.inf)
    over, longest = np.zeros(used, int), np.zeros(used, int)  # ticks
    threshold, within_s = rows["threshold"][:used], rows["within_s"][:used]
    ticks, stops, stood = Counter(), 0, False

    def watch(truth, out):
        nonlocal before, stops, stood
        stands = abs(truth.ego.velocity) < STANDS_MPS
        stops, stood = stops + (stands and not stood), stands
        ticks["standing"] += stands
        ticks["standby"] += int(out["actuation"]["mode"]) not in DRIVING_MODES
        faults = out["faults"]
        is_told = faults["status"][:used] >= 4
        for row in np.flatnonzero(is_told & ~before):
            alarms[names[int(rows["fault"][row])]] += 1
        before = is_told
        np.fmax(highest, faults["value"][:used], out=highest)
        over[:] = np.where(faults["status"][:used] == suspected, over + 1, 0)
        np.maximum(longest, over, out=longest)

    begins_s = STANDBY_SHARE * duration_s if kind.standby else ENGAGE_AFTER_S
    result = hil.run(Motorway(told), stack, Bytes(stack.config, seed), duration_s, seed, watch=watch, engage_after_s=begins_s,
                     report=False)  # fmt: skip
    nearest = {names[int(rows["fault"][row])]: float(highest[row] / threshold[row]) for row in range(used)
               if threshold[row] > 0.0 and rows["detector"][row] != below}  # fmt: skip
    lasted = {names[int(rows["fault"][row])]: float(longest[row] * TICK_S / within_s[row]) for row in range(used)
              if within_s[row] > 0.0}  # fmt: skip
    return Found(result.metrics["ticks"] * TICK_S, ticks["standby"] * TICK_S, ticks["standing"] * TICK_S, stops, kind.told_mass,
                 alarms, nearest, lasted, result.metrics["line_margin_min_m"])
