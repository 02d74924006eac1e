"""Speed on a grade, stops, the gap behind recorded speed traces, and the jerk of it all, on the plant of 40 t.

Grade and stop: exact tracks. Stop, noisy; stop and go: the messages level, all sensors with noise and latency. Traces: driven by
the lead as they were recorded, seen by a radar with noise and latency through the tracker.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from autonomy import recordings
from autonomy.tick_period import TICK_S
from hil.loop.metrics import JERK_WINDOW_S
from hil.suites._recordings import missing
from hil.suites._row import row_of
from hil.suites._speed_drives import GRADE, SEED, Drive, drive
from hil.suites._speed_trace import FOLLOWED_M, TRACE_S, TRACES, trace

TITLE = "speed on 6 % grade, stop, gap behind recorded traces (noisy radar), stop and go (messages level), jerk; 40 t"
SETTLING_S = 20.0
SHIFT_AFTER_S = 0.12  # the window of the jerk still holds the end of the shift
CAUGHT_UP_S = 5.0  # after the engine gave all it has
CUT_TRACES = TRACES[:3]  # of accelerations no loaded truck has
STOP_AND_GO = ((1.5, 0.0), (1.0, 0.0), (1.5, GRADE), (1.5, -GRADE))  # m/s2 of the lead, grade; from 12 m/s
STOPPING_LEADS = (0.7, 1.0, 1.5)  # m/s2
STOP_SEEDS = (SEED, SEED + 1)
STOPPED_GAP_M = 5.0  # [plan] gap_minimum_m
FULL_BRAKING = 2  # Plan.emergency
# Ascents within the power of 370 kW at 40 t: 6 % costs 26 kN
CLIMBS, DESCENTS = (30.0, 40.0), (30.0, 50.0, 80.0)  # km/h


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    tasks = [("grade", speed, GRADE) for speed in CLIMBS] + [("grade", speed, -GRADE) for speed in DESCENTS]
    tasks += [("stop", speed, 0.0) for speed in (50.0, 80.0)]
    tasks += [("stop, noisy", speed, (braking, seed)) for speed in (50.0, 80.0) for braking in STOPPING_LEADS
              for seed in (STOP_SEEDS[:1] if quick else STOP_SEEDS)]  # fmt: skip
    tasks += [("stop and go", braking, grade) for braking, grade in (STOP_AND_GO[:1] if quick else STOP_AND_GO)]
    traces = recordings.find("drive_cycles")
    if traces is not None:
        tasks += [(kind, str(traces / f"{name}.csv"), TRACE_S) for kind, names in (
            ("trace", CUT_TRACES), ("trace as recorded", TRACES)) for name in (names[:1] if quick else names)]  # fmt: skip
    if jobs == 1:
        drives = [drive(task) for task in tasks]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            drives = list(pool.map(drive, tasks))
    if output is not None:
        for task, driven in zip(tasks, drives, strict=True):
            columns = {name: column for name, column in driven._asdict().items() if column is not None}
            np.savez_compressed(output / f"{task[0]}_{Path(str(task[1])).stem}_{task[2]}.npz", **columns)
    return figures(tasks, drives) + ([] if traces is not None else [missing("gap behind recorded speed traces", "drive_cycles")])


def figures(tasks: list[tuple], drives: list[Drive]) -> list[dict]:
    table = []
    for (kind, what, value), driven in zip(tasks, drives, strict=True):
        table += ROWS[kind](what, value, driven)
    for kind in dict.fromkeys(task[0] for task in tasks):
        of_kind = [driven for task, driven in zip(tasks, drives, strict=True) if task[0] == kind]
        parts = [jerk(driven) for driven in of_kind]
        value = float(np.percentile(np.abs(np.concatenate(parts)), 99))
        table.append(row_of(f"jerk p99, {kind}, gear shifts included", value, "m/s3", "<= 1.0", value <= 1.0))
        left_out = 100.0 * np.concatenate([braked_in_full(driven) for driven in of_kind]).mean()
        table.append(row_of("... left out: full braking before an imminent collision, and 1 s after", left_out, "% of the time"))
    hardest = min(float(driven.acceleration.min()) for driven in drives)
    table.append(row_of("hardest braking of all", -hardest, "m/s2", "", None))
    return table


def _of_grade(speed: float, grade: float, driven: Drive) -> list[dict]:
    """Within engine power: not while the engine gives all it has, nor until it has caught up after that. A shift takes all of
    its power away for a while: with it counted, and without."""
    error = 3.6 * np.abs(driven.speed - driven.target)
    name, table = f"speed error p99, {100 * grade:+g} % at {speed:g} km/h", []
    for left_out, what in ((driven.full_load, name), (driven.full_load | driven.shifting, "... gear shifts, too, left out")):
        counted = ~_held(left_out, CAUGHT_UP_S)
        if left_out is not driven.full_load and not (driven.shifting & ~_held(driven.full_load, CAUGHT_UP_S)).any():
            continue
        found = np.percentile(error[counted], 99)
        table.append(row_of(what, found, "km/h", "<= 1.0", found <= 1.0))
        if not counted.all():
            table.append(row_of("... of the drive that counts", 100.0 * counted.mean(), "%"))
    if len(table) > 1:
        table.append(row_of("... speed error p99 of the whole drive", np.percentile(error, 99), "km/h", "", None))
    return table


def _of_stop(speed: float, _grade: float, driven: Drive) -> list[dict]:
    error = abs(driven.gap[-1] - driven.wanted_gap[-1]) if driven.speed[-1] < 0.05 else np.inf
    return [row_of(f"stop behind a standing lead from {speed:g} km/h, gap error", error, "m", "<= 0.5", error <= 0.5)]


def _of_noisy_stop(speed: float, lead: tuple[float, int], driven: Drive) -> list[dict]:
    braking, seed = lead
    error = abs(driven.gap[-1] - driven.wanted_gap[-1]) if driven.speed[-1] < 0.05 else np.inf
    name = f"stop from {speed:g} km/h behind a lead that stops with {braking:g} m/s2, messages level, seed {seed}, gap error"
    return [row_of(name, error, "m", "<= 0.5", error <= 0.5)]


def _of_stop_and_go(braking: float, grade: float, driven: Drive) -> list[dict]:
    value = float(np.percentile(np.abs(jerk(driven)), 99))
    between = np.abs(jerk(driven, driven.shifting))
    standing = driven.gap[driven.speed < 0.05]
    name = f"jerk p99, messages level, lead brakes with {braking:g} m/s2 to a stop and drives on, {100 * grade:+g} %"
    return [
        row_of(name, value, "m/s3", "<= 1.0", value <= 1.0),
        row_of("... of it apart from the gear shifts", np.percentile(between, 99), "m/s3", "<= 1.0",
               np.percentile(between, 99) <= 1.0),
        row_of("... gear shifts, share of the time", 100.0 * _held(driven.shifting, SHIFT_AFTER_S).mean(), "%"),
        row_of("... share of the time with more than 1 m/s3", 100.0 * (np.abs(jerk(driven)) > 1.0).mean(), "%"),
        row_of("... hardest braking", -float(driven.acceleration.min()), "m/s2"),
        row_of("... gap standing less the wanted one", standing[-1] - STOPPED_GAP_M if len(standing) else np.nan, "m"),
    ]  # fmt: skip


def _excess(driven: Drive) -> tuple[np.ndarray, np.ndarray]:
    """(by what the gap is too long, m; the same of the ideal truck), after SETTLING_S."""
    after = slice(round(SETTLING_S / TICK_S), None)
    return (driven.gap - driven.wanted_gap)[after], driven.ideal[after]


def _of_trace(what: str, seconds: float, driven: Drive) -> list[dict]:
    excess, _ = _excess(driven)
    whole = _rms(excess)
    altered = np.abs(trace(Path(what), seconds).speed - trace(Path(what), seconds, cut=True).speed)
    by = np.median(altered[altered > 0.01]) if (altered > 0.01).any() else 0.0
    return [
        row_of(f"gap error RMS behind {Path(what).stem}, cut to a truck's", whole, "m", "<= 1.5", whole <= 1.5),
        row_of("... share of the trace that the cut alters", 100.0 * (altered > 0.01).mean(), "%"),
        row_of("... by, median of those", by, "m/s"),
        row_of("... longer than wanted, at most", np.nanmax(excess), "m", "", None),
        row_of("... shorter than wanted, at most", -np.nanmin(excess), "m", "", None),
    ]  # fmt: skip


def _of_trace_as_recorded(what: str, _seconds: float, driven: Drive) -> list[dict]:
    excess, ideal = _excess(driven)
    followed = np.abs(ideal) < FOLLOWED_M  # not where there is no lead
    name = f"gap error RMS behind {Path(what).stem} as recorded"
    error = _rms(excess[followed]) if followed.any() else np.nan
    return [
        row_of(f"{name}, where the engine's power can follow", error, "m", "<= 1.5", error <= 1.5 if followed.any() else None),
        row_of("... share of the time", 100.0 * followed.mean(), "%"),
        row_of("... of all of it", _rms(excess), "m"),
        row_of("... of an ideal truck of the same power, all of it", _rms(ideal), "m"),
        row_of("... without a lead: faster than the truck may be", 100.0 * np.isnan(ideal).mean(), "% of the time"),
    ]  # fmt: skip


ROWS = {"grade": _of_grade, "stop": _of_stop, "stop, noisy": _of_noisy_stop, "stop and go": _of_stop_and_go, "trace": _of_trace,
        "trace as recorded": _of_trace_as_recorded}  # fmt: skip


def _rms(errors: np.ndarray) -> float:
    known = errors[~np.isnan(errors)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else np.nan


def jerk(driven: Drive, without: np.ndarray | None = None) -> np.ndarray:
    """m/s3, without full braking; firm braking, from 1.8 m/s2 on, counts. `without`: (ticks,) flags that do not count
    either, nor what is SHIFT_AFTER_S behind them."""
    window = round(JERK_WINDOW_S / TICK_S)
    mean = np.convolve(driven.acceleration, np.full(window, 1.0 / window), mode="valid")
    found = np.diff(mean) / TICK_S
    left_out = braked_in_full(driven)
    if without is not None:
        left_out = left_out | _held(without, SHIFT_AFTER_S)
    return found[~left_out[-len(found) :]]


def braked_in_full(driven: Drive) -> np.ndarray:
    """Ticks of full braking, and of the second after."""
    return _held(driven.emergency >= FULL_BRAKING, 1.0)


def _held(flags: np.ndarray, seconds: float) -> np.ndarray:
    """True while a flag is set and for some seconds after."""
    index = np.where(flags, np.arange(len(flags)), -(10**9))
    return np.arange(len(flags)) - np.maximum.accumulate(index) <= seconds / TICK_S
