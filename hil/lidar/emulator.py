"""A lidar on a truck that drives through a scene: one turn after the other, with the truth of every return.

    emulator = Emulator(drivers.lidar.model.model("Pandar64"), Mounting(), Scene.motorway(road, seed=1), seed=1)
    turn = emulator.turn(truth_at_begin, truth_at_end)

Deterministic: the same model, scene, seed and truths give the same bits, whatever turns came before.
"""

from __future__ import annotations

import math
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from autonomy.errors import UsageError
from drivers.lidar import tables
from drivers.lidar.encoder import columns_per_packet, encode
from drivers.lidar.model import LidarModel
from hil.lidar import primitives
from hil.lidar._caster import PARTS, Caster
from hil.lidar.optics import Optics, optics_of
from hil.lidar.scene import Scene
from hil.lidar.surface import SHIFT_M, Window
from hil.lidar.truth import Boxes, box_truth
from hil.lidar.weather import DROPS_RANGE_M
from hil.world import EgoTruth, Truth

MOST_LANES = 128


@dataclass(frozen=True)
class Mounting:
    """Of the sensor on the vehicle (ISO 8855, about the reference point): above the windscreen of a day cab."""

    x_m: float = 5.0
    y_m: float = 0.0
    z_m: float = 3.25
    yaw: float = 0.0
    pitch: float = 0.0  # positive looks down
    roll: float = 0.0

    def turn(self) -> np.ndarray:
        """(3, 3) sensor -> vehicle."""
        return rotation(self.yaw, self.pitch, self.roll)


@dataclass
class Turn:
    """One turn. The arrays are the emulator's own and last until its next turn: `copy` keeps them.

    `range_m` 0 = no return. Returns: the strongest, or the last and the strongest, as drivers.lidar.encoder takes them; both are
    the same where a beam met one surface only.
    """

    time_ns: int  # when it began
    azimuth: np.ndarray  # (columns,) rad as the model counts them
    column_time_ns: np.ndarray  # (columns,) int64
    range_m: np.ndarray  # (columns, rings, returns) float32
    intensity: np.ndarray  # float32, whole numbers 0..255: 100 is a white wall, above are retro-reflectors
    labels: np.ndarray  # uint8, hil.lidar.labels.Label
    instances: np.ndarray  # int32
    poses: np.ndarray  # (2, 6) x, y, z, yaw, pitch, roll of the vehicle at begin and end, world
    boxes: Boxes  # what other road users truly were at `time_ns`, vehicle's frame

    def copy(self) -> Turn:
        return replace(self, range_m=self.range_m.copy(), intensity=self.intensity.copy(), labels=self.labels.copy(),
                       instances=self.instances.copy())  # fmt: skip


@dataclass
class _Memory:
    range_m: np.ndarray
    intensity: np.ndarray
    labels: np.ndarray
    instances: np.ndarray


