"""Both runs in one plot and their difference beside it: the quantities that matter, then those that differ most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.playback.difference import FieldDifference
from autonomy.playback.output_log import OutputLog
from autonomy.report.comparison import outages
from autonomy.report.comparison.aids import AidConsistency, AidShare
from autonomy.report.comparison.comparison import Comparison
from autonomy.report.errors import origin_of, positions
from autonomy.report.map import Track, map_figure
from autonomy.report.plot import Figure, Line, time_figure
from autonomy.report.words import AIDS, counted

MOST_FURTHER = 8  # fields drawn because they differ, beyond the list below
DEGREES = math.degrees(1.0)


@dataclass(frozen=True)
class Picture:
    """One quantity: `component` of an array field, `factor` from the field's unit to the plot's, whole turns left out."""

    title: str
    topic: str
    field: str
    y_label: str
    component: int | None = None
    factor: float = 1.0
    angle: bool = False
    unknown_zero: str = ""  # a field of the message; where it is zero the value means nothing
    measure: Callable[[np.ndarray], np.ndarray] | None = None  # from the field's rows to the value, where it is no plain number


PICTURES = (
    Picture("Speed", "ego", "speed", "speed (m/s)"),
    Picture("Yaw", "ego", "yaw", "yaw (°)", factor=DEGREES, angle=True),
    Picture("Yaw rate", "ego", "angular_rate", "yaw rate (°/s)", 2, DEGREES),
    Picture("Acceleration forward", "ego", "acceleration", "acceleration (m/s²)", 0),
    Picture("Position, 1 sigma east", "ego", "sigma", "sigma (m)", 0),
    Picture("Offset in the lane", "lane", "offset", "offset, positive left (m)", unknown_zero="status"),
    Picture("Curvature", "lane", "curvature", "curvature (1/km)", factor=1e3, unknown_zero="status"),
    Picture("Distance to the lead", "tracks", "lead_distance", "distance (m)"),
    Picture("Speed of the lead", "tracks", "lead_speed", "speed (m/s)"),
    Picture("Target speed", "plan", "target_speed", "speed (m/s)"),
    Picture("Wanted road-wheel angle", "control", "road_wheel_angle", "angle, positive left (°)", factor=DEGREES,
            unknown_zero="lateral_active"),
    Picture("Wanted acceleration", "control", "acceleration", "acceleration (m/s²)", unknown_zero="longitudinal_active"),
    Picture("Mode", "actuation", "mode", "mode"),
    Picture("Behaviour", "plan", "behaviour", "behaviour"),
    Picture("Health", "health", "level", "level"),
    *(Picture(f"{title}: accepted so far", "ego", "aids", "share (%)", measure=AidShare(place))
      for place, title in enumerate(AIDS.values())),
    *(Picture(f"{title}: consistency so far", "ego", "aids", "NIS per degree of freedom", measure=AidConsistency(place))
      for place, title in enumerate(AIDS.values())),
)  # fmt: skip


def figures(found: Comparison) -> tuple[Figure, ...]:
    """The map and the outages, then a pair of figures (both runs; B minus A) for every quantity."""
    wanted = [*PICTURES, *_further(found)]
    with OutputLog(found.logs[0]) as left, OutputLog(found.logs[1]) as right:
        a, b = _read(left, wanted), _read(right, wanted)
        start_ns = left.reader.start_ns or 0
        drawn = _positions(_ego(left), _ego(right), start_ns)
    drawn += outages.figures(found)
    for picture in wanted:
        if picture in a and picture in b:
            drawn += _pair(picture, a[picture], b[picture], start_ns)
    return tuple(drawn)


def _further(found: Comparison) -> list[Picture]:
    """Fields that differ and are not in the list above, those that differ most for their size first."""
    shown = {(f"/out/{picture.topic}", picture.field) for picture in PICTURES}
    fields = [item for topic in found.topics for item in topic.beyond]
    fields = [item for item in fields if (item.topic, item.field) not in shown and "." not in item.field]
    fields = sorted(fields, key=_weight, reverse=True)[:MOST_FURTHER]
    return [_picture(item) for item in fields]


def _picture(item: FieldDifference) -> Picture:
    topic = item.topic.removeprefix("/out/")
    if not isinstance(item.a, list):
        return Picture(f"{topic}.{item.field}", topic, item.field, item.field)
    gaps = [abs(one - other) if math.isfinite(one - other) else 0.0 for one, other in zip(item.a, item.b, strict=True)]
    component = int(np.argmax(gaps))
    return Picture(f"{topic}.{item.field}[{component}]", topic, item.field, item.field, component)


def _weight(item: FieldDifference) -> float:
    size = max((abs(value) for value in np.ravel([item.a, item.b]).astype(float) if math.isfinite(value)), default=0.0)
    return item.rms / size if size > 0.0 and math.isfinite(item.rms) else 0.0


def _read(log: OutputLog, wanted: Iterable[Picture]) -> dict[Picture, tuple[np.ndarray, np.ndarray]]:
    """(log times, values) of every picture whose field the log has."""
    by_topic: dict[str, list[Picture]] = {}
    for picture in wanted:
        by_topic.setdefault(f"/out/{picture.topic}", []).append(picture)
    found = {}
    for topic, pictures in by_topic.items():
        if topic not in log.topics:
            continue
        names = log.dtype(topic).names
        pictures = [picture for picture in pictures if picture.field in names]
        times, values = [], {picture: [] for picture in pictures}
        for block_times, rows in log.blocks(topic):
            times.append(block_times)
            for picture in pictures:
                values[picture].append(_values(picture, rows))
        if times:
            joined = np.concatenate(times)
            found |= {picture: (joined, np.concatenate(values[picture])) for picture in pictures}
    return found


def _values(picture: Picture, rows: np.ndarray) -> np.ndarray:
    if picture.measure is not None:
        return picture.measure(rows[picture.field])
    values = rows[picture.field] if picture.component is None else rows[picture.field][:, picture.component]
    values = values.astype(float) * picture.factor
    if picture.unknown_zero in rows.dtype.names:
        values = np.where(rows[picture.unknown_zero] > 0, values, np.nan)
    return values


def _pair(picture: Picture, a, b, start_ns: int) -> list[Figure]:
    (times_a, values_a), (times_b, values_b) = a, b
    if not (np.isfinite(values_a).any() or np.isfinite(values_b).any()):
        return []
    seconds_a, seconds_b = (times_a - start_ns) / 1e9, (times_b - start_ns) / 1e9
    ends = np.concatenate([seconds_a[[0, -1]], seconds_b[[0, -1]]])
    x_range = (float(ends.min()), float(max(ends.max(), ends.min() + 0.01)))
    both = [Line(seconds_a, values_a, "reference", "A"), Line(seconds_b, values_b, "s2", "B")]
    _, index_a, index_b = np.intersect1d(times_a, times_b, return_indices=True)
    gap = values_b[index_b] - values_a[index_a]
    if picture.angle:
        turn = 2.0 * math.pi * picture.factor
        gap = np.remainder(gap + 0.5 * turn, turn) - 0.5 * turn
    largest = np.abs(gap[np.isfinite(gap)]).max(initial=0.0)
    apart = int((np.isfinite(values_a[index_a]) != np.isfinite(values_b[index_b])).sum())
    note = "The same throughout." if largest == 0.0 and not apart else f"Largest difference {largest:.3g}."
    note += f" Known to one run only at {counted(apart, 'tick')}." if apart else ""
    marks = [Line(seconds_a[index_a], gap, "s1", "B minus A")]
    return [
        time_figure(picture.title, both, picture.y_label, x_range, least_span=1e-9, settling=True),
        time_figure(f"{picture.title}: difference", marks, picture.y_label, x_range, least_span=1e-9, note=note),
    ]


def _ego(log: OutputLog) -> np.ndarray:
    """What a map needs; empty where the log's message lacks it."""
    names = ["time_ns", "status", "origin_latitude_deg", "origin_longitude_deg", "origin_altitude_m", "position"]
    whole = msg.dtype("EgoState")
    slim = np.dtype([(name, whole[name]) for name in names])
    if "/out/ego" not in log.topics or not set(names) <= set(log.dtype("/out/ego").names):
        return np.zeros(0, slim)
    parts = []
    for _, rows in log.blocks("/out/ego"):
        part = np.zeros(len(rows), slim)
        for name in names:
            part[name] = rows[name]
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0, slim)


