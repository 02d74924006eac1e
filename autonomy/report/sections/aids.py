"""What corrects the ego filter: innovations and test ratios of each aid in use, and their consistency."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.report import consistency
from autonomy.report.drive import Drive
from autonomy.report.plot import Band, Figure, Level, Line, Points, legend, plot, time_figure, value_range
from autonomy.report.sections.section import Section, Table
from autonomy.report.verdict import consistent
from autonomy.report.words import AIDS, number, percent, whole

HISTOGRAM_SIGMAS, HISTOGRAM_BARS = 4.0, 33
# Unit and axes of each aid's innovation, in the order of AID_* of EgoState
AXES = {
    "gnss_position": ("m", ("east", "north", "up")),
    "gnss_velocity": ("m/s", ("east", "north", "up")),
    "wheel_speed": ("m/s", ("forward",)),
    "non_holonomic": ("m/s", ("left", "up")),
    "zero_velocity": ("m/s", ("east", "north", "up")),
    "zero_rate": ("rad/s", ("roll rate", "pitch rate", "yaw rate")),
    "gravity": ("m/s²", ("east", "north", "up")),
    "odometry": ("m/s, rad/s", ("forward", "left", "yaw rate")),
}


def section(drive: Drive) -> Section:
    offered = drive.metrics.get("aids") or {}
    figures = [figure for place, name in enumerate(AXES) if name in offered for figure in _plots(drive, place, name)]
    missing = "" if offered else "No aid was ever offered to the filter."
    return Section(
        "aids",
        "What corrects the filter",
        "Innovation: measured minus expected, between marks at three sigma of that. Test ratio: its size over the gate, "
        "a measurement above 1 is rejected. A triangle marks an aid whose noise does not fit: NIS outside 0.5 to 1.5 or "
        "more than 10 % beyond the 95 % point.",
        tuple(figures),
        (_table(offered, drive.ego),) if offered else (),
        missing,
    )


def _plots(drive: Drive, place: int, name: str):
    rows = drive.ego["aids"][:, place]
    count = rows["accepted"].astype(np.int64) + rows["rejected"]
    fresh = np.flatnonzero(np.diff(count, prepend=0) > 0)
    if not fresh.size:
        return
    time, rows = drive.seconds(drive.ego["time_ns"])[fresh], rows[fresh]
    unit, axes = AXES[name]
    marks = []
    for axis, word in enumerate(axes):
        innovation, sigma = rows["innovation"][:, axis], rows["innovation_sigma"][:, axis]
        used = np.isfinite(innovation) & (sigma > 0)
        if used.any():
            style = f"s{axis + 1}"
            sigma = np.where(used, sigma, np.nan)
            marks += [Points(time, side * sigma, f"{style} bound") for side in (-3.0, 3.0)]
            marks.append(Points(time, np.where(used, innovation, np.nan), style, word))
    title = AIDS[name]
    if marks:
        yield time_figure(f"{title}: innovation", marks, f"innovation ({unit})", drive.x_range, settling=True)
    ratio = rows["test_ratio"]
    highest = np.nanmax(ratio[np.isfinite(ratio)], initial=1.0)
    marks = [Points(time, ratio, "s1"), Level(1.0, "gate")]
    yield time_figure(f"{title}: test ratio", marks, "test ratio", drive.x_range, y_range=(0.0, min(1.08 * highest, 20.0)))
    yield from _nis(drive, title, time, rows)
    scaled = consistency.normalised(rows["innovation"], rows["innovation_sigma"])[:, : len(axes)]
    yield from _histogram(title, axes, scaled)
    yield from _correlation(title, axes, scaled)


def _nis(drive: Drive, title: str, time: np.ndarray, rows: np.ndarray):
    found = consistency.windowed_nis(time, rows["nis_sum"], rows["degrees_of_freedom"])
    if found is None:
        return
    marks = [
        Band(found.time_s, found.low, found.high, "s1", "95 % where the noise fits"),
        Line(found.time_s, found.nis_per_dof, "s1", "mean of a stretch"),
        Level(1.0),
    ]
    label = "NIS per degree of freedom"
    top = float(np.clip(1.1 * np.nanmax(found.nis_per_dof, initial=0.0), 2.0, 20.0))
    yield time_figure(f"{title}: consistency over time", marks, label, drive.x_range, y_range=(0.0, top), shape="wide")


def _histogram(title: str, axes: tuple[str, ...], scaled: np.ndarray):
    """The innovations over their sigmas beside the bell they should fill."""
    edges = np.linspace(-HISTOGRAM_SIGMAS, HISTOGRAM_SIGMAS, HISTOGRAM_BARS + 1)
    marks, notes = [], []
    for axis, word in enumerate(axes):
        values = scaled[:, axis][np.isfinite(scaled[:, axis])]
        if len(values) < consistency.LEAST_SAMPLES:
            continue
        # What lies further out is counted into the last bars, not left out
        density = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / (len(values) * np.diff(edges))
        marks.append(Line(np.repeat(edges, 2)[1:-1], np.repeat(density, 2), f"s{axis + 1}", word))
        notes.append(f"{word} mean {number(values.mean(), digits=2)}, sigma {number(values.std(), digits=2)}")
    if not marks:
        return
    x = np.linspace(-HISTOGRAM_SIGMAS, HISTOGRAM_SIGMAS, 81)
    bell = Line(x, np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi), "reference", "Gaussian")
    top = 1.08 * max(float(mark.y.max()) for mark in [*marks, bell])
    svg = plot([bell, *marks], (edges[0], edges[-1]), (0.0, top), "innovation over its sigma", "density")
    yield Figure(f"{title}: histogram", svg, legend([bell, *marks]), f"Of the scaled innovation: {'; '.join(notes)}.")


def _correlation(title: str, axes: tuple[str, ...], scaled: np.ndarray):
    """A white innovation stays between the lines; one that does not holds something the filter could still use."""
    marks, count = [], 0
    for axis, word in enumerate(axes):
        found = consistency.autocorrelation(scaled[:, axis])
        if len(found):
            marks.append(Line(np.arange(1, len(found) + 1), found, f"s{axis + 1}", word))
            count = max(count, int(np.isfinite(scaled[:, axis]).sum()))
    if not marks:
        return
    bound = 1.96 / np.sqrt(count)
    every = [*marks, Level(bound, "95 % of white noise"), Level(-bound), Level(0.0)]
    lags = (0.0, float(max(len(mark.x) for mark in marks)) + 1.0)
    low, high = value_range(every, 0.5)
    svg = plot(every, lags, (max(low, -1.0), min(high, 1.05)), "measurements apart", "autocorrelation")
    yield Figure(f"{title}: autocorrelation", svg, legend(marks))


def _table(offered: dict, ego: np.ndarray) -> Table:
    rows, flags = [], []
    for name, aid in offered.items():
        total = (aid.get("accepted") or 0) + (aid.get("rejected") or 0)
        nis, over = aid.get("nis_per_dof"), aid.get("share_over_95")
        rows.append(
            (
                AIDS.get(name, name),
                whole(aid.get("accepted")),
                whole(aid.get("rejected")),
                percent((aid.get("rejected") or 0) / total if total else None),
                number(nis, digits=3),
                percent(over),
                _state_at_end(name, ego),
            )
        )
        flags.append(not consistent(aid))
    return Table(
        "Consistency: the normalised innovation squared (NIS) is 1 a degree of freedom when the noise fits, and 5 % lie beyond "
        "the 95 % point",
        ("Aid", "Accepted", "Rejected", "Share rejected", "NIS per degree of freedom", "Beyond 95 %", "At the end"),
        tuple(rows),
        flags=tuple(flags),
    )


def _state_at_end(name: str, ego: np.ndarray) -> str:
    if name not in AXES or not len(ego):
        return ""
    fault = int(ego["aids"][-1][list(AXES).index(name)]["fault"])
    return "in use" if fault == 0 else msg.words("AidStatus", "REASON_").get(fault, str(fault)).replace("_", " ")
