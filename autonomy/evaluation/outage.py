"""Drift without GNSS: how far the estimate came off the reference between the start and the end of an outage.

The reference seldom has a pose at just those times: it is interpolated between the poses on both sides, with their
velocities (cubic Hermite), so that a minute is judged over a minute at a receiver's 1 Hz too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.evaluation.reference import interpolate, is_valid
from autonomy.geodesy import geodetic_to_enu

LARGEST_GAP_PERIODS = 2.5  # one pose may be missing; between poses further apart nothing is interpolated
KEYS = ("start_s", "duration_s", "distance_m", "drift_m", "drift_percent", "note")


def outage_metrics(
    ego: np.ndarray, reference: np.ndarray, start_ns: int, end_ns: int | None = None, delay_s: float = 0.0
) -> dict[str, Any]:
    """Drift of a run whose GNSS was withheld from `start_ns` to `end_ns` (default: to the end); all None where it has none.

    drift_m = |error at the end - error at the start|, horizontal; drift_percent is relative to the reference distance
    driven between the two. `delay_s`: the reference's positions were true so long before their time; the estimate goes back
    by its own velocity. `note`: a sentence where the reference did not reach to the ends, else None. `ego` holds rows at
    both ends and on both sides of each pose between.
    """
    empty = dict.fromkeys(KEYS)
    valid = ego[is_valid(ego)]
    if len(valid) < 2 or len(reference) < 2:
        return empty
    first = max(start_ns, int(valid["time_ns"][0]))
    last = int(valid["time_ns"][-1]) if end_ns is None else min(end_ns, int(valid["time_ns"][-1]))
    origin = tuple(valid[-1][f"origin_{name}"] for name in ("latitude_deg", "longitude_deg", "altitude_m"))
    times, position, missing_s = _course(reference, origin, first, last)
    if len(times) < 2:
        return empty
    ends = times[[0, -1]]
    estimate, velocity = (interpolate(ends, valid["time_ns"], valid[name]) for name in ("position", "velocity"))
    off = (estimate - delay_s * velocity - position[[0, -1]])[:, :2]
    drift = float(np.linalg.norm(off[1] - off[0]))
    distance = float(np.linalg.norm(np.diff(position, axis=0), axis=1).sum())
    return {
        "start_s": float((start_ns - ego["time_ns"][0]) * 1e-9),
        "duration_s": float((ends[1] - ends[0]) * 1e-9),
        "distance_m": distance,
        "drift_m": drift,
        "drift_percent": 100.0 * drift / distance if distance > 0.0 else None,
        "note": f"the reference has a gap at an end of it: {missing_s:.1f} s are not judged" if missing_s else None,
    }


def _course(reference: np.ndarray, origin: tuple, first: int, last: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Times (n,) and ENU positions (n, 3) from `first` to `last`, and the seconds at the ends that a gap leaves out."""
    known = reference["time_ns"]
    low, high = np.searchsorted(known, [first, last], side="left")
    near = reference[max(low - 1, 0) : high + 1]  # with one pose on either side
    if len(near) < 2:
        return np.zeros(0, np.int64), np.zeros((0, 3)), 0.0
    position = geodetic_to_enu(near["latitude_deg"], near["longitude_deg"], near["altitude_m"], origin)
    velocity = np.stack([near["velocity_east"], near["velocity_north"], near["velocity_up"]], axis=-1)
    known = near["time_ns"]
    period_ns = float(np.median(np.diff(known)))
    inside = (known >= first) & (known <= last)
    times, points, missing_ns = list(known[inside]), list(position[inside]), 0
    for end, place in ((first, 0), (last, len(times))):
        after = int(np.searchsorted(known, end, side="left"))
        if after < len(known) and known[after] == end:
            continue
        if 0 < after < len(known) and known[after] - known[after - 1] <= LARGEST_GAP_PERIODS * period_ns:
            pair = slice(after - 1, after + 1)
            times.insert(place if place == 0 else len(times), end)
            points.insert(place if place == 0 else len(points), _hermite(end, known[pair], position[pair], velocity[pair]))
        elif inside.any():
            gap_ns = abs(int(known[inside][0 if place == 0 else -1]) - end)
            is_gap = 0 < after < len(known) or gap_ns > LARGEST_GAP_PERIODS * period_ns  # else the log's own end
            missing_ns += gap_ns if is_gap else 0
    return np.array(times, np.int64), np.array(points).reshape(-1, 3), missing_ns * 1e-9


def _hermite(time: int, known: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Between two poses; straight where a velocity is not known."""
    span_s = float(known[1] - known[0]) * 1e-9
    share = float(time - known[0]) * 1e-9 / span_s
    straight = position[0] + share * (position[1] - position[0])
    pull = velocity * span_s - (position[1] - position[0])
    bend = share * (1.0 - share) * ((1.0 - share) * pull[0] - share * pull[1])
    return straight + np.where(np.isfinite(bend), bend, 0.0)
