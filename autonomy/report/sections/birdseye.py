"""The drive from above, moving: the lanes, the objects followed, the lead and the stop that is planned at any time."""

from __future__ import annotations

import numpy as np

from autonomy.report.birdseye import WANTED_S, Road, drawing, scene
from autonomy.report.drive import Drive
from autonomy.report.plot import Figure
from autonomy.report.sections.health import BEHAVIOURS, MODES
from autonomy.report.sections.section import Section
from autonomy.report.words import number

MOST_SCENES = 900
LEGEND = (
    ("s6", "band", "lane"),
    ("lanemiddle", "line", "lane path"),
    ("s1", "line", f"wanted path, {WANTED_S:g} s"),
    ("stop", "line", "planned stop"),
    ("raw", "band", "followed objects"),
    ("s2", "band", "lead"),
)


def section(drive: Drive) -> Section:
    if not len(drive.time_s):
        return Section("birdseye", "Seen from the vehicle", missing="The run gave no output.")
    rows = _even(drive.time_s)
    lane, plan, actuation = (drive.topic(name)[rows] for name in ("lane", "plan", "actuation"))
    tracks = drive.result.sampled("tracks", drive.tick_indices[rows])
    speed, time = drive.ego["speed"][rows], drive.time_s[rows]
    known = (lane["status"] > 0) | np.isfinite(tracks["lead_distance"])
    if not known.any():
        return Section("birdseye", "Seen from the vehicle", missing="Neither a lane nor a vehicle ahead was ever known.")
    vehicle, bent, roads = drive.vehicle, drive.topic("truck")["articulation_angle"][rows], [None] * len(rows)
    truth = drive.result.truth or {}
    if not len(truth.get("time_ns", ())):  # no simulation, or the stack never drove in it
        truth = {}
    at = _true_rows(truth, drive.tick_time_ns[rows])
    if "articulation" in truth:
        bent = np.where(at >= 0, truth["articulation"][at], bent)
    if "lane_width" in truth:
        beside = zip(*(truth[name][at] for name in ("lanes_left", "lanes_right", "lane_width")), strict=True)
        roads = [Road(int(left), int(right), float(width)) if row >= 0 else None
                 for row, (left, right, width) in zip(at, beside, strict=True)]  # fmt: skip
    scenes = [
        scene(float(time[row]), _words(time[row], speed[row], actuation[row], plan[row], tracks[row]), *of_row, vehicle,
              float(bent[row]), roads[row])
        for row, of_row in enumerate(zip(lane, plan, tracks, strict=True))
    ]  # fmt: skip
    svg = drawing("Seen from the vehicle", scenes, _still(known, tracks))
    step = float(time[-1] - time[0]) / max(len(time) - 1, 1)
    note = f"A scene about every {number(step, 's', 2)}. The page's other plots show the same time."
    beside = (("lanes", "line", "lanes beside, of the simulation"),) if any(roads) else ()
    figure = Figure("Lane, objects, wanted path and planned stop", svg, (LEGEND[0], *beside, *LEGEND[1:]), note, "wide")
    text = "All that the stack knew; it looks to the right, and below stands the same close up. "
    if vehicle is not None and vehicle["has_trailer"]:
        whose = "the simulation's true one where the stack drove" if "articulation" in truth else "the stack's own"
        text += f"Tractor and trailer are to scale, the angle between them is {whose}. "
    text += "Objects have the typical size of their class, of a car where it is unknown."
    return Section("birdseye", "Seen from the vehicle", text, (figure,))


def _true_rows(truth: dict[str, np.ndarray], time_ns: np.ndarray) -> np.ndarray:
    """For each time the truth's row, -1 before the stack drove."""
    return np.searchsorted(truth.get("time_ns", ()), time_ns, side="right") - 1


def _even(time_s: np.ndarray) -> np.ndarray:
    """Rows about evenly spaced in time, at most MOST_SCENES."""
    if len(time_s) <= MOST_SCENES:
        return np.arange(len(time_s))
    rising = np.maximum.accumulate(time_s)
    return np.unique(np.minimum(np.searchsorted(rising, np.linspace(rising[0], rising[-1], MOST_SCENES)), len(time_s) - 1))


def _still(known: np.ndarray, tracks: np.ndarray) -> int:
    """The scene that a page without scripts shows: with the nearest lead, or in the middle of those with a lane."""
    if np.isfinite(tracks["lead_distance"]).any():
        return int(np.nanargmin(tracks["lead_distance"]))
    rows = np.flatnonzero(known)
    return int(rows[len(rows) // 2])


def _words(time: float, speed: float, actuation: np.void, plan: np.void, tracks: np.void) -> str:
    parts = [
        number(float(time), "s", decimals=2),
        number(3.6 * float(speed), "km/h", decimals=0),
        MODES.get(int(actuation["mode"]), ""),
        BEHAVIOURS.get(int(plan["behaviour"]), ""),
    ]
    if plan["behaviour"]:
        parts[1] += f" of {number(3.6 * float(plan['target_speed']), decimals=0)}"
    if np.isfinite(tracks["lead_distance"]):
        gap, lead_speed = float(tracks["lead_distance"]), 3.6 * float(tracks["lead_speed"])
        parts.append(f"lead {number(gap, 'm', decimals=0)} ahead at {number(lead_speed, 'km/h', decimals=0)}")
    if plan["fallback_valid"]:
        parts.append(f"stop within {number(float(plan['fallback_distance']), 'm', decimals=0)}")
    return ", ".join(part for part in parts if part)
