"""Mounting, delays, speed scale and lever arms: what the ego filter learned of its sensors over whole passes of a drive.

A pass is an ordinary run of the filter; the next begins with what the last one learned, so that the first seconds do
not spoil the rest. The antenna's lever arm is no state of the filter: it is where the squared innovations of the GNSS
aids, summed over a pass, are least (maximum likelihood; the curvature of that sum gives the sigma).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy.calibration import drive
from autonomy.calibration.drive import CalibrationDrive

PASSES = 3
SETTLED_SHARE = 0.2  # of a sigma: a pass that changes nothing by more is the last
LEVER_STEP_M = 0.5
WEAK_SIGMA_M = 0.5  # a lever arm known no better than this is not worth writing down
SMALLEST_CURVATURE = 1e-3  # 1/m2


class Quantity(NamedTuple):
    """One calibrated number. `key` and `index`: where it goes in [ego]; `configured`: the value in force before."""

    name: str
    unit: str
    value: float
    sigma: float
    configured: float
    key: str
    index: int | None = None


@dataclass
class SensorCalibration:
    quantities: list[Quantity]
    passes: list[CalibrationDrive] = field(default_factory=list)
    lever_note: str = ""


def calibrate(log: Path, config: str | None, overrides: dict[str, Any], tell: Callable[[str], None]) -> SensorCalibration:
    """`tell` is told what is being done. Raises as `drive.run`."""
    found = SensorCalibration([])
    learned = dict(overrides)
    for number in range(1, PASSES + 1):
        tell(f"pass {number}")
        found.passes.append(drive.run(log, config, learned))
        before = found.quantities
        found.quantities = states(found.passes[-1], found.passes[0].ego)
        learned = overrides | as_overrides(found.quantities)
        pairs = zip(before, found.quantities, strict=False)
        if before and all(abs(a.value - b.value) <= SETTLED_SHARE * b.sigma for a, b in pairs):
            break
    lever, found.lever_note = _antenna(log, config, learned, found.passes, tell)
    found.quantities += lever
    return found


def as_overrides(quantities: list[Quantity]) -> dict[str, Any]:
    """{"ego.key": value or list} as a configuration takes them."""
    overrides: dict[str, Any] = {}
    for item in quantities:
        if item.index is None:
            overrides[f"ego.{item.key}"] = item.value
        else:
            overrides.setdefault(f"ego.{item.key}", {})[item.index] = item.value
    return {
        name: [value.get(i, 0.0) for i in range(3 if name.endswith("_m") else 2)] if isinstance(value, dict) else value
        for name, value in overrides.items()
    }


def states(run: CalibrationDrive, configured: dict[str, Any]) -> list[Quantity]:
    last = run.last
    found = [
        Quantity(f"mounting {name}", "rad", last["mounting"][axis], last["mounting_sigma"][axis], configured["mounting"][place],
                 "mounting", place)
        for place, (name, axis) in enumerate((("pitch", 1), ("yaw", 2)))
    ]  # fmt: skip
    for name, unit, key, sigma_key in (
        ("speed scale", "", "speed_scale", "speed_scale_sigma"),
        ("GNSS position delay", "s", "gnss_position_delay_s", "gnss_position_delay_sigma_s"),
        ("GNSS velocity delay", "s", "gnss_velocity_delay_s", "gnss_velocity_delay_sigma_s"),
        ("wheel speed delay", "s", "wheel_delay_s", "wheel_delay_sigma_s"),
        ("drive axle ahead of the IMU", "m", "axle_x_m", "axle_x_sigma_m"),
    ):
        # No receiver knows the future: a short drive may put a delay below zero by its noise
        value = max(last[key], 0.0) if key.startswith("gnss_") else last[key]
        found.append(Quantity(name, unit, value, last[sigma_key], configured[key], key))
    return [item._replace(value=float(item.value), sigma=float(item.sigma), configured=float(item.configured)) for item in found]


def _antenna(log: Path, config: str | None, learned: dict[str, Any], passes: list[CalibrationDrive], tell):
    """Forward and left of the antenna from the IMU, and a sentence when the drive cannot tell."""
    first = passes[0]
    if not first.gnss_degrees_of_freedom:
        return [], "the drive has no usable GNSS, so the antenna's place cannot be found"
    configured = np.array(first.ego["antenna_from_imu_m"], float)

    def misfit(x: float, y: float) -> float:
        place = [configured[0] + x, configured[1] + y, configured[2]]
        run = drive.run(log, config, learned | {"ego.antenna_from_imu_m": place})
        return run.gnss_nis

    tell("antenna")
    h = LEVER_STEP_M
    centre, ahead, behind, left, right, corner = (
        misfit(x, y) for x, y in ((0.0, 0.0), (h, 0.0), (-h, 0.0), (0.0, h), (0.0, -h), (h, h))
    )
    slope = np.array([ahead - behind, left - right]) / (2 * h)
    cross = (corner - ahead - left + centre) / h**2
    curvature = np.array([[(ahead - 2 * centre + behind) / h**2, cross], [cross, (left - 2 * centre + right) / h**2]])
    if np.linalg.eigvalsh(curvature).min() < SMALLEST_CURVATURE:
        return [], "the drive turns and changes speed too little to tell where the antenna is"
    offset = -np.linalg.solve(curvature, slope)
    consistency = centre / first.gnss_degrees_of_freedom  # innovations larger than believed make every sigma larger
    sigmas = np.sqrt(np.diag(2.0 * np.linalg.inv(curvature)) * max(1.0, consistency))
    if sigmas.min() > WEAK_SIGMA_M:
        return [], f"the antenna's place is known to {sigmas[0]:.1f} m forward and {sigmas[1]:.1f} m left only: not used"
    names = ("antenna ahead of the IMU", "antenna left of the IMU")
    return [
        Quantity(names[axis], "m", float(configured[axis] + offset[axis]), float(sigmas[axis]), float(configured[axis]),
                 "antenna_from_imu_m", axis)
        for axis in range(2) if sigmas[axis] <= WEAK_SIGMA_M
    ], ""  # fmt: skip
