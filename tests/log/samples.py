"""Small logs for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log.writer import LogWriter
from tests.msg.content import random_message

START_NS = 46_408_000_000_000


def can_frames(count: int, step_ns: int = 1_000_000, start_ns: int = START_NS, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    rows = np.zeros(count, msg.dtype("CanFrame"))
    rows["time_ns"] = start_ns + np.arange(count) * step_ns
    rows["id"] = generator.integers(0, 2048, count)
    rows["length"] = 8
    rows["data"] = generator.integers(0, 256, (count, 8))
    return rows


def messages(name: str, count: int, seed: int = 0, most: int | None = None) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.array([random_message(name, generator, most) for _ in range(count)], msg.dtype(name))


def write_small(path: Path, **options) -> dict[str, np.ndarray]:
    """A log of three topics and several chunks; returns what is in it."""
    frames, imu, tracks = can_frames(300), messages("ImuInput", 30, most=2), messages("TrackList", 20, most=3)
    with LogWriter(path, {"config_hash": "abc"}, chunk_bytes=4096, **options) as writer:
        writer.attach("can/0.dbc", b'VERSION ""\n', "text/x-dbc")
        writer.write_merged({
            "/raw/can/0": (frames["time_ns"], frames),
            "/in/imu": (START_NS + np.arange(30) * 10_000_000, imu),
            "/out/tracks": (START_NS + np.arange(20) * 10_000_000, tracks),
        })  # fmt: skip
    return {"/raw/can/0": frames, "/in/imu": imu, "/out/tracks": tracks}
