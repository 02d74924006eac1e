"""What gave this report: log, configuration, versions, so that anybody can run it again."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from autonomy import msg
from autonomy.report import verdict
from autonomy.report.drive import Drive
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import UNKNOWN, duration, number, plain

MOST_CHECKS = 60
OUTCOMES = {verdict.PASS: "pass", verdict.FAIL: "fail", verdict.ERROR: "error", verdict.SKIPPED: "not checked"}


def section(drive: Drive) -> Section:
    metrics = drive.metrics
    log = metrics.get("log") or {}
    rows = (
        ("Log", str(log.get("path") or UNKNOWN)),
        ("SHA-256 of the log", str(log.get("sha256") or UNKNOWN)),
        ("Length", duration(log.get("duration_s")) + (", truncated" if log.get("truncated") else "")),
        (
            "What drove the ticks",
            {"raw": "raw bytes on a 10 ms grid", "cuts": "raw bytes and logged cuts", "frames": "logged frames"}.get(
                str(metrics.get("mode")), UNKNOWN
            ),
        ),
        ("Lane path", str(metrics.get("path") or UNKNOWN)),
        ("SHA-256 of the configuration", str(metrics.get("config_hash") or UNKNOWN)),
        ("SHA-256 of the calibration", str(metrics.get("calibration_hash") or UNKNOWN)),
        ("SHA-256 of the outputs", str(metrics.get("output_sha256") or UNKNOWN)),
        ("Message layouts", f"{msg.layout_hash():016x}"),
        ("Start-up", number(metrics.get("startup_s"), "s", 2)),
        (
            "Versions",
            f"autonomy {metrics.get('version') or UNKNOWN}, Python {platform.python_version()}, NumPy {_version('numpy')}",
        ),
        ("Machine", f"{platform.system()} {platform.machine()}"),
    )
    told_above = "collisions" in metrics  # in closed loop
    tables = (*(() if told_above else (checks(metrics),)), Table("Where this comes from", ("What", "Value"), rows, 2))
    title = "Provenance" if told_above else "Checks and provenance"
    return Section("provenance", title, "", (), tables)


def checks(metrics: dict[str, Any]) -> Table:
    """The verdict taken apart."""
    items = verdict.items(metrics)[:MOST_CHECKS]
    return Table(
        "What was checked",
        ("Check", "Outcome", "Detail"),
        tuple((plain(item.name), OUTCOMES[item.outcome], item.detail) for item in items),
        3,
        tuple(item.outcome in (verdict.FAIL, verdict.ERROR) for item in items),
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN
