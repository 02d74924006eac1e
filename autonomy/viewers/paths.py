"""Paths: the route's window of the lane path, where the plan wants to be, and the fallback stop."""

from __future__ import annotations

import numpy as np

from autonomy.viewers import geometry
from autonomy.viewers.geometry import Lines, Poses
from autonomy.viewers.moments import Moments
from autonomy.viewers.motion import MAP, VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

MOST_WINDOW_POINTS = 64  # LanePathInput.items
ENDS_IN = "poses"


def _path(frame: str, points: int) -> Memory:
    return Memory("nav_msgs/Path", {"header.frame_id": frame, "poses.header.frame_id": frame}, {"poses": points}, ends_in=ENDS_IN)


WINDOW = _path(MAP, MOST_WINDOW_POINTS)
WANTED = _path(VEHICLE, geometry.LINE_POINTS)
STOP = _path(VEHICLE, geometry.STOP_POINTS)


def window_times(windows: list[tuple[int, np.ndarray]]) -> np.ndarray:
    return np.array([time_ns for time_ns, _ in windows], np.int64)


def windows(found: list[tuple[int, np.ndarray]], times_ns: np.ndarray, poses: Poses) -> np.ndarray:
    """From windows of LanePoint rows, at the vehicle's height: the lane path has none of its own."""
    rows = WINDOW.rows(len(found))
    for number, (time_ns, points) in enumerate(found):
        moment = min(int(np.searchsorted(times_ns, time_ns)), len(times_ns) - 1)
        path = np.column_stack([points["x_m"], points["y_m"], np.full(len(points), poses.position[moment, 2])])[None]
        _fill(rows[number : number + 1], np.array([time_ns]), path)
    return rows


def wanted(moments: Moments, lines: Lines) -> np.ndarray:
    rows = WANTED.rows(len(moments.outputs))
    _fill(rows, moments.time_ns, lines.wanted)
    rows["poses"]["count"] = np.where(lines.known, geometry.LINE_POINTS, 0)
    return rows


def stop(moments: Moments) -> np.ndarray:
    valid, points = geometry.stop_paths(moments.outputs["plan"])
    rows = STOP.rows(len(moments.outputs))
    _fill(rows, moments.time_ns, points)
    rows["poses"]["count"] = np.where(valid, geometry.STOP_POINTS, 0)
    return rows


def _fill(rows: np.ndarray, time_ns: np.ndarray, points: np.ndarray) -> None:
    """From points (n, k, 2 or 3), k > 1; each pose looks at the next point."""
    count = points.shape[1]
    step = np.diff(points[:, :, :2], axis=1)
    yaw = np.arctan2(step[:, :, 1], step[:, :, 0])
    turns = geometry.rounded(geometry.yaw_quaternion(np.concatenate([yaw, yaw[:, -1:]], axis=1)), geometry.TURN_STEP)
    fill.stamp(rows["header"], time_ns)
    poses = rows["poses"]
    poses["count"] = count
    done = 0
    for part in (poses["lead"][:, None], poses["items"][:, : count - 1]):
        these = slice(done, done + part.shape[1])
        fill.stamp(part["header"], time_ns[:, None])
        fill.point(part["pose"]["position"], points[:, these])
        fill.quaternion(part["pose"]["orientation"], turns[:, these])
        done += part.shape[1]
