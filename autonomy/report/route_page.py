"""The page of a stored route: grade with sigma, height and drives over the distance, and the way from above."""

from __future__ import annotations

import numpy as np

from autonomy.geodesy import geodetic_to_enu
from autonomy.planning.route_figures import figures_of, heights
from autonomy.planning.route_grade import STEP_M, RouteGrade
from autonomy.report.page import render_page
from autonomy.report.plot import WIDE, Band, Figure, Line, legend, plot, value_range
from autonomy.report.sections.head import Head, Tile
from autonomy.report.sections.section import Section
from autonomy.report.words import number

NOTE = "Grades are uphill in the direction of the route. Shaded: two sigma."
DISTANCE = "distance along the route (km)"


def render(name: str, route: RouteGrade) -> str:
    """The page as text."""
    found = figures_of(route)
    share = found["known_m"] / found["length_m"]
    tiles = (
        Tile("Length", number(found["length_m"] / 1e3, digits=4), "km", ""),
        Tile("Climbed", number(found["climbed_m"], digits=3), "m", f"{found['descended_m']:.0f} m down"),
    )
    top = Head(name, f"Grade known on {100.0 * share:.0f} %", "good" if share > 0.9 else "warn", "", tiles)
    along = STEP_M * np.arange(len(route)) / 1e3
    grade, sigma = 100.0 * route.grade, 100.0 * route.sigma
    figures = (
        _figure("Grade", [Band(along, grade - 2.0 * sigma, grade + 2.0 * sigma, "s1"), Line(along, grade, "s1")], "grade (%)"),
        _figure("Height over the first point", [Line(along, heights(route), "s1")], "height (m)"),
        _figure("Drives that told the grade", [Line(along, route.drives, "s1", steps=True)], "drives"),
        _way(route),
    )
    return render_page("Stored route", top, [Section("route", "What is known of it", figures=figures)], NOTE)


def _figure(title: str, marks: list, label: str) -> Figure:
    x_range = (float(marks[-1].x[0]), float(marks[-1].x[-1]))
    svg = plot(marks, x_range, value_range(marks, 1.0), DISTANCE, label, width=WIDE)
    return Figure(title, svg, legend(marks), shape="wide")


def _way(route: RouteGrade) -> Figure:
    origin = (float(route.latitude_deg[0]), float(route.longitude_deg[0]), 0.0)
    enu = geodetic_to_enu(route.latitude_deg, route.longitude_deg, np.zeros(len(route)), origin) / 1e3
    half = 0.55 * max(np.ptp(enu[:, 0]), np.ptp(enu[:, 1]), 0.1)
    middle = 0.5 * (enu.min(axis=0) + enu.max(axis=0))
    marks = [Line(enu[:, 0], enu[:, 1], "s1")]
    x_range, y_range = ((float(middle[axis] - half), float(middle[axis] + half)) for axis in (0, 1))
    return Figure("From above", plot(marks, x_range, y_range, "east (km)", "north (km)", height=WIDE // 2), shape="tall")
