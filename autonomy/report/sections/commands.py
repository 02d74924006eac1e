"""What the stack would have done beside what the driver did."""

from __future__ import annotations

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import degrees, number, whole


def section(drive: Drive) -> Section:
    vehicle, actuation, control, plan = (drive.topic(name) for name in ("vehicle", "actuation", "control", "plan"))
    if not len(vehicle):
        return Section("commands", "Commands against the driver", missing="The run gave no output.")
    time, ego = drive.time_s, drive.ego
    active = control["lateral_active"] > 0
    along = control["longitudinal_active"] > 0
    wheel = [
        Line(time, np.degrees(vehicle["road_wheel_angle"]), "reference", "driver"),
        Line(time, np.where(active, np.degrees(actuation["road_wheel_angle_rad"]), np.nan), "s1", "commanded"),
    ]
    acceleration = [
        Line(time, vehicle["driver_acceleration"], "reference", "driver"),
        Line(time, ego["acceleration"][:, 0], "s6", "measured, gravity removed"),
        Line(time, np.where(along, actuation["acceleration_mps2"], np.nan), "s1", "commanded"),
    ]
    speed = [
        Line(time, ego["speed"], "reference", "driven (estimated)"),
        Line(time, vehicle["speed"], "s3", "as the wheels say"),
        Line(time, np.where(along, plan["target_speed"], np.nan), "s1", "target"),
    ]
    figures = (
        time_figure("Road-wheel angle", wheel, "angle, positive left (°)", drive.x_range, least_span=0.5, shape="wide", height=220),
        time_figure("Acceleration", acceleration, "acceleration (m/s²)", drive.x_range, least_span=0.5),
        time_figure("Speed", speed, "speed (m/s)", drive.x_range, least_span=1.0),
    )
    missing = "" if active.any() or along.any() else "The controllers never had what they need, so nothing was commanded."
    return Section("commands", "Commands against the driver",
                   "The commands went nowhere: the driver drove. They show what the stack wanted in the same place at the same time.",
                   figures, _table(drive), missing)  # fmt: skip


def _table(drive: Drive) -> tuple[Table, ...]:
    shadow = drive.metrics.get("shadow") or {}
    rows = []
    for key, name, words in (
        ("road_wheel_angle_rad", "Road-wheel angle", degrees),
        ("acceleration_mps2", "Acceleration", lambda value: number(value, "m/s²")),
        ("lead_distance_m", "Distance to the lead, against the nearest radar target", lambda value: number(value, "m")),
    ):
        found = shadow.get(key) or {}
        if found.get("samples"):
            rows.append((name, words(found.get("rms")), words(found.get("mean")), number(found.get("correlation")), whole(found["samples"])))
    if not rows:
        return ()
    return (Table("The stack minus the driver", ("Quantity", "RMS", "Mean", "Correlation", "Samples"), tuple(rows)),)
