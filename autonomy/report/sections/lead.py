"""The vehicle ahead: distance and speed as tracked, over the raw radar targets near the own path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Line, Points, time_figure
from autonomy.report.sections.section import Section
from autonomy.report.words import percent

NEAR_PATH_M = 1.9  # half a lane: what lies this close to the path ahead may be the lead
MESSAGES_AT_ONCE = 2000  # of hours of targets only those near the path are kept
LOWEST_SPEED_MPS = 2.0  # below, yaw rate over speed says nothing of curvature


def section(drive: Drive) -> Section:
    tracks = drive.topic("tracks")
    time = drive.time_s
    raw_time, distance, speed = _radar(drive)
    has_lead = bool(len(tracks)) and bool(np.isfinite(tracks["lead_distance"]).any())
    if not has_lead and not raw_time.size:
        return Section("lead", "Vehicle ahead", missing="No vehicle ahead and no radar target in this run.")
    near = f"radar targets within {NEAR_PATH_M:g} m of the path"
    figures = (
        time_figure(
            "Distance",
            [Points(raw_time, distance, "raw", near), Line(time, tracks["lead_distance"], "s1", "lead")],
            "distance (m)",
            drive.x_range,
            least_span=5.0,
        ),
        time_figure(
            "Speed",
            [
                Points(raw_time, speed, "raw", near),
                Line(time, tracks["lead_speed"], "s1", "lead"),
                Line(time, drive.ego["speed"], "reference", "own"),
            ],
            "speed over ground (m/s)",
            drive.x_range,
            least_span=2.0,
            y_range=_speed_range(tracks, drive),
        ),
    )
    share = drive.share(np.isfinite(tracks["lead_distance"])) if len(tracks) else 0.0
    missing = "" if raw_time.size else "The run's log holds no radar targets; only the tracked lead is shown."
    return Section(
        "lead", "Vehicle ahead", f"A lead was followed in {percent(float(share))} of the ticks.", figures, missing=missing
    )


def _speed_range(tracks: np.ndarray, drive: Drive) -> tuple[float, float] | None:
    """Around the lead's and the own speed: oncoming and standing targets may lie outside."""
    values = np.concatenate([tracks["lead_speed"], drive.ego["speed"]])
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    room = max(2.0, 0.3 * (high - low))
    return float(low - room), float(high + room)


def _radar(drive: Drive) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time in s, distance in m and speed over ground in m/s of the usable targets near the path ahead."""
    if not len(drive.ego):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    found = [_near_path(drive, *messages) for messages in _batched(drive.input_messages("radar"), MESSAGES_AT_ONCE)]
    if not found:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _near_path(drive: Drive, *messages: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times, points = [], []
    for time_ns, targets in messages:
        usable = targets[targets["validity"] == 0]
        times.append(np.full(len(usable), time_ns, np.int64))
        points.append(np.stack([usable["x"], usable["y"], usable["range_rate"]], axis=1))
    time_ns, table = np.concatenate(times), np.concatenate(points)
    row = np.clip(np.searchsorted(drive.ego["time_ns"], time_ns), 0, len(drive.ego) - 1)
    own, yaw_rate = drive.ego["speed"][row], drive.ego["angular_rate"][row, 2]
    curvature = np.where(own > LOWEST_SPEED_MPS, yaw_rate / np.maximum(own, LOWEST_SPEED_MPS), 0.0)
    with np.errstate(invalid="ignore"):
        near = (np.abs(table[:, 1] - 0.5 * curvature * table[:, 0] ** 2) < NEAR_PATH_M) & (table[:, 0] > 0.0)
    return drive.seconds(time_ns[near]), table[near, 0], (own + table[:, 2])[near]


def _batched(messages: Iterable, count: int) -> Iterator[tuple]:
    """Tuples of `count` messages, the last one shorter."""
    iterator = iter(messages)
    while part := tuple(islice(iterator, count)):
        yield part
