"""Is the plant a credible truck: its linear figures, its soundness, the PBS manoeuvres, the multibody simulation, its speed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from autonomy import recordings
from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.plant import checks, climbing, low_speed_turn, manoeuvres, multibody
from hil.plant.linear import linearise
from hil.plant.plant import Plant
from hil.suites._recordings import missing
from hil.suites._row import row_of

TITLE = "the plant: linear figures, soundness, manoeuvres, multibody simulation"
SPEEDS = (22.2, 25.0, 29.0)
NAMES = {"EU": "plants/eu_4x2_40t", "US": "plants/us_6x4_53ft", "OpenPBS": "plants/openpbs_6x2"}
# docs/truck-facts.md section 2 [C], at SPEEDS; None = not given there
FACTS = {
    "EU": {"damping": (0.34, 0.28, 0.23), "amplification": (1.18, 1.29, 1.45), "off-tracking": (0.12, 0.17, 0.26),
           "yaw gain": (5.7, 6.2, 7.0)},
    "US": {"damping": (0.76, 0.68, 0.59), "amplification": (1.05, 1.11, 1.22), "off-tracking": (0.14, 0.22, 0.36),
           "yaw gain": (3.4, 3.8, 4.3)},
    "OpenPBS": {"damping": (0.40, 0.35, 0.30), "amplification": (1.13, 1.20, 1.31), "off-tracking": (None, 0.18, 0.27)},
}  # fmt: skip
UNITS = {"damping": "1", "amplification": "1", "off-tracking": "m", "yaw gain": "1/s"}
RADIUS_M = 500.0
ONSET_S = 0.25  # of the recording's moment of rolling over
CREEPING_MPS = 2.0  # at which a slope is met
FREQUENCY_HZ = 0.34  # EU articulation mode


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    """`jobs` is not needed: seconds in all. The multibody rows need the recordings ($AUTONOMY_DATA)."""
    found = _linear() + _sine() + _soundness() + _manoeuvres(quick, output) + _multibody(quick, output)
    factor = min(checks.realtime_factor(name, 5.0 if quick else 30.0) for name in NAMES.values())
    return [*found, row_of("faster than real time, 100 Hz from Python", factor, "1", ">= 500", factor >= 500.0)]


def _linear() -> list[dict]:
    found = []
    for title, name in NAMES.items():
        plant = Plant.load(name, {"plant.linear": 1})
        for place, speed in enumerate(SPEEDS):
            linear = linearise(plant, speed)
            frequency, damping = linear.modes()[0]
            values = {"damping": damping, "amplification": linear.rearward_amplification()[0],
                      "off-tracking": linear.off_tracking(RADIUS_M), "yaw gain": linear.yaw_gain()}  # fmt: skip
            for figure, facts in FACTS[title].items():
                if (fact := facts[place]) is not None:
                    found.append(row_of(f"{title} {speed:g} m/s {figure}", values[figure], UNITS[figure], f"{fact:g} +-5 %",
                                      abs(values[figure] / fact - 1.0) <= 0.05))  # fmt: skip
            if title == "EU":
                found.append(row_of(f"EU {speed:g} m/s mode frequency", frequency, "Hz", f"{FREQUENCY_HZ} +-5 %",
                                  abs(frequency / FREQUENCY_HZ - 1.0) <= 0.05))  # fmt: skip
    return found


def _sine() -> list[dict]:
    """The single sine of the truck facts: 0.15 g at the tractor's centre of gravity, 25 m/s."""
    plant = Plant.load(NAMES["EU"], {**manoeuvres.DIRECT, "plant.linear": 1})
    reference = -float(plant.parameters["reference"])
    amplitude = 0.02
    for _ in range(2):  # linear: the second run has the wanted peak
        states, _, _ = manoeuvres.single_sine(plant, 25.0, amplitude)
        own = states["ay"] + np.gradient(states["yaw_rate"], manoeuvres.TICK_S) * reference
        amplitude *= manoeuvres.PEAK_G * STANDARD_GRAVITY_MPS2 / np.abs(own).max()
    trailer = np.abs(states["trailer_ay"]).max() / STANDARD_GRAVITY_MPS2
    articulation = math.degrees(np.abs(states["articulation"]).max())
    return [
        row_of("EU single sine 0.4 Hz 0.15 g: trailer", trailer, "g", "0.19 +-5 %", abs(trailer / 0.19 - 1.0) <= 0.05),
        row_of("EU single sine: articulation", articulation, "deg", "3.5 +-5 %", abs(articulation / 3.5 - 1.0) <= 0.05),
    ]


def _soundness() -> list[dict]:
    halving = max(checks.halving_error(name) for name in NAMES.values())
    locked = max(checks.halving_error(name, locked=True) for name in NAMES.values())
    energy = max(checks.energy_error(name) for name in NAMES.values())
    place, articulation = checks.kinematic_errors()
    stiff_place = checks.kinematic_errors(checks.STIFF)[0]
    return [
        row_of("path moved by half the inner step", halving, "m", "< 0.01", halving < 0.01),
        row_of("the same, the trailer's wheels locked", locked, "m", "< 0.01", locked < 0.01),
        row_of("energy not accounted for", energy, "1", "< 1e-4", energy < 1e-4),
        row_of("1 m/s: articulation off the kinematic model", articulation, "rad", "< 0.002", articulation < 0.002),
        row_of("1 m/s: place off the kinematic model, 60 m", place, "m", "< 0.12", place < 0.12),
        row_of("... with tyres five times as stiff", stiff_place, "m", "< 0.02", stiff_place < 0.02),
    ]


