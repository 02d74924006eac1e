"""JUnit XML as CI servers read it."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as tree

import pytest

from autonomy.report import verdict
from autonomy.report.junit import write_junit
from tests.report.drives import METRICS


def suite(tmp_path, **changes) -> tree.Element:
    path = write_junit(tmp_path / "deep" / "junit.xml", copy.deepcopy(METRICS) | changes)
    root = tree.parse(path).getroot()
    assert root.tag == "testsuites" and len(root) == 1
    return root[0]


def cases(found: tree.Element) -> dict[str, str]:
    outcome = {"failure": "fail", "error": "error", "skipped": "skipped"}
    return {
        case.get("name"): next((outcome[child.tag] for child in case if child.tag in outcome), "pass")
        for case in found.iter("testcase")
    }


def test_follows_the_schema(tmp_path):
    found = suite(tmp_path)
    assert [child.tag for child in found] == ["properties"] + ["testcase"] * 5
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(found.get(name)) >= 0
    assert float(found.get("time")) == pytest.approx(60.0 / 412.3, abs=1e-3)
    assert all(case.get("classname") == "replay.highway" and float(case.get("time")) >= 0 for case in found.iter("testcase"))
    assert {item.get("name") for item in found.iter("property")} >= {
        "config_hash",
        "output_sha256",
        "reference.position_rms_m",
        "tick_us.p99",
    }


def test_has_one_case_for_each_thing_checked(tmp_path):
    same = {"path": "golden", "equal": True, "differences": []}
    assert cases(suite(tmp_path, reference_run=same)) == {
        "log read whole": "pass",
        "replay": "pass",
        "same outputs in a second process": "pass",
        "same outputs as the reference run": "pass",
        "outage of GNSS from 20.0 s for 40.0 s": "pass",
        "outage of GNSS from 30.0 s for 30.0 s": "pass",
    }


@pytest.mark.parametrize(
    ("changes", "name", "outcome"),
    [
        ({"verdict": "error", "log": METRICS["log"] | {"truncated": True}}, "log read whole", "error"),
        ({"verdict": "error", "ticks": 0}, "replay", "error"),
        (
            {"verdict": "fail", "determinism": {"equal": False, "first_difference": None}},
            "same outputs in a second process",
            "fail",
        ),
        ({"determinism": None}, "same outputs in a second process", "skipped"),
        (
            {"verdict": "fail", "reference_run": {"path": "x", "equal": False, "differences": []}},
            "same outputs as the reference run",
            "fail",
        ),
        ({"verdict": "fail"}, "verdict of the run", "fail"),
        ({"verdict": "inconclusive", "exit_code": 5}, "verdict of the run", "error"),
    ],
)
def test_each_outcome_falls_on_its_case(tmp_path, changes, name, outcome):
    found = suite(tmp_path, **changes)
    assert cases(found)[name] == outcome
    counted = {"fail": "failures", "error": "errors", "skipped": "skipped"}[outcome]
    assert int(found.get(counted)) == 1


@pytest.mark.parametrize("said", ["pass", "fail", "error", "inconclusive"])
def test_fails_exactly_when_the_verdict_does(tmp_path, said):
    found = suite(tmp_path, verdict=said)
    assert (int(found.get("failures")) + int(found.get("errors")) > 0) == (said != "pass")


def test_control_characters_do_not_break_the_file(tmp_path):
    first = {"tick": 1, "topic": "\x00\x1b[31m", "field": "<&>\ud800", "a": 1, "b": 2}
    found = suite(tmp_path, verdict="fail", determinism={"equal": False, "first_difference": first}, version="\x08")
    assert cases(found)["same outputs in a second process"] == "fail"


def test_nothing_known_is_an_error():
    assert any(item.outcome == verdict.ERROR for item in verdict.items({}))
