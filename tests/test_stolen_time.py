"""What the host takes from a virtual machine is counted from the kernel's statistics, and told beside a stall."""

from __future__ import annotations

import os

import pytest

from autonomy.stolen_time import StolenTime, because_stolen

LINE = "cpu  7839420 2690639 1407200 4710853 31444 0 20279 {stolen} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"


def test_what_was_taken_since_is_told(tmp_path):
    statistics = tmp_path / "stat"
    statistics.write_text(LINE.format(stolen=11174))
    stolen = StolenTime(statistics)
    assert stolen.milliseconds() == 0.0
    statistics.write_text(LINE.format(stolen=11187))
    assert stolen.milliseconds() == pytest.approx(13e3 / os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize("text", ["", "cpu 1 2 3\n", "cpu  1 2 3 4 5 6 7 x 9\n"])
def test_a_kernel_that_does_not_tell_it_is_no_error(tmp_path, text):
    statistics = tmp_path / "stat"
    assert StolenTime(statistics).milliseconds() is None
    statistics.write_text(text)
    assert StolenTime(statistics).milliseconds() is None


def test_it_is_named_only_where_there_was_any():
    assert because_stolen(None) == because_stolen(0.0) == ""
    assert because_stolen(130.0) == " (the host took 130 ms from this machine's processors meanwhile)"
