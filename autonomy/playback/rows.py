"""Ticks as rows of a log's topics: the lists that an input frame holds, what a tick said, when it ran and what it had taken."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.playback.source import KINDS

__all__ = ["OUTPUTS", "Streams", "input_rows", "output_dtypes", "output_rows", "tick_rows"]

Streams = dict[str, tuple[np.ndarray, np.ndarray]]  # topic: log times (n,), rows (n,)
OUTPUTS = ("vehicle", "ego", "truck", "faults", "lane", "plan", "control", "actuation", "health", "tracks")


def input_rows(frames: np.ndarray) -> Streams:
    """The lists of input frames (n,) that hold something, and their headers."""
    streams = {}
    for kind in KINDS[1:]:
        used = (frames[kind]["count"] > 0) | (frames[kind]["overflow"] > 0)
        if used.any():
            lists = frames[kind][used].copy()
            lists["tick_index"], lists["tick_time_ns"] = frames["tick_index"][used], frames["tick_time_ns"][used]
            streams[f"/in/{kind}"] = lists["tick_time_ns"].copy(), lists
    header = np.zeros(len(frames), msg.dtype("TickInput"))
    for name in ("tick_index", "tick_time_ns", "set_speed_mps", "engage"):
        header[name] = frames[name]
    return {**streams, "/in/frame": (header["tick_time_ns"].copy(), header)}


def tick_rows(outputs: np.ndarray, timing: np.ndarray) -> Streams:
    """Timing and cut of ticks (n,). `timing`: int64 (n, 3): start, duration, records consumed since the start."""
    times = outputs["tick_time_ns"]
    durations = np.zeros(len(times), msg.dtype("Timing"))
    durations["tick_index"] = outputs["tick_index"]
    durations["start_time_ns"], durations["duration_ns"] = timing[:, 0], timing[:, 1]
    cuts = np.zeros(len(times), msg.dtype("Cut"))
    cuts["tick_index"], cuts["tick_time_ns"], cuts["records"] = outputs["tick_index"], times, timing[:, 2]
    return {"/timing": (times, durations), "/cut": (times, cuts)}


def output_rows(outputs: np.ndarray) -> Streams:
    """The output messages of ticks (n,)."""
    return {f"/out/{name}": (outputs["tick_time_ns"], outputs[name]) for name in OUTPUTS}


def output_dtypes() -> dict[str, np.dtype]:
    """The dtype of each output topic."""
    frame = msg.dtype("OutputFrame")
    return {f"/out/{name}": frame[name] for name in OUTPUTS}
