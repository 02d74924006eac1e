"""What each aid tells the ego filter: its Jacobian, noise and residual at the horizon.

The twin of ext/autonomy/estimation/ego/aids. `ego`: the EgoTwin that takes it.
"""

from __future__ import annotations

import numpy as np

from autonomy.estimation.ego.state_twin import AXLE, BG, GNSS, SCALE, SLIP, STATES, A, P, V, about, skew
from autonomy.geodesy import enu_rotation, geodetic_to_ecef


def told_or(reported: float, configured: float) -> float:
    return float(reported if np.isfinite(reported) else configured)


def white_variance(reported: float, configured: float, margin: float, share: float) -> float:
    """Of a reported accuracy a share is noise, and all that goes beyond the margin receivers keep in open sky."""
    if not np.isfinite(reported):
        return float(configured) ** 2
    return max((share * reported) ** 2, reported**2 - float(margin) ** 2)


def fuse_position(ego, fix: dict) -> None:
    p = ego.p
    measured = ego.origin_axes @ (geodetic_to_ecef(*fix["lla"]) - ego.origin)
    slow = np.array([told_or(fix["position_sigma"], p["gnss_error_sigma_m"])] * 2
                    + [told_or(fix["altitude_sigma"], p["gnss_error_altitude_sigma_m"])])  # fmt: skip
    ego.tells_accuracy = bool(np.isfinite(fix["position_sigma"]))
    H = np.zeros((3, STATES))
    H[:, P], H[:, GNSS] = np.eye(3), np.diag(slow)
    H[:, 18] = -ego.velocity

    def noise(share: float) -> np.ndarray:
        horizontal = told_or(share * fix["position_sigma"], p["gnss_position_sigma_m"])
        vertical = told_or(share * fix["altitude_sigma"], p["gnss_altitude_sigma_m"])
        jitter = float(p["gnss_time_jitter_s"]) ** 2 * np.outer(ego.velocity, ego.velocity)
        return np.diag([horizontal**2, horizontal**2, vertical**2]) + jitter

    ego.fuse_reported("position", H, noise, measured - ego.position - slow * ego.gnss_error)


def fuse_velocity(ego, fix: dict) -> None:
    p = ego.p
    measured = ego.origin_axes @ enu_rotation(*fix["lla"][:2]).T @ fix["velocity"]
    ahead = measured[:2] / fix["speed"]
    left = np.array([-ahead[1], ahead[0]])
    acceleration = ego.mean_acceleration[:2]

    def noise(share: float) -> np.ndarray:
        along = white_variance(fix["speed_sigma"], p["gnss_speed_sigma_mps"], p["gnss_speed_margin_mps"], share)
        across = along + (float(p["gnss_course_sigma_rad"]) * fix["speed"]) ** 2
        if np.isfinite(fix["course_sigma"]):
            across = fix["speed"] ** 2 * white_variance(fix["course_sigma"], 0.0, p["gnss_course_margin_rad"], share)
        smear = float(p["gnss_velocity_smear_s"]) ** 2 * np.outer(acceleration, acceleration)
        return along * np.outer(ahead, ahead) + across * np.outer(left, left) + smear

    H = np.zeros((2, STATES))
    H[:, V] = np.eye(3)[:2]
    H[:, 19] = -acceleration
    ego.fuse_reported("velocity", H, noise, measured[:2] - ego.velocity[:2])


def at_axle(ego) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocity and rate of the drive axle in vehicle axes, and the Jacobian of that velocity."""
    C = ego.vehicle_axes()
    axes = C @ ego.R.T
    at_imu, rate = axes @ ego.velocity, C @ ego.mean_rate
    J = np.zeros((3, STATES))
    J[:, V], J[:, A] = axes, axes @ skew(ego.velocity)
    J[:, 16] = np.cross(about(2, ego.mounting[1]) @ [0.0, 1.0, 0.0], at_imu)
    J[:, 17] = np.cross([0.0, 0.0, 1.0], at_imu)
    J[1, AXLE], J[2, AXLE] = rate[2], -rate[1]
    J[1, BG], J[2, BG] = -ego.axle * C[2], ego.axle * C[1]
    return at_imu + np.cross(rate, [ego.axle, 0.0, 0.0]), rate, J


def fuse_wheel(ego, speed: float, step: float) -> None:
    velocity, _, J = at_axle(ego)
    H = ego.scale * J[:1]
    H[0, SCALE] = velocity[0]
    H[0, 20] = -ego.scale * (ego.vehicle_axes() @ ego.R.T @ ego.mean_acceleration)[0]
    noise = np.array([[float(ego.p["wheel_sigma_mps"]) ** 2 + step**2 / 12.0]])
    ego.fuse("wheel", H, noise, np.array([speed - ego.scale * velocity[0]]))


def fuse_odometry(ego, motion: np.ndarray, sigma: np.ndarray) -> None:
    velocity, rate, J = at_axle(ego)
    H = np.zeros((3, STATES))
    H[:2] = J[:2]
    H[2, BG] = -ego.vehicle_axes()[2]
    ego.fuse("odometry", H, np.diag(sigma**2), motion - [*velocity[:2], rate[2]])


def fuse_non_holonomic(ego) -> None:
    velocity, rate, J = at_axle(ego)
    H = J[1:].copy()
    sway = rate[2] * velocity[0] ** 2
    H[0, SLIP] = sway
    noise = np.diag([float(ego.p["lateral_sigma_mps"]) ** 2, float(ego.p["vertical_sigma_mps"]) ** 2])
    ego.fuse("non_holonomic", H, noise, np.array([-velocity[1] - ego.slip * sway, -velocity[2]]))
