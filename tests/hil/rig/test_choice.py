"""Which frames are sent: never those of the device under test, never error frames, and each is counted under one reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.frame_filter import FrameFilter
from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from hil.rig.choice import DEVICE, ERROR_FRAME, FILTERED, RECORDER, Choice
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

EEC1, TSC1, STANDARD = EXTENDED | 0x0CF00400, EXTENDED | 0x0C000027, 0x127


def frames() -> np.ndarray:
    return can_frames(
        can_frame(EEC1, bytes(8)), can_frame(TSC1, bytes(8)), can_frame(STANDARD, b"\1"), can_frame(4, bytes(8), flags=ERROR),
        can_frame(EXTENDED | 0x18FEF100, bytes(8), flags=TRANSMITTED), can_frame(EXTENDED | 0x18EA0027, b"", flags=REMOTE),
    )  # fmt: skip


def test_pain_6_the_device_under_test_does_not_hear_itself():
    wanted, reasons = Choice(frozenset({0x27})).mask(frames())
    assert wanted.tolist() == [True, False, True, False, False, False]  # 0x127 is no J1939 address
    assert reasons == {DEVICE: 2, ERROR_FRAME: 1, RECORDER: 1}


def test_without_a_device_under_test_all_senders_are_played():
    wanted, reasons = Choice(None).mask(frames())
    assert wanted.tolist() == [True, True, True, False, True, True] and reasons == {ERROR_FRAME: 1}


def test_a_filter_comes_first():
    wanted, reasons = Choice(None, FrameFilter.parse(["sa=27"])).mask(frames())
    assert wanted.tolist() == [False, True, False, False, False, True] and reasons == {FILTERED: 4}


@pytest.mark.parametrize("filters", [[], ["pgn=F004"], ["0127:7FF"]])
@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 7)), max_size=30),
    st.none() | st.frozensets(st.integers(0, 253), max_size=4),
)
def test_each_frame_is_wanted_or_counted_once(filters, made, devices):
    rows = np.array([can_frame(identifier, b"", flags=flags) for identifier, flags in made], dtype=frames().dtype)
    choice = Choice(devices, FrameFilter.parse(filters) if filters else None)
    wanted, reasons = choice.mask(rows)
    assert np.count_nonzero(wanted) + sum(reasons.values()) == len(rows)
    if devices:
        sent = rows["id"][wanted]
        assert not np.isin(sent[sent >> 31 != 0] & 0xFF, list(devices)).any()
