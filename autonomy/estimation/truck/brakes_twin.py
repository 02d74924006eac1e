"""Heat of one body, stated plainly."""

from __future__ import annotations

import numpy as np


def temperature(time_s, power_w, capacity_jpk: float, cooling_wpk, air_c: float, start_c: float) -> np.ndarray:
    """Degrees C (n,) at `time_s` (n,), for power (n,) and cooling (n,) held from one time to the next: exact, not stepped."""
    found = [start_c]
    for k in range(len(time_s) - 1):
        final = air_c + power_w[k] / cooling_wpk[k]
        found.append(final + (found[-1] - final) * np.exp(-(time_s[k + 1] - time_s[k]) * cooling_wpk[k] / capacity_jpk))
    return np.array(found)