class Emulator:
    """A turn takes whole packets, so a little less than 1 / rate_hz; between two there is a pause of less than a packet.

    `returns`: 1 = strongest, 2 = last and strongest. `transmission`: (columns, rings) light that passes the window, see
    hil.lidar.weather.blockage. `start_azimuth`: rad, where each turn begins, as the model counts. `threads`: that cast a turn, at
    most PARTS are of use; the bits are the same with any number."""

    def __init__(self, model: LidarModel, mounting: Mounting, scene: Scene, seed: int = 0, *, rate_hz: float = 10.0,
                 returns: int = 1, optics: Optics | None = None, transmission: np.ndarray | None = None,
                 start_azimuth: float = math.pi, threads: int = 1):  # fmt: skip
        if returns not in (1, 2):
            raise UsageError(f"lidar emulator: returns = {returns}; needs 1 (strongest) or 2 (last and strongest)")
        if model.rings > MOST_LANES:
            raise UsageError(f"lidar emulator: {model.name} has {model.rings} beams; at most {MOST_LANES}")
        self.model, self.mounting, self.scene, self.seed = model, mounting, scene, seed
        self.rate_hz = rate_hz
        whole = columns_per_packet(model, returns)
        self.columns = int(1e9 / rate_hz / model.column_period_ns / whole + 1e-6) * whole
        self.azimuth, self.column_offset_ns = model.columns(1e9 / (self.columns * model.column_period_ns), self.columns, 0,
                                                            start_azimuth)  # fmt: skip
        yaw = -np.unwrap(self.azimuth)
        self._yaw, self._offset_s = np.ascontiguousarray(yaw), self.column_offset_ns * 1e-9
        self.caster = Caster(self.columns)
        self.caster.azimuths(self._yaw)
        self.caster.mount(np.array([mounting.x_m, mounting.y_m, mounting.z_m]), np.ascontiguousarray(mounting.turn()))
        self._set(optics or optics_of(model.name), abs(yaw[-1] - yaw[0]) / (self.columns - 1))
        shape = (self.columns, model.rings, returns)
        self._memory = _Memory(
            np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        )
        self._transmission = self._checked(transmission)
        self._each = map if threads < 2 else ThreadPoolExecutor(min(threads, PARTS), "lidar").map
        self._window: Window | None = None
        self._s: float | None = None

    def turn(self, begin: Truth, end: Truth) -> Turn:
        """What it sees between two truths, a turn apart. Raises UsageError."""
        duration_ns = end.time_ns - begin.time_ns
        if duration_ns <= 0:
            raise UsageError(
                f"lidar emulator: a turn from {begin.time_ns} to {end.time_ns} ns; the end must come after the begin"
            )
        window = self._look(begin.ego)
        poses = self._poses((begin.ego, end.ego))
        poses[1, 3:] = poses[0, 3:] + np.remainder(poses[1, 3:] - poses[0, 3:] + math.pi, 2.0 * math.pi) - math.pi
        actors = begin.actors + self.scene.obstacles
        places = primitives.placed(actors, window)
        bodies = primitives.together(
            primitives.of_own(begin.ego),
            window.furniture_from(poses[0, :2]),
            primitives.of_actors(actors, places),
            primitives.of_spray(actors, places, self.scene.weather.spray_per_m),
        )
        memory = self._memory
        rays = np.zeros((PARTS, max(len(actors), 1), 2), np.int32)
        key = zlib.crc32(f"{self.seed}:{begin.time_ns}".encode())
        self.caster.turn(poses[0], poses[1], self._offset_s, duration_ns * 1e-9, self._yaw, bodies, key, memory.range_m,
                         memory.intensity, memory.labels, memory.instances, rays, self._transmission, self._each)  # fmt: skip
        return Turn(begin.time_ns, self.azimuth, begin.time_ns + self.column_offset_ns, memory.range_m, memory.intensity,
                    memory.labels, memory.instances, self._world(poses),
                    box_truth(actors, places, poses[0], rays.sum(axis=0)))  # fmt: skip

    def packets(self, turn: Turn, utc_ns: int = 0) -> np.ndarray:
        """[packets, size] uint8 of a turn; `utc_ns` is added to its times."""
        number = round(turn.time_ns * 1e-9 * self.rate_hz)
        ranges, intensity = turn.range_m, turn.intensity
        if self.model.family == "ouster":  # counts turns, and tells the strongest first
            ranges, intensity = ranges[..., ::-1], intensity[..., ::-1]
        else:
            number = number * self.columns // columns_per_packet(self.model, ranges.shape[2])
        return encode(
            self.model,
            turn.azimuth,
            ranges,
            intensity,
            turn.column_time_ns + utc_ns,
            first_sequence=number % 2**16 if self.model.family == "ouster" else number % 2**32,
            motor_hz=self.rate_hz,
        )

    def window_of(self, ego: EgoTruth) -> Window:
        """The stretch of the scene about a vehicle, for truth of lines and ground."""
        return self._look(ego)

    def _look(self, ego: EgoTruth) -> Window:
        road = self.scene.road
        if self._s is None or abs(road.at(self._s).x - ego.x) + abs(road.at(self._s).y - ego.y) > 100.0:
            self._s = float(road.s[np.argmin(np.hypot(road.x - ego.x, road.y - ego.y))])
        self._s, _ = road.project(ego.x, ego.y, self._s)
        anchor = SHIFT_M * round(self._s / SHIFT_M)
        if self._window is None or self._window.anchor != anchor:
            self._window = Window(self.scene, anchor)
            self.caster.look(self._window)
        return self._window

    def _poses(self, egos: tuple[EgoTruth, ...]) -> np.ndarray:
        """(n, 6) in the window's frame, on the ground."""
        window = self._window
        poses = np.array([(ego.x, ego.y, 0.0, ego.yaw - window.yaw, ego.pitch, ego.roll) for ego in egos])
        poses[:, :3] = window.points(poses[:, :3])
        poses[:, 2] = window.ground(poses[:, 0], poses[:, 1])[0]
        return poses

    def _world(self, poses: np.ndarray) -> np.ndarray:
        window = self._window
        cosine, sine = math.cos(window.yaw), math.sin(window.yaw)
        world = poses.copy()
        world[:, 0], world[:, 1] = cosine * poses[:, 0] - sine * poses[:, 1], sine * poses[:, 0] + cosine * poses[:, 1]
        world[:, :3] += window.origin
        world[:, 3] += window.yaw
        return world

    def _set(self, optics: Optics, step: float) -> None:
        """Fills the kernel's structs."""
        lanes, model = self.caster.lanes, self.model
        beam, origin, delay = beams(model, step)
        rings = model.rings
        padded = np.minimum(np.arange(8 * math.ceil(rings / 8)), rings - 1)
        lanes["blocks"], lanes["rings"], lanes["parallax"] = len(padded) // 8, rings, bool(np.abs(origin).max() > 0.0)
        for k, axis in enumerate("xyz"):
            lanes[axis][: len(padded)], lanes[f"origin_{axis}"][: len(padded)] = beam[padded, k], origin[padded, k]
        lanes["delay_s"][: len(padded)] = delay[padded]
        elevation = np.arcsin(beam[:, 2])
        tangent = np.tan(elevation)[padded].reshape(-1, 8)
        lanes["low"][: len(tangent)], lanes["high"][: len(tangent)] = tangent.min(axis=1), tangent.max(axis=1)
        middle = math.atan2(beam[:, 1].sum(), beam[:, 0].sum())
        aside = middle + np.remainder(np.arctan2(beam[:, 1], beam[:, 0]) - middle + math.pi, 2.0 * math.pi) - math.pi
        apart = np.hypot(np.diff(elevation), np.diff(aside) * np.cos(elevation[1:]))  # staggered beams are no neighbours
        lanes["gap"][: rings - 1] = np.where(np.abs(np.diff(aside)) < 1e-3 * optics.divergence_mrad, apart, math.inf)
        lanes["azimuth"][: len(padded)] = aside[padded]
        lanes["azimuth_low"], lanes["azimuth_high"] = aside.min(), aside.max()
        found = self.caster.optics
        for name in ("reference_range_m", "minimum_range_m", "maximum_range_m", "range_sigma_m", "pulse_m"):
            found[name] = getattr(optics, name)
        found["divergence_rad"] = 1e-3 * optics.divergence_mrad
        weather, told = self.caster.weather, self.scene.weather
        weather["attenuation_per_m"], weather["drops"], weather["drops_range_m"] = (
            told.extinction_per_m,
            told.drops,
            DROPS_RANGE_M,
        )
        profile, section = self.caster.profile, self.scene.section
        profile["right_m"], profile["left_m"] = section.right_edge, section.left_edge
        profile["from_m"], profile["right_slope"], profile["left_slope"] = (
            section.VERGE_FROM_M,
            section.right_slopes,
            section.left_slopes,
        )
        profile["roughness_m"], profile["asphalt"], profile["grass"] = section.roughness_m, section.asphalt, section.grass

    def _checked(self, transmission: np.ndarray | None) -> np.ndarray | None:
        if transmission is None:
            return None
        if transmission.shape != (self.columns, self.model.rings):
            raise UsageError(
                f"lidar emulator: transmission has the shape {transmission.shape}; needs {(self.columns, self.model.rings)}"
            )
        lanes = 8 * int(self.caster.lanes["blocks"])
        padded = np.zeros((self.columns, lanes), np.float32)
        padded[:, : self.model.rings] = transmission
        return padded


def beams(model: LidarModel, column_step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit directions (rings, 3) and beginnings (rings, 3) at azimuth zero in the sensor's frame, and firing times in s.

    `column_step` in rad: what the azimuth grows by from column to column, for models that state it at a column's begin only.
    """
    order = model.channel_of_ring()
    rows = tables.beams(model).astype(float)[order]
    turned = -rows[:, 6] * column_step  # clockwise
    cosine, sine = np.cos(turned), np.sin(turned)
    beam, origin = (np.column_stack([cosine * v[:, 0] - sine * v[:, 1], sine * v[:, 0] + cosine * v[:, 1], v[:, 2]])
                    for v in (rows[:, :3], rows[:, 3:6]))  # fmt: skip
    beam /= np.linalg.norm(beam, axis=1)[:, None]
    # What a unit's calibration adds to its distances is the encoder's to take away
    origin -= beam * np.array(model.beams.range_offset_m)[order][:, None]
    return beam, origin, np.array(model.firing_time_ns, float)[order] * 1e-9


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) body to level: yaw after pitch after roll, ISO 8855."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    return np.array([[cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
                     [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr], [-sp, cp * sr, cp * cr]])  # fmt: skip
