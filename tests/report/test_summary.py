"""The terminal summary: about ten aligned lines, whatever is known."""

from __future__ import annotations

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.report.summary import replay_lines
from tests.report.drives import METRICS


def metrics(**changes):
    return copy.deepcopy(METRICS) | changes


def test_says_the_verdict_first_then_one_aligned_line_a_topic():
    lines = replay_lines(metrics(report="runs/latest/report.html"))
    assert lines[0].startswith("PASS  ")
    names = [line[:14].strip() for line in lines]
    assert names == [
        "PASS",
        "log",
        "ticks",
        "tick time",
        "reference",
        "aids",
        "GNSS outages",
        "learned",
        "driver",
        "inputs",
        "found odd",
        "repeatable",
        "report",
    ]
    assert all(line[13] == " " and line[14] != " " for line in lines)


def test_tells_figures_in_human_units():
    text = "\n".join(replay_lines(metrics()))
    for part in (
        "60.0 s",
        "412 times real time",
        "median 14.1",
        "longest 96.2 us",
        "0.41 m RMS",
        "0.22 m offset-free",
        "99.50 % inside 3 sigma",
        "Wheel speed 2.40 (!)",
        "worst 0.53 %",
        "10 unusable (GNSS 10)",
        "longest silence 210 ms (GNSS)",
        "the same in a second process",
    ):
        assert part in text, part


def test_a_failed_run_says_why_at_once():
    first = {"tick": 17, "topic": "/out/ego", "field": "speed", "a": 1.0, "b": 2.0}
    lines = replay_lines(metrics(verdict="fail", exit_code=1, determinism={"equal": False, "first_difference": first}))
    assert lines[0].startswith("FAIL") and "tick 17, /out/ego speed" in lines[0]


def test_a_truncated_log_is_an_error_with_its_last_good_record():
    log = METRICS["log"] | {"truncated": True, "last_good_ns": 123}
    lines = replay_lines(metrics(verdict="error", exit_code=3, log=log))
    assert lines[0].startswith("ERROR") and "123 ns" in lines[0] and "truncated" in lines[1]


def test_one_outage_is_told_in_full():
    line = next(line for line in replay_lines(metrics(outages=METRICS["outages"][:1])) if line.startswith("GNSS"))
    assert "0.53 % of distance: 6.2 m off after 1\u202f160 m from 20.0 s" in line


@pytest.mark.parametrize("known", [{}, {"verdict": None}, {"verdict": "error", "ticks": 0, "log": {"path": "x"}}])
def test_nothing_known_still_gives_lines(known):
    lines = replay_lines(known)
    assert lines and not re.search(r"\bnan\b|: None", "\n".join(lines))


leaf = st.one_of(st.none(), st.floats(allow_nan=True), st.integers(0, 10**9))


@given(
    st.dictionaries(st.sampled_from(["ticks", "realtime_factor", "startup_s", "outage_max_percent", "speed_scale"]), leaf),
    st.dictionaries(st.sampled_from(sorted(METRICS["reference"])), leaf),
    st.dictionaries(st.sampled_from(["p50", "p99", "max"]), leaf),
)
def test_any_unknown_figures_are_survived(top, reference, times):
    lines = replay_lines(metrics(**top, reference=reference, tick_us=times))
    assert 5 <= len(lines) <= 13 and "nan" not in "\n".join(lines)


def test_a_fault_that_touched_nothing_was_not_injected():
    faults = [{"source": "gnss", "kind": "drop", "records": {"touched": touched}} for touched in (0, 3)]
    (line,) = [line for line in replay_lines(metrics(faults=faults)) if "injected" in line]
    assert line.endswith("1 injected: gnss drop; 1 of the timeline touched nothing")
