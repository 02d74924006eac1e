"""A shown scan as messages: its points as a cloud with their labels, its lines as markers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autonomy.viewers import markers
from autonomy.viewers.geometry import DRAWN_STEP_M, LINE_POINTS, rounded
from autonomy.viewers.markers import ADD, DELETE, LINE_STRIP
from autonomy.viewers.moments import Scan
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.scans import MOST_POINTS, POINT, ShownScan
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import USED, Memory

POINTS, SCAN_LINES = "/view/points", "/view/scan_lines"
EVERY_NS = 200_000_000  # of the time scans are for: five a second of each sensor at most
UINT8, FLOAT32 = 2, 7  # PointField.datatype
FIELDS = [name for name in POINT.names if name != "padding"]
CLOUD = Memory(
    "sensor_msgs/PointCloud2",
    {"header.frame_id": VEHICLE, **{f"fields[{number}].name": name for number, name in enumerate(FIELDS)}},
    {"fields": len(FIELDS), "data": MOST_POINTS * POINT.itemsize},
    counts_bytes=True,
    apart=frozenset(["fields"]),
)
_DATA = CLOUD.dtype.fields["data"][1] + 4  # behind its count
MOST_LINES = 6  # by side: left, right, next left, next right, left edge, right edge
LINES = markers.array(VEHICLE, "scan_lines", MOST_LINES, points=LINE_POINTS)
PAINT_COLOUR, EDGE_COLOUR, LINE_WIDTH_M = (1.0, 0.85, 0.3, 0.9), (0.7, 0.5, 0.9, 0.9), 0.12
MEMORIES = {POINTS: CLOUD, SCAN_LINES: LINES}


class ScanMessages:
    """A watcher of shown scans that hands messages of some of them to `take`."""

    def __init__(self, take: Callable[[Scan], None]):
        self._take = take
        self._last_ns: dict[int, int] = {}  # by sensor, in steps of EVERY_NS

    def __call__(self, scan: ShownScan) -> None:
        if scan.valid_time_ns // EVERY_NS == self._last_ns.get(scan.source):
            return
        self._last_ns[scan.source] = scan.valid_time_ns // EVERY_NS
        self._take(Scan(POINTS, scan.received_time_ns, cloud(scan)))
        self._take(Scan(SCAN_LINES, scan.received_time_ns, lines(scan)))


def cloud(scan: ShownScan) -> np.ndarray:
    """(1,) of CLOUD."""
    row = CLOUD.rows(1)
    fill.stamp(row["header"], np.array([scan.valid_time_ns]))
    for number, name in enumerate(FIELDS):
        field = row["fields"][str(number)]
        field["offset"], field["count"] = POINT.fields[name][1], 1
        field["datatype"] = UINT8 if POINT[name].itemsize == 1 else FLOAT32
    size = len(scan.points) * POINT.itemsize
    row["height"], row["width"], row["point_step"] = 1, len(scan.points), POINT.itemsize
    row["row_step"] = row["data"]["count"] = size
    row[USED] = _DATA + size + 1
    raw = row.view(np.uint8)
    raw[_DATA : _DATA + size] = scan.points.view(np.uint8)
    raw[_DATA + size] = 1  # is_dense, behind the points in use
    return row


def points_of(row: np.ndarray) -> np.ndarray:
    """POINT rows of a row of CLOUD."""
    size = int(row["data"]["count"][0])
    return row.view(np.uint8)[_DATA : _DATA + size].view(POINT)


def lines(scan: ShownScan) -> np.ndarray:
    """(1,) of LINES; a side without a line is taken away."""
    row = LINES.rows(1)
    row["markers"]["count"] = MOST_LINES
    each = row["markers"]["items"][0]
    fill.stamp(each["header"], np.array([scan.valid_time_ns]))
    each["id"], each["type"], each["action"] = np.arange(MOST_LINES), LINE_STRIP, DELETE
    each["pose"]["orientation"]["w"], each["scale"]["x"] = 1.0, LINE_WIDTH_M
    for line in scan.lines[scan.lines["side"] < MOST_LINES]:
        marker = each[line["side"]]
        marker["action"] = ADD
        fill.colour(marker["color"], EDGE_COLOUR if line["edge_kind"] else PAINT_COLOUR)
        x = np.linspace(line["x_min"], line["x_max"], LINE_POINTS)
        strip = np.stack([x, np.polyval(line["c"][::-1], x)], axis=1)
        fill.point(marker["points"]["items"], rounded(strip, DRAWN_STEP_M))
    return row
