"""Of a long run, the ticks a report shows: its memory and size are bounded however long the log, and no peak is lost.

Kept are ticks at equal distances, both ticks of every change of a state, and of each stretch of time the ticks with the
smallest and the largest value of what is plotted. All are ticks as they were: no value is made up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autonomy.playback.spool import OutputSpool

WHOLE_TICKS = 24_000  # runs up to four minutes are kept whole
STRETCHES = 240
REGULAR_TICKS = 6_000
MOST_CHANGES = 6_000  # of one kind of state; of one that changes more often, the first ones

# What is plotted as a line; "aids" stands for each aid's test ratio
LINES = {
    "vehicle": ("speed", "road_wheel_angle", "driver_acceleration"),
    "ego": ("speed", "acceleration", "angular_rate", "aids"),
    "lane": ("offset", "heading_error", "curvature"),
    "plan": ("target_speed",),
    "control": ("road_wheel_angle", "acceleration", "feedforward"),
    "actuation": ("road_wheel_angle_rad", "acceleration_mps2"),
    "tracks": ("lead_distance", "lead_speed"),
}
# What is shown as a strip of states
STATES = {
    "ego": ("status",),
    "lane": ("status", "source"),
    "plan": ("behaviour", "reason"),
    "control": ("lateral_active", "longitudinal_active"),
    "actuation": ("mode", "limited"),
    "health": ("level", "faults"),
    "faults": ("told", "action"),
}


def kept_ticks(spool: OutputSpool) -> np.ndarray | None:
    """Indices of the ticks, rising; None for all of a short run."""
    if spool.ticks <= WHOLE_TICKS:
        return None
    size = -(-spool.ticks // STRETCHES)
    extremes: dict[tuple[int, str], list[tuple[float, int]]] = {}
    changes: dict[str, list[np.ndarray]] = {}
    found: dict[str, int] = {}
    last: dict[str, np.ndarray] = {}
    first = 0
    for heads in spool.head_blocks({*LINES, *STATES}):
        count = len(heads["ego"])
        for name, values in _lines(heads):
            _note_extremes(extremes, name, values, first, size)
        for name, values in _states(heads):
            joined = np.concatenate([last.get(name, values[:1]), values])
            at = np.flatnonzero(joined[1:] != joined[:-1])[: max(MOST_CHANGES - found.get(name, 0), 0)] + first
            found[name] = found.get(name, 0) + len(at)
            changes.setdefault(name, []).append(np.concatenate([at - 1, at]))
            last[name] = values[-1:]
        first += count
    regular = np.linspace(0, spool.ticks - 1, REGULAR_TICKS).astype(np.int64)
    peaks = np.array([tick for pair in extremes.values() for _, tick in pair], np.int64)
    moved = np.concatenate([part for parts in changes.values() for part in parts])
    return np.unique(np.concatenate([regular, peaks, np.maximum(moved, 0)]))


def _note_extremes(extremes: dict, name: str, values: np.ndarray, first: int, size: int) -> None:
    """Brings the smallest and the largest value of each stretch up to date."""
    stretch = np.arange(first, first + len(values)) // size
    for number in range(int(stretch[0]), int(stretch[-1]) + 1):
        rows = np.flatnonzero((stretch == number) & np.isfinite(values))
        if not len(rows):
            continue
        low, high = rows[np.argmin(values[rows])], rows[np.argmax(values[rows])]
        here = [(float(values[low]), first + int(low)), (float(values[high]), first + int(high))]
        known = extremes.get((number, name), here)
        extremes[number, name] = [min(known[0], here[0]), max(known[1], here[1], key=lambda item: item[0])]


def _lines(heads: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for message, names in LINES.items():
        for name in names:
            values = heads[message][name]
            values = values["test_ratio"] if values.dtype.names else values
            for place, column in enumerate(values.reshape(len(values), -1).T):
                yield f"{message}.{name}[{place}]", column


def _states(heads: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for message, names in STATES.items():
        for name in names:
            yield f"{message}.{name}", heads[message][name]
