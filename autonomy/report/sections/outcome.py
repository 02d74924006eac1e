"""A drive in closed loop at a glance: what the road and the faults brought when, and what was checked."""

from __future__ import annotations

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.sections.health import MODES, REASONS
from autonomy.report.sections.provenance import checks
from autonomy.report.sections.section import Section
from autonomy.report.strips import Strip, strip_figure

BEND_RADIUS_M, SLOPE = 2500.0, 0.005  # what counts as a bend and as a slope
BENDS, SLOPES = {1: "left bend", 2: "right bend"}, {1: "climb", 2: "descent"}
CUT_IN = next(key for key, word in REASONS.items() if word == "cut-in")
NEARER_M, CUT_IN_SHOWN_S = 10.0, 5.0
AHEAD = {1: "lead", 2: "cut-in"}


def section(drive: Drive) -> Section:
    actuation, plan, tracks = (drive.topic(name) for name in ("actuation", "plan", "tracks"))
    title, tables = "What happened and what was checked", (checks(drive.metrics),)
    if not len(drive.time_s):
        return Section("outcome", title, tables=tables, missing="The run gave no output.")
    ahead = np.where((plan["reason"] == CUT_IN) | _came_between(drive.time_s, tracks), 2, np.isfinite(tracks["lead_distance"]))
    strips = [
        Strip("Driving", actuation["mode"], {**MODES, 0: "driver"}, {0: "calm", 1: "good", 2: "bad", 3: "calm"}),
        *_road(drive),
        Strip("Vehicle ahead", ahead.astype(np.int8), AHEAD, {1: "calm", 2: "warn"}),
        *(_fault(drive, fault) for fault in drive.metrics.get("faults") or []),
    ]
    figure = strip_figure("The drive", drive.time_s, strips, drive.x_range)
    return Section("outcome", title, "", (figure,), tables)


def _came_between(time_s: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Shortly after another, nearer vehicle became the lead."""
    nearer = (np.diff(tracks["lead_distance"], prepend=np.nan) < -NEARER_M) & (np.diff(tracks["lead_track_id"], prepend=0) != 0)
    times = time_s[nearer]
    last = np.searchsorted(times, time_s, side="right") - 1
    return (last >= 0) & (time_s - times[last] < CUT_IN_SHOWN_S) if len(times) else np.zeros(len(time_s), bool)


def _road(drive: Drive):
    """Bends and slopes of the truth, from when the stack drove."""
    truth = drive.result.truth or {}
    if "grade" not in truth or not len(truth["time_ns"]):
        return
    place = np.searchsorted(truth["time_ns"], drive.tick_time_ns, side="right") - 1
    known = place >= 0
    for label, values, bound, words in (
        ("Road", truth["curvature"], 1.0 / BEND_RADIUS_M, BENDS),
        ("Slope", truth["grade"], SLOPE, SLOPES),
    ):
        at = np.where(known, values[place], 0.0)
        states = np.where(at > bound, 1, np.where(at < -bound, 2, 0)).astype(np.int8)
        yield Strip(label, states, words, {1: "follow", 2: "follow"})


def _fault(drive: Drive, fault: dict) -> Strip:
    start, end = float(fault.get("start_s") or 0.0), fault.get("end_s")
    word = f"{fault.get('source')} {fault.get('kind')}"
    acts = (drive.time_s >= start) & (drive.time_s < (np.inf if end is None else float(end)))
    return Strip("Injected fault", acts.astype(np.int8), {1: word}, {1: "bad"})
