"""The lane step against exact truth on synthetic roads: how well it tracks, coasts, and what it makes of odd markings."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.lane_road import HALF_WIDTH_M, WHITE, YELLOW, Drive, Line

TITLE = "lane step: tracking, coasting, missing side, split, merge, doubles, smoothness, cost"
LEAD_IN = (150.0, 0.0)
ROADS = {
    "straight": ((3000.0, 0.0),),
    "R 500": (LEAD_IN, (120.0, 1 / 500), (3000.0, 1 / 500)),
    # Transitions as motorways have them: 80 m from straight to R 500, 160 m from one bend into the other
    "S-bend": (LEAD_IN, *((80.0, 1 / 500), (120.0, 1 / 500), (160.0, -1 / 500), (120.0, -1 / 500), (80.0, 0.0)) * 5),
}
SETTLED_S = 2.0
DARK_S, DARK_EVERY_S, LATENCY_S = 1.5, 4.0, 0.08
HIGH_PASS_HZ = 2.0  # above what the steering follows
STATE = ("offset", "heading_error", "curvature")
ODD_FROM_M = 300.0
COST_STEPS = 100  # a second: the lane is not lost yet without lines


def dark(s: float, t: float) -> bool:
    """Neither line is seen for 1.5 s in every 4 s."""
    return (t + DARK_S) % DARK_EVERY_S >= DARK_S


def before(s: float, t: float) -> bool:
    return s < ODD_FROM_M


def after(s: float, t: float) -> bool:
    return s >= ODD_FROM_M


def ramp(s: np.ndarray, length: float) -> np.ndarray:
    """0 to 1 from where the odd markings begin."""
    return np.clip((s - ODD_FROM_M) / length, 0.0, 1.0)


def exit_line(s: np.ndarray) -> np.ndarray:
    return HALF_WIDTH_M + 3.5 * ramp(s, 100.0)


def entry_line(s: np.ndarray) -> np.ndarray:
    """The far side of an acceleration lane, coming in over its last 100 m."""
    return HALF_WIDTH_M + 3.5 * np.clip((ODD_FROM_M + 250.0 - s) / 100.0, 0.0, 1.0)


def lines_of(case: str) -> tuple[Line, ...]:
    if case == "coasting":
        return Line(1, seen=dark), Line(-1, seen=dark)
    if case == "one side":
        return Line(1), Line(-1, seen=lambda s, t: not 5.0 <= t < 25.0)
    if case == "split":  # the line follows an exit for 120 m, then that of the through lane appears
        end = ODD_FROM_M + 120.0
        return Line(1), Line(-1, exit_line, lambda s, t: s < end, type=1), Line(-1, seen=lambda s, t: s >= end)
    if case == "merge":  # the line jumps out by a lane and comes in again
        return Line(1), Line(-1, seen=before), Line(-1, entry_line, after, type=1)
    if case == "doubles":  # the yellow lines lead on, the white ones away by 0.9 m; the camera tells white first
        return (Line(1, lambda s: HALF_WIDTH_M + 0.9 * ramp(s, 100.0), colour=WHITE),
                Line(-1, lambda s: HALF_WIDTH_M - 0.9 * ramp(s, 100.0), colour=WHITE),
                Line(1, seen=after, colour=YELLOW), Line(-1, seen=after, colour=YELLOW))  # fmt: skip
    return Line(1), Line(-1)


@dataclass(frozen=True)
class Run:
    case: str
    road: str
    seed: int
    seconds: float


@dataclass
class Errors:
    """Estimate minus truth, (ticks, 3) in the order of STATE, and the sigma told; after settling."""

    time_s: np.ndarray
    error: np.ndarray
    sigma: np.ndarray
    status: np.ndarray


def follow(run: Run) -> Errors:
    from autonomy import config
    from autonomy.parameters import load_parameters

    drive = Drive(ROADS[run.road], run.seconds, seed=run.seed, lines=lines_of(run.case))
    states = drive.through(load_parameters(config.load("vehicles/demo_truck"))["lane"])
    settled = drive.time_s >= SETTLED_S
    error = np.stack([states[name] - getattr(drive, name) for name in STATE], axis=1)
    return Errors(drive.time_s[settled], error[settled], states["sigma"][settled, :3], states["status"][settled])


def high_frequency(errors: Errors) -> np.ndarray:
    """What of the estimate the truth does not explain, above HIGH_PASS_HZ: (ticks, 3)."""
    from scipy import signal

    return signal.sosfilt(signal.butter(2, HIGH_PASS_HZ, "high", fs=100.0, output="sos"), errors.error, axis=0)


def cost_us(samples: int) -> float:
    """One step with so many samples of 80 ms age in it, best of twenty."""
    from autonomy.estimation.lane._lane import LaneStep

    from autonomy import config
    from autonomy.parameters import load_parameters

    drive = Drive(ROADS["straight"], 2.0)
    parameters = load_parameters(config.load("vehicles/demo_truck"))["lane"]
    best = np.inf
    for _ in range(20):
        step = LaneStep(parameters)
        for frame, ego in drive.frames():
            step.step(frame, ego)
        frame["lane"]["items"][0] = drive.sample(len(drive.time_s) - 1 - round(LATENCY_S * 100))
        frame["lane"]["count"] = samples
        start = time.perf_counter()
        step.repeat(frame, ego, COST_STEPS)
        best = min(best, time.perf_counter() - start)
    return best / COST_STEPS * 1e6


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    seconds, seeds = (30.0, 2) if quick else (60.0, 6)
    runs = [Run(case, road, seed, seconds) for case in ("tracking", "coasting") for road in ROADS for seed in range(seeds)]
    runs += [Run(case, road, 0, 30.0) for case in ("one side", "split", "merge", "doubles") for road in ROADS]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(follow, runs))
    else:
        found = [follow(run) for run in runs]
    of = lambda case, road: [errors for run, errors in zip(runs, found, strict=True)  # noqa: E731
                             if run.case == case and run.road == road]  # fmt: skip
    table = []
    for road in ROADS:
        table += _tracking(road, of("tracking", road))
    for road in ROADS:
        table += _coasting(road, of("coasting", road))
    for case, aim_m in (("one side", 0.15), ("split", 0.12), ("merge", 0.12), ("doubles", 0.12)):
        for road in ROADS:
            table += _odd(case, road, of(case, road), aim_m)
    table += _smoothness(of("tracking", "S-bend"), of("coasting", "S-bend"))
    table += [_row("step without lines", cost_us(0), "us", 3.0), _row("step with lines 80 ms old", cost_us(1), "us", 15.0)]
    if output is not None:
        _tables(output, {f"{run.case}, {run.road}": errors for run, errors in zip(runs, found, strict=True) if run.seed == 0})
    return table


def _row(figure: str, value: float, unit: str, aim: float | None, at_least: bool = False) -> dict:
    told = "" if aim is None else f"{'>=' if at_least else '<='} {aim:g}"
    met = None if aim is None else bool(value >= aim if at_least else value <= aim)
    return {"figure": figure, "value": float(value), "unit": unit, "aim": told, "met": met}


def _together(found: list[Errors], of: Callable[[Errors], np.ndarray]) -> np.ndarray:
    return np.concatenate([of(errors) for errors in found])


def _inside(found: list[Errors]) -> float:
    return float(_together(found, lambda errors: np.abs(errors.error[:, 0]) <= 3.0 * errors.sigma[:, 0]).mean())


def _tracking(road: str, found: list[Errors]) -> list[dict]:
    offset, heading, curvature = _together(found, lambda errors: errors.error).T
    return [
        _row(f"tracking, {road}: offset RMS", np.sqrt(np.mean(offset**2)), "m", 0.03),
        _row(f"tracking, {road}: offset p99", np.percentile(np.abs(offset), 99), "m", 0.08),
        _row(f"tracking, {road}: heading RMS", np.sqrt(np.mean(heading**2)), "rad", 0.003),
        _row(f"tracking, {road}: curvature RMS", np.sqrt(np.mean(curvature**2)), "1/m", 1.5e-4),
        _row(f"tracking, {road}: offset within 3 sigma", _inside(found), "1", 0.99, at_least=True),
    ]


def _coasting(road: str, found: list[Errors]) -> list[dict]:
    """At the end of each dark 1.5 s: its last 0.1 s, the camera's latency included."""
    place = [(errors.time_s - LATENCY_S + DARK_S) % DARK_EVERY_S for errors in found]
    pick = [(place > DARK_S - 0.1) & (place < DARK_S) for place in place]
    error = np.concatenate([errors.error[p, 0] for errors, p in zip(found, pick, strict=True)])
    sigma = np.concatenate([errors.sigma[p, 0] for errors, p in zip(found, pick, strict=True)])
    status = _together(found, lambda errors: errors.status)
    dark_now = [place < DARK_S for place in place]
    inside = np.concatenate([np.abs(errors.error[p, 0]) <= 3.0 * errors.sigma[p, 0]
                             for errors, p in zip(found, dark_now, strict=True)]).mean()  # fmt: skip
    return [
        _row(f"coasting 1.5 s, {road}: offset RMS at the end", np.sqrt(np.mean(error**2)), "m", 0.2),
        _row(f"coasting 1.5 s, {road}: offset max at the end", np.abs(error).max(), "m", 0.5),
        _row(f"coasting 1.5 s, {road}: within 3 sigma", inside, "1", 0.99, at_least=True),
        _row(f"coasting 1.5 s, {road}: RMS of error over sigma", np.sqrt(np.mean((error / sigma) ** 2)), "1", 1.2),
        _row(f"coasting 1.5 s, {road}: median sigma over RMS of error", np.median(sigma) / np.sqrt(np.mean(error**2)), "1", 6.0),
        _row(f"coasting 1.5 s, {road}: largest sigma", sigma.max(), "m", 0.25),
        _row(f"coasting 1.5 s, {road}: share of ticks without a lane", np.mean(status == 0), "1", 0.0),
    ]


