"""The outage schedule: what is asked for, what fits into the log, what is refused with a sentence."""

from __future__ import annotations

import pytest

from autonomy import replay
from autonomy.errors import UsageError
from autonomy.playback.outages import Outage, parse


def test_single_outages_to_the_end_and_of_a_length():
    assert parse("at=20:end,at=15:30", 60.0) == [Outage(15.0, 30.0), Outage(20.0, None)]


def test_a_grid_keeps_inside_the_log():
    found = parse("duration=60,every=30,from=240,min_speed=12", 400.0)
    assert [item.start_s for item in found] == [240.0, 270.0, 300.0, 330.0]
    assert all(item.duration_s == 60.0 and item.min_speed_mps == 12.0 for item in found)


@pytest.mark.parametrize("text", ["", "at=", "at=99:end", "duration=60", "every=5", "at=x:end", "speed=3", "duration=0,every=1",
                                  "duration=600,every=30", "at=nan:end", "at=-1:end"])  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(text):
    with pytest.raises(UsageError, match="--outages"):
        parse(text, 60.0)


def test_an_outage_that_the_end_of_the_run_cuts_short_is_told(small_log):
    from autonomy.report.summary import replay_lines

    found = replay(small_log, outages="at=1:500", end=3.0, report=False).metrics
    assert [item["note"] for item in found["outages"]] == ["ends with the run after 2 s of the 500 s asked for"]
    assert any("2 s of the 500 s" in line for line in replay_lines(found))
    whole = replay(small_log, outages="at=1:1", report=False).metrics
    assert [item["note"] for item in whole["outages"]] == [None]
