"""The truck's part of a calibration's page: forces and steering as measured and as fitted, and what the truck step learned."""

from __future__ import annotations

import math

import numpy as np

from autonomy.calibration import longitudinal, steering_response
from autonomy.calibration.truck import TruckCalibration
from autonomy.report.plot import Band, Figure, Line, Points, legend, plot, time_figure, value_range
from autonomy.report.sections.head import sentence
from autonomy.report.sections.section import Section

DEGREES = math.degrees(1.0)
STATES = (  # title, unit, field, sigma, scale
    ("Steering offset at the road wheel", "\N{DEGREE SIGN}", "steering_offset_rad", "steering_offset_sigma_rad", DEGREES),
    ("Front tyre factor", "", "front_tyre_factor", "front_tyre_factor_sigma", 1.0),
    ("Driven tyre factor", "", "rear_tyre_factor", "rear_tyre_factor_sigma", 1.0),
    ("Trailer tyre factor", "", "trailer_tyre_factor", "trailer_tyre_factor_sigma", 1.0),
    ("Trailer's wheelbase", "m", "trailer_wheelbase_m", "trailer_wheelbase_sigma_m", 1.0),
)


def section(found: TruckCalibration) -> Section:
    """What could not be found is told by a sentence each."""
    if not found.passes:
        return Section("truck", "Truck", missing="The truck was not looked at.")
    text = "Shaded: two sigma of the truck step in the last pass."
    missing = " ".join(sentence(note) for note in found.notes)
    return Section("truck", "Truck", text, (*_forces(found), *_response(found), *_states(found)), missing=missing)


def _forces(found: TruckCalibration) -> tuple[Figure, ...]:
    if isinstance(found.forces, str):
        return ()
    expected, specific = longitudinal.fitted(found.passes[0], found.forces)
    marks = [Points(expected, specific, "s1", "half a second of the drive")]
    limits = value_range([*marks, Points(specific, expected, "s1")])
    marks.append(Line(np.array(limits), np.array(limits), "s2", "equal"))
    return (Figure("Acceleration and slope over what the forces give",
                   plot(marks, limits, limits, "from the forces (m/s\N{SUPERSCRIPT TWO})", "measured (m/s\N{SUPERSCRIPT TWO})"),
                   legend(marks)),)  # fmt: skip


def _response(found: TruckCalibration) -> tuple[Figure, ...]:
    if isinstance(found.response, str):
        return ()
    time, measured, model = steering_response.fitted(found.passes[0], found.response)
    marks = [Line(time, DEGREES * measured, "s1", "measured"), Line(time, DEGREES * model, "s2", "from the commands sent")]
    return (time_figure("Road wheels", marks, "angle, left (\N{DEGREE SIGN})", (float(time[0]), float(time[-1])), shape="wide"),)


def _states(found: TruckCalibration) -> tuple[Figure, ...]:
    last = found.passes[-1]
    if not last.last["has_trailer"]:
        return ()
    figures = []
    for title, unit, name, sigma, scale in STATES:
        middle, width = scale * last.states[name], 2.0 * scale * last.states[sigma]
        marks = [Band(last.seconds, middle - width, middle + width, "s1")]
        marks += [Line(drive.seconds, scale * drive.states[name], f"s{place + 1}", f"pass {place + 1}")
                  for place, drive in enumerate(found.passes)]  # fmt: skip
        span = (float(last.seconds[0]), float(last.seconds[-1]))
        figures.append(time_figure(title, marks, f"{title} ({unit})" if unit else title, span, settling=True))
    return tuple(figures)
