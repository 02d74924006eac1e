"""The lane's corridor as an occupancy grid: free inside the boundaries, occupied where objects are, else unknown."""

from __future__ import annotations

import numpy as np

from autonomy.viewers import bodies, geometry
from autonomy.viewers.geometry import Lines
from autonomy.viewers.markers import MOST_TRACKS
from autonomy.viewers.moments import EVERY_TICKS, Moments
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

EVERY_MOMENTS = 5  # 2 Hz: it moves with the vehicle, as most of what is on it does
RESOLUTION_M = 0.5
BEHIND_M, AHEAD_M, SIDE_M = geometry.BEHIND_M, 120.0, 10.0
WIDTH, HEIGHT = round((BEHIND_M + AHEAD_M) / RESOLUTION_M), round(2 * SIDE_M / RESOLUTION_M)  # cells along x and y
UNKNOWN, FREE, OCCUPIED = -1, 0, 100
CONFIRMED = 2  # Track.status from here on

GRID = Memory("nav_msgs/OccupancyGrid", {"header.frame_id": VEHICLE}, {"data": WIDTH * HEIGHT})
_X = (np.arange(WIDTH) + 0.5) * RESOLUTION_M - BEHIND_M
_Y = (np.arange(HEIGHT) + 0.5) * RESOLUTION_M - SIDE_M


def grids(moments: Moments, lines: Lines) -> tuple[np.ndarray, Memory, np.ndarray]:
    """(times, layout, messages) in the vehicle frame."""
    chosen = np.flatnonzero(moments.outputs["tick_index"] % (EVERY_MOMENTS * EVERY_TICKS) == 0)
    times, rows = moments.time_ns[chosen], GRID.rows(len(chosen))
    fill.stamp(rows["header"], times)
    info = rows["info"]
    fill.stamp({"stamp": info["map_load_time"]}, times)
    info["resolution"], info["width"], info["height"] = RESOLUTION_M, WIDTH, HEIGHT
    fill.point(info["origin"]["position"], np.array([-BEHIND_M, -SIDE_M, 0.0]))
    info["origin"]["orientation"]["w"] = 1.0
    tracks = moments.outputs["tracks"]
    for number, row in enumerate(chosen.tolist()):
        cells = np.full((HEIGHT, WIDTH), UNKNOWN, np.int8)
        if lines.known[row]:
            _free_corridor(cells, lines.left[row], lines.right[row])
        _occupy(cells, tracks["tracks"][row, : min(tracks["count"][row], MOST_TRACKS)])
        rows["data"]["items"][number] = cells.ravel()
    return times, GRID, rows


def _free_corridor(cells: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    low, high = (np.interp(_X, side[:, 0], side[:, 1], left=np.nan, right=np.nan) for side in (right, left))
    with np.errstate(invalid="ignore"):
        cells[(_Y[:, None] > low) & (_Y[:, None] < high)] = FREE


def _occupy(cells: np.ndarray, tracks: np.ndarray) -> None:
    centres, sizes = bodies.object_boxes(tracks[tracks["status"] >= CONFIRMED])
    low = np.floor((centres[:, :2] - 0.5 * sizes[:, :2] + [BEHIND_M, SIDE_M]) / RESOLUTION_M).astype(int)
    high = np.ceil((centres[:, :2] + 0.5 * sizes[:, :2] + [BEHIND_M, SIDE_M]) / RESOLUTION_M).astype(int)
    for (x0, y0), (x1, y1) in zip(np.maximum(low, 0).tolist(), np.maximum(high, 0).tolist(), strict=True):
        cells[y0:y1, x0:x1] = OCCUPIED
