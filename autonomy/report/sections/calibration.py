"""What the filter learns about its sensors: biases, speed scale and mounting over time."""

from __future__ import annotations

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Band, Line, time_figure
from autonomy.report.sections.section import Section

AXES = ("forward axis", "left axis", "up axis")
ANGLES = ("roll", "pitch", "yaw")


def section(drive: Drive) -> Section:
    ego = drive.ego
    if not len(ego):
        return Section("calibration", "Sensor biases, scale and mounting", missing="The run gave no output.")
    time = drive.seconds(ego["time_ns"])
    scale, sigma = ego["speed_scale"], ego["speed_scale_sigma"]
    figures = (
        _three(drive, time, "Gyro bias", np.degrees(ego["gyro_bias"]), np.degrees(ego["gyro_bias_sigma"]), AXES, "bias (°/s)"),
        _three(
            drive, time, "Accelerometer bias", ego["accelerometer_bias"], ego["accelerometer_bias_sigma"], AXES, "bias (m/s²)"
        ),
        _three(
            drive,
            time,
            "Mounting of the inertial unit",
            np.degrees(ego["mounting"]),
            np.degrees(ego["mounting_sigma"]),
            ANGLES,
            "angle (°)",
        ),
        time_figure(
            "Speed scale",
            [
                Band(time, scale - 2 * sigma, scale + 2 * sigma, "s1", "2 sigma"),
                Line(time, scale, "s1", "wheel speed over true speed"),
            ],
            "scale",
            drive.x_range,
            least_span=0.002,
        ),
    )
    return Section(
        "calibration",
        "Sensor biases, scale and mounting",
        "Shaded: two sigma. A bound that does not narrow says that the drive held nothing to learn from.",
        figures,
    )


def _three(drive: Drive, time: np.ndarray, title: str, values: np.ndarray, sigma: np.ndarray, names, y_label: str):
    marks = [
        Band(time, values[:, axis] - 2 * sigma[:, axis], values[:, axis] + 2 * sigma[:, axis], f"s{axis + 1}")
        for axis in range(3)
    ]
    marks += [Line(time, values[:, axis], f"s{axis + 1}", name) for axis, name in enumerate(names)]
    return time_figure(title, marks, y_label, drive.x_range)
