"""The drive again without GNSS: how far each of those runs came off the reference, over time and over distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy.evaluation.reference import errors
from autonomy.report.drive import Drive
from autonomy.report.plot import Figure, Level, Line, Points, legend, plot, time_figure
from autonomy.report.sections.section import Link, Section, Table
from autonomy.report.words import counted, is_number, number

LABELLED = 6  # so many runs get a line and a name of their own; of more, the median and the worst stand out
SAMPLES = 80  # of each run's line
MOST_ROWS = 200
SAME_START_S = 0.25  # a run and its figures begin at the same tick


@dataclass(frozen=True)
class Drift:
    """One run without GNSS: seconds and metres since its start, distance from the reference since then."""

    start_s: float
    time_s: np.ndarray
    travelled_m: np.ndarray
    off_m: np.ndarray
    percent: float


def section(drive: Drive) -> Section:
    listed = drive.metrics.get("outages") or []
    if not listed:
        missing = "No stretch was driven a second time without GNSS; 'autonomy replay --outages' asks for it."
        return Section("outages", "Without GNSS", missing=missing)
    drifts = _drifts(drive, listed)
    figures = (*_over("time", drifts), *_over("distance", drifts), *_by_start(drive, listed))
    missing = "" if drifts else "Of these runs only the figures are known, not their course."
    return Section(
        "outages",
        "Without GNSS",
        "The drive again from each start on, without GNSS. Drift: change of the horizontal error since the start.",
        figures,
        (_table(drive, listed),),
        missing,
    )


def _drifts(drive: Drive, listed: list[dict]) -> list[Drift]:
    """Of every run that has figures, the largest drift in per cent first."""
    found = []
    spacing_s = float(np.median(np.diff(drive.reference["time_ns"]))) / 1e9 if len(drive.reference) > 1 else 0.0
    same_start_s = max(SAME_START_S, 3.5 * spacing_s)  # a course begins with the first pose there is
    for run in drive.result.outage_runs:
        course = errors(run, drive.reference, settling_s=0.0, delay_s=drive.reference_delay_s)
        if course is None:
            continue
        start_s = float(drive.seconds(course.time_ns[:1])[0])
        item = min(listed, key=lambda item: abs((item.get("start_s") or 0.0) - start_s))
        if abs((item.get("start_s") or 0.0) - start_s) > same_start_s or not is_number(item.get("drift_percent")):
            continue
        off = np.hypot(*(course.position[:, :2] - course.position[0, :2]).T)
        travelled = course.travelled_m - course.travelled_m[0]
        found.append(Drift(start_s, (course.time_ns - course.time_ns[0]) / 1e9, travelled, off, float(item["drift_percent"])))
    return sorted(found, key=lambda drift: -drift.percent)


def _over(what: str, drifts: list[Drift]):
    """Every run's drift over the time or the distance since its start."""
    if not drifts:
        return
    across = [drift.time_s if what == "time" else drift.travelled_m for drift in drifts]
    marks = []
    if len(drifts) <= LABELLED:
        in_order = sorted(range(len(drifts)), key=lambda index: drifts[index].start_s)
        for place, index in enumerate(in_order):
            label = f"from {number(drifts[index].start_s, 's')}"
            marks.append(Line(*_sampled(across[index], drifts[index].off_m), f"s{place % 6 + 1}", label))
    else:
        rest = range(1, len(drifts))
        marks += [Line(*_sampled(across[i], drifts[i].off_m), "raw", "each run" if i == 1 else "") for i in rest]
        marks.append(Line(*_sampled(across[0], drifts[0].off_m), "s2", f"worst, from {number(drifts[0].start_s, 's')}"))
        grid = np.linspace(0.0, max(float(values[-1]) for values in across), SAMPLES)
        table = [np.interp(grid, x, drift.off_m, right=np.nan) for x, drift in zip(across, drifts, strict=True)]
        known = np.isfinite(table).sum(axis=0) >= max(3, len(drifts) // 4)  # few long runs say nothing of the median
        marks.append(Line(grid[known], np.nanmedian(np.array(table)[:, known], axis=0), "s1", "median"))
    end = max(float(values[-1]) for values in across)
    high = max(1.06 * max(float(np.nanmax(mark.y)) for mark in marks), 0.5)
    label = "time without GNSS (s)" if what == "time" else "distance without GNSS (m)"
    svg = plot(marks, (0.0, max(end, 1e-3)), (0.0, high), label, "drift (m)", height=240)
    yield Figure(f"Drift over {what}", svg, legend(marks))


def _by_start(drive: Drive, listed: list[dict]):
    """Where in the drive the outages hurt."""
    if len(listed) < 3:
        return
    starts, percents = (np.array([item.get(key) if is_number(item.get(key)) else np.nan for item in listed], float)
                        for key in ("start_s", "drift_percent"))  # fmt: skip
    marks = [Points(starts, percents, "s1", "one outage")]
    median, p90 = (drive.metrics.get(key) for key in ("outage_median_percent", "outage_p90_percent"))
    if is_number(median) and is_number(p90):
        apart = p90 - median > 0.1 * p90  # closer, their words would lie over each other
        marks += [Level(median, "median"), Level(p90, "90 % below")] if apart else [Level(median, "median")]
    top = max(1.1 * float(np.nanmax(percents, initial=0.0)), 0.1)
    yield time_figure("Drift by the time of the start", marks, "drift (% of distance)", drive.x_range, y_range=(0.0, top),
                      shape="wide", height=200)  # fmt: skip


def _sampled(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    step = -(-len(x) // SAMPLES)
    return (x, y) if step <= 1 else (np.append(x[::step], x[-1]), np.append(y[::step], y[-1]))


def _table(drive: Drive, listed: list[dict]) -> Table:
    ordered = sorted(listed, key=lambda item: -(item.get("drift_percent") or 0.0))
    limit = drive.metrics.get("outage_p90_percent")
    rows = tuple(
        (
            Link(number(item.get("start_s"), "s"), f"#t={item.get('start_s') or 0.0:.2f}"),
            number(item.get("duration_s"), "s"),
            number(item.get("distance_m"), "m", 4),
            number(item.get("drift_m"), "m"),
            number(item.get("drift_percent"), "%"),
            item.get("note") or "",
        )
        for item in ordered[:MOST_ROWS]
    )
    flags = tuple(len(listed) >= 5 and is_number(limit) and (item.get("drift_percent") or 0.0) > limit for item in ordered)
    told = {"outage_median_percent": "median", "outage_p90_percent": "90 % below", "outage_max_percent": "worst"}
    summary = ", ".join(f"{word} {number(drive.metrics.get(key), '%')}" for key, word in told.items())
    cut = f"; {len(listed) - MOST_ROWS} smaller ones left out" if len(listed) > MOST_ROWS else ""
    return Table(
        f"{counted(len(listed), 'outage')}, the worst first: {summary}{cut}",
        ("From", "For", "Distance", "Drift", "Of distance", ""),
        rows,
        flags=flags[:MOST_ROWS],
        sortable=True,
    )
