"""Frames for the ego tests: the recorded comma2k19 minute and simulated drives, fed tick by tick as samples arrive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from autonomy import config, msg
from autonomy.geodesy import ecef_to_geodetic, enu_rotation, enu_to_geodetic
from autonomy.parameters import load_section
from autonomy.physics import STANDARD_GRAVITY_MPS2

TICK_NS = 10_000_000
SIMULATED_DELAY_NS = 90_000_000  # of a simulated position behind its stamp
# What is to be reached on the recorded minute (comma2k19) against its reference, at most
GOALS = {"position_rms_offset_free_m": 0.23, "position_rms_m": 0.45, "velocity_rms_mps": 0.05, "velocity_rms_3d_mps": 0.10,
         "course_rms_deg": 0.12, "heading_rms_deg": 0.3}  # fmt: skip


def beyond_goals(found: dict[str, float]) -> dict[str, float]:
    """The figures that miss their goal."""
    return {name: found[name] for name, goal in GOALS.items() if not found[name] <= goal}


def parameters(**overrides) -> np.ndarray:
    """dtype("EgoParameters") from configs/ego.toml."""
    changed = {f"ego.{name}": value for name, value in overrides.items()}
    return load_section(config.load("ego", changed), "ego", "EgoParameters")


@dataclass
class Drive:
    """Samples sorted by received time."""

    imu: np.ndarray
    wheel: np.ndarray
    gnss: np.ndarray
    reference: np.ndarray
    start_ns: int
    end_ns: int
    odometry: np.ndarray = field(default_factory=lambda: np.zeros(0, msg.dtype("OdometrySample")))

    def ticks(self, gnss_until_ns: int | None = None, start_ns: int | None = None, end_ns: int | None = None):
        """Yields one reused InputFrame per tick with what has arrived since the last one."""
        frame = np.zeros((), msg.dtype("InputFrame"))
        gnss = self.gnss if gnss_until_ns is None else self.gnss[self.gnss["received_time_ns"] < gnss_until_ns]
        times = np.arange(start_ns or self.start_ns, (end_ns or self.end_ns) + 1, TICK_NS)
        streams = []
        for name, samples in (("imu", self.imu), ("wheel", self.wheel), ("gnss", gnss),
                              ("odometry", self.odometry)):  # fmt: skip
            arrived = np.searchsorted(samples["received_time_ns"], times, side="right")
            first = np.searchsorted(samples["received_time_ns"], times[0] - TICK_NS, side="right")
            streams.append((frame[name], samples, arrived, [first]))
        for index, time in enumerate(times):
            frame["tick_index"] = index
            frame["tick_time_ns"] = time
            for target, samples, arrived, begin in streams:
                count = min(int(arrived[index]) - begin[0], len(target["items"]))
                target["count"] = count
                target["items"][:count] = samples[begin[0] : begin[0] + count]
                begin[0] = int(arrived[index])
            yield frame


def run(estimator, frames, count: int) -> np.ndarray:
    """Outputs of up to `count` frames."""
    outputs = np.zeros(count, msg.dtype("EgoState"))
    used = 0
    for frame in frames:
        estimator.step(frame, outputs[used])
        used += 1
    return outputs[:used]


def arriving_late(drive: Drive, least_s: float, most_s: float, seed: int = 0) -> Drive:
    """The fixes of a simulated drive stamped with when they were true; each arrives so much later, in the order of arrival."""
    gnss = drive.gnss.copy()
    late = np.random.default_rng(seed).uniform(least_s, most_s, len(gnss))
    gnss["valid_time_ns"] -= SIMULATED_DELAY_NS
    gnss["received_time_ns"] = gnss["valid_time_ns"] + np.round(late * 1e9).astype(np.int64)
    return replace(drive, gnss=gnss[np.argsort(gnss["received_time_ns"], kind="stable")])


def _samples(kind: str, time_s: np.ndarray) -> np.ndarray:
    samples = np.zeros(len(time_s), msg.dtype(kind))
    samples["valid_time_ns"] = samples["received_time_ns"] = np.round(time_s * 1e9).astype(np.int64)
    for name in samples.dtype.names:
        if samples.dtype[name] == np.float64:
            samples[name] = np.nan
    return samples


def quaternions_of(matrices: np.ndarray) -> np.ndarray:
    return np.roll(Rotation.from_matrix(matrices).as_quat(), 1, axis=-1)


def comma2k19(directory: Path, gyro_name: str = "gyro_uncalibrated") -> Drive:
    """The recorded minute. IMU axes there are forward, right, down; the camera's quaternion is ECEF from those axes."""
    folder = directory / "comma2k19"

    def load(name: str) -> np.ndarray:
        return np.load(folder / name)

    def stream(name: str) -> tuple[np.ndarray, np.ndarray]:
        return load(f"processed_log/{name}/t"), load(f"processed_log/{name}/value")

    time, force = stream("IMU/accelerometer")
    _, rate = stream(f"IMU/{gyro_name}")
    imu = _samples("ImuSample", time)
    for index, (axis, sign) in enumerate((("x", 1.0), ("y", -1.0), ("z", -1.0))):
        imu[f"acceleration_{axis}"] = sign * force[:, index]
        imu[f"angular_rate_{axis}"] = sign * rate[:, index]
    time, speeds = stream("CAN/wheel_speed")
    wheel = _samples("WheelSample", time)
    for index, name in enumerate(("front_left", "front_right", "rear_left", "rear_right")):
        wheel[name] = speeds[:, index]
    time, fixes = stream("GNSS/live_gnss_ublox")
    gnss = _samples("GnssSample", time)
    gnss["latitude_deg"], gnss["longitude_deg"], gnss["speed"] = fixes[:, 0], fixes[:, 1], fixes[:, 2]
    gnss["utc_time_ns"] = (fixes[:, 3] * 1e6).astype(np.int64)
    gnss["altitude_m"], gnss["course_deg"] = fixes[:, 4], fixes[:, 5]
    gnss["fix_type"] = 255
    reference = np.zeros(len(load("global_pose/frame_times")), msg.dtype("ReferencePose"))
    reference["time_ns"] = np.round(load("global_pose/frame_times") * 1e9).astype(np.int64)
    latitude, longitude, altitude = ecef_to_geodetic(load("global_pose/frame_positions"))
    reference["latitude_deg"], reference["longitude_deg"], reference["altitude_m"] = latitude, longitude, altitude
    axes = enu_rotation(float(latitude[0]), float(longitude[0]))
    velocity = load("global_pose/frame_velocities") @ axes.T
    reference["velocity_east"], reference["velocity_north"], reference["velocity_up"] = velocity.T
    cameras = Rotation.from_quat(np.roll(load("global_pose/frame_orientations"), -1, axis=-1)).as_matrix()
    reference["orientation"] = quaternions_of(axes @ cameras @ np.diag([1.0, -1.0, -1.0]))
    start = int(min(imu["received_time_ns"][0], wheel["received_time_ns"][0], gnss["received_time_ns"][0]))
    end = int(max(imu["received_time_ns"][-1], wheel["received_time_ns"][-1]))
    return Drive(imu, wheel, gnss, reference, start // TICK_NS * TICK_NS, end)


def simulated(
    duration_s: float = 20.0, seed: int = 0, speed: float = 15.0, heading: float = 0.4, at_rest_s: float = 0.0,
    with_odometry: bool = False, fix_interval_s: float = 0.1,
) -> Drive:
    """A weaving drive of constant speed (after `at_rest_s` standing still) with noisy, delayed sensors; heading from east.

    Delays: GNSS position 0.09 s, velocity 0.15 s, wheels 0.02 s; wheel scale 0.99. `with_odometry`: motions between
    scans at 10 Hz.
    """
    random = np.random.default_rng(seed)
    origin = (48.0, 11.0, 500.0)
    start_s = 100.0
    fine = np.arange(0.0, duration_s + 2.0, 0.001)
    driving = np.clip((fine - at_rest_s) / 6.0, 0.0, 1.0) if at_rest_s > 0.0 else np.ones_like(fine)
    varying = np.where(driving >= 1.0, 2.0 * np.sin(0.5 * (fine - at_rest_s)), 0.0)
    velocity_along = speed * (3.0 * driving**2 - 2.0 * driving**3) + varying
    yaw_rate = np.where(velocity_along > 3.0, 0.05 * np.sin(0.7 * fine), 0.0)
    yaw = heading + np.concatenate([[0.0], np.cumsum(yaw_rate[:-1])]) * 0.001
    velocity = velocity_along[:, None] * np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    position = np.concatenate([[[0.0, 0.0]], np.cumsum(velocity[:-1], axis=0) * 0.001])
    forward = np.gradient(velocity_along, 0.001)

    def at(times, values):
        return np.stack([np.interp(times, fine, column) for column in np.atleast_2d(values.T)], axis=-1)

    def noise(count, sigma):
        return random.normal(0.0, sigma, count)

    times = np.arange(0.0, duration_s, 0.0096)
    imu = _samples("ImuSample", start_s + times)
    imu["acceleration_x"] = at(times, forward)[:, 0] + noise(len(times), 0.1)
    imu["acceleration_y"] = (at(times, yaw_rate) * at(times, velocity_along))[:, 0] + 0.05 + noise(len(times), 0.1)
    imu["acceleration_z"] = STANDARD_GRAVITY_MPS2 + noise(len(times), 0.1)
    imu["angular_rate_x"], imu["angular_rate_y"] = noise(len(times), 0.003), 0.001 + noise(len(times), 0.003)
    imu["angular_rate_z"] = at(times, yaw_rate)[:, 0] - 0.001 + noise(len(times), 0.003)
    times = np.arange(0.3, duration_s, 0.012)
    wheel = _samples("WheelSample", start_s + times)
    turning = at(times - 0.02, velocity_along)[:, 0]
    wheel["rear_left"] = np.maximum(0.99 * turning + np.where(turning > 0.1, noise(len(times), 0.02), 0.0), 0.0)
    wheel["rear_right"] = wheel["rear_left"]
    times = np.arange(0.35, duration_s, fix_interval_s)
    gnss = _samples("GnssSample", start_s + times)
    enu = np.column_stack([at(times - 0.09, position) + random.normal(0.0, 0.02, (len(times), 2)), noise(len(times), 0.05)])
    gnss["latitude_deg"], gnss["longitude_deg"], gnss["altitude_m"] = enu_to_geodetic(enu, origin)
    delayed = at(times - 0.15, velocity) + random.normal(0.0, 0.05, (len(times), 2))
    gnss["speed"], gnss["course_deg"] = np.hypot(*delayed.T), np.degrees(np.arctan2(delayed[:, 0], delayed[:, 1])) % 360.0
    gnss["fix_type"] = 3
    times = np.arange(0.4, duration_s, 0.1)
    odometry = _samples("OdometrySample", start_s + times)
    odometry["start_time_ns"] = odometry["valid_time_ns"] - 100_000_000
    odometry["received_time_ns"] += 50_000_000
    before = at(times - 0.1, yaw)[:, 0]
    moved = at(times, position) - at(times - 0.1, position)
    ahead = np.cos(before) * moved[:, 0] + np.sin(before) * moved[:, 1]
    aside = np.cos(before) * moved[:, 1] - np.sin(before) * moved[:, 0]
    odometry["translation"] = np.column_stack([ahead, aside, 0.0 * aside]) + random.normal(0.0, 0.004, (len(times), 3))
    odometry["rotation"] = np.column_stack([0.0 * ahead, 0.0 * ahead, at(times, yaw)[:, 0] - before])
    odometry["rotation"] += random.normal(0.0, 0.0002, (len(times), 3))
    odometry["sigma"] = [0.006, 0.004, 0.01, 1e-3, 1e-3, 3e-4]
    times = np.arange(0.0, duration_s, 0.05)
    reference = np.zeros(len(times), msg.dtype("ReferencePose"))
    reference["time_ns"] = np.round((start_s + times) * 1e9).astype(np.int64)
    truth = np.column_stack([at(times, position), np.zeros(len(times))])
    reference["latitude_deg"], reference["longitude_deg"], reference["altitude_m"] = enu_to_geodetic(truth, origin)
    reference["velocity_east"], reference["velocity_north"] = at(times, velocity).T
    half = 0.5 * at(times, yaw)[:, 0]
    reference["orientation"] = np.column_stack([np.cos(half), 0.0 * half, 0.0 * half, np.sin(half)])
    return Drive(imu, wheel, gnss, reference, int(start_s * 1e9), int((start_s + duration_s) * 1e9),
                 odometry if with_odometry else odometry[:0])  # fmt: skip
