"""The steering's response stated plainly: commands act late, through a lag and a play; its parameters are learned (NumPy)."""

from __future__ import annotations

import math

import numpy as np

from autonomy.tick_period import TICK_S

CURVATURE, SETTLES_S, OFFSET_SIGMA_RAD, GATE = 10.0, 1.0, 0.005, 5.0
DEAD_TIME, LAG, OFFSET, HALF_PLAY = range(4)


def response(commands, dead_time_s: float, lag_s: float, play_rad: float) -> np.ndarray:
    """rad (n,) of the wheels at the end of each tick, for commands (n,) in force from tick to tick; straight at first."""
    t = TICK_S * np.arange(len(commands) + 1)
    total = np.concatenate([[0.0], np.cumsum(commands) * TICK_S])  # the command's integral: means over any stretch
    acting = np.diff(np.interp(t - dead_time_s, t, total, left=0.0)) / TICK_S
    actuator, wheels, found = 0.0, 0.0, []
    for command in acting:
        actuator += (1.0 - math.exp(-TICK_S / lag_s)) * (command - actuator)
        wheels = min(max(wheels, actuator - 0.5 * play_rad), actuator + 0.5 * play_rad)
        found.append(wheels)
    return np.array(found)


class ResponseFilter:
    """Dead time and lag (s), offset and half the play (rad). `p`, `vehicle`: dtypes of TruckParameters, VehicleParameters."""

    def __init__(self, p, vehicle):
        self.p, self.sent = p, []
        self.x = np.array([vehicle["steering_delay_s"], vehicle["steering_lag_s"], 0.0, 0.5 * vehicle["steering_play_rad"]])
        sigmas = [p["steering_delay_sigma_s"], p["steering_lag_sigma_s"], OFFSET_SIGMA_RAD, 0.5 * p["steering_play_sigma_rad"]]
        self.P = np.diag(np.square(np.array(sigmas, float)))
        self.running = 0

    def step(self, measured: float, age_s: float) -> None:
        """A tick while the commands `sent`, one a tick and the newest last, are in force."""
        behind = (self.x[DEAD_TIME] + age_s) / TICK_S
        whole = int(behind)
        newer, older = self.sent[-1 - whole], self.sent[-2 - whole]
        acting = newer + (behind - whole) * (older - newer)
        if not self.running:
            self.actuator, self.slope, self.row = acting, np.zeros(2), np.array([0.0, 0.0, 1.0, 0.0])
            half = self.x[HALF_PLAY]
            self.wheels, self.running = min(max(measured - self.x[OFFSET], acting - half), acting + half), 1
        lag = self.x[LAG]
        rest = math.exp(-TICK_S / lag)
        pull = acting - self.actuator
        self.slope = rest * self.slope + np.array([(1.0 - rest) * (older - newer) / TICK_S, -TICK_S / lag**2 * rest * pull])
        self.actuator += (1.0 - rest) * pull
        gap = self.actuator - self.wheels
        if abs(gap) > self.x[HALF_PLAY]:
            self.wheels = self.actuator - math.copysign(self.x[HALF_PLAY], gap)
            self.row = np.array([*self.slope, 1.0, -math.copysign(1.0, gap)])
        walk = self.p["steering_response_walk_s"] ** 2 * TICK_S
        self.P += np.diag([walk, walk, self.p["steering_offset_walk_rad"] ** 2 * TICK_S, 0.0])
        self.running += 1
        if self.running * TICK_S > SETTLES_S:
            self._learn(measured)

    def _learn(self, measured: float) -> None:
        bent = self.row * [1.0, 1.0, 0.0, 1.0]
        noise = self.p["steering_response_noise_rad"] ** 2 + CURVATURE * bent @ self.P @ bent
        residual, variance = measured - self.wheels - self.x[OFFSET], self.row @ self.P @ self.row + noise
        if residual**2 > GATE**2 * variance:
            return
        gain = self.P @ self.row / variance
        change = gain * residual
        self.P = self.P - np.outer(gain, self.row @ self.P)
        self.x = self.x + change
        self.actuator += self.slope @ change[:2]
        self.wheels += bent @ change
        self.x = np.clip(self.x, [0.0, 0.02, -np.inf, 0.0], [0.5, 0.8, np.inf, 0.01])
