"""The standard messages of a run beside its own: what viewers draw at once, written ten times a second.

They are for the eye. No command reads them back; the figures are those of the run's own messages at the same tick.
"""

from __future__ import annotations

import numpy as np

from autonomy.log.writer import LogWriter
from autonomy.viewers import cloud, diagnostics, geometry, grid, markers, motion, paths, positions
from autonomy.viewers.moments import Moments
from autonomy.viewers.standard import definitions
from autonomy.viewers.standard.memory import Bytes, Memory

TRANSFORMS, DIAGNOSTICS = "/tf", "/diagnostics"  # by the names that every viewer looks for
ODOMETRY, POSE = "/view/odometry", "/view/pose"
FIX, GNSS, REFERENCE = "/view/fix", "/view/gnss", "/view/reference"
ROUTE, WANTED, STOP = "/view/route", "/view/wanted_path", "/view/stop_path"
VEHICLE, TRAILER, OBJECTS, LANE = "/view/vehicle", "/view/trailer", "/view/objects", "/view/lane"
RADAR, GRID = "/view/radar", "/view/grid"


class Views:
    """Writes moments into a log."""

    def __init__(self, writer: LogWriter, vehicle: np.void):
        """`vehicle` is the run's VehicleParameters."""
        self._writer, self._vehicle = writer, vehicle
        self._diagnostics = diagnostics.Diagnostics()
        self._declared: set[str] = set()

    def write(self, moments: Moments) -> None:
        if len(moments.references):
            self._put(REFERENCE, positions.FIX, moments.references["time_ns"], positions.references(moments.references))
        if len(moments.fixes):
            self._put(GNSS, positions.FIX, moments.fixes_time_ns, positions.fixes(moments.fixes))
        if not len(moments.outputs):
            return
        outputs, times = moments.outputs, moments.time_ns
        poses = geometry.poses(outputs["ego"])
        lines = geometry.lines(outputs["lane"], outputs["plan"]["lateral_target"])
        memory, rows = motion.transforms(moments, poses, self._vehicle)
        self._put(TRANSFORMS, memory, times, rows)
        self._put(ODOMETRY, motion.ODOMETRY, times, motion.odometry(moments, poses))
        self._put(POSE, motion.POSE, times, motion.pose(moments, poses))
        self._put(FIX, positions.FIX, times, positions.estimates(moments, poses))
        for time_ns, window in moments.lane_paths:
            if len(window) > 1:
                self._put(ROUTE, paths.WINDOW, np.array([time_ns]), paths.window(time_ns, window, paths.height(poses)))
        self._put(WANTED, paths.WANTED, times, paths.wanted(moments, lines))
        self._put(STOP, paths.STOP, times, paths.stop(moments))
        self._put(LANE, markers.LANE, times, markers.lane(moments, lines))
        self._put(OBJECTS, markers.OBJECTS, times, markers.objects(moments))
        self._put(RADAR, cloud.CLOUD, times, cloud.clouds(moments))
        for topic, frame in ((VEHICLE, motion.VEHICLE), (TRAILER, motion.TRAILER)):
            body_times, memory, rows = markers.vehicle(moments, self._vehicle, frame)
            if memory is not None:
                self._put(topic, memory, body_times, rows)
        self._put(GRID, grid.GRID, *grid.grids(moments, poses, lines))
        found = list(self._diagnostics.messages(moments))
        if found:
            message_times, bodies = zip(*found, strict=True)
            self._put(DIAGNOSTICS, diagnostics.ARRAY, np.array(message_times, np.int64), diagnostics.ARRAY.rows(list(bodies)))

    def _put(self, topic: str, memory: Memory | Bytes, times: np.ndarray, rows: np.ndarray) -> None:
        if topic not in self._declared:
            self._declared.add(topic)
            self._writer.declare_foreign(
                topic, definitions.schema_name(memory.name), definitions.schema_text(memory.name), memory.layout
            )
        self._writer.write_batch(topic, times, rows)
