"""Which stored trailer this one is, stated plainly: the only one whose wheelbase agrees with what was measured anew."""

from __future__ import annotations

import math

import numpy as np

from autonomy.estimation.truck.combination_twin import TRAILER, WHEELBASE, Filter


def restore(p, vehicle, x, P) -> tuple[int, bool, np.ndarray, np.ndarray]:
    """(1 + row, 0 = none; whether the question is settled; state (12,); covariance (12, 12)) of the yaw plane's filter."""
    plane = Filter(p, x, P)
    length, share = float(vehicle["trailer_wheelbase_m"]), math.sqrt(max(plane.P[WHEELBASE, WHEELBASE], 0.0))
    if not vehicle["has_trailer"] or not share < p["trailer_wheelbase_known"]:
        return 0, False, plane.x, plane.P
    measured, sigma = length * (1.0 + plane.x[WHEELBASE]), length * share
    agreeing = [place for place, row in enumerate(p["stored_trailer"]) if row["wheelbase_m"] > 0.0 and
                abs(row["wheelbase_m"] - measured) < p["stored_trailer_agreement"] * math.hypot(sigma, row["wheelbase_sigma_m"])]
    if len(agreeing) != 1:
        return 0, not agreeing, plane.x, plane.P
    row, unit, everything = p["stored_trailer"][agreeing[0]], np.eye(12), np.ones(12)
    residual = row["wheelbase_m"] / length - 1.0 - plane.x[WHEELBASE]
    plane.correct(unit[WHEELBASE], residual, row["wheelbase_sigma_m"] / length, everything)
    residual, sigma = row["tyre_factor"] - 1.0 - plane.x[TRAILER], float(row["tyre_factor_sigma"])
    if abs(residual) > p["stored_trailer_agreement"] * math.sqrt(plane.P[TRAILER, TRAILER] + sigma**2):
        return 0, True, plane.x, plane.P
    plane.correct(unit[TRAILER], residual, sigma, everything)
    return 1 + agreeing[0], True, plane.x, plane.P
