"""The plant about straight running at a held speed: modes, rearward amplification, off-tracking, yaw gain.

x = [vy, yaw rate, trailer yaw rate, articulation] at the tractor's centre of gravity, input the road wheel angle. Taken from the
kernel by central differences, so that the figures are those of what drives in the loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.plant.plant import Plant

V, R, S, ARTICULATION = 4, 5, 6, 7  # places in the kernel's integrated state
U, STATES = 3, 26
FREQUENCIES_HZ = np.linspace(0.05, 1.0, 951)


@dataclass
class Linear:
    """x' = A x + B angle; accelerations of both centres of gravity = C x + D angle."""

    A: np.ndarray  # (4, 4)
    B: np.ndarray  # (4,)
    C: np.ndarray  # (2, 4)
    D: np.ndarray  # (2,)
    speed: float
    plant: Plant

    def modes(self) -> list[tuple[float, float]]:
        """(natural frequency in Hz, damping ratio) of the oscillating modes, least damped first."""
        values = [value for value in np.linalg.eigvals(self.A) if value.imag > 1e-6]
        return sorted(((abs(value) / (2.0 * np.pi), -value.real / abs(value)) for value in values), key=lambda mode: mode[1])

    def rearward_amplification(self, frequencies_hz=FREQUENCIES_HZ) -> tuple[float, float]:
        """Peak of trailer over tractor lateral acceleration, and the Hz where it stands."""
        ratios = []
        for frequency in frequencies_hz:
            x = np.linalg.solve(2j * np.pi * frequency * np.eye(4) - self.A, self.B)
            first, second = self.C @ x + self.D
            ratios.append(abs(second / first))
        best = int(np.argmax(ratios))
        return ratios[best], float(frequencies_hz[best])

    def steady(self) -> np.ndarray:
        """x per road wheel angle in steady turning."""
        return np.linalg.solve(self.A, -self.B)

    def yaw_gain(self) -> float:
        """1/s, yaw rate over road wheel angle."""
        return float(self.steady()[1])

    def off_tracking(self, radius_m: float) -> float:
        """m by which the trailer's axle group runs outside the front axle's path on a circle of this radius at the front axle."""
        p = self.plant.parameters
        x = self.steady() * self.speed / radius_m / self.yaw_gain()
        front, hitch, group = float(p["axle_x"][0]), float(p["hitch"]), float(p["trailer_group"])
        # headings of both units against the path's tangent under the front axle
        heading = -(x[0] + front * x[1]) / self.speed
        trailer = heading + x[3]
        along = -(front + hitch) * np.cos(heading) - group * np.cos(trailer)
        left = -(front + hitch) * np.sin(heading) - group * np.sin(trailer)
        return float(np.hypot(along, left - radius_m) - radius_m)


def linearise(plant: Plant, speed: float) -> Linear:
    """About straight running on a level road without wind."""
    plant.reset(speed=speed)
    base = np.zeros(STATES)
    base[U] = speed
    places = [V, R, S, ARTICULATION]
    hitch, behind = float(plant.parameters["hitch"]), float(plant.parameters["trailer_cg"])

    def rates(x, angle):
        state = base.copy()
        state[places] = x
        dx = plant.kernel.derivative(state, angle, 0.0, speed)[0]
        cosine, sine = np.cos(x[3]), np.sin(x[3])
        first = dx[V] + speed * x[1]
        hitch_u = speed * cosine + (x[0] - hitch * x[1]) * sine
        second = (dx[V] - hitch * dx[R]) * cosine - dx[U] * sine - behind * dx[S] + x[1] * hitch_u
        return dx[places], np.array([first, second])

    step = 1e-6
    A, C = np.empty((4, 4)), np.empty((2, 4))
    for k in range(4):
        ahead, back = (rates(sign * step * np.eye(4)[k], 0.0) for sign in (1.0, -1.0))
        A[:, k], C[:, k] = (ahead[0] - back[0]) / (2 * step), (ahead[1] - back[1]) / (2 * step)
    ahead, back = rates(np.zeros(4), step), rates(np.zeros(4), -step)
    return Linear(A, (ahead[0] - back[0]) / (2 * step), C, (ahead[1] - back[1]) / (2 * step), speed, plant)
