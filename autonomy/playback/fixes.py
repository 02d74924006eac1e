"""The GNSS solutions of a log, decoded as the ticks would see them: for a reference of its own, and for clocks."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.log.reader import Batch, rows_of
from autonomy.playback.source import LogSource

LARGEST_SIGMA_M = 10.0  # a fix that says it is further off is no reference
FRAMES_AT_ONCE = msg.dtype("GnssInput")["items"].shape[0]  # so that no list overflows


def gnss_samples(source: LogSource) -> np.ndarray:
    """dtype("GnssSample") (n,) in order of receipt, valid ones alone, whether the log holds samples or raw CAN frames."""
    topics = source.reader.topics
    if "/in/gnss" in topics:
        found = [_of_lists(rows_of(batch, msg.dtype("GnssInput"))) for batch in source.reader.batches(["/in/gnss"])]
    else:
        can = [topic for topic in topics if topic.startswith("/raw/can/")]
        found = list(_of_frames(source, can)) if can else []
    samples = np.concatenate(found) if found else np.zeros(0, msg.dtype("GnssSample"))
    samples = samples[samples["validity"] == 0]
    return samples[np.argsort(samples["received_time_ns"], kind="stable")]


def receiver_poses(source: LogSource) -> np.ndarray:
    """The receiver's own fixes as dtype("ReferencePose"), at the time they came: late by the delay that the filter finds."""
    fixes = gnss_samples(source)
    sigma = np.nan_to_num(fixes["position_sigma"], nan=0.0)
    usable = (fixes["fix_type"] >= 2) & (sigma <= LARGEST_SIGMA_M) & np.isfinite(fixes["latitude_deg"] + fixes["longitude_deg"])
    fixes = fixes[usable & np.append(True, np.diff(fixes["valid_time_ns"]) > 0)] if len(fixes) else fixes
    poses = np.zeros(len(fixes), msg.dtype("ReferencePose"))
    poses["time_ns"] = fixes["valid_time_ns"]
    for name in ("latitude_deg", "longitude_deg"):
        poses[name] = fixes[name]
    poses["altitude_m"] = np.nan_to_num(fixes["altitude_m"])
    course = np.radians(fixes["course_deg"])
    given = np.isfinite(fixes["velocity_east"])
    poses["velocity_east"] = np.where(given, fixes["velocity_east"], fixes["speed"] * np.sin(course))
    poses["velocity_north"] = np.where(given, fixes["velocity_north"], fixes["speed"] * np.cos(course))
    poses["velocity_up"] = fixes["velocity_up"]
    half = 0.5 * np.arctan2(poses["velocity_north"], poses["velocity_east"])
    poses["orientation"][:, 0], poses["orientation"][:, 3] = np.cos(half), np.sin(half)
    return poses


def _of_lists(rows: np.ndarray) -> np.ndarray:
    used = np.arange(rows["items"].shape[1]) < rows["count"][:, None]
    return rows["items"][used]


def _of_frames(source: LogSource, topics: list[str]):
    """Samples of the gnss routes alone, a few frames at a time."""
    router = source.router.only("gnss")
    inputs = np.zeros(1, msg.dtype("InputFrame"))
    frames_of = msg.dtype("CanFrame")
    for batch in source.reader.batches(topics):
        frames = rows_of(Batch(batch.records, batch.data), frames_of)
        frames = frames[router.listens_to(frames)]
        for first in range(0, len(frames), FRAMES_AT_ONCE):
            inputs["gnss"]["count"] = 0
            router.route(frames[first : first + FRAMES_AT_ONCE], inputs)
            yield inputs["gnss"]["items"][0, : inputs["gnss"]["count"][0]].copy()
