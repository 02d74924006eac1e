"""Decoding many frames: columns, whose objects grow with the messages of a database and not with the frames."""

from __future__ import annotations

import gc

import numpy as np

from autonomy import config
from autonomy.msg import dtype
from drivers.can.codec import EXTENDED, Codec


def objects_of(frames: np.ndarray, codec: Codec) -> int:
    gc.collect()
    before = len(gc.get_objects())
    columns = codec.decode_batch(frames)
    count = len(gc.get_objects()) - before
    assert sum(len(item.time_ns) for item in columns.values()) == len(frames)
    return count


def test_pain_17_a_million_frames_make_no_more_objects_than_a_thousand():
    codec = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    frames = np.zeros(1_000_000, dtype("CanFrame"))
    frames["time_ns"] = np.arange(len(frames)) * 500_000
    frames["id"] = EXTENDED | np.tile([0x0CF00400, 0x18FEF100], len(frames) // 2)
    frames["length"] = 8
    few, many = objects_of(frames[:1000], codec), objects_of(frames, codec)
    assert abs(many - few) < 10
