"""What of a detection model, and of a scene that it is shown, cannot be. hil/sensors/detections.py asks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hil.sensors.detections import Scene, Sensor

KINDS = ("lidar", "radar")
UNMEASURED = -1.0  # of a sigma
SIGMAS, OPTIONAL_SIGMAS = ("range_sigma_m", "azimuth_sigma_deg"), ("range_rate_sigma_mps", "extent_sigma_m", "yaw_sigma_deg")
SHARES = ("pedestrian_factor", "split_probability", "merge_probability")
ABOVE_ZERO = ("range_m", "period_s")
NOT_NEGATIVE = ("latency_s", "phase_s", "occlusion_exponent", "clutter_per_m2", "merge_distance_m", "reflection_spread",
                "split_gap_m")  # fmt: skip
MOST_GAP_M = 4.0  # pieces are cut from a quarter of 8 m on


def complaint(sensor: Sensor) -> str | None:
    """What is wrong with the first value of a sensor that cannot be: its key, the value and what to do."""
    return next(_complaints(sensor), None)


def complaint_of_all(sensors: list[Sensor]) -> str | None:
    """The same of a whole file: each sensor, and no two of one name or source."""
    names: set[str] = set()
    sources: set[int] = set()
    for sensor in sensors:
        if wrong := complaint(sensor):
            return f"sensor '{sensor.name}': {wrong}"
        for key, value, before in (("name", sensor.name, names), ("source", sensor.source, sources)):
            if value in before:
                return f"sensor '{sensor.name}': {key} = {value!r} is that of another; give each its own"
        names.add(sensor.name)
        sources.add(sensor.source)
    return None


def complaint_of_scene(scene: Scene) -> str | None:
    """A part that is longer or shorter than the numbers of road users, or that holds what is no number."""
    count = len(scene.number)
    for name, values in zip(scene._fields, scene, strict=True):
        if len(values) != count:
            return f"a scene of {count} road users with {len(values)} values of {name}"
        if not np.isfinite(values).all():
            return f"a scene whose {name} holds a value that is no finite number"
    return None


def _complaints(sensor: Sensor) -> Iterator[str]:
    if sensor.kind not in KINDS:
        yield f"kind = '{sensor.kind}'; use {' or '.join(KINDS)}"
    if not 0 <= sensor.source <= 65535:
        yield f"source = {sensor.source} is not within 0..65535"
    for key in sensor.__struct_fields__:
        values = getattr(sensor, key)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, float) and not math.isfinite(value):
                yield f"{key} = {value}: must be a finite number"
    for key in ABOVE_ZERO:
        if not getattr(sensor, key) > 0.0:
            yield f"{key} = {getattr(sensor, key):g}: must be above zero"
    for key in (*NOT_NEGATIVE, *SIGMAS):
        if getattr(sensor, key) < 0.0:
            yield f"{key} = {getattr(sensor, key):g}: must not be negative"
    for key in OPTIONAL_SIGMAS:
        value = getattr(sensor, key)
        if value < 0.0 and value != UNMEASURED:
            yield f"{key} = {value:g}: must not be negative; -1 stands for what the sensor does not measure"
    if (sensor.extent_sigma_m < 0.0) != (sensor.yaw_sigma_deg < 0.0):
        yield (f"extent_sigma_m = {sensor.extent_sigma_m:g} and yaw_sigma_deg = {sensor.yaw_sigma_deg:g}: who measures a box "
               "measures both; -1 stands for neither")  # fmt: skip
    for key in SHARES:
        if not 0.0 <= getattr(sensor, key) <= 1.0:
            yield f"{key} = {getattr(sensor, key):g} is not within 0..1"
    if not -360.0 <= sensor.yaw_deg <= 360.0:
        yield f"yaw_deg = {sensor.yaw_deg:g} is not within -360..360 degrees"
    if not 0.0 < sensor.half_angle_deg <= 180.0:
        yield f"half_angle_deg = {sensor.half_angle_deg:g} is not within 0..180 degrees"
    if sensor.split_gap_m >= MOST_GAP_M:
        yield f"split_gap_m = {sensor.split_gap_m:g}: must be less than {MOST_GAP_M:g}, or pieces have no length"
    yield from _detection_complaints(sensor)


def _detection_complaints(sensor: Sensor) -> Iterator[str]:
    distances, probabilities = sensor.detection_range_m, sensor.detection_probability
    if not distances or len(distances) != len(probabilities):
        yield (f"detection_range_m and detection_probability have {len(distances)} and {len(probabilities)} values; give as many "
               "of each, at least one")  # fmt: skip
    if min(distances, default=0.0) < 0.0 or any(b <= a for a, b in pairwise(distances)):
        yield f"detection_range_m = {distances}: must rise, from 0 on"
    for value in probabilities:
        if not 0.0 <= value <= 1.0:
            yield f"detection_probability = {value:g} is not within 0..1"
