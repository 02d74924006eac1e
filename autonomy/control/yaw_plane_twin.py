"""The yaw-plane model of ext/autonomy/control/_yaw_plane.pxd with NumPy and SciPy; the same twelve coordinates."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

COORDINATES = ("lateral_velocity", "yaw_rate", "articulation_rate", "trailer_offset", "offset", "front_offset",
               "road_wheel_angle", "command", "curvature", "steering_offset", "disturbance", "command_rate")  # fmt: skip
V, R, G, TRAILER, OFFSET, FRONT, ANGLE, COMMAND, CURVATURE, BIAS, DISTURBANCE, RATE = range(12)
ACCELERATION_BIAS = RATE  # the observer, which needs no rate, keeps the bias of the measured acceleration there


def trailer_cg(vehicle, trailer_mass: float) -> float:
    """m behind the kingpin: the empty trailer's and that of a load lying where the full load lies."""
    tare, tare_cg, cg = (vehicle[f"trailer_{name}"] for name in ("tare_mass_kg", "tare_cg_x_m", "cg_x_m"))
    full, load = vehicle["loaded_mass_kg"] - vehicle["tractor_mass_kg"] - tare, max(trailer_mass - tare, 0.0)
    if full <= 0.0:
        return float(cg)
    return float((tare * tare_cg + load * (cg + (cg - tare_cg) * tare / full)) / (tare + load))


def axle_loads(vehicle, trailer_mass: float) -> np.ndarray:
    """kg on the front axle, the tractor's other axles, the trailer's."""
    kingpin = trailer_mass * (1.0 - trailer_cg(vehicle, trailer_mass) / vehicle["trailer_wheelbase_m"])
    own = vehicle["tractor_mass_kg"]
    front = (own * vehicle["tractor_cg_x_m"] - kingpin * vehicle["hitch_offset_m"]) / vehicle["wheelbase_m"]
    return np.array([front, own + kingpin - front, trailer_mass - kingpin])


def stiffness_shares(vehicle, mass: float) -> np.ndarray:
    """Cornering stiffness of the three groups over that at the mass they are given for."""
    own = vehicle["tractor_mass_kg"]
    share = axle_loads(vehicle, max(mass - own, 500.0)) / axle_loads(vehicle, vehicle["loaded_mass_kg"] - own)
    share = np.maximum(share, 0.1)
    return share * (1.0 + vehicle["cornering_load_sensitivity"] * (1.0 - share))


