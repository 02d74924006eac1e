"""The vehicle in its lane: offset, heading error and curvature as the lane filter has them."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.report.drive import Drive
from autonomy.report.plot import Band, Line, time_figure
from autonomy.report.sections.section import Section
from autonomy.report.words import percent

SOURCES = {1: "a lane path", 2: "a camera", 3: "lidar"}


def section(drive: Drive) -> Section:
    lane = drive.topic("lane")
    known = lane["status"] != msg.constants("LaneState")["STATUS_NONE"]
    if not known.any():
        return Section("lane", "Lane", missing="No lane was seen and no lane path given.")
    time, sigma = drive.time_s, np.where(known[:, None], lane["sigma"], np.nan)
    offset, heading = np.where(known, lane["offset"], np.nan), np.degrees(np.where(known, lane["heading_error"], np.nan))
    curvature = 1e3 * np.where(known, lane["curvature"], np.nan)
    figures = (
        time_figure(
            "Offset from the lane's middle",
            [_band(time, offset, sigma[:, 0]), Line(time, offset, "s1", "offset")],
            "offset, positive left (m)",
            drive.x_range,
            settling=True,
            least_span=0.2,
        ),
        time_figure(
            "Heading error in the lane",
            [_band(time, heading, np.degrees(sigma[:, 1])), Line(time, heading, "s1", "heading error")],
            "heading minus lane (°)",
            drive.x_range,
            settling=True,
            least_span=0.5,
        ),
        time_figure(
            "Curvature at the vehicle",
            [_band(time, curvature, 1e3 * sigma[:, 2]), Line(time, curvature, "s1", "curvature")],
            "curvature, positive left (1/km)",
            drive.x_range,
            settling=True,
            least_span=0.2,
        ),
        time_figure(
            "Preview",
            [Line(time, np.where(known, lane["valid_distance_m"], np.nan), "s1", "known ahead")],
            "distance (m)",
            drive.x_range,
            least_span=10.0,
        ),
    )
    source = SOURCES.get(int(np.bincount(lane["source"][known]).argmax()), "an unknown source")
    label = drive.metrics.get("path")
    from_where = f" ({label})" if label and label != "none" and source == SOURCES[1] else ""
    text = f"Known in {percent(drive.share(known))} of the ticks, from {source}{from_where}."
    if label == "recorded from the same drive" and source == SOURCES[1]:
        text += " The path is the one this very drive took: the offset shows the estimate's error, not the driver's."
    return Section("lane", "Lane", text, figures)


def _band(time: np.ndarray, value: np.ndarray, sigma: np.ndarray) -> Band:
    return Band(time, value - 3 * sigma, value + 3 * sigma, "s1", "3 sigma")
