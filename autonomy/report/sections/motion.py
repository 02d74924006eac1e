"""Velocity and heading error with their bounds."""

from __future__ import annotations

import math

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import error_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import degrees, known, number, percent

TITLES = {"forward": "Velocity error forward", "left": "Velocity error to the left", "up": "Velocity error upward"}


def section(drive: Drive) -> Section:
    tables = tuple(table for table in (_figures(drive),) if table is not None)
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
