"""The page of a calibration: the values in a table, how each settled over the passes, and how well the steering fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from autonomy.calibration import truck_page
from autonomy.calibration.result import Calibration
from autonomy.report.page import render_page
from autonomy.report.plot import Band, Figure, Line, Points, legend, plot, time_figure, value_range
from autonomy.report.sections.head import Head, Tile, sentence
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number

NOTE = "Time counts seconds from the log's first record. Shaded: two sigma of the last pass."
STATES: tuple[tuple[str, str, Callable, Callable], ...] = (
    ("Mounting pitch", "°", lambda s: np.degrees(s["mounting"][:, 1]), lambda s: np.degrees(s["mounting_sigma"][:, 1])),
    ("Mounting yaw", "°", lambda s: np.degrees(s["mounting"][:, 2]), lambda s: np.degrees(s["mounting_sigma"][:, 2])),
    ("Speed scale", "", lambda s: s["speed_scale"], lambda s: s["speed_scale_sigma"]),
    ("GNSS position delay", "s", lambda s: s["gnss_position_delay_s"], lambda s: s["gnss_position_delay_sigma_s"]),
    ("GNSS velocity delay", "s", lambda s: s["gnss_velocity_delay_s"], lambda s: s["gnss_velocity_delay_sigma_s"]),
    ("Wheel speed delay", "s", lambda s: s["wheel_delay_s"], lambda s: s["wheel_delay_sigma_s"]),
    ("Drive axle ahead of the IMU", "m", lambda s: s["axle_x_m"], lambda s: s["axle_x_sigma_m"]),
)


def render(calibration: Calibration) -> str:
    """The page as text."""
    rows = calibration.rows()
    used = sum(row.is_used for row in rows)
    reason = f"{used} of {len(rows)} values were learned; the others stay as they are."
    tiles = tuple(
        Tile(row.name[:1].upper() + row.name[1:], number(row.value, digits=4), row.unit, f"+- {number(row.sigma, digits=2)}")
        for row in rows if row.is_used
    )[:10]  # fmt: skip
    top = Head(Path(calibration.log).name, "Calibrated" if used else "Nothing learned", "good" if used else "warn", reason, tiles)
    sections = [_values(calibration), _settling(calibration), _steering(calibration), truck_page.section(calibration.truck)]
    return render_page("Calibration", top, sections, NOTE)


def _values(calibration: Calibration) -> Section:
    rows = tuple(
        (row.name, number(row.value, row.unit, digits=4), number(row.sigma, digits=2),
         number(row.configured, digits=4), row.note or "used")
        for row in calibration.rows()
    )  # fmt: skip
    table = Table("Values", ("Quantity", "Value", "Sigma", "Configured", "Remark"), rows)
    missing = " ".join(sentence(note) for note in calibration.notes())
    return Section("values", "What the drive says", tables=(table,), missing=missing)


def _settling(calibration: Calibration) -> Section:
    return Section("settling", "How it settled", "Each pass begins with what the one before it learned.",
                   figures=tuple(_state_figure(calibration, *state) for state in STATES))  # fmt: skip


def _state_figure(calibration: Calibration, title: str, unit: str, value: Callable, sigma: Callable) -> Figure:
    passes = calibration.sensors.passes
    last = passes[-1]
    middle, width = value(last.states), 2.0 * sigma(last.states)
    marks = [Band(last.seconds, middle - width, middle + width, "s1")]
    marks += [Line(run.seconds, value(run.states), f"s{place % 3 + 1}", f"pass {place + 1}") for place, run in enumerate(passes)]
    x_range = (float(last.seconds[0]), float(last.seconds[-1]))
    return time_figure(title, marks, f"{title} ({unit})" if unit else title, x_range, settling=True)


def _steering(calibration: Calibration) -> Section:
    fit = calibration.steering
    if isinstance(fit, str):
        return Section("steering", "Steering", missing=sentence(f"not found: {fit}"))
    measured, fitted = np.degrees(fit.measured_radps), np.degrees(fit.fitted_radps)
    over_time = time_figure(
        "Yaw rate", [Line(fit.time_s, measured, "s1", "measured"), Line(fit.time_s, fitted, "s2", "from the steering wheel")],
        "yaw rate (°/s)", (float(fit.time_s[0]), float(fit.time_s[-1])), shape="wide",
    )  # fmt: skip
    marks = [Points(fitted, measured, "s1", "a moment of the drive")]
    limits = value_range([Points(fitted, measured, "s1"), Points(measured, fitted, "s1")])
    marks.append(Line(np.array(limits), np.array(limits), "s2", "equal"))
    against = Figure(
        "Measured over fitted", plot(marks, limits, limits, "from the steering wheel (°/s)", "measured (°/s)"), legend(marks)
    )
    text = f"Residual of the yaw rate: {number(np.degrees(fit.residual_rms_radps), '°/s RMS', digits=2)}."
    return Section("steering", "Steering", text, (over_time, against))
