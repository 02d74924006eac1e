"""What the truck step learned of the combination, inside three of its sigmas, beside the truth where the log has it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Band, Figure, Line, time_figure
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number, percent

DEGREES = math.degrees(1.0)


class Estimate(NamedTuple):
    """One drawing and row. `field` and `sigma` of TruckState, `known` its flag or "", `true` the field of ReferenceTruck or ""
    where no log tells it."""

    title: str
    unit: str
    field: str
    sigma: str
    true: str
    known: str = ""
    scale: float = 1.0
    axle: int | None = None
    least_span: float = 0.0


ESTIMATES = (
    Estimate("Mass", "t", "mass_kg", "mass_sigma_kg", "mass_kg", "mass_excited", 1e-3, least_span=5.0),
    Estimate("Resistance beside the air's", "m/s²", "resistance_mps2", "resistance_sigma_mps2", "", "mass_excited",
             least_span=0.05),
    Estimate("Speed", "km/h", "speed", "speed_sigma_mps", "speed", scale=3.6, least_span=5.0),
    Estimate("Grade", "%", "grade", "grade_sigma", "grade", scale=100.0, least_span=1.0),
    Estimate("Articulation", "°", "articulation_angle", "articulation_sigma", "articulation_angle", "combination_tracked",
             DEGREES, least_span=1.0),
    Estimate("Articulation rate", "°/s", "articulation_rate", "articulation_rate_sigma", "articulation_rate",
             "combination_tracked", DEGREES, least_span=1.0),
    Estimate("Steering offset at the road wheel", "°", "steering_offset_rad", "steering_offset_sigma_rad",
             "steering_offset_rad", "steering_offset_known", DEGREES, least_span=0.05),
    Estimate("Steering dead time", "s", "steering_delay_s", "steering_delay_sigma_s", "steering_delay_s",
             "steering_response_known", least_span=0.05),
    Estimate("Steering lag", "s", "steering_lag_s", "steering_lag_sigma_s", "steering_lag_s", "steering_response_known",
             least_span=0.05),
    Estimate("Steering play", "°", "steering_play_rad", "steering_play_sigma_rad", "", "steering_response_known", DEGREES,
             least_span=0.05),
    Estimate("Tyre factor, front", "", "front_tyre_factor", "front_tyre_factor_sigma", "", "tyres_known", least_span=0.2),
    Estimate("Tyre factor, driven", "", "rear_tyre_factor", "rear_tyre_factor_sigma", "", "tyres_known", least_span=0.2),
    Estimate("Tyre factor, trailer", "", "trailer_tyre_factor", "trailer_tyre_factor_sigma", "", least_span=0.2),
    Estimate("Trailer's wheelbase", "m", "trailer_wheelbase_m", "trailer_wheelbase_sigma_m", "trailer_wheelbase_m",
             "trailer_wheelbase_known", least_span=0.5),
    Estimate("Friction", "", "friction", "friction_sigma", "friction", "friction_known", least_span=0.2),
    Estimate("Retarder", "°C", "retarder_temperature_c", "retarder_temperature_sigma_c", "retarder_temperature_c",
             least_span=10.0),
    *(Estimate(f"Brakes, {name} axles", "°C", "brake_temperature_c", "brake_temperature_sigma_c", "brake_temperature_c",
               axle=axle, least_span=10.0) for axle, name in enumerate(("front", "driven", "trailer"))),
    Estimate("Wind from the right", "m/s", "crosswind_mps", "crosswind_sigma_mps", "crosswind_mps", "crosswind_known",
             least_span=5.0),
    Estimate("Gust from the right", "m/s", "gust_mps", "gust_sigma_mps", "", "crosswind_known", least_span=5.0),
    Estimate("Wind from ahead", "m/s", "headwind_mps", "headwind_sigma_mps", "headwind_mps", "mass_excited", least_span=5.0),
)  # fmt: skip
OF_THE_TRAILER = ("articulation_angle", "articulation_rate", "trailer_tyre_factor", "trailer_wheelbase_m")


def section(drive: Drive) -> Section:
    title, states, truth = "What the truck knows of itself", drive.topic("truck"), drive.truck_truth
    if not len(states) or not np.any(states["mass_sigma_kg"] > 0.0):
        return Section("truck", title, missing="The truck step said nothing in this run.")
    shown = [item for item in ESTIMATES if item.field not in OF_THE_TRAILER or np.any(states["has_trailer"])]
    text = "Shaded: three sigma as the truck step believes. Before it has learned a value it tells the configured one."
    missing = "" if len(truth) else "The log does not say what was true (topic /ref/truck)."
    figures = tuple(_figure(drive, item, states, truth) for item in shown)
    return Section("truck", title, text, figures, (_table(drive, shown, states, truth),), missing)


def _figure(drive: Drive, item: Estimate, states: np.ndarray, truth: np.ndarray) -> Figure:
    value, sigma = _values(item, states)
    marks = [Band(drive.time_s, value - 3.0 * sigma, value + 3.0 * sigma, "s1", "3 sigma"),
             Line(drive.time_s, value, "s1", "told")]  # fmt: skip
    if len(truth) and np.isfinite(true := _true(item, truth)).any():
        marks.append(Line(drive.seconds(truth["time_ns"]), true, "reference", "truth"))
    label = f"{item.title.lower()} ({item.unit})" if item.unit else item.title.lower()
    return time_figure(item.title, marks, label, drive.x_range, least_span=item.least_span, settling=True)


def _table(drive: Drive, shown: list[Estimate], states: np.ndarray, truth: np.ndarray) -> Table:
    rows = [_row(drive, item, states, truth) for item in shown]
    rows.insert(1, _bounds(drive, states, truth))
    return Table("At the end", ("Quantity", "Value", "3 sigma", "Truth", "Beyond 3 sigma", "Learned"), tuple(rows))


def _bounds(drive: Drive, states: np.ndarray, truth: np.ndarray) -> tuple[str, ...]:
    """What the mass is for certain between, instead of a value and a sigma."""
    low, high = 1e-3 * states["mass_low_kg"], 1e-3 * states["mass_high_kg"]
    beyond = true_last = ""
    if len(truth) and np.isfinite(true := 1e-3 * truth["mass_kg"]).any():
        true_last, at = number(float(true[np.isfinite(true)][-1]), digits=4), _at(states, truth, true)
        compared = np.isfinite(at)
        if compared.any():
            beyond = percent(drive.share(compared & ((at < low) | (at > high))) / drive.share(compared))
    between = f"{number(float(low[-1]), digits=4)} to {number(float(high[-1]), 't', digits=4)}"
    return "Mass, for certain between", between, "", true_last, beyond, ""


def _at(states: np.ndarray, truth: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The truth at the times of the estimates; NaN outside."""
    return np.interp(states["time_ns"].astype(float), truth["time_ns"].astype(float), true, left=np.nan, right=np.nan)


