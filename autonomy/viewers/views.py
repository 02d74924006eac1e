"""The standard messages of a run beside its own: what viewers draw at once, written ten times a second.

They are for the eye. No command reads them back; the figures are those of the run's own messages at the same tick.
"""

from __future__ import annotations

import numpy as np

from autonomy.log.writer import LogWriter
from autonomy.viewers import cloud, diagnostics, geometry, grid, markers, motion, obstacles, paths, positions, scan_messages
from autonomy.viewers.moments import Moments, joined
from autonomy.viewers.standard import definitions
from autonomy.viewers.standard.memory import Memory

TRANSFORMS, DIAGNOSTICS = "/tf", "/diagnostics"  # by the names that every viewer looks for
ODOMETRY, POSE = "/view/odometry", "/view/pose"
FIX, GNSS, REFERENCE = "/view/fix", "/view/gnss", "/view/reference"
ROUTE, WANTED, STOP = "/view/route", "/view/wanted_path", "/view/stop_path"
VEHICLE, TRAILER, OBJECTS, LANE = "/view/vehicle", "/view/trailer", "/view/objects", "/view/lane"
RADAR, GRID, OBSTACLES = "/view/radar", "/view/grid", "/view/obstacles"


class Views:
    """Writes moments into a log."""

    def __init__(self, writer: LogWriter, vehicle: np.void):
        """`vehicle` is the run's VehicleParameters."""
        self._writer, self._vehicle = writer, vehicle
        self._diagnostics = diagnostics.Diagnostics()
        self._declared: set[str] = set()

    def write(self, moments: Moments) -> None:
        if not len(moments.outputs):
            return
        outputs, times = moments.outputs, moments.time_ns
        poses = geometry.poses(outputs["ego"])
        lines = geometry.lines(outputs["lane"], outputs["plan"]["lateral_target"])
        references, fixes, windows = moments.references, moments.fixes, moments.lane_paths
        streams = {
            TRANSFORMS: (times, *motion.transforms(moments, poses, self._vehicle)),
            ODOMETRY: (times, motion.ODOMETRY, motion.odometry(moments, poses)),
            POSE: (times, motion.POSE, motion.pose(moments, poses)),
            FIX: (times, positions.FIX, positions.estimates(moments, poses)),
            GNSS: (times[moments.fixes_row], positions.FIX, positions.fixes(fixes)),
            REFERENCE: (references["time_ns"], positions.FIX, positions.references(references)),
            ROUTE: (paths.window_times(windows), paths.WINDOW, paths.windows(windows, times, poses)),
            WANTED: (times, paths.WANTED, paths.wanted(moments, lines)),
            STOP: (times, paths.STOP, paths.stop(moments)),
            LANE: (times, markers.LANE, markers.lane(moments, lines)),
            OBJECTS: (times, markers.OBJECTS, markers.objects(moments)),
            RADAR: (times, cloud.CLOUD, cloud.clouds(moments)),
            VEHICLE: markers.vehicle(moments, self._vehicle, motion.VEHICLE),
            TRAILER: markers.vehicle(moments, self._vehicle, motion.TRAILER),
            GRID: grid.grids(moments, lines),
            OBSTACLES: obstacles.obstacles(moments),
            **_scans(moments),
            DIAGNOSTICS: self._diagnostics.messages(moments),
        }
        for topic, (_, memory, rows) in streams.items():
            if len(rows) and topic not in self._declared:
                self._declared.add(topic)
                name, text = definitions.schema_name(memory.name), definitions.schema_text(memory.name)
                self._writer.declare_foreign(topic, name, text, memory.layout)
        self._writer.write_merged({topic: (stream[0], stream[2]) for topic, stream in streams.items() if len(stream[2])})


def _scans(moments: Moments) -> dict[str, tuple[np.ndarray, Memory, np.ndarray]]:
    """Points and lines of the scans by topic."""
    found = {}
    for topic, memory in scan_messages.MEMORIES.items():
        scans = [scan for scan in moments.scans if scan.topic == topic]
        times = np.array([scan.log_time_ns for scan in scans], np.int64)
        found[topic] = times, memory, joined([scan.row for scan in scans], memory.dtype)
    return found
