"""Radar targets as a point cloud: x, y, z and v, the range rate in m/s, to colour them by."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.viewers.moments import EVERY_TICKS, Moments
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import USED, Memory

MOST_POINTS = EVERY_TICKS * msg.dtype("RadarInput").fields["items"][0].shape[0]
HEIGHT_M = 0.7  # [D] radars here measure no height
# Names of one letter: elements of CDR lists lie evenly only when their strings are equally long
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("v", "<f4")])
FLOAT32 = 7

CLOUD = Memory(
    "sensor_msgs/PointCloud2",
    {"header.frame_id": VEHICLE, "fields.name": 1},
    {"fields": len(POINT.names), "data": MOST_POINTS * POINT.itemsize},
    counts_bytes=True,
)
_DATA = CLOUD.dtype.fields["data"][1] + 4  # behind its count


def clouds(moments: Moments) -> np.ndarray:
    rows = CLOUD.rows(len(moments.outputs))
    fill.stamp(rows["header"], moments.time_ns)
    fields = rows["fields"]["items"]
    fields["name"]["text"], fields["datatype"], fields["count"] = list(POINT.names), FLOAT32, 1
    fields["offset"] = [POINT.fields[name][1] for name in POINT.names]
    points = np.zeros(len(moments.radar), POINT)
    points["x"], points["y"], points["z"] = moments.radar["x"], moments.radar["y"], HEIGHT_M
    points["v"] = moments.radar["range_rate"]
    counts = np.bincount(moments.radar_row, minlength=len(rows))
    rows["height"], rows["width"], rows["point_step"] = 1, counts, POINT.itemsize
    rows["row_step"] = rows["data"]["count"] = sizes = counts * POINT.itemsize
    rows[USED] = _DATA + sizes + 1
    raw = rows.view(np.uint8).reshape(len(rows), CLOUD.dtype.itemsize)
    raw[np.arange(len(rows)), _DATA + sizes] = np.isfinite(points["x"]).all()  # is_dense, behind the points in use
    ends = np.cumsum(counts)
    for row, (begin, end) in enumerate(zip((ends - counts).tolist(), ends.tolist(), strict=True)):
        raw[row, _DATA : _DATA + sizes[row]] = points[begin:end].view(np.uint8)
    return rows
