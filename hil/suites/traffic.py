"""A hundred kilometres of SUMO motorway, 20 drives, each with its own road and traffic: cut-ins, braking leads, a queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hil.suites._row import row_of

TITLE = "SUMO motorway: 100 km among other drivers, EU 40 t, messages level"
SEEDS, QUICK_SEEDS = 20, 2
LONGEST_S = 900.0  # the road's end comes first
PERCENT = 99.0


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict[str, Any]]:
    """Raises EnvironmentFault without SUMO."""
    from hil.suites._pool import mapped
    from hil.worlds.sumo_traffic import library

    library()
    drives = mapped(_drive, range(QUICK_SEEDS if quick else SEEDS), jobs, output)
    if output is not None:
        told = [{key: value for key, value in drive.items() if key != "jerk"} for drive in drives]
        (output / "drives.json").write_text(json.dumps(told, indent=1) + "\n")
    return [*_ours(drives, quick), *_theirs(quick, jobs, output)]


def _theirs(quick: bool, jobs: int, output: Path | None) -> list[dict[str, Any]]:
    """SUMO's own models of a truck's driver in the same traffic."""
    from hil.suites._pool import mapped
    from hil.worlds.sumo_network import DRIVER_MODELS

    seeds = range(QUICK_SEEDS if quick else SEEDS)
    drives = mapped(_driven_by_sumo, [(model, seed) for model in DRIVER_MODELS for seed in seeds], jobs, output)
    found = []
    for number, model in enumerate(DRIVER_MODELS):
        own = drives[number * len(seeds) : (number + 1) * len(seeds)]
        kilometres = sum(drive["distance_m"] for drive in own) / 1e3
        hard = 100.0 * sum(drive["hard_brakes"] for drive in own) / max(kilometres, 1e-3)
        jerk = float(np.percentile(np.concatenate([drive["jerk"] for drive in own]), PERCENT))
        found += [_row(f"SUMO's {model} as the truck: hard brakes per 100 km", hard, "", "", None),
                  _row(f"SUMO's {model} as the truck: jerk, 99 %", jerk, "m/s3", "", None)]  # fmt: skip
    return found


def _driven_by_sumo(chosen: tuple[str, int]) -> dict[str, Any]:
    from hil.worlds.sumo import road_of
    from hil.worlds.sumo_driver import SumoDriver

    model, seed = chosen
    return SumoDriver(road_of(seed), seed, model).drive()


def _ours(drives: list[dict[str, Any]], quick: bool) -> list[dict[str, Any]]:
    kilometres = sum(drive["distance_m"] or 0.0 for drive in drives) / 1e3
    jerk = np.concatenate([drive["jerk"] for drive in drives])
    hard = 100.0 * sum(drive["hard_brakes"] or 0 for drive in drives) / max(kilometres, 1e-3)
    crossed = sum(drive["out_of_lane_share"] > 0.0 for drive in drives if drive["out_of_lane_share"] is not None)
    offset = max((drive["lane_offset_max_m"] for drive in drives if drive["lane_offset_max_m"] is not None), default=None)
    nearest = min((drive["min_ttc_s"] for drive in drives if drive["min_ttc_s"] is not None), default=None)
    kept = _mean([drive["speed_kept"] for drive in drives])
    stops = _mean([drive["fallback_valid_share"] for drive in drives])
    smooth = float(np.percentile(jerk, PERCENT)) if len(jerk) else None
    return [
        _row("distance driven by the stack", kilometres, "km", ">= 100", None if quick else kilometres >= 100.0),
        _row("drives the stack never took over in", sum(not drive["driven_s"] for drive in drives), "", "0", lambda v: v == 0),
        _row("collisions", sum(drive["collisions"] for drive in drives), "", "0", lambda value: value == 0),
        _row("drives with a corner over the line", crossed, "", "0", lambda value: value == 0),
        _row("hard brakes (< -3 m/s2) per 100 km", hard, "", "<= 4", lambda value: value <= 4.0),
        _row("jerk, 99 %", smooth, "m/s3", "<= 1.2", lambda value: value <= 1.2),
        _row("lane offset, largest", offset, "m", "<= 0.3", lambda value: value <= 0.3),
        _row("speed kept", kept, "", ">= 0.70", lambda value: value >= 0.70),
        _row("time to collision, smallest", nearest, "s", "", None),
        _row("ticks with a valid path to a stop in the lane", None if stops is None else 100.0 * stops, "%", "", None),
        _row("slowest drive against real time", min(drive["realtime_factor"] for drive in drives), "x", "", None),
    ]  # fmt: skip


def _drive(seed: int) -> dict[str, Any]:
    import hil
    from autonomy import Stack
    from hil.loop.metrics import RunMetrics
    from hil.sensors import Messages
    from hil.worlds.sumo import SumoMotorway

    stack, world = Stack.from_config("vehicles/demo_truck"), SumoMotorway()
    metrics = RunMetrics(stack.parameters["vehicle"], world.set_speed)
    result = hil.run(world, stack, Messages(stack.config, seed), LONGEST_S, seed, metrics=metrics)
    return result.metrics | {"jerk": metrics.jerk()}


def _row(figure: str, value: float | None, unit: str, aim: str, met: Callable[[float], bool] | bool | None) -> dict[str, Any]:
    """`met` may be a question to the value, which is not met where there is none."""
    return row_of(figure, value, unit, aim, value is not None and met(value) if callable(met) else met)


def _mean(values: list) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
