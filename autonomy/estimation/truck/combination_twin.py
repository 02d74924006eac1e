"""The yaw plane's filter stated plainly: nonlinear rates, derivatives by complex steps, one measurement at a time (NumPy)."""

from __future__ import annotations

import numpy as np

from autonomy.control.yaw_plane_twin import stiffness_shares, trailer_cg
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

V, R, G, ANGLE, WIND, GUST, OFFSET, FRONT, REAR, TRAILER, WHEELBASE, SENSOR = range(12)
LEAST_AIR_SPEED = 1.0


class Combination:
    """Tractor and semitrailer at a mass (kg), speed and wind from ahead (m/s). `vehicle`: dtype("VehicleParameters")."""

    def __init__(self, vehicle, mass: float, speed: float, headwind: float, side_area: float):
        own = float(vehicle["tractor_mass_kg"])
        hauled = max(mass - own, 500.0)
        self.speed, self.air_speed, self.side_area = speed, max(speed + headwind, LEAST_AIR_SPEED), side_area
        self.hitch = c = float(vehicle["tractor_cg_x_m"] + vehicle["hitch_offset_m"])
        self.wheelbase, d = float(vehicle["trailer_wheelbase_m"]), trailer_cg(vehicle, hauled)
        turned = hauled * float(vehicle["trailer_yaw_radius_m"]) ** 2
        behind = np.array([1.0, -(c + d), -d])  # acceleration of the trailer's centre of gravity by v', r', articulation rate'
        self.M = (own * np.outer([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]) + hauled * np.outer(behind, behind)
                  + turned * np.outer([0.0, 1.0, 1.0], [0.0, 1.0, 1.0]))  # fmt: skip
        self.M[1, 1] += float(vehicle["tractor_yaw_inertia_kgm2"])
        shares = stiffness_shares(vehicle, own + hauled)
        self.place = vehicle["tractor_axle_x_m"] - vehicle["tractor_cg_x_m"]
        self.stiffness = vehicle["tractor_cornering_stiffness"] * shares[[0, 1, 1, 1]]
        self.trailer_place = np.array(vehicle["trailer_axle_x_m"])
        self.trailer_stiffness = vehicle["trailer_cornering_stiffness"] * shares[2]
        share, pressed = float(vehicle["wind_trailer_share"]), float(vehicle["wind_trailer_x_m"])
        cab = float(vehicle["wind_x_m"] - vehicle["tractor_cg_x_m"])
        self.wind = (1.0 - share) * np.array([1.0, cab, 0.0]) + share * np.array([1.0, -(c + pressed), -pressed])

    def rates(self, x, angle: float, bank: float) -> np.ndarray:
        """d/dt (4,) of v, yaw rate, articulation rate, articulation."""
        v, r, g, articulation = x[:4]
        force = -self.M[:, 0] * (self.speed * r + STANDARD_GRAVITY_MPS2 * bank)
        wind = x[WIND] + x[GUST]
        force = force + self.wind * 0.5 * AIR_DENSITY_KGPM3 * self.side_area * wind * np.sqrt(self.air_speed**2 + wind**2)
        for i, (stiffness, place) in enumerate(zip(self.stiffness, self.place, strict=True)):
            slip = -(v + place * r) / self.speed + (angle - x[OFFSET] if i == 0 else 0.0)
            force = force + stiffness * (1.0 + x[FRONT if i == 0 else REAR]) * slip * np.array([1.0, place, 0.0])
        kingpin = v - self.hitch * r
        aside = kingpin * np.cos(articulation) - self.speed * np.sin(articulation)
        along = self.speed * np.cos(articulation) + kingpin * np.sin(articulation)
        for stiffness, place in zip(self.trailer_stiffness, self.trailer_place, strict=True):
            place = place + x[WHEELBASE] * self.wheelbase
            slip = -(aside - place * (r + g)) / along
            force = force + stiffness * (1.0 + x[TRAILER]) * slip * np.array([1.0, -(self.hitch + place), -place])
        return np.append(np.linalg.solve(self.M, force), g)

    def jacobian(self, x, angle: float, bank: float) -> np.ndarray:
        """(4, 12)."""
        return derivatives(lambda state: self.rates(state, angle, bank), x)


def derivatives(rates, x) -> np.ndarray:
    """(4, 12), exact to rounding: complex steps."""
    steps = x + 1e-30j * np.eye(len(x))
    return np.array([rates(step).imag / 1e-30 for step in steps]).T


def rolling_rate(vehicle, x, speed: float, yaw_rate: float) -> np.ndarray:
    """Rates (4,) of a trailer that does not slip; v, yaw rate and articulation rate follow from it and stay out of it."""
    wheelbase = float(vehicle["trailer_wheelbase_m"]) * (1.0 + x[WHEELBASE])
    lead = float(vehicle["hitch_offset_m"]) / wheelbase
    turning = -speed / wheelbase * np.sin(x[ANGLE]) - yaw_rate * (1.0 + lead * np.cos(x[ANGLE]))
    return np.array([0.0 * turning, 0.0 * turning, 0.0 * turning, turning])


class Filter:
    """Mean (12,) and covariance (12, 12). `p`: dtype("TruckParameters")."""

    def __init__(self, p, x, P):
        self.p, self.x, self.P = p, np.array(x, float), np.array(P, float)

    def predict(self, rates, dt: float, walks=(0.0, 0.0, 0.0, 0.0)) -> None:
        """`rates(x)` gives (4,); `walks` of the moving states, 1/sqrt(s). The linearly implicit midpoint rule."""
        p, J = self.p, derivatives(rates, self.x)
        half = 0.5 * dt * np.vstack([J, np.zeros((8, 12))])
        half[:, 4:] *= 2.0
        moving = np.eye(12)
        moving[:4, :4] -= half[:4, :4]
        F = np.linalg.solve(moving, np.eye(12) + half)
        step = np.linalg.solve(moving, dt * np.append(rates(self.x), np.zeros(8)))
        keep = np.ones(12)
        keep[WIND], keep[GUST] = np.exp(-dt / p["crosswind_time_s"]), np.exp(-dt / p["gust_time_s"])
        F = keep[:, None] * F
        noise = np.zeros(12)
        noise[:4] = np.square(walks) * dt
        noise[WIND] = (1.0 - keep[WIND] ** 2) * p["crosswind_sigma_mps"] ** 2
        noise[GUST] = (1.0 - keep[GUST] ** 2) * p["gust_sigma_mps"] ** 2
        noise[OFFSET] = p["steering_offset_walk_rad"] ** 2 * dt
        noise[[FRONT, REAR, TRAILER]] = p["tyre_factor_walk"] ** 2 * dt
        self.x = keep * (self.x + step)
        self.P = F @ self.P @ F.T + np.diag(noise)

    def correct(self, row, residual: float, sigma: float, learned) -> None:
        """States whose `learned` is 0 keep their value but not their part in what is uncertain."""
        variance = row @ self.P @ row + sigma**2
        gain = np.asarray(learned) * (self.P @ row) / variance
        left = np.eye(12) - np.outer(gain, row)
        self.x = self.x + gain * residual
        self.P = left @ self.P @ left.T + np.outer(gain, gain) * sigma**2