def _row(drive: Drive, item: Estimate, states: np.ndarray, truth: np.ndarray) -> tuple[str, ...]:
    value, sigma = _values(item, states)
    beyond = true_last = ""
    if len(truth) and np.isfinite(true := _true(item, truth)).any():
        true_last = number(float(true[np.isfinite(true)][-1]), digits=4)
        at = _at(states, truth, true)
        compared = np.isfinite(at) & np.isfinite(value) & np.isfinite(sigma)
        if compared.any():
            outside = compared & (np.abs(value - at) > 3.0 * sigma)
            beyond = percent(drive.share(outside) / drive.share(compared))
    learned = "" if not item.known else ("yes" if states[item.known][-1] else "no")
    told = number(float(value[-1]), item.unit, digits=4)
    return item.title, told, number(3.0 * float(sigma[-1]), digits=2), true_last, beyond, learned


def _values(item: Estimate, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    place = slice(None) if item.axle is None else (slice(None), item.axle)
    return item.scale * states[item.field][place], item.scale * states[item.sigma][place]


def _true(item: Estimate, truth: np.ndarray) -> np.ndarray:
    """NaN where no log tells it."""
    if not item.true:
        return np.full(len(truth), np.nan)
    place = slice(None) if item.axle is None else (slice(None), item.axle)
    return item.scale * truth[item.true][place]
