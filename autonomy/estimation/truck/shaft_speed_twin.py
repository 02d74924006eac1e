"""The speed filter stated plainly: states speed, scale of the shaft, slip per force, delay of the wheel speeds (NumPy)."""

from __future__ import annotations

import numpy as np


class SpeedTwin:
    """`p`: dtype("TruckParameters"); per_shaft: metres a radian of the shaft. Measurements without gates, as few as they are."""

    def __init__(self, p, per_shaft: float, speed: float):
        self.p, self.per_shaft = p, per_shaft
        self.x = np.array([speed, 1.0, float(p["slip_compliance"]), float(p["wheel_delay_s"])])
        sigmas = [0.5, p["shaft_scale_sigma"], p["slip_compliance_sigma"], p["wheel_delay_sigma_s"]]
        self.P = np.diag(np.square(np.array(sigmas, float)))
        self.past: list[tuple[float, float]] = []

    def predict(self, t: float, acceleration: float, dt: float) -> None:
        self.x[0] += acceleration * dt
        walk = np.array([self.p["speed_acceleration_noise_mps2"], self.p["shaft_scale_walk"], 0.0, 0.0], float)
        self.P = self.P + np.diag(walk**2 * dt)
        self.past = [*self.past[-31:], (t, self.x[0])]

    def at(self, t: float) -> float:
        """m/s at an earlier time, as it is seen now."""
        times, speeds = np.array(self.past).T
        return float(np.interp(t, times, speeds))

    def shaft(self, t: float, rate: float, force: float) -> None:
        v, (_, rho, kappa, _) = self.at(t), self.x
        slip = kappa * force
        H = np.array([rho * (1.0 + slip), v * (1.0 + slip), rho * v * force, 0.0])
        doubt = float(self.p["slip_doubt_share"]) * slip * v
        noise = (float(self.p["shaft_sigma_radps"]) * self.per_shaft) ** 2 + doubt**2
        self._correct(H, rate * self.per_shaft - rho * v * (1.0 + slip), noise)

    def wheel(self, t: float, speed: float, scale: float, acceleration: float) -> None:
        v = self.at(t - self.x[3])
        H = np.array([scale, 0.0, 0.0, -scale * acceleration])
        self._correct(H, speed - scale * v, float(self.p["wheel_sigma_mps"]) ** 2)

    def _correct(self, H: np.ndarray, residual: float, noise: float) -> None:
        gain = self.P @ H / (H @ self.P @ H + noise)
        self.x = self.x + gain * residual
        self.P = self.P - np.outer(gain, H @ self.P)
        self.x[3] = min(max(self.x[3], 0.0), 0.15)
        self.past = [(t, v + gain[0] * residual) for t, v in self.past]
