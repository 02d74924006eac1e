"""Bends of 100 to 500 m entered at 80 km/h: lateral acceleration and distance to rolling over, overladen to empty.

The acceleration is that of tractor or trailer, whichever is more, below FILTER_HZ: a laden trailer rolls at 0.5 to 1 Hz [M], so
what comes and goes faster neither tips it nor moves its load. Its mean over half a second stands beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from autonomy.tick_period import TICK_S
from hil.suites._pool import mapped
from hil.suites._row import row_of
from hil.suites.lane_keeping import WIND

TITLE = "bends of 100 to 500 m from 80 km/h, EU combination of 49 t, 40 t, half and empty, wind, bank, noisy sensors"
CONFIG = "vehicles/demo_truck"
SET_SPEED = 80.0 / 3.6
PLANTS = {"49 t": ("plants/eu_4x2_49t", 1.5), "40 t": ("plants/eu_4x2_40t", 1.5), "half": ("plants/eu_4x2_half", 1.5),
          "empty": ("plants/eu_4x2_empty", 2.0)}  # fmt: skip
RADII = (100.0, 150.0, 250.0, 350.0, 500.0)
BY_CAMERA = (250.0, 350.0, 500.0)  # without a stored path
AWKWARD_M = 250.0  # where wind and bank are tried
OUTWARDS = 0.025  # rise over run: the inner side is the higher one [M]
SEEDS, TUNED_ON = (11, 12, 13), (1,)
MARGIN = 25.0  # % of the load of a unit's wheels that stays on the inner ones
FILTER_HZ, FILTER_ORDER = 2.0, 2  # Butterworth, forwards and backwards
MEAN_S = 0.5
STRAIGHT_M, CLOTHOID_M, BEND_M = 900.0, 100.0, 200.0


class Case(NamedTuple):
    load: str
    radius: float
    stored: bool  # the path is
    seed: int
    awkward: str = ""  # "wind" from the inner side with gusts, or the "bank" that falls outwards

    @property
    def name(self) -> str:
        more = {"": "", "wind": ", gusts of 15 m/s outwards", "bank": f", {100.0 * OUTWARDS:g} % bank outwards"}[self.awkward]
        return f"{self.load}, R {self.radius:g} m, {'path stored' if self.stored else 'camera alone'}{more}"


class Drive(NamedTuple):
    lateral: float  # m/s2, of tractor or trailer, highest below FILTER_HZ
    mean: float  # m/s2, highest of MEAN_S
    margin: float  # %
    slowest: float  # m/s
    nearest: float  # m, corner to the line
    allowed: float  # m/s2, that the plan took as limit as the bend began
    bad: bool


def cases(quick: bool) -> list[Case]:
    seeds, loads, radii = SEEDS, tuple(PLANTS), RADII
    if quick:
        seeds, loads, radii = SEEDS[:1], ("40 t", "empty"), (250.0, 500.0)
    found = [Case(load, radius, True, seed) for load in loads for radius in radii for seed in seeds]
    if not quick:
        found += [Case(load, radius, False, seed) for load in ("40 t", "empty") for radius in BY_CAMERA for seed in seeds]
        found += [Case(load, AWKWARD_M, True, seed, awkward) for load, awkward in (("empty", "wind"), ("40 t", "bank"))
                  for seed in seeds]  # fmt: skip
    return found


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    tasks = cases(quick)
    together: dict[str, tuple[str, list[Drive]]] = {}
    for case, found in zip(tasks, mapped(drive, tasks, jobs, output), strict=True):
        together.setdefault(case.name, (case.load, []))[1].append(found)
    return [row for name, (load, drives) in together.items() for row in judged(name, PLANTS[load][1], drives)]


def judged(name: str, limit: float, drives: list[Drive]) -> list[dict]:
    """Rows of one bend: the worst of its drives."""
    lateral, margin = max(found.lateral for found in drives), min(found.margin for found in drives)
    nearest, bad = min(found.nearest for found in drives), any(found.bad for found in drives)
    return [
        row_of(f"{name}: lateral acceleration, peak below {FILTER_HZ:g} Hz", lateral, "m/s2", f"<= {limit:.3g}",
               lateral <= limit),
        row_of(f"{name}: the same, mean over {MEAN_S:g} s", max(found.mean for found in drives), "m/s2"),
        row_of(f"{name}: margin to rolling over", margin, "%", f">= {MARGIN:g}", margin >= MARGIN),
        row_of(f"{name}: limit planned with", max(found.allowed for found in drives), "m/s2"),
        row_of(f"{name}: slowest", 3.6 * min(found.slowest for found in drives), "km/h"),
        row_of(f"{name}: nearest corner to the line", nearest, "m", "> 0", nearest > 0.0 and not bad),
    ]  # fmt: skip


def scenario(case: Case) -> dict:
    bank = OUTWARDS if case.awkward == "bank" else 0.0
    segments = [{"length_m": STRAIGHT_M, "speed_limit_mps": 27.0},
                {"length_m": CLOTHOID_M, "radius_m": case.radius, "bank": bank},
                {"length_m": BEND_M, "radius_m": case.radius},
                {"length_m": CLOTHOID_M, "bank": 0.0},
                {"length_m": 400.0}]  # fmt: skip
    return {"schema": "autonomy.scenario/1", "duration_s": 120.0, "set_speed_mps": SET_SPEED,
            "ego": {"plant": PLANTS[case.load][0], "speed_mps": 14.0}, "road": {"segments": segments},
            "wind": WIND if case.awkward == "wind" else {}}  # fmt: skip


def peak_below(series: np.ndarray, frequency_hz: float = FILTER_HZ) -> float:
    """Highest magnitude of a series at the tick's rate (n,), without phase or lag, of what lies below `frequency_hz`."""
    from scipy.signal import butter, sosfiltfilt

    return float(np.max(np.abs(sosfiltfilt(butter(FILTER_ORDER, frequency_hz, fs=1.0 / TICK_S, output="sos"), series))))


