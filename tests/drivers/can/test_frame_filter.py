"""Filters: candump's on identifiers, J1939's on groups and addresses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.frame_filter import FrameFilter, is_filter, pgns_of
from drivers.can.tables import pgn_of
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

IDENTIFIERS = (
    0x123,
    EXTENDED | 0x18FEF100,
    EXTENDED | 0x18FEF131,
    EXTENDED | 0x0CF00400,
    EXTENDED | 0x18EAFFF9,
    EXTENDED | 0x18EA00F9,
)
FRAMES = can_frames(*(can_frame(identifier, b"", bus=number % 2) for number, identifier in enumerate(IDENTIFIERS)))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [([], "111111"), (["123:7FF"], "100000"), (["123~7FF"], "011111"), (["123:7FF", "18FEF100:FFFFFFFF"], "110000"),
     (["18FEF100:1FFFFF00"], "011000"), (["pgn=FEF1"], "011000"), (["pgn=FEF1,F004"], "011100"), (["sa=00"], "010100"),
     (["pgn=FEF1", "sa=31"], "001000"), (["pgn=EA00", "da=00"], "000001"), (["da=FF"], "011110"), (["bus=1"], "010101"),
     (["bus=0", "pgn=0xFEF1"], "001000")],
)  # fmt: skip
def test_filters_choose(words, wanted):
    found = FrameFilter.parse(words)
    assert "".join("01"[choice] for choice in found.mask(FRAMES).tolist()) == wanted
    for frame, choice in zip(FRAMES, wanted, strict=True):
        identifier = int(frame["id"])
        destination = identifier >> 8 & 0xFF if identifier >> 16 & 0xFF < 0xF0 else 0xFF
        assert found.accepts(int(frame["bus"]), identifier, destination) == (choice == "1")


@pytest.mark.parametrize(
    ("word", "reason"),
    [("pgn=61444", "did you mean F004"), ("sa=100", "not within 0..FF"), ("pgn=EEC1x", "hexadecimal"), ("bus=AA", "decimal"),
     ("pgn=", "hexadecimal"), ("nothing", "is no filter")],
)  # fmt: skip
def test_a_wrong_filter_is_named(word, reason):
    with pytest.raises(ValueError, match=reason):
        FrameFilter.parse([word])


def test_words_that_are_filters():
    assert all(map(is_filter, ("123:7FF", "123~7FF", "pgn=F004", "sa=0", "bus=1", "da=xx")))
    assert not any(map(is_filter, ("drive.mcap", "C:/log", "engine_speed=1200", "pgn")))


@given(st.lists(st.integers(0, 2**29 - 1), min_size=1))
def test_groups_of_an_array_are_those_of_its_elements(identifiers):
    assert pgns_of(np.array(identifiers, np.uint32)).tolist() == [pgn_of(identifier) for identifier in identifiers]
