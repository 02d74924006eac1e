"""What the stack wanted beside what the driver, or the truck that it drove, did."""

from __future__ import annotations

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from autonomy.report.drive import Drive
from autonomy.report.plot import Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import degrees, number, whole

TITLE = "Commands against the driver"
IN_SHADOW = (
    "The commands went nowhere: the driver drove. They show what the stack wanted in the same place at the same time. An "
    "offset from the lane path never closes while somebody else steers, so the wanted angle carries it throughout."
)
IN_LOOP = "Wanted: before the limits. Sent: behind them, from when the stack drove. Measured: what the truck's own sensors said."
MEAN_TICKS = 50  # 0.5 s: an accelerometer on a road shows the road


def section(drive: Drive) -> Section:
    vehicle, actuation, control, plan = (drive.topic(name) for name in ("vehicle", "actuation", "control", "plan"))
    if not len(vehicle):
        return Section("commands", TITLE, missing="The run gave no output.")
    time, ego = drive.time_s, drive.ego
    active, along = control["lateral_active"] > 0, control["longitudinal_active"] > 0
    driving = np.isin(actuation["mode"], DRIVING_MODES)
    closed = "collisions" in drive.metrics
    title, who = ("Commands and what came of them", "measured") if closed else (TITLE, "driver")
    wheel = [
        Line(time, np.degrees(vehicle["road_wheel_angle"]), "reference", who),
        Line(time, np.where(active, np.degrees(control["road_wheel_angle"]), np.nan), "s1", "wanted"),
        Line(time, np.where(active, np.degrees(control["feedforward"]), np.nan), "s3", "wanted for the curve alone"),
        *_sent(time, np.degrees(actuation["road_wheel_angle_rad"]), driving),
    ]
    acceleration = [
        Line(time, _mean_over(ego["acceleration"][:, 0], MEAN_TICKS), "raw", "estimated, mean over 0.5 s"),
        Line(time, vehicle["driver_acceleration"], "reference", who),
        Line(time, np.where(along, control["acceleration"], np.nan), "s1", "wanted"),
        *_sent(time, actuation["acceleration_mps2"], driving),
    ]
    speed = [
        Line(time, ego["speed"], "reference", "driven (estimated)"),
        Line(time, vehicle["speed"], "s3", "as the wheels say"),
        Line(time, np.where(along, plan["target_speed"], np.nan), "s1", "target"),
    ]
    figures = (
        time_figure(
            "Road-wheel angle", wheel, "angle, positive left (°)", drive.x_range, least_span=0.5, shape="wide", height=220
        ),
        time_figure("Acceleration", acceleration, "acceleration (m/s²)", drive.x_range, least_span=0.5),
        time_figure("Speed", speed, "speed (m/s)", drive.x_range, least_span=1.0, settling=True),
    )
    missing = "" if active.any() or along.any() else "The controllers never had what they need, so nothing was commanded."
    return Section("commands", title, IN_LOOP if closed else IN_SHADOW, figures, () if closed else _table(drive), missing)


def _sent(time: np.ndarray, values: np.ndarray, driving: np.ndarray) -> list[Line]:
    """What left the envelope, where it left at all: in standby and shadow the actuators are not ours."""
    return [Line(time, np.where(driving, values, np.nan), "s2", "sent")] if driving.any() else []


def _mean_over(values: np.ndarray, ticks: int) -> np.ndarray:
    """Centred moving mean; the ends take what there is."""
    finite = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    summed = np.concatenate([[0.0], np.cumsum(finite)])
    index = np.arange(len(values))
    first, last = np.maximum(index - ticks // 2, 0), np.minimum(index + ticks // 2 + 1, len(values))
    return (summed[last] - summed[first]) / np.maximum(last - first, 1)


def _table(drive: Drive) -> tuple[Table, ...]:
    shadow = drive.metrics.get("shadow") or {}
    rows = []
    for key, name, words in (
        ("road_wheel_angle_rad", "Road-wheel angle", degrees),
        ("road_wheel_feedforward_rad", "Road-wheel angle for the curve alone", degrees),
        ("acceleration_mps2", "Acceleration", lambda value: number(value, "m/s²")),
        ("lead_distance_m", "Distance to the lead, against the nearest radar target", lambda value: number(value, "m")),
    ):
        found = shadow.get(key) or {}
        if found.get("samples"):
            rows.append(
                (
                    name,
                    words(found.get("rms")),
                    words(found.get("mean")),
                    number(found.get("correlation")),
                    whole(found["samples"]),
                )
            )
    if not rows:
        return ()
    return (Table("The stack minus the driver", ("Quantity", "RMS", "Mean", "Correlation", "Samples"), tuple(rows)),)
