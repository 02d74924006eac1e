"""Where held runs lie after the vehicle has moved: the twin of ext/autonomy/perception/_lane_memory.pyx."""

from __future__ import annotations

import numpy as np

FADE = 0.93


def moved(runs: np.ndarray, velocity: np.ndarray, yaw_rate: float, elapsed_s: float) -> np.ndarray:
    """(n, 3) x, y, weight of runs in the frame of the vehicle `elapsed_s` later."""
    angle = yaw_rate * elapsed_s
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.column_stack([(runs[:, :2] - np.asarray(velocity)[:2] * elapsed_s) @ turn.T, FADE * runs[:, 2]])
