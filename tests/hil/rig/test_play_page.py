"""The page of a play: every figure of the account is on it, and the curves hold all records."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from hil.rig.lateness import sparse
from hil.rig.play_page import page, write_page


def account(**changes) -> dict:
    late = {"p50": 40, "p99": 80, "p99.9": 300, "max": 1234.5}
    return {
        "streams": [{"log": "/logs/drive.mcap", "stream": "can0", "target": "local /tmp/a", "read": 60, "queued": 48,
                     "left_out": {"error frames": 12}, "replaced": 7, "passes": 1}],
        "targets": [{"target": "local /tmp/a", "sent": 47, "failed": {"no room": 1}, "not_reached": 0, "lateness_us": late,
                     "waits": 3}],
        "counts": {"read": 60, "left_out": 12, "sent": 47, "failed": 1, "not_reached": 0, "behind_the_end": 0},
        "counters": {"TSC1": 11}, "overrides": {"EEC1.engine_speed=<na>": 7}, "unused": {}, "lateness_us": late,
        "histogram_us": [[30, 20], [40, 26], [1234, 1]], "seconds": 12.0, "verdict": "fail", "reasons": ["1 failed, no room"],
        "drift": {"ms_per_hour": 0.25, "two_sigma_ms_per_hour": 0.1, "span_s": 11.0}, **changes,
    }  # fmt: skip


def test_the_account_is_on_the_page(tmp_path):
    found = account(baseline={"histogram_us": [[20, 100]], "lateness_us": {}, "seconds": 5.0})
    write_page(tmp_path, found)
    text = (tmp_path / "report.html").read_text()
    for word in ("local /tmp/a", "12 error frames", "1 no room", "counter or checksum of TSC1", "drift +0.250 ms/h", "Fail",
                 "1234", "EEC1.engine_speed=&lt;na&gt;", "bare loop: 0.00 % beyond"):  # fmt: skip
        assert word in text, word
    assert json.loads((tmp_path / "result.json").read_text()) == found


def test_a_run_that_sent_nothing_has_a_page_too():
    none = dict.fromkeys(("p50", "p99", "p99.9", "max"))
    drift = dict.fromkeys(("ms_per_hour", "two_sigma_ms_per_hour", "span_s"))
    text = page(account(histogram_us=[], lateness_us=none, targets=[], drift=drift))
    assert "Nothing was sent." in text and "too short for a drift" in text and not re.search(r"\bnan\b", text)


def test_histograms_of_lanes_are_one():
    assert sparse([(np.array([0, 2, 0, 1]), 3), (np.array([1, 1, 0, 0]), 1)]) == [[0, 1], [1, 3], [3, 1]]
    assert sparse([]) == []


@pytest.mark.parametrize("verdict", ["pass", "inconclusive", "error"])
def test_every_verdict_has_a_page(verdict):
    assert f"{verdict.capitalize()}" in page(account(verdict=verdict, reasons=[]))
