"""The whole combination as it truly was: axles and corners against the lane, accelerations of tractor and trailer."""

from __future__ import annotations

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Level, Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number


def section(drive: Drive) -> Section:
    """Of a drive in closed loop."""
    truth, title = drive.result.truth, "The combination in its lane"
    if not truth or len(truth["time_ns"]) < 2:
        return Section("combination", title, missing="The stack never drove.")
    time = drive.seconds(truth["time_ns"])
    figures = (
        time_figure("Axles off the lane's middle", [
            Line(time, truth["tractor_offset"], "s1", "tractor, the furthest"),
            Line(time, truth["trailer_offset"], "s2", "trailer, the furthest"),
        ], "distance (m)", drive.x_range, least_span=0.2),
        time_figure("Nearest corner to a lane line", [Line(time, truth["margin"], "s1", "inside the line"), Level(0.0, "line")],
                    "distance (m)", drive.x_range, least_span=0.2),
        time_figure("Lateral acceleration", [
            Line(time, truth["lateral_acceleration"], "s1", "tractor"),
            Line(time, truth["trailer_lateral_acceleration"], "s2", "trailer"),
        ], "m/s²", drive.x_range, least_span=0.5),
        time_figure("Road wheels and articulation", [
            Line(time, np.degrees(truth["road_wheel_angle"]), "s1", "road wheels"),
            Line(time, np.degrees(truth["articulation"]), "s2", "articulation"),
        ], "angle (°)", drive.x_range, least_span=1.0),
        time_figure("Speed", [Line(time, 3.6 * truth["speed"], "s1", "speed"),
                              Level(3.6 * float(drive.metrics["set_speed_mps"]), "asked for")],
                    "km/h", drive.x_range, least_span=10.0),
        time_figure("Longitudinal acceleration", [Line(time, truth["acceleration"], "s1", "acceleration")], "m/s²",
                    drive.x_range, least_span=0.5),
    )  # fmt: skip
    text = "From the simulation's truth, while the stack drove; the stack never sees it."
    found = drive.metrics.get("plant_differences") or []
    rows = tuple((item["parameter"], number(item["stack"], digits=4), number(item["plant"], digits=4)) for item in found)
    tables = (Table("What the stack believes of another truck", ("Parameter", "Stack", "Plant"), rows),) if rows else ()
    return Section("combination", title, text, figures, tables)
