"""Signal bits written into frames, against the same in Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.faults._rewrite import write_signals
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from drivers.can.codec import Codec
from drivers.can.database import Database, Message, Signal


def written(data: bytes, signal: Signal, raw: int) -> bytes:
    """The twin: the frame as one integer."""
    if signal.is_big_endian:
        word, shift = int.from_bytes(data, "big"), 64 - signal.bus_bit - signal.length
        order = "big"
    else:
        word, shift = int.from_bytes(data, "little"), signal.start
        order = "little"
    mask = (1 << signal.length) - 1 << shift
    return (word & ~mask | raw << shift).to_bytes(8, order)


@st.composite
def cases(draw):
    length = draw(st.integers(1, 64))
    bus_bit = draw(st.integers(0, 64 - length))
    is_big_endian = draw(st.booleans())
    start = 8 * (bus_bit // 8) + 7 - bus_bit % 8 if is_big_endian else bus_bit
    signal = Signal("a", start, length, is_big_endian, False, False, 1, 0, "")
    return signal, draw(st.binary(min_size=8, max_size=8)), draw(st.integers(0, 2**length - 1))


@settings(deadline=None)
@given(cases())
def test_only_the_signal_changes(case):
    signal, data, raw = case
    codec = Codec({0: Database("made up", (Message("A", 5, 8, False, (signal,)),), (), "")})
    frames = np.zeros(2, msg.dtype("CanFrame"))
    frames["id"], frames["length"], frames["data"] = 5, 8, np.frombuffer(data, np.uint8)
    places, values = np.zeros(1, np.int32), np.full((2, 1), raw, np.uint64)
    assert write_signals(codec, 0, frames, places, values, np.array([[1], [0]], np.uint8)) == 1
    assert frames["data"][0].tobytes() == written(data, signal, raw)
    assert frames["data"][1].tobytes() == data


def test_a_signal_beyond_the_frame_is_left_out():
    signal = Signal("a", 32, 8, False, False, False, 1, 0, "")
    codec = Codec({0: Database("made up", (Message("A", 5, 8, False, (signal,)),), (), "")})
    frames = np.zeros(1, msg.dtype("CanFrame"))
    frames["id"], frames["length"] = 5, 4
    one = np.ones((1, 1), np.uint8)
    assert write_signals(codec, 0, frames, np.zeros(1, np.int32), one.astype(np.uint64), one) == 0
    assert not frames["data"].any()
    with pytest.raises(IndexError):
        write_signals(codec, 1, frames, np.zeros(1, np.int32), one.astype(np.uint64), one)
    with pytest.raises(ValueError, match="rows and columns"):
        write_signals(codec, 0, np.zeros(3, frames.dtype), np.zeros(1, np.int32), one.astype(np.uint64), one)
