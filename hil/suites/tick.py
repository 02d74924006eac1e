"""What a tick costs while the stack drives: no other road user, so no tracks; all other steps have their work."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TITLE = "time of a tick in closed loop, without tracks"
CONFIG = "vehicles/demo_truck"
AIM_US = 200.0
DURATION_S = {False: 60.0, True: 15.0}  # by `quick`
SCENARIO = {
    "title": "An empty motorway with a bend and a climb",
    "set_speed_mps": 22.2,
    "ego": {"plant": "plants/eu_4x2_40t"},
    "road": {"segments": [{"length_m": 300.0, "lanes": 2}, {"length_m": 100.0, "radius_m": 700.0, "grade": 0.02},
                          {"length_m": 1600.0}]},
}  # fmt: skip


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    """One process whatever `jobs`: a second one would be measured too."""
    found = []
    for level in ("Messages", "Bytes"):
        figures, most_tracks = drive(level, DURATION_S[quick])
        drives = figures["driven_s"] > 0.0 and most_tracks == 0
        name, times = f"{level.lower()} level, whole tick", figures["tick_us"]
        found += [
            _row(f"{name}, median", times["p50"], f"<= {AIM_US:.0f}", drives and times["p50"] <= AIM_US),
            _row(f"{name}, 99 %", times["p99"], "", None),
        ]
    return found


def drive(level: str, duration_s: float) -> tuple[dict, int]:
    """(figures of the drive, the most tracks of a tick)."""
    import hil
    from autonomy import Stack
    from hil import sensors
    from hil.worlds.motorway import Motorway

    stack = Stack.from_config(CONFIG)
    counts = []
    result = hil.run(Motorway(SCENARIO), stack, getattr(sensors, level)(stack.config, 0), duration_s,
                     watch=lambda _, out: counts.append(int(out["tracks"]["count"])))  # fmt: skip
    return result.metrics, int(np.max(counts))


def _row(figure: str, value: float, aim: str, met: bool | None) -> dict:
    return {"figure": figure, "value": float(value), "unit": "us", "aim": aim, "met": None if met is None else bool(met)}