def _odd(case: str, road: str, found: list[Errors], aim_m: float) -> list[dict]:
    offset = np.abs(_together(found, lambda errors: errors.error[:, 0]))
    return [
        _row(f"{case}, {road}: offset max", offset.max(), "m", aim_m),
        _row(f"{case}, {road}: offset within 3 sigma", _inside(found), "1", 0.99, at_least=True),
    ]


def _smoothness(tracking: list[Errors], coasting: list[Errors]) -> list[dict]:
    """In the S-bend: beyond what the motion explains, tick to tick and above 2 Hz."""
    table = []
    for name, found, aims in (("tracking", tracking, ((0.003, 0.0025), (3e-4, 3e-4), (2e-5, 2e-5))),
                              ("after 1.5 s dark", coasting, ((0.015, 0.008), (1e-3, 4e-4), (4e-5, 2e-5)))):  # fmt: skip
        step = np.concatenate([np.abs(np.diff(errors.error, axis=0)) for errors in found]).max(axis=0)
        fast = np.sqrt(np.mean(np.concatenate([high_frequency(errors)[100:] for errors in found]) ** 2, axis=0))
        for place, (state, unit) in enumerate(zip(STATE, ("m", "rad", "1/m"), strict=True)):
            table += [
                _row(f"smooth, {name}: {state} largest step", step[place], unit, aims[place][0]),
                _row(f"smooth, {name}: {state} above 2 Hz, RMS", fast[place], unit, aims[place][1]),
            ]
    return table


def _tables(output: Path, found: dict[str, Errors]) -> None:
    for name, errors in found.items():
        table = np.column_stack([errors.time_s, errors.error, errors.sigma])
        header = ",".join(["time_s", *(f"{state}_error" for state in STATE), *(f"{state}_sigma" for state in STATE)])
        np.savetxt(output / f"{name.replace(', ', '_').replace(' ', '_')}.csv", table, "%.6g", ",", header=header, comments="")
