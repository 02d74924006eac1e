"""The lateral loop without bounds as one matrix: yaw-plane plant, commands on their way, observer, MPC's gain, tick by tick.

    loop = LinearLoop(lateral, vehicle, speed=25.0, mass=40e3, delay=0.25, lag=0.25, tyres=0.7)
    loop.damping()                       # of the least damped mode below 2 Hz
    loop.offsets(0.5, 10.0)              # (n, 4): reference point, trailer, front and rear face after a start 0.5 m off

Gains are those the controller's own recursion and filter settle to; nothing is approximated but the bounds left out.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_discrete_are

from autonomy.control import lateral_twin
from autonomy.control.yaw_plane_twin import (
    ACCELERATION_BIAS,
    BIAS,
    COMMAND,
    DISTURBANCE,
    FRONT,
    OFFSET,
    TRAILER,
    YawPlane,
    transition,
)
from autonomy.tick_period import TICK_S

PLANT = 7  # coordinates of the plant: all but the command
ESTIMATED = [0, 1, 2, 3, 4, 5, 6, BIAS, DISTURBANCE, ACCELERATION_BIAS]  # coordinates the observer corrects
HIGHEST_HZ = 2.0
INTEGRATOR_RADPS = 1e-3  # slower than this is no motion


class Gains:
    """What the controller settles to at one speed, mass, dead time and lag.

    Observer (10, 4), feedback (8,), wanted place a disturbance. `tyres`: cornering stiffness that it has learned, over the
    configured one.
    """

    def __init__(self, lateral, vehicle, speed: float, mass: float, delay: float, lag: float, tyres: float = 1.0):
        agile = self.agile = lateral_twin.agility(lateral, mass, speed, delay + lag)
        model = YawPlane(vehicle, mass, speed, agile, (tyres, tyres, tyres))
        self.tick = transition(model.rates(lag), TICK_S)
        moved = self.tick[np.ix_(ESTIMATED, ESTIMATED)]
        H, sigma = lateral_twin.measurements(lateral, model)
        H = H[:, ESTIMATED]
        noise = lateral_twin.process_noise(lateral, model, agile)[np.ix_(ESTIMATED, ESTIMATED)]
        prior = solve_discrete_are(moved.T, H.T, noise, np.diag(sigma**2))
        self.observer = prior @ H.T @ np.linalg.inv(H @ prior @ H.T + np.diag(sigma**2))
        self.measured = H
        A, B, _ = lateral_twin.stage_matrices(self.tick)
        weight, input_weight = lateral_twin.weights(lateral, vehicle, speed)
        cost = solve_discrete_are(A, B[:, None], np.diag(weight) + 1e-10 * np.eye(8), np.array([[input_weight]]))
        self.feedback = (B @ cost @ A) / (input_weight + B @ cost @ B)
        twin = lateral_twin.LateralTwin(lateral, vehicle, None)
        self.wanted = np.column_stack([twin.wanted(model, 0.0, *unit, 0.0) for unit in ((1.0, 0.0), (0.0, 1.0))])


class LinearLoop:
    """`tyres` scales the true cornering stiffness, `true_*` what differs from what the controller is told."""

    def __init__(self, lateral, vehicle, *, speed, mass, delay, lag, tyres=1.0, true_delay=None, gains=None, told_mass=None):
        gains = gains or Gains(lateral, vehicle, speed, mass if told_mass is None else told_mass, delay, lag)
        self.speed, self.vehicle, self.response = speed, vehicle, delay + lag
        true = vehicle.copy()
        true["tractor_cornering_stiffness"] = tyres * vehicle["tractor_cornering_stiffness"]
        true["trailer_cornering_stiffness"] = tyres * vehicle["trailer_cornering_stiffness"]
        model = self.model = YawPlane(true, mass, speed)
        plant = transition(model.rates(lag), TICK_S)
        sensed = lateral_twin.measurements(lateral, model)[0][:, :PLANT]
        told, real = round(delay / TICK_S), round((delay if true_delay is None else true_delay) / TICK_S)
        stored = max(told, real) + 2
        self.estimate = PLANT + stored
        size = self.estimate + len(ESTIMATED) + 1  # and the side force that lasts
        z = np.eye(size)
        x, commands = z[:PLANT], z[PLANT : self.estimate]  # newest first
        estimate, before = z[self.estimate : -1], z[-1]

        def moved(state, command):
            full = np.zeros((12, size))
            full[ESTIMATED], full[COMMAND] = state, command
            return (gains.tick @ full)[ESTIMATED]

        prior = moved(estimate, commands[told])  # what acted in the tick that ended
        seen = sensed @ x
        posterior = prior + gains.observer @ (seen - gains.measured @ prior)
        ahead = posterior
        for ago in range(told - 1, -1, -1):
            ahead = moved(ahead, commands[ago])
        state = np.vstack([ahead[:7], commands[:1]])
        lasting = before + TICK_S / lateral_twin.LASTING_S * (posterior[8] - before)
        places_wanted = gains.wanted @ ahead[7:9]
        places_wanted[[TRAILER, OFFSET, FRONT]] -= gains.agile * gains.wanted[OFFSET, 1] * (posterior[8] - lasting)
        rate = -gains.feedback @ (state - places_wanted)
        command = commands[0] + TICK_S * rate
        acting = command if real == 0 else commands[real - 1]
        nothing = np.zeros(size)
        full = np.vstack([x, [acting], [nothing] * 4])
        self.matrix = np.vstack([(plant @ full)[:PLANT], [command], commands[:-1], posterior, [lasting]])
        aside = TICK_S * gains.feedback[[TRAILER, OFFSET, FRONT]].sum()  # of the command, a metre wanted aside
        self.asked = np.zeros(size)
        self.asked[PLANT] = aside
        if real == 0:
            self.asked[:PLANT] = plant[:PLANT, COMMAND] * aside

    @property
    def modes(self) -> np.ndarray:
        """rad/s, complex: the logarithms of the tick's eigenvalues."""
        values = np.linalg.eigvals(self.matrix)
        return np.log(values[np.abs(values) > 1e-6].astype(complex)) / TICK_S

    def damping(self) -> float:
        """Least damping ratio below HIGHEST_HZ; below zero when any mode at all grows."""
        modes = self.modes
        ratio = -modes.real / np.maximum(np.abs(modes), 1e-12)
        growing = modes.real > 1e-7
        if growing.any():
            return float(ratio[growing].min())
        moving = (np.abs(modes) > INTEGRATOR_RADPS) & (np.abs(modes) < 2.0 * math.pi * HIGHEST_HZ)
        return float(ratio[moving].min())

    def offsets(self, start_m: float, duration_s: float) -> np.ndarray:
        """(n, 4) m: reference point, trailer's axle group, front and rear face; parallel to the lane at taking over."""
        z = np.zeros(len(self.matrix))
        z[3:6] = z[self.estimate + 3 : self.estimate + 6] = start_m
        rows = np.empty((round(duration_s / TICK_S), PLANT))
        for k, row in enumerate(rows):
            row[:] = z[:PLANT]
            z = self.matrix @ z + self.asked * (start_m * lateral_twin.taking_over(k * TICK_S, self.speed, self.response))
        return places(self.model, self.vehicle, rows)


def places(model: YawPlane, vehicle, x: np.ndarray) -> np.ndarray:
    """(n, 4) m: reference point, trailer's axle group, front and rear face, of plant coordinates (n, PLANT or more)."""
    heading = (x[:, FRONT] - x[:, OFFSET]) / model.front_m
    angle = (x[:, OFFSET] - model.hitch_m * heading - x[:, TRAILER]) / model.trailer_m
    overhang = float(vehicle["rear_overhang_m"]) - model.hitch_m - model.trailer_m
    return np.column_stack([x[:, OFFSET], x[:, TRAILER], x[:, FRONT], x[:, TRAILER] - overhang * angle])


@lru_cache(maxsize=8)
def parameters(vehicle: str):
    """(lateral, vehicle) records of a packaged vehicle."""
    from autonomy import config
    from autonomy.parameters import load_parameters

    loaded = load_parameters(config.load(vehicle))
    return loaded["lateral"], loaded["vehicle"]


def settling_time(offsets: np.ndarray, band_m: float) -> float:
    """s after which a series stays within the band."""
    outside = np.flatnonzero(np.abs(offsets) > band_m)
    return 0.0 if len(outside) == 0 else (outside[-1] + 1) * TICK_S
