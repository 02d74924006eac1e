"""A run as a Rerun recording: the scene ten times a second, the figures at every tick, the place on the map.

Columns go out a few seconds at a time, so memory does not grow with the run. Needs rerun-sdk (extra "viz").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autonomy.report.sections.health import BEHAVIOURS, LANES, LEVELS, MODES, REASONS
from autonomy.report.words import AIDS
from autonomy.viewers import bodies, geometry, markers, obstacles, scan_messages
from autonomy.viewers.moments import Moments

TIMELINE = "run_time"  # from the log's start
VEHICLE, TRAILER = "map/base_link", "map/base_link/trailer"
MOST_TRACE_POINTS = 8000  # of one line on the map; beyond it every second point goes
TRACE_RADIUS = -2.0  # negative radii are pixels of the screen
WANTED_COLOUR, STOP_COLOUR, ROUTE_COLOUR = (55, 183, 240), (240, 74, 208), (232, 212, 77)
TRACE_COLOURS = {"estimate": (31, 119, 212), "gnss": (232, 134, 46), "reference": (53, 168, 83)}

# Of a scan's points by label: none, ground, obstacle, marking, road edge, noise
LABEL_COLOURS = np.array([(90, 90, 90), (130, 134, 138), (86, 180, 233), (240, 200, 60), (200, 130, 190), (213, 94, 0)], np.uint8)
POINT_RADIUS = -1.5

# path below /figures: what to read from rows of OutputFrame
FIGURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "speed/estimate": lambda out: out["ego"]["speed"],
    "speed/wheels": lambda out: out["vehicle"]["speed"],
    "speed/target": lambda out: out["plan"]["target_speed"],
    "speed/lead": lambda out: out["tracks"]["lead_speed"],
    "acceleration/command": lambda out: out["actuation"]["acceleration_mps2"],
    "acceleration/vehicle": lambda out: out["vehicle"]["driver_acceleration"],
    "steering/command": lambda out: out["actuation"]["road_wheel_angle_rad"],
    "steering/vehicle": lambda out: out["vehicle"]["road_wheel_angle"],
    "lane/offset": lambda out: out["lane"]["offset"],
    "lane/target": lambda out: out["plan"]["lateral_target"],
    "lead/distance": lambda out: out["tracks"]["lead_distance"],
    "lead/desired_gap": lambda out: out["plan"]["desired_gap"],
    "sigma/east": lambda out: out["ego"]["sigma"][:, 0],
    "sigma/north": lambda out: out["ego"]["sigma"][:, 1],
    **{f"test_ratio/{name}": (lambda out, aid=aid: out["ego"]["aids"][:, aid]["test_ratio"]) for aid, name in enumerate(AIDS)},
}
# Calm, good, noticeable, bad: colours that a colour-blind reader tells apart
CALM, GOOD, NOTED, BAD = (110, 116, 124), (53, 142, 200), (226, 170, 40), (204, 72, 46)
STATE_COLOURS = {
    "health": (GOOD, NOTED, BAD),
    "mode": (CALM, GOOD, BAD, CALM),
    "behaviour": (CALM, GOOD, NOTED, BAD),
    "reason": (CALM, NOTED, NOTED, BAD, BAD, BAD, NOTED, BAD, BAD, NOTED),
    "lane": (CALM, GOOD, NOTED),
}
STATES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], dict[int, str]]] = {
    "health": (lambda out: out["health"]["level"], LEVELS),
    "mode": (lambda out: out["actuation"]["mode"], MODES),
    "behaviour": (lambda out: out["plan"]["behaviour"], BEHAVIOURS),
    "reason": (lambda out: out["plan"]["reason"], {0: "-", **REASONS}),
    "lane": (lambda out: out["lane"]["status"], LANES),
}


class RerunScene:
    """Writes into a rerun.RecordingStream."""

    def __init__(self, recording: Any, vehicle: np.void, start_ns: int):
        """`vehicle` is the run's VehicleParameters, `start_ns` the zero of the time axis."""
        import rerun

        self._rr, self._recording, self._start_ns = rerun, recording, start_ns
        self._vehicle = vehicle
        self._states: dict[str, int] = {}
        self._traces = {name: Trace() for name in TRACE_COLOURS}
        self._static()

    def write_outputs(self, outputs: np.ndarray) -> None:
        """Figures and states of rows of OutputFrame."""
        if not len(outputs):
            return
        times = outputs["tick_time_ns"]
        for path, read in FIGURES.items():
            values = read(outputs)
            known = np.isfinite(values)
            if known.any():
                self._send(f"figures/{path}", times[known], self._rr.Scalars.columns(scalars=values[known]))
        for name, (read, words) in STATES.items():
            values = read(outputs).astype(np.int64)
            changed = np.flatnonzero(np.diff(values, prepend=self._states.get(name, -1)))
            self._states[name] = int(values[-1])
            if len(changed):
                texts = [words.get(value, str(value)) for value in values[changed].tolist()]
                self._send(f"states/{name}", times[changed], self._rr.StateChange.columns(state=texts))

    def write_moments(self, moments: Moments) -> None:
        """The scene and the place."""
        if not len(moments.outputs):
            return
        rr, times, outputs = self._rr, moments.time_ns, moments.outputs
        poses = geometry.poses(outputs["ego"])
        self._send(VEHICLE, times, rr.Transform3D.columns(translation=poses.position, quaternion=poses.quaternion))
        if self._vehicle["has_trailer"]:
            kingpin = np.tile([-float(self._vehicle["hitch_offset_m"]), 0.0, 0.0], (len(times), 1))
            turn = geometry.yaw_quaternion(np.nan_to_num(outputs["truck"]["articulation_angle"]))
            self._send(TRAILER, times, rr.Transform3D.columns(translation=kingpin, quaternion=turn))
        self._write_lines(moments, poses)
        self._write_objects(moments)
        radar = np.stack([moments.radar["x"], moments.radar["y"], np.full(len(moments.radar), 0.7)], axis=1)
        counts = np.bincount(moments.radar_row, minlength=len(times))
        self._send(f"{VEHICLE}/radar", times, rr.Points3D.columns(positions=radar.astype(np.float32)).partition(counts))
        self._write_obstacles(moments)
        self._write_scans(moments)
        self._write_place(moments, poses)

    def close(self) -> None:
        """Writes what only the end knows: the lines on the map."""
        for name, trace in self._traces.items():
            if len(trace.points) > 1:
                lines = self._rr.GeoLineStrings(
                    lat_lon=[trace.points], radii=self._rr.Radius.ui_points(-TRACE_RADIUS), colors=TRACE_COLOURS[name]
                )
                self._recording.log(f"place/{name}_line", lines, static=True)
        self._recording.flush()

    def _static(self) -> None:
        rr = self._rr
        self._recording.log("map", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        for number, box in enumerate(bodies.vehicle_boxes(self._vehicle)):
            parent = TRAILER if box.frame == "trailer" else VEHICLE
            half = 0.5 * np.array(box.size_m)
            solid = rr.Boxes3D(centers=[box.centre_m], half_sizes=[half], colors=[box.colour], fill_mode="solid")
            self._recording.log(f"{parent}/body_{number}", solid, static=True)
        for name, (_, words) in STATES.items():
            colours = [STATE_COLOURS[name][code] for code in words]
            configuration = rr.StateConfiguration(values=list(words.values()), labels=list(words.values()), colors=colours)
            self._recording.log(f"states/{name}", configuration, static=True)
        for path in FIGURES:
            self._recording.log(f"figures/{path}", rr.SeriesLines(names=path.rpartition("/")[2]), static=True)

    def _write_lines(self, moments: Moments, poses: geometry.Poses) -> None:
        rr, times = self._rr, moments.time_ns
        lines = geometry.lines(moments.outputs["lane"], moments.outputs["plan"]["lateral_target"])
        sides = np.stack([lines.left, lines.right], axis=1)[lines.known].reshape(-1, geometry.LINE_POINTS, 2)
        self._send_strips(f"{VEHICLE}/lane", times, sides, 2 * lines.known, (255, 255, 255), 0.08)
        self._send_strips(f"{VEHICLE}/wanted", times, lines.wanted[lines.known], lines.known, WANTED_COLOUR, 0.15)
        valid, stop = geometry.stop_paths(moments.outputs["plan"])
        self._send_strips(f"{VEHICLE}/stop", times, stop[valid], valid, STOP_COLOUR, 0.1)
        for time_ns, points in moments.lane_paths:
            moment = min(int(np.searchsorted(times, time_ns)), len(times) - 1)
            path = np.column_stack([points["x_m"], points["y_m"], np.full(len(points), poses.position[moment, 2])])
            strip = rr.LineStrips3D.columns(strips=[path], colors=[ROUTE_COLOUR], radii=[0.05])
            self._send("map/route", np.array([time_ns]), strip)

    def _send_strips(self, path: str, times: np.ndarray, strips: np.ndarray, counts: np.ndarray, colour, radius: float) -> None:
        """Strips (m, k, 2) in the vehicle's plane, so many a moment."""
        if not len(strips):
            return
        flat = np.concatenate([strips, np.full((*strips.shape[:2], 1), 0.02, strips.dtype)], axis=2)
        columns = self._rr.LineStrips3D.columns(strips=list(flat), colors=[colour] * len(flat), radii=[radius] * len(flat))
        self._send(path, times, columns.partition(counts.astype(np.int64)))

    def _write_objects(self, moments: Moments) -> None:
        row, items, colours, labels = markers.shown_tracks(moments.outputs["tracks"])
        centres, sizes = bodies.object_boxes(items)
        columns = self._rr.Boxes3D.columns(
            centers=centres, half_sizes=0.5 * sizes, colors=np.round(255 * colours).astype(np.uint8), labels=labels
        )
        counts = np.bincount(row, minlength=len(moments.outputs))
        self._send(f"{VEHICLE}/objects", moments.time_ns, columns.partition(counts))

    def _write_obstacles(self, moments: Moments) -> None:
        items, row = obstacles.newest(moments)
        rows, place = np.unique(row, return_inverse=True)
        centres, sizes, turns, classes = obstacles.boxes(items)
        if len(rows):
            colours = np.round(255 * obstacles.COLOURS[classes]).astype(np.uint8)
            columns = self._rr.Boxes3D.columns(centers=centres, half_sizes=0.5 * sizes, quaternions=turns, colors=colours)
            self._send(f"{VEHICLE}/obstacles", moments.time_ns[rows], columns.partition(np.bincount(place.ravel())))

    def _write_scans(self, moments: Moments) -> None:
        scans = [scan for scan in moments.scans if scan.topic == scan_messages.POINTS]
        if scans:
            clouds = [scan_messages.points_of(scan.row) for scan in scans]
            cloud = np.concatenate(clouds)
            columns = self._rr.Points3D.columns(
                positions=np.stack([cloud[axis] for axis in "xyz"], axis=1), colors=LABEL_COLOURS[cloud["label"]],
                radii=np.full(len(cloud), POINT_RADIUS, np.float32),
            )  # fmt: skip
            times = np.array([scan.log_time_ns for scan in scans])
            self._send(f"{VEHICLE}/points", times, columns.partition([len(each) for each in clouds]))

    def _write_place(self, moments: Moments, poses: geometry.Poses) -> None:
        fixes, references = moments.fixes, moments.references
        places = {
            "estimate": (moments.time_ns[poses.known], geometry.geodetic(moments.outputs["ego"])[poses.known, :2]),
            "gnss": (moments.time_ns[moments.fixes_row], np.stack([fixes["latitude_deg"], fixes["longitude_deg"]], axis=1)),
            "reference": (references["time_ns"], np.stack([references["latitude_deg"], references["longitude_deg"]], axis=1)),
        }
        for name, (times, points) in places.items():
            finite = np.isfinite(points).all(axis=1)
            times, points = times[finite], points[finite]
            if len(points):
                colours = np.tile(np.array(TRACE_COLOURS[name], np.uint8), (len(points), 1))
                sizes = np.full(len(points), -6.0, np.float32)
                self._send(f"place/{name}", times, self._rr.GeoPoints.columns(positions=points, colors=colours, radii=sizes))
                self._traces[name].add(points)

    def _send(self, path: str, times: np.ndarray, columns: Any) -> None:
        passed = (np.asarray(times, np.int64) - self._start_ns).astype("timedelta64[ns]")
        column = self._rr.TimeColumn(TIMELINE, duration=passed)
        self._rr.send_columns(path, indexes=[column], columns=columns, recording=self._recording)


class Trace:
    """A line of bounded length: when it is full, every second point goes and only every second one comes from then on."""

    def __init__(self) -> None:
        self.points = np.zeros((0, 2))
        self._step, self._seen = 1, 0

    def add(self, points: np.ndarray) -> None:
        chosen = points[(-self._seen) % self._step :: self._step]
        self._seen += len(points)
        self.points = np.concatenate([self.points, chosen])
        while len(self.points) > MOST_TRACE_POINTS:
            self.points, self._step = self.points[::2], 2 * self._step