class YawPlane:
    """forces (3, 4), steering (3,) and disturbance (3,): derivatives of
    lateral velocity, yaw rate, articulation rate; lengths in m. `tyres` (3,): cornering stiffness over the configured one of
    front axle, rest of the tractor, trailer."""

    def __init__(self, vehicle, mass: float, speed: float, wind_share: float = 0.0, tyres=(1.0, 1.0, 1.0)):
        trailer = bool(vehicle["has_trailer"])
        self.speed = speed
        self.front_m = float(vehicle["front_overhang_m"])
        self.reference_m = -float(vehicle["tractor_cg_x_m"])
        self.hitch_m = float(vehicle["hitch_offset_m"]) if trailer else 0.0
        self.trailer_m = max(float(vehicle["trailer_wheelbase_m" if trailer else "rear_overhang_m"]), 0.5)
        own = float(vehicle["tractor_mass_kg"]) if trailer else mass
        hauled = max(mass - own, 500.0) if trailer else 0.0
        shares = (stiffness_shares(vehicle, mass) if trailer else np.ones(3)) * tyres
        c, d = vehicle["tractor_cg_x_m"] + vehicle["hitch_offset_m"], trailer_cg(vehicle, hauled) if trailer else 0.0
        own_inertia, inertia = vehicle["tractor_yaw_inertia_kgm2"], hauled * vehicle["trailer_yaw_radius_m"] ** 2
        behind = np.array([1.0, -(c + d), -d])  # acceleration of the trailer's centre of gravity
        M = np.array([
            own * np.array([1.0, 0.0, 0.0]) + hauled * behind,
            [0.0, own_inertia + inertia, inertia] - (c + d) * hauled * behind,
            [0.0, inertia, inertia] - d * hauled * behind,
        ])  # fmt: skip
        F = np.zeros((3, 4))
        F[:, 1] = -(own + hauled) * speed, (c + d) * hauled * speed, d * hauled * speed
        for i, (x, stiffness) in enumerate(zip(vehicle["tractor_axle_x_m"], vehicle["tractor_cornering_stiffness"], strict=True)):
            x, stiffness = x - vehicle["tractor_cg_x_m"], stiffness * shares[min(i, 1)]
            F += np.outer([1.0, x, 0.0], stiffness * np.array([-1.0, -x, 0.0, 0.0]) / speed)
            if i == 0:
                B = stiffness * np.array([1.0, x, 0.0])
        if trailer:
            for h, stiffness in zip(vehicle["trailer_axle_x_m"], vehicle["trailer_cornering_stiffness"], strict=True):
                slip = np.array([-1.0, c + h, h, speed]) / speed
                F += np.outer([1.0, -(c + h), -h], stiffness * shares[2] * slip)
        else:
            M[2, 2], F[2] = 1.0, (0.0, 0.0, -2.0, -1.0)
        self.forces, self.steering = np.linalg.solve(M, F), np.linalg.solve(M, B)
        on_tractor = np.array([1.0, vehicle["wind_x_m"] - vehicle["tractor_cg_x_m"], 0.0])
        behind_kingpin = float(vehicle["wind_trailer_x_m"])
        on_trailer = np.array([1.0, -(c + behind_kingpin), -behind_kingpin])
        share = float(vehicle["wind_trailer_share"]) if trailer else 0.0
        wind = np.linalg.solve(M, mass * ((1.0 - share) * on_tractor + share * on_trailer))
        self.disturbance = wind_share * wind + (1.0 - wind_share) * np.array([1.0, 0.0, 0.0])
        self.heading = np.zeros(12)
        self.heading[[FRONT, OFFSET]] = 1.0 / self.front_m, -1.0 / self.front_m
        self.articulation = -(1.0 + self.hitch_m / self.trailer_m) * self.heading
        self.articulation[[OFFSET, TRAILER]] += 1.0 / self.trailer_m, -1.0 / self.trailer_m

    def rates(self, lag: float) -> np.ndarray:
        """d/dt of the coordinates, (12, 12)."""
        A = np.zeros((12, 12))
        A[:3, :3] = self.forces[:, :3]
        A[:3] += np.outer(self.forces[:, 3], self.articulation)
        A[:3, [ANGLE, BIAS]] += self.steering[:, None]
        A[:3, DISTURBANCE] = self.disturbance
        drift = self.speed * self.heading
        drift[[V, R]] += 1.0, self.reference_m
        turn = np.zeros(12)
        turn[[R, CURVATURE]] = 1.0, -self.speed
        A[OFFSET], A[FRONT] = drift, drift + self.front_m * turn
        A[TRAILER] = drift - (self.hitch_m + self.trailer_m) * turn
        A[TRAILER, G] -= self.trailer_m
        A[ANGLE, [ANGLE, COMMAND]] = -1.0 / lag, 1.0 / lag
        return A

    def place(self, offset: float, heading: float, articulation: float) -> tuple[float, float, float]:
        """Offsets of trailer, reference point and front face."""
        behind = self.hitch_m * heading + self.trailer_m * (heading + articulation)
        return offset - behind, offset, offset + self.front_m * heading

    def steady(self, curvature: float, bias: float, disturbance: float) -> tuple[np.ndarray, float, float]:
        """(coordinates (8,) without offsets, heading error, articulation) of steady travel along the lane."""
        rate = self.speed * curvature
        M = np.column_stack([self.forces[:, 0], self.forces[:, 3], self.steering])
        velocity, articulation, angle = np.linalg.solve(M, -self.forces[:, 1] * rate - disturbance * self.disturbance)
        x = np.zeros(8)
        x[[V, R, ANGLE, COMMAND]] = velocity, rate, angle - bias, angle - bias
        return x, -(velocity + self.reference_m * rate) / self.speed, articulation


def transition(rates: np.ndarray, dt: float) -> np.ndarray:
    return expm(rates * dt)
