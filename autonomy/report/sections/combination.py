"""The whole combination as it truly was: axles and corners against the lane, accelerations of tractor and trailer."""

from __future__ import annotations

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from autonomy.report.drive import Drive
from autonomy.report.plot import Level, Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number

MOST_GAP_M = 130.0


def section(drive: Drive) -> Section:
    """Of a drive in closed loop."""
    truth, title = drive.result.truth, "The combination in its lane"
    if not truth or len(truth["time_ns"]) < 2:
        return Section("combination", title, missing="The stack never drove.")
    time, plan, actuation = drive.seconds(truth["time_ns"]), drive.topic("plan"), drive.topic("actuation")
    driving = np.isin(actuation["mode"], DRIVING_MODES)
    target, wheel, sent = (
        Line(drive.time_s, np.where(driving, values, np.nan), "s3", word)
        for values, word in (
            (3.6 * plan["target_speed"], "target of the plan"),
            (np.degrees(actuation["road_wheel_angle_rad"]), "sent"),
            (actuation["acceleration_mps2"], "sent"),
        )
    )
    wanted_gap = np.where(driving & np.isfinite(plan["gap_error"]), plan["desired_gap"], np.nan)
    gap = np.where(np.isfinite(truth["headway"]), truth["headway"], np.nan) * truth["speed"]  # endless without a lead
    gap = np.where(gap < MOST_GAP_M, gap, np.nan)
    figures = (
        time_figure("Axles off the lane's middle", _axles(time, truth), "to the left (m)", drive.x_range, least_span=0.4),
        time_figure("Nearest corner to a lane line", [Line(time, truth["margin"], "s1", "inside the line"), Level(0.0, "line")],
                    "distance (m)", drive.x_range, least_span=0.2),
        time_figure("Speed", [target, Line(time, 3.6 * truth["speed"], "s1", "speed"),
                              Level(3.6 * float(drive.metrics["set_speed_mps"]), "asked for")],
                    "km/h", drive.x_range, least_span=10.0),
        time_figure("Gap to the vehicle ahead", [Line(drive.time_s, wanted_gap, "s3", "wanted"),
                                                 Line(time, gap, "s1", "gap")],
                    "distance (m)", drive.x_range, least_span=20.0, note=f"Gaps beyond {MOST_GAP_M:g} m are left out."),
        time_figure("Longitudinal acceleration", [sent, Line(time, truth["acceleration"], "s1", "driven")], "m/s²",
                    drive.x_range, least_span=0.5),
        time_figure("Lateral acceleration", [
            Line(time, truth["lateral_acceleration"], "s1", "tractor"),
            Line(time, truth["trailer_lateral_acceleration"], "s2", "trailer"),
        ], "to the left (m/s²)", drive.x_range, least_span=0.5),
        time_figure("Steering and articulation", [
            wheel,
            Line(time, np.degrees(truth["road_wheel_angle"]), "s1", "road wheels"),
            Line(time, np.degrees(truth["articulation"]), "s2", "articulation"),
        ], "angle, left (°)", drive.x_range, least_span=1.0, shape="wide"),
    )  # fmt: skip
    text = "From the simulation's truth, while the stack drove; the stack never sees it. Sent and target are the stack's."
    found = drive.metrics.get("plant_differences") or []
    rows = tuple((item["parameter"], number(item["stack"], digits=4), number(item["plant"], digits=4)) for item in found)
    tables = (Table("Where stack and plant differ", ("Parameter", "Stack", "Plant"), rows),) if rows else ()
    return Section("combination", title, text, figures, tables)


def _axles(time: np.ndarray, truth: dict[str, np.ndarray]) -> list[Line]:
    """Each where it is; of runs that do not tell, the furthest of tractor and trailer."""
    names = (("front_axle_offset", "front axle"), ("drive_axle_offset", "drive axle"), ("last_axle_offset", "last axle"))
    if not all(name in truth for name, _ in names):
        names = (("tractor_offset", "tractor, the furthest"), ("trailer_offset", "trailer, the furthest"))
    styles = ("s3", "s1", "s2") if len(names) == 3 else ("s1", "s2")
    return [Line(time, truth[name], style, word) for (name, word), style in zip(names, styles, strict=True)]
