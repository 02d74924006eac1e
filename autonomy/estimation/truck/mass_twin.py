"""The mass filter stated plainly: four states, one scalar measurement a bin (NumPy)."""

from __future__ import annotations

import math

import numpy as np

from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

HUBER = 2.5


class MassTwin:
    """States: 1 / mass, resistance (m/s2), wind from ahead (m/s), offset of the engine's torque (N m).

    `p`: dtype("TruckParameters"), `vehicle`: dtype("VehicleParameters").
    """

    def __init__(self, p, vehicle):
        self.p, self.drag_area = p, float(vehicle["drag_area_m2"])
        light, heavy = 1.0 / float(p["mass_minimum_kg"]), 1.0 / float(p["mass_maximum_kg"])
        self.x = np.array([0.5 * (light + heavy), float(vehicle["rolling_resistance"]) * STANDARD_GRAVITY_MPS2, 0.0, 0.0])
        sigmas = [0.29 * (light - heavy), p["resistance_sigma_mps2"], p["headwind_sigma_mps"], p["engine_torque_sigma_nm"]]
        self.P = np.diag(np.square(np.array(sigmas, float)))

    def predict(self, dt: float) -> None:
        """The wind is forgotten towards none, the rest wanders."""
        p = self.p
        keep = math.exp(-dt / float(p["headwind_time_s"]))
        F = np.diag([1.0, 1.0, keep, 1.0])
        wander = np.array([p["mass_walk_share"] * self.x[0], p["resistance_walk_mps2"], 0.0, p["engine_torque_walk_nm"]], float)
        gust = np.array([0.0, 0.0, (1.0 - keep**2) * float(p["headwind_sigma_mps"]) ** 2, 0.0])
        self.x = F @ self.x
        self.P = F @ self.P @ F.T + np.diag(wander**2 * dt + gust)

    def update(self, force, per_torque, rotating, speed, specific_force, spread) -> None:
        """Averages of a bin: N, N per N m, N that speeds up what turns, m/s, m/s2; standard deviation of the force, N."""
        p, (theta, resistance, wind, torque) = self.p, self.x
        air = speed + wind
        slope = AIR_DENSITY_KGPM3 * self.drag_area * abs(air)
        net = force + per_torque * torque - rotating - 0.5 * slope * air
        H = np.array([net, -1.0, -theta * slope, theta * per_torque])
        residual = specific_force - (theta * net - resistance)
        unsure = theta * (float(p["mass_force_share"]) * abs(force) + 0.3 * spread)
        variance = H @ self.P @ H + float(p["mass_noise_mps2"]) ** 2 + unsure**2
        if residual**2 > HUBER**2 * variance:
            variance = abs(residual) * math.sqrt(variance) / HUBER
        gain = self.P @ H / variance
        self.x = self.x + gain * residual
        self.P = self.P - np.outer(gain, H @ self.P)
        self.x[0] = min(max(self.x[0], 1.0 / float(p["mass_maximum_kg"])), 1.0 / float(p["mass_minimum_kg"]))

    @property
    def mass_kg(self) -> float:
        return 1.0 / self.x[0]

    @property
    def sigma_kg(self) -> float:
        """The systematic part, which no drive can show, included."""
        share = math.sqrt(self.P[0, 0]) * self.mass_kg
        return self.mass_kg * math.hypot(share, float(self.p["mass_systematic_share"]))
