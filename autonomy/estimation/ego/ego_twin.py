"""The ego filter's mathematics in NumPy: the twin of the compiled kernel, for reading and for tests.

Error-state Kalman filter with a global attitude error, R_true = exp([error]x) R (Sola 2017, arXiv:1711.02508, chapter 7).
The filter stands at a horizon behind now. A sample stamped t by a sensor of delay d was true at t - d: it waits until the
horizon gets there, and the delay's column of its Jacobian is minus the time derivative of what it measures. The output
is carried from the horizon to now through the IMU samples, with its covariance.

The twin starts at a moving fix and knows the aids of a drive: GNSS position and velocity (speed and course), wheel speed,
odometry between scans, non-holonomic (aids_twin.py). Starts at rest, recovery and input checks are the kernel's alone.
"""

from __future__ import annotations

import numpy as np

from autonomy.estimation.ego import aids_twin
from autonomy.estimation.ego.state_twin import (
    AXLE,
    BA,
    BG,
    DELAY,
    GNSS,
    MOUNTING,
    SCALE,
    SLIP,
    STATES,
    A,
    P,
    V,
    about,
    rotation,
    skew,
)  # fmt: skip
from autonomy.geodesy import enu_rotation, geodetic_to_ecef

EARTH_RADIUS_M = 6371008.8
MEAN_WINDOW_NS = 100_000_000
LOOK_BACK = 24
CLOSEST_FIXES_NS = 45_000_000
REPORTED = ("position_sigma", "altitude_sigma", "speed_sigma", "course_sigma_deg")


