"""What a stored route is worth, in figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.planning.route_grade import STEP_M, RouteGrade

__all__ = ["figures_of", "heights", "lines"]


def figures_of(route: RouteGrade) -> dict[str, Any]:
    """None where nothing is known. Grades in rad, uphill positive."""
    known = np.isfinite(route.grade)
    grade, rise = route.grade[known], np.diff(heights(route))
    found = {
        "length_m": route.length_m,
        "known_m": STEP_M * int(known[:-1].sum()),
        "from_deg": [float(route.latitude_deg[0]), float(route.longitude_deg[0])],
        "to_deg": [float(route.latitude_deg[-1]), float(route.longitude_deg[-1])],
        "climbed_m": float(rise[rise > 0.0].sum()),
        "descended_m": float(-rise[rise < 0.0].sum()),
    }
    names = ("grade_minimum", "grade_maximum", "sigma_median", "sigma_maximum", "drives_minimum", "drives_maximum")
    if not known.any():
        return found | dict.fromkeys(names)
    drives, sigma = route.drives[known], route.sigma[known]
    values = (grade.min(), grade.max(), np.median(sigma), sigma.max(), drives.min(), drives.max())
    return found | {name: float(value) for name, value in zip(names, values, strict=True)}


def heights(route: RouteGrade) -> np.ndarray:
    """m over the first point (n,); over what is not known it stays."""
    rise = STEP_M * np.sin(np.nan_to_num(route.grade))
    return np.concatenate([[0.0], np.cumsum(rise)[:-1]])


def lines(figures: dict[str, Any]) -> list[str]:
    """For a terminal."""
    (north, east), (north_end, east_end) = figures["from_deg"], figures["to_deg"]
    shown = [
        f"route        {figures['route']}: {figures['length_m'] / 1e3:.2f} km, grade known on {figures['known_m'] / 1e3:.2f} km",
        f"way          from {north:.6f}, {east:.6f} to {north_end:.6f}, {east_end:.6f} (WGS 84, deg)",
    ]
    if figures["grade_minimum"] is not None:
        shown += [
            f"grade        {100 * figures['grade_minimum']:+.2f} to {100 * figures['grade_maximum']:+.2f} %; "
            f"{figures['climbed_m']:.0f} m up, {figures['descended_m']:.0f} m down",
            f"sigma        median {100 * figures['sigma_median']:.2f}, at most {100 * figures['sigma_maximum']:.2f} % of grade",
            f"drives       {figures['drives_minimum']:.0f} to {figures['drives_maximum']:.0f} a point",
        ]
    return shown
