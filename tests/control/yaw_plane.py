"""Linear yaw-plane model of a tractor-semitrailer: the plant the lateral controller is tried on, not the one it assumes.

State v_y, r, articulation rate, articulation angle; EU 4x2 tractor with three-axle semitrailer, 40 t.
"""

from __future__ import annotations

import numpy as np

MASS, TRAILER_MASS = 7_800.0, 32_200.0
INERTIA, TRAILER_INERTIA = MASS * 1.9**2, TRAILER_MASS * 4.0**2
AXLES, STIFFNESS = (1.2, -2.6), (363e3, 551e3)  # from the tractor's centre of gravity; N/rad
TRAILER_AXLES, TRAILER_STIFFNESS = (6.4, 7.7, 9.0), 429e3  # behind the kingpin
HITCH, KINGPIN_TO_CG = 2.0, 5.6
DRIVE_AXLE = 2.6  # behind the centre of gravity


def model(speed: float) -> tuple[np.ndarray, np.ndarray]:
    """A (4, 4), B (4,) for the road wheel angle."""
    c, d, m1, m2 = HITCH, KINGPIN_TO_CG, MASS, TRAILER_MASS
    # Accelerations of both bodies as rows over (v_y', r', articulation rate') and the state
    a2 = np.array([1.0, -(c + d), -d])
    M = np.array([
        m1 * np.array([1.0, 0.0, 0.0]) + m2 * a2,
        [0.0, INERTIA + TRAILER_INERTIA, TRAILER_INERTIA] - (c + d) * m2 * a2,
        [0.0, TRAILER_INERTIA, TRAILER_INERTIA] - d * m2 * a2,
    ])  # fmt: skip
    F, B = np.zeros((3, 4)), np.zeros(3)
    F[:, 1] = -(m1 + m2) * speed, (c + d) * m2 * speed, d * m2 * speed
    for x, stiffness in zip(AXLES, STIFFNESS, strict=True):
        force = stiffness * np.array([-1.0 / speed, -x / speed, 0.0, 0.0])
        F += np.outer([1.0, x, 0.0], force)
    B[:] = STIFFNESS[0], STIFFNESS[0] * AXLES[0], 0.0
    for h in TRAILER_AXLES:
        force = TRAILER_STIFFNESS * np.array([-1.0 / speed, (c + h) / speed, h / speed, 1.0])
        F += np.outer([1.0, -(c + h), -h], force)
    A = np.zeros((4, 4))
    A[:3], A[3, 2] = np.linalg.solve(M, F), 1.0
    return A, np.append(np.linalg.solve(M, B), 0.0)