class EgoTwin:
    """`parameters`: dtype("EgoParameters"). `step` takes the frames of the kernel; see `output` for what it returns."""

    def __init__(self, parameters: np.ndarray) -> None:
        self.p = p = parameters
        self.bias_gyro, self.bias_force = np.zeros(3), np.zeros(3)
        self.scale, self.axle, self.slip = float(p["speed_scale"]), float(p["axle_x_m"]), float(p["slip"])
        self.mounting = np.array(p["mounting"])
        self.delay = np.array([p["gnss_position_delay_s"], p["gnss_velocity_delay_s"], p["wheel_delay_s"]])
        self.gnss_error = np.zeros(3)
        self.imu: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.fixes: list[dict] = []
        self.last_fix_ns: int | None = None
        self.wheels: list[tuple[int, float, float]] = []
        self.motions: list[tuple[int, np.ndarray, np.ndarray]] = []  # middle, [vx, vy, yaw rate], sigmas
        self.group: list[tuple[int, float]] = []
        self.last_wheel_ns, self.wheel_step, self.wheel_sample = 0, 0.0, 0.0
        self.tells_accuracy = False
        self.nis = {name: [] for name in ("position", "velocity", "wheel", "odometry", "non_holonomic")}
        self.running = self.has_delays = False

    def step(self, frame: np.ndarray) -> dict[str, np.ndarray] | None:
        """One tick; None before the start."""
        now = int(frame["tick_time_ns"])
        self.take(frame)
        horizon = now - int(self.p["horizon_delay_s"] * 1e9)
        if not self.running and len(self.imu) >= 15 and self.fixes and self.true_time(self.fixes[-1]) >= horizon:
            self.start(self.fixes[-1], now)
        if not self.running:
            return None
        self.advance_horizon(horizon)
        return self.output(now)

    # Samples

    def take(self, frame: np.ndarray) -> None:
        for s in frame["imu"]["items"][: frame["imu"]["count"]]:
            force = np.array([s["acceleration_x"], s["acceleration_y"], s["acceleration_z"]])
            rate = np.array([s["angular_rate_x"], s["angular_rate_y"], s["angular_rate_z"]])
            self.imu.append((int(s["valid_time_ns"]), force, rate))
        for s in frame["wheel"]["items"][: frame["wheel"]["count"]]:
            speed = 0.5 * float(s["rear_left"] + s["rear_right"]) if np.isfinite(s["rear_left"]) else float(s["vehicle_speed"])
            change = abs(speed - self.wheel_sample)
            if change > 1e-6 and (self.wheel_step == 0.0 or change < self.wheel_step):
                self.wheel_step = change
            self.wheel_sample = speed
            self.group.append((int(s["valid_time_ns"]), speed))
            if self.group[-1][0] - self.last_wheel_ns >= int(self.p["wheel_interval_s"] * 1e9):
                age = np.mean([time - self.group[0][0] for time, _ in self.group])
                mean = float(np.mean([speed for _, speed in self.group]))
                self.wheels.append((self.group[0][0] + int(age), mean, self.wheel_step))
                self.last_wheel_ns, self.group = self.group[-1][0], []
        for s in frame["odometry"]["items"][: frame["odometry"]["count"]]:
            seconds = 1e-9 * int(s["valid_time_ns"] - s["start_time_ns"])
            turned = about(2, -0.5 * float(s["rotation"][2])) @ [*s["translation"][:2], 0.0] / seconds
            floor = [self.p["odometry_sigma_mps"], self.p["odometry_sigma_mps"], self.p["odometry_rate_sigma_radps"]]
            self.motions.append((int(s["start_time_ns"] + s["valid_time_ns"]) // 2,
                                 np.array([*turned[:2], s["rotation"][2] / seconds]),
                                 np.maximum(s["sigma"][[0, 1, 5]] / seconds, floor)))  # fmt: skip
        for s in frame["gnss"]["items"][: frame["gnss"]["count"]]:
            if self.last_fix_ns is not None and int(s["valid_time_ns"]) - self.last_fix_ns < CLOSEST_FIXES_NS:
                continue
            self.last_fix_ns = int(s["valid_time_ns"])
            lla = (float(s["latitude_deg"]), float(s["longitude_deg"]), float(s["altitude_m"]))
            if not self.has_delays:  # what the receiver tells of its delay is none that the filter has to know
                told = 1e-9 * (int(s["received_time_ns"]) - int(s["valid_time_ns"]))
                self.delay[:2], self.has_delays = np.maximum(0.0, self.delay[:2] - told), True
            course, speed = np.radians(s["course_deg"]), float(s["speed"])
            told = {name: float(s[name]) if s[name] > 0.0 else np.nan for name in REPORTED}
            told["course_sigma"] = np.radians(told.pop("course_sigma_deg"))
            self.fixes.append({"time": int(s["valid_time_ns"]), "lla": lla, "speed": speed, **told,
                               "velocity": speed * np.array([np.sin(course), np.cos(course), 0.0])})  # fmt: skip

    # Start

    def true_time(self, fix: dict) -> int:
        return fix["time"] - int(self.delay[0] * 1e9)

    def start(self, fix: dict, now: int) -> None:
        p = self.p
        self.origin, self.origin_axes = geodetic_to_ecef(*fix["lla"]), enu_rotation(*fix["lla"][:2])
        force = self.vehicle_axes() @ np.mean([force for _, force, _ in self.imu], axis=0)
        roll, pitch = np.arctan2(force[1], force[2]), np.arctan2(-force[0], np.hypot(force[1], force[2]))
        yaw = np.arctan2(fix["velocity"][1], fix["velocity"][0])
        self.R = about(2, yaw) @ about(1, pitch) @ about(0, roll) @ self.vehicle_axes()
        self.horizon = max(now - int(p["horizon_delay_s"] * 1e9), self.imu[0][0])
        self.next_imu = sum(time <= self.horizon for time, _, _ in self.imu)
        self.velocity = fix["velocity"].copy()
        self.position = -((fix["time"] - self.horizon) * 1e-9 - self.delay[0]) * self.velocity
        sigma = np.zeros(STATES)
        sigma[P], sigma[V] = p["start_position_sigma_m"], p["start_velocity_sigma_mps"]
        sigma[A] = p["tilt_sigma_rad"], p["tilt_sigma_rad"], p["yaw_sigma_rad"]
        sigma[BG], sigma[BA], sigma[SCALE] = p["gyro_bias_sigma"], p["accelerometer_bias_sigma"], p["speed_scale_sigma"]
        sigma[MOUNTING] = p["mounting_sigma"]
        sigma[DELAY] = p["gnss_position_delay_sigma_s"], p["gnss_velocity_delay_sigma_s"], p["wheel_delay_sigma_s"]
        sigma[AXLE], sigma[SLIP] = p["axle_x_sigma_m"], p["slip_sigma"]
        sigma[GNSS] = 1.0
        self.covariance = np.diag(sigma**2)
        self.positions = [f for f in self.fixes if self.true_time(f) >= self.horizon]
        self.velocities = [f for f in self.fixes if f["time"] - int(self.delay[1] * 1e9) >= self.horizon]
        self.fixes, self.wheels = [], []
        self.next_constraint = self.horizon
        self.forget()
        self.running = True

    def forget(self) -> None:
        self.T = self.T_noise = 0.0
        self.B, self.dV = np.zeros((3, 3)), np.zeros(3)

    # Prediction

    def vehicle_axes(self) -> np.ndarray:
        return about(2, self.mounting[1]) @ about(1, self.mounting[0])

    def gravity(self, position: np.ndarray) -> np.ndarray:
        return -float(self.p["gravity_mps2"]) * np.array([*(position[:2] / EARTH_RADIUS_M), 1.0])

    def walk(self, until: int, time: int, index: int, position, velocity, R):
        """Strapdown from `time` to `until`; between two samples their mean, after the last one its value."""
        sums = [0.0, 0.0, np.zeros((3, 3)), np.zeros(3)]
        force = rate = None
        while time < until:
            if index < len(self.imu):
                after = self.imu[index]
                before = self.imu[index - 1] if index > 0 else after
                end, gap = min(until, after[0]), after[0] - before[0]
            else:
                before = after = self.imu[-1]
                end, gap = until, until - after[0]
            force = 0.5 * (before[1] + after[1]) - self.bias_force
            rate = 0.5 * (before[2] + after[2]) - self.bias_gyro
            step = (end - time) * 1e-9
            if step > 0.0:
                specific = R @ (force + 0.5 * step * np.cross(rate, force))
                acceleration = specific + self.gravity(position)
                position = position + step * (velocity + 0.5 * step * acceleration)
                velocity = velocity + step * acceleration
                sums[0] += step
                sums[1] += step * (float(self.p["imu_gap_noise"]) if gap > int(self.p["imu_gap_s"] * 1e9) else 1.0)
                sums[2] = sums[2] + step * R
                sums[3] = sums[3] + step * specific
                R = R @ rotation(step * rate)
                time = end
            if index < len(self.imu) and end == after[0]:
                index += 1
        return position, velocity, R, index, sums, rate

    def advance(self, until: int) -> None:
        if until <= self.horizon:
            return
        self.position, self.velocity, self.R, self.next_imu, sums, self.rate = self.walk(
            until, self.horizon, self.next_imu, self.position, self.velocity, self.R
        )
        self.horizon = until
        self.T, self.T_noise, self.B, self.dV = self.T + sums[0], self.T_noise + sums[1], self.B + sums[2], self.dV + sums[3]

    def transition(self, T: float, T_noise: float, B: np.ndarray, dV: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and Q over the increments."""
        p = self.p
        F = np.eye(STATES)
        F[P, V], F[P, A] = T * np.eye(3), -0.5 * T * skew(dV)
        F[V, A], F[V, BA], F[A, BG] = -skew(dV), -B, -B
        kept = self.kept(T)
        F[GNSS, GNSS] = kept * np.eye(3)
        Q = np.zeros((STATES, STATES))
        q = float(p["accelerometer_noise"]) ** 2 * T_noise
        Q[P, P], Q[V, V] = q * T * T / 3.0 * np.eye(3), q * np.eye(3)
        Q[P, V] = Q[V, P] = 0.5 * q * T * np.eye(3)
        Q[A, A] = float(p["gyro_noise"]) ** 2 * T_noise * np.eye(3)
        walks = np.zeros(STATES)
        walks[BG], walks[BA], walks[SCALE] = p["gyro_bias_walk"], p["accelerometer_bias_walk"], p["speed_scale_walk"]
        walks[MOUNTING], walks[SLIP] = p["mounting_walk"], p["slip_walk"]
        known = np.diag(self.covariance)[DELAY] / float(p["delay_spread_s"]) ** 2
        walks[DELAY] = float(p["delay_walk"]) * np.sqrt(np.maximum(0.0, 1.0 - known))
        Q += np.diag(walks**2 * T)
        Q[GNSS, GNSS] += (1.0 - kept**2) * np.eye(3)
        return F, Q

    def kept(self, T: float) -> float:
        """What is left of the slow GNSS error after T seconds."""
        return np.exp(-T / float(self.p["gnss_multipath_time_s" if self.tells_accuracy else "gnss_error_time_s"]))

    def carry_covariance(self) -> None:
        if self.T > 0.0:
            F, Q = self.transition(self.T, self.T_noise, self.B, self.dV)
            self.covariance = F @ self.covariance @ F.T + Q
            self.gnss_error = self.gnss_error * self.kept(self.T)
            self.forget()

    # Correction

    def look_around(self) -> None:
        """Rate and acceleration without vibration: means round the horizon."""
        near = [s for s in self.imu[max(0, self.next_imu - LOOK_BACK) : self.next_imu + LOOK_BACK]
                if abs(s[0] - self.horizon) <= MEAN_WINDOW_NS]  # fmt: skip
        self.mean_rate = np.mean([s[2] for s in near], axis=0) - self.bias_gyro
        force = np.mean([s[1] for s in near], axis=0) - self.bias_force
        self.mean_acceleration = self.R @ force + self.gravity(self.position)

    def fuse(self, name: str, H: np.ndarray, noise: np.ndarray, residual: np.ndarray) -> None:
        S = H @ self.covariance @ H.T + noise
        nis = float(residual @ np.linalg.solve(S, residual))
        self.nis[name].append(nis)
        if nis > self.p["gate"][len(residual) - 1]:
            return
        K = np.linalg.solve(S, H @ self.covariance).T
        error = K @ residual
        self.covariance = self.covariance - K @ S @ K.T
        self.position, self.velocity = self.position + error[P], self.velocity + error[V]
        self.R = rotation(error[A]) @ self.R
        self.bias_gyro, self.bias_force = self.bias_gyro + error[BG], self.bias_force + error[BA]
        self.scale, self.axle, self.slip = self.scale + error[SCALE], self.axle + error[AXLE], self.slip + error[SLIP]
        self.mounting = self.mounting + error[MOUNTING]
        latest = float(self.p["horizon_delay_s"]) - 0.02
        self.delay = np.clip(self.delay + error[DELAY], -latest, latest)
        self.gnss_error = self.gnss_error + error[GNSS]

    def fuse_reported(self, name: str, H: np.ndarray, noise_of_share, residual: np.ndarray) -> None:
        """A share of what the receiver reports is noise; all of it where the fix lies beyond the 95 % point."""
        noise = noise_of_share(float(self.p["gnss_white_share"]))
        S = H @ self.covariance @ H.T + noise
        unlikely = residual @ np.linalg.solve(S, residual) > (0.0, 3.841, 5.991, 7.815)[len(residual)]
        self.fuse(name, H, noise_of_share(1.0) if unlikely else noise, residual)

    # Horizon and output

    def advance_horizon(self, until: int) -> None:
        self.positions += self.fixes
        self.velocities += self.fixes
        self.fixes = []
        while True:
            waiting = []
            if self.positions:
                waiting.append((self.true_time(self.positions[0]), "position"))
            if self.velocities:
                waiting.append((self.velocities[0]["time"] - int(self.delay[1] * 1e9), "velocity"))
            if self.wheels:
                waiting.append((self.wheels[0][0] - int(self.delay[2] * 1e9), "wheel"))
            if self.motions:
                waiting.append((self.motions[0][0], "odometry"))
            waiting.append((self.next_constraint, "constraint"))
            when, event = min(waiting, key=lambda item: item[0])
            if when > until:
                break
            late = event != "constraint" and when < self.horizon - 5_000_000
            if not late:
                self.advance(when)
                self.carry_covariance()
                self.look_around()
            if event == "constraint":
                self.next_constraint += int(self.p["non_holonomic_interval_s"] * 1e9)
                if np.hypot(*self.velocity[:2]) > self.p["non_holonomic_speed_mps"]:
                    aids_twin.fuse_non_holonomic(self)
            elif event == "wheel":
                _, speed, step = self.wheels.pop(0)
                if not late:
                    aids_twin.fuse_wheel(self, speed, step)
            elif event == "odometry":
                _, motion, sigma = self.motions.pop(0)
                if not late:
                    aids_twin.fuse_odometry(self, motion, sigma)
            else:
                fix = (self.positions if event == "position" else self.velocities).pop(0)
                if not late:
                    (aids_twin.fuse_position if event == "position" else aids_twin.fuse_velocity)(self, fix)
        self.advance(until)
        self.carry_covariance()

    def output(self, now: int) -> dict[str, np.ndarray]:
        """Fields named as in EgoState, at the tick's time."""
        position, velocity, R, _, sums, rate = self.walk(
            now, self.horizon, self.next_imu, self.position, self.velocity, self.R
        )
        F, Q = self.transition(*sums)
        covariance = F @ self.covariance @ F.T + Q
        axes = R @ self.vehicle_axes().T
        return {
            "position": position,
            "velocity": velocity,
            "yaw": np.arctan2(axes[1, 0], axes[0, 0]),
            "pitch": -np.arcsin(axes[2, 0]),
            "roll": np.arctan2(axes[2, 1], axes[2, 2]),
            "angular_rate": self.vehicle_axes() @ rate,
            "sigma": np.sqrt(np.diag(covariance)[:9]),
            "covariance_xy": covariance[0, 1],
            "speed_scale": self.scale,
            "gnss_position_delay_s": self.delay[0],
            "gnss_velocity_delay_s": self.delay[1],
            "wheel_delay_s": self.delay[2],
            "axle_x_m": self.axle,
            "gyro_bias": self.bias_gyro,
            "accelerometer_bias": self.bias_force,
        }
