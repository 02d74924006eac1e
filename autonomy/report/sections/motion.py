"""Velocity and heading error with their bounds, and the drift of the runs without GNSS."""

from __future__ import annotations

import math

import numpy as np

from autonomy.evaluation.reference import errors
from autonomy.report.drive import Drive
from autonomy.report.plot import Line, error_figure, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import degrees, known, number, percent

MOST_DRIFT_LINES, LABELLED_LINES = 24, 6
TITLES = {"forward": "Velocity error forward", "left": "Velocity error to the left", "up": "Velocity error upward"}


def section(drive: Drive) -> Section:
    tables = tuple(table for table in (_figures(drive), _outages(drive)) if table is not None)
    if drive.errors is None:
        return Section(
            "errors", "Errors against the reference", tables=tables, missing="No reference in this log to compare with."
        )
    return Section(
        "errors",
        "Errors against the reference",
        "Error: estimate minus reference. Shaded: three sigma as the filter itself believes. The first five seconds, "
        "while it settles, count in no figure.",
        tuple(_plots(drive)),
        tables,
    )


def _plots(drive: Drive):
    found = drive.errors
    time = drive.seconds(found.time_ns)
    for axis, (error, sigma) in found.velocity.items():
        yield error_figure(TITLES[axis], time, error, sigma, "error (m/s)", drive.x_range, least_span=0.05)
    error, sigma = (np.degrees(values) for values in found.heading)
    note = f"A constant turn of {degrees(found.heading_mean)} between the axes of the two is left out."
    yield error_figure("Heading error", time, error, sigma, "error (°)", drive.x_range, least_span=0.1, note=note)
    yield from _drift(drive)


def _drift(drive: Drive):
    """How far each run without GNSS has come off the reference since its start."""
    lines = []
    runs = drive.result.outage_runs
    for number_of, run in enumerate(runs[:MOST_DRIFT_LINES]):
        found = errors(run, drive.reference, settling_s=0.0)
        if found is not None:
            off = np.hypot(*(found.position[:, :2] - found.position[0, :2]).T)
            time = drive.seconds(found.time_ns)
            label = f"from {number(time[0], 's')}" if len(runs) <= LABELLED_LINES else ""
            lines.append(Line(time, off, f"s{number_of % 6 + 1}", label))
    if lines:
        yield time_figure(
            "Drift since GNSS was withheld", lines, "distance (m)", drive.x_range, least_span=1.0, shape="wide", height=220
        )


def _figures(drive: Drive) -> Table | None:
    found = known(drive.metrics.get("reference"))
    if not found:
        return None
    rows = (
        ("Horizontal position, RMS", number(found.get("position_rms_m"), "m")),
        ("Horizontal position without its constant part, RMS", number(found.get("position_rms_offset_free_m"), "m")),
        ("Horizontal velocity, RMS", number(found.get("velocity_rms_mps"), "m/s")),
        ("Velocity in space, RMS", number(found.get("velocity_rms_3d_mps"), "m/s")),
        ("Course, RMS", degrees(_radians(found.get("course_rms_deg")))),
        ("Heading without its constant part, RMS", degrees(_radians(found.get("heading_rms_deg")))),
        ("Position and velocity errors inside 3 sigma", percent(found.get("inside_3_sigma_share"))),
    )
    return Table("Against the reference", ("Figure", "Value"), rows)


def _radians(value) -> float | None:
    return math.radians(value) if isinstance(value, int | float) else None


def _outages(drive: Drive) -> Table | None:
    outages = drive.metrics.get("outages") or []
    if not outages:
        return None
    rows = tuple(
        (
            f"{number(item.get('start_s'), 's')}",
            number(item.get("duration_s"), "s"),
            number(item.get("distance_m"), "m", 4),
            number(item.get("drift_m"), "m"),
            number(item.get("drift_percent"), "%"),
        )
        for item in outages[:200]
    )
    if len(outages) > 1:
        summary = ("outage_median_percent", "Median"), ("outage_p90_percent", "90 % below"), ("outage_max_percent", "Worst")
        rows += tuple((name, "", "", "", number(drive.metrics.get(key), "%")) for key, name in summary)
    return Table("Driven again without GNSS", ("From", "For", "Distance", "Drift", "Of distance"), rows)