def _positions(a: np.ndarray, b: np.ndarray, start_ns: int) -> list[Figure]:
    """The map of both, and how far their positions lie apart east, north and up."""
    origin = origin_of(a) or origin_of(b)
    if origin is None:
        return []
    points = [positions(ego, origin) for ego in (a, b)]
    seconds = [(ego["time_ns"] - start_ns) / 1e9 for ego in (a, b)]
    tracks = [Track(points[0][:, :2], "driven", "A", seconds[0]), Track(points[1][:, :2], "s2", "B", seconds[1])]
    seen = map_figure("Seen from above", [track for track in tracks if len(track.points) > 1])
    drawn = [seen]
    _, index_a, index_b = np.intersect1d(a["time_ns"], b["time_ns"], return_indices=True)
    if len(index_a) < 2:
        return drawn
    gaps, time = points[1][index_b] - points[0][index_a], seconds[0][index_a]
    for axis, word in enumerate(("east", "north", "up")):
        marks = [Line(time, gaps[:, axis], "s1", "B minus A")]
        shape = "wide" if seen.shape == "wide" and axis == 2 else ""
        x_range = (float(time[0]), float(time[-1]))
        drawn.append(time_figure(f"Position: difference {word}", marks, "distance (m)", x_range, least_span=1e-9, shape=shape))
    return drawn