def _manoeuvres(quick: bool, output: Path | None) -> list[dict]:
    found = []
    for title, name in {**NAMES, "EU half": "plants/eu_4x2_half", "EU empty": "plants/eu_4x2_empty"}.items():
        plant = Plant.load(name, {**manoeuvres.DIRECT, "steering.maximum_angle": 0.9})
        threshold = manoeuvres.rollover_threshold(plant)
        limited = math.isfinite(threshold)
        change = manoeuvres.lane_change(plant)
        amplification, beyond = change["rearward_amplification"], change["off_tracking_m"]
        found += [
            row_of(f"{title} static rollover threshold", threshold, "g", ">= 0.35" if limited else "slides first",
                 threshold >= 0.35 if limited else None),
            row_of(f"{title} PBS rearward amplification", amplification, "1", f"<= {5.7 * threshold:.2f}" if limited else "",
                 amplification <= 5.7 * threshold if limited else None),
            row_of(f"{title} PBS transient off-tracking", beyond, "m", "<= 0.6", beyond <= 0.6),
        ]  # fmt: skip
        if not quick:
            damping = manoeuvres.yaw_damping(plant)
            turn = low_speed_turn.drive(plant)
            start, keep = climbing.steepest(plant, 0.0), climbing.steepest(plant, CREEPING_MPS)
            kept_kmh = 3.6 * climbing.speed_kept(plant)
            found += [
                row_of(f"{title} PBS yaw damping", damping, "1", ">= 0.15" if math.isfinite(damping) else "no swing to measure",
                     damping >= 0.15 if math.isfinite(damping) else None),
                row_of(f"{title} PBS low-speed swept path", turn.swept_path_m, "m", "<= 8.7" if title == "US" else "<= 7.4",
                     turn.swept_path_m <= (8.7 if title == "US" else 7.4)),
                row_of(f"{title} PBS frontal swing", turn.frontal_swing_m, "m", "<= 0.7", turn.frontal_swing_m <= 0.7),
                row_of(f"{title} PBS tail swing", turn.tail_swing_m, "m", "<= 0.30", turn.tail_swing_m <= 0.30),
                row_of(f"{title} PBS startability", 100.0 * start, "%", ">= 12", start >= 0.12),
                row_of(f"{title} PBS gradeability", 100.0 * keep, "%", ">= 12", keep >= 0.12),
                row_of(f"{title} PBS speed kept on 1 %", kept_kmh, "km/h", ">= 80", kept_kmh >= 80.0),
            ]  # fmt: skip
        if output is not None:
            from hil.plant.drawing import draw_lane_change

            run = manoeuvres.single_sine(plant, manoeuvres.TRANSIENT_SPEED_MPS, change["amplitude_rad"])
            draw_lane_change(*run, f"{title}: single sine of 0.4 Hz, 88 km/h", output / f"sine_{Path(name).name}.png")
    return found


def _multibody(quick: bool, output: Path | None) -> list[dict]:
    folder = recordings.find("chrono_kraz")
    if folder is None:
        return [missing("multibody simulation", "chrono_kraz")]
    found = []
    for name in multibody.RECORDINGS[:2] if quick else multibody.RECORDINGS:
        run = multibody.compare(multibody.load_plant(name), name, multibody.read(folder.parent, name))
        limit = 0.10 if name.startswith("v18") else 0.15
        for field in ("yaw_rate", "trailer_yaw_rate", "articulation"):
            error = run.error(field, run.cruising)
            found.append(row_of(f"{name} {field} before braking", error, "1", f"<= {limit:.2f}", error <= limit))
            if not run.cruising.all():
                whole = run.error(field)
                found.append(row_of(f"{name} {field} to the stop", whole, "1", f"<= {limit:.2f}", whole <= limit))
        found.append(row_of(f"{name} roll before braking", run.error("roll", run.cruising), "1"))
        recorded, own = multibody.effective_wheelbase(run)
        if "a12" not in name:
            near = abs(own / recorded - 1.0) <= 0.05
            found.append(row_of(f"{name} effective wheelbase", own, "m", f"{recorded:.2f} +-5 %", near))
            for frequency, recorded, own in multibody.rearward_amplification(run):
                found.append(row_of(f"{name} amplification {frequency:g} Hz", own, "1", f"{recorded:.2f} +-10 %",
                                  abs(own / recorded - 1.0) <= 0.10))  # fmt: skip
        else:
            recorded, own = multibody.rollover_onset(run)
            found.append(row_of(f"{name} leans by 0.10 rad after", own, "s", f"{recorded:.2f} +-{ONSET_S}",
                              abs(own - recorded) <= ONSET_S))  # fmt: skip
        if output is not None:
            from hil.plant.drawing import draw_comparison

            draw_comparison(run, output / f"multibody_{name}.png")
    return found
