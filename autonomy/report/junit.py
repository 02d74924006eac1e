"""Verdicts as JUnit XML, one test case for everything that was checked, for CI servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autonomy import output_folder
from autonomy.report import verdict

SUITE = "autonomy replay"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PROPERTIES = (
    "schema",
    "version",
    "config_hash",
    "calibration_hash",
    "output_sha256",
    "ticks",
    "realtime_factor",
    "speed_scale",
    "outage_median_percent",
    "outage_p90_percent",
    "outage_max_percent",
)


@dataclass(frozen=True)
class Case:
    """One test case: what was checked, by its class, and how it came out (an outcome of verdict.py)."""

    class_name: str
    name: str
    outcome: str
    detail: str
    seconds: float = 0.0


def write_junit(path: Path, metrics: dict[str, Any]) -> Path:
    """Writes the verdict of one run and returns the file's path. Raises EnvironmentFault."""
    seconds = _run_seconds(metrics)
    class_name = f"replay.{Path(str((metrics.get('log') or {}).get('path'))).stem}"
    cases = [
        Case(class_name, item.name, item.outcome, item.detail, seconds if item.name == "replay" else 0.0)
        for item in verdict.items(metrics)
    ]
    return write_cases(path, SUITE, cases, dict(_properties(metrics)))


def write_cases(path: str | Path, suite_name: str, cases: Sequence[Case], properties: dict[str, Any]) -> Path:
    """Writes any cases as one suite, the file's folder too, and returns its path. Raises EnvironmentFault."""
    path = Path(path)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == verdict.FAIL for case in cases)),
        "errors": str(sum(case.outcome == verdict.ERROR for case in cases)),
        "skipped": str(sum(case.outcome == verdict.SKIPPED for case in cases)),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    suites = tree.Element("testsuites", {"name": suite_name, **counts})
    suite = tree.SubElement(suites, "testsuite", {"name": suite_name, **counts})
    listed = tree.SubElement(suite, "properties")
    for name, value in properties.items():
        tree.SubElement(listed, "property", {"name": _clean(name), "value": _clean(value)})
    for case in cases:
        _write_case(suite, case)
    tree.indent(suites)
    with output_folder.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        tree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _write_case(suite: tree.Element, case: Case) -> None:
    names = {"classname": _clean(case.class_name), "name": _clean(case.name), "time": f"{case.seconds:.3f}"}
    element = tree.SubElement(suite, "testcase", names)
    detail = _clean(case.detail)
    if case.outcome == verdict.PASS:
        tree.SubElement(element, "system-out").text = detail
    elif case.outcome == verdict.SKIPPED:
        tree.SubElement(element, "skipped", {"message": detail})
    else:
        kind = "failure" if case.outcome == verdict.FAIL else "error"
        tree.SubElement(element, kind, {"message": detail, "type": kind}).text = detail


def _properties(metrics: dict[str, Any]):
    for name in _PROPERTIES:
        if metrics.get(name) is not None:
            yield name, metrics[name]
    for group in ("log", "tick_us", "reference"):
        for name, value in (metrics.get(group) or {}).items():
            if value is not None and not isinstance(value, dict | list):
                yield f"{group}.{name}", value


def _run_seconds(metrics: dict[str, Any]) -> float:
    factor, ticks = metrics.get("realtime_factor"), metrics.get("ticks")
    return ticks * 0.01 / factor if factor and ticks else 0.0


def _clean(value: Any) -> str:
    """Text without the control characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
