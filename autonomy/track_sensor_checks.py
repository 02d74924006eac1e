"""What of the rows of [tracks] sensor cannot be, though each of their values alone can."""

from __future__ import annotations

import math

import numpy as np

from autonomy import msg
from autonomy.perception.sensor_tables import misplaced

PLACES = ("x_m", "y_m", "yaw_rad")
ALL_AROUND_RAD = 3.1416  # pi as files write it


def impossible(rows: np.ndarray) -> list[tuple[int, str, str]]:
    """(row, key, what is wrong and what to do) of dtype("TracksSensor"); rows without a period are unused."""
    found: list[tuple[int, str, str]] = []
    seen: dict[tuple[int, int], int] = {}
    for number, row in enumerate(rows):
        if not row["period_s"] > 0.0:
            continue
        places = ((key, misplaced(key, float(row[key]))) for key in PLACES)
        found += [(number, key, wrong) for key, wrong in places if wrong]
        if (half := float(row["half_angle_rad"])) > ALL_AROUND_RAD:
            found.append((number, "half_angle_rad", f"= {half:g} is more than pi, which sees all around; give radians ({half:g} "
                          f"degrees are {math.radians(half):.4g})"))  # fmt: skip
        kind, source = int(row["kind"]), int(row["source"])
        first = seen.setdefault((kind, source), number)
        if first != number:
            word = msg.words("TracksSensor", "KIND_")[kind]
            found.append((number, "source", f"= {source} of kind '{word}' has row {first} already, which alone would be used; "
                          "take one out, or correct its source"))  # fmt: skip
    return found
