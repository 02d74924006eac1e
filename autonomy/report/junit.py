"""The verdict as JUnit XML, one test case for everything that was checked, for CI servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import Any

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


def write_junit(path: Path, metrics: dict[str, Any]) -> Path:
    """Writes the file, its folder too, and returns its path. Raises OSError."""
    path = Path(path)
    found = verdict.items(metrics)
    seconds = _run_seconds(metrics)
    counts = {
        "tests": str(len(found)),
        "failures": str(sum(item.outcome == verdict.FAIL for item in found)),
        "errors": str(sum(item.outcome == verdict.ERROR for item in found)),
        "skipped": str(sum(item.outcome == verdict.SKIPPED for item in found)),
        "time": f"{seconds:.3f}",
    }
    suites = tree.Element("testsuites", {"name": SUITE, **counts})
    suite = tree.SubElement(suites, "testsuite", {"name": SUITE, **counts})
    properties = tree.SubElement(suite, "properties")
    for name, value in _properties(metrics):
        tree.SubElement(properties, "property", {"name": _clean(name), "value": _clean(value)})
    class_name = _clean(f"replay.{Path(str((metrics.get('log') or {}).get('path'))).stem}")
    for item in found:
        _case(suite, class_name, item, seconds if item.name == "replay" else 0.0)
    tree.indent(suites)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _case(suite: tree.Element, class_name: str, item: verdict.Item, seconds: float) -> None:
    case = tree.SubElement(suite, "testcase", {"classname": class_name, "name": _clean(item.name), "time": f"{seconds:.3f}"})
    detail = _clean(item.detail)
    if item.outcome == verdict.PASS:
        tree.SubElement(case, "system-out").text = detail
    elif item.outcome == verdict.SKIPPED:
        tree.SubElement(case, "skipped", {"message": detail})
    else:
        kind = "failure" if item.outcome == verdict.FAIL else "error"
        tree.SubElement(case, kind, {"message": detail, "type": kind}).text = detail


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
