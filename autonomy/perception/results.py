"""What `autonomy perceive` writes of a scan: JSON, labels and instances, in the frame of the input."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.output_folder import writing
from autonomy.perception.perceive import CLASSES, EDGES, SIDES, TYPES, Found

GROUND, MARKING = 1, 3


def as_json(found: Found, height_m: float, decode_ns: int, packets: dict[str, bool | int] | None = None) -> dict[str, Any]:
    """One scan; `height_m`: of the input's frame above the ground frame of `found`; `packets`: what drivers.lidar.decoder.Scan
    tells of them, None of a point file."""
    labels = found.labels
    spent = {"decode": decode_ns, **found.timing_ns}
    timing = {name: value / 1e6 for name, value in spent.items()}
    return {
        "points": len(labels),
        "ground_share": float(np.isin(labels, (GROUND, MARKING)).mean()) if len(labels) else None,
        "height_m": height_m,
        "obstacles": [_obstacle(row, height_m) for row in found.obstacles],
        "lanes": [_lane(row) for row in found.lanes],
        "free_space_m": [round(float(value), 2) for value in found.free_space],
        "timing_ms": {**timing, "total": sum(timing.values())},
        "health": {name: _number(value) for name, value in found.health.items() if name != "padding"},
        "packets": packets,
        "without_room": found.counts,
    }


def write(directory: Path, stem: str, content: dict[str, Any], found: Found) -> None:
    """Raises EnvironmentFault when it cannot be written."""
    with writing(directory / stem):
        (directory / f"{stem}.json").write_text(json.dumps(content, allow_nan=False, indent=1) + "\n")
        np.save(directory / f"{stem}.labels.npy", found.labels)
        np.save(directory / f"{stem}.instances.npy", found.instances)


def summary(scans: dict[str, dict[str, Any]], files: list[str]) -> dict[str, Any]:
    """Of all scans by their stem."""
    steps = next(iter(scans.values()))["timing_ms"] if scans else {}
    classes = [obstacle["class"] for scan in scans.values() for obstacle in scan["obstacles"]]
    return {
        "schema": "autonomy.perceive/1",
        "files": files,
        "scans": {
            stem: {"points": scan["points"], "ground_share": scan["ground_share"], "obstacles": len(scan["obstacles"]),
                   "lanes": len(scan["lanes"]), "total_ms": scan["timing_ms"]["total"],
                   "is_whole": scan["packets"]["is_whole"] if scan["packets"] else None,
                   "lost_packets": scan["packets"]["lost"] if scan["packets"] else None,
                   **{name: scan["health"][name] for name in ("rain", "spray", "blockage")}}
            for stem, scan in scans.items()
        },
        "points": sum(scan["points"] for scan in scans.values()),
        "obstacles": {name: classes.count(name) for name in CLASSES},
        "timing_ms": {step: float(np.median([scan["timing_ms"][step] for scan in scans.values()])) for step in steps},
    }  # fmt: skip


def _obstacle(row: np.void, height_m: float) -> dict[str, Any]:
    return {
        "class": CLASSES[row["classification"]],
        **{name: _number(row[name]) for name in ("x", "y")},
        "z": _number(row["z"] - height_m),
        **{name: _number(row[name]) for name in ("yaw", "length", "width", "height")},
        "points": int(row["points"]),
        "score": _number(row["score"]),
    }


def _lane(row: np.void) -> dict[str, Any]:
    return {
        "side": SIDES[row["side"]],
        **{f"c{k}": float(row["c"][k]) for k in range(4)},
        **{name: _number(row[name]) for name in ("x_min", "x_max", "sigma_m")},
        "type": TYPES[row["type"]],
        "sigma": [float(value) for value in row["sigma"]],
        "quality": _number(row["quality"]),
        "edge": EDGES[row["edge_kind"]],
    }


def _number(value: float) -> float | int | None:
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, int) else (round(value, 6) if math.isfinite(value) else None)