def drive(case: Case) -> Drive:
    """One drive. The mass is told as 40 t +- 12 t; from 50 to 80 km/h it shows itself."""
    import hil
    from autonomy import Stack
    from hil.sensors import Messages
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    told = stack_overrides(PLANTS[case.load][0])
    del told["vehicle.mass_kg"]
    stack = Stack.from_config(CONFIG, told)
    sensors = Messages(stack.config, case.seed)
    sensors.takes_lane_path = case.stored
    found = []

    def watch(truth, out):
        if int(out["actuation"]["mode"]) not in DRIVING_MODES:
            return
        plant = truth.ego.plant
        corners = np.abs(np.asarray(truth.road.corner_offsets)).max()
        found.append((float(truth.info["distance_m"]), truth.ego.velocity, truth.ego.lateral_acceleration,
                      truth.ego.trailer_lateral_acceleration, max(abs(float(plant["ltr"])), abs(float(plant["trailer_ltr"]))),
                      truth.road.width_left - corners, float(out["plan"]["lateral_limit"])))  # fmt: skip

    result = hil.run(Motorway(scenario(case)), stack, sensors, 120.0, case.seed, watch=watch, report=False)
    place, speed, tractor, trailer, transfer, nearest, limit = np.array(found).T
    window = np.full(round(MEAN_S / TICK_S), TICK_S / MEAN_S)
    mean = max(float(np.max(np.abs(np.convolve(series, window, mode="valid")))) for series in (tractor, trailer))
    begin = int(np.argmax(place > STRAIGHT_M))
    bend = (place > STRAIGHT_M) & (place < STRAIGHT_M + 2.0 * CLOTHOID_M + BEND_M)
    return Drive(max(peak_below(tractor), peak_below(trailer)), mean, 100.0 * (1.0 - float(np.max(transfer))),
                 float(np.min(speed[bend])), float(np.min(nearest)), float(limit[begin]),
                 bool(result.metrics["rolled_over"] or result.metrics["collisions"]))  # fmt: skip
