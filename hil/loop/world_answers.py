"""What a world answers, held to what the loop takes from it: a `hil.world.Truth`, finite, a moment after the one before.

Worlds come from users too (`--world`): what goes wrong in one of theirs is told as theirs, with the line where it did. Records
of their own classes are taken by their fields: those of INTERFACES have to be there, what Truth has beyond keeps its default.
"""

from __future__ import annotations

import dataclasses
import math
import traceback
from numbers import Integral, Real

import numpy as np

from autonomy.errors import AutonomyError, UsageError
from hil.sensors.realism import LANE_RANGE_M
from hil.world import MOST_ACTORS, Actor, EgoTruth, RoadTruth, Truth

__all__ = ["answered", "made_by"]

OURS = "hil."
PARTS = tuple(field.name for field in dataclasses.fields(Truth))
FINITE = ("x", "y", "z", "yaw", "velocity", "acceleration", "yaw_rate", "road_wheel_angle")  # of Truth.ego, of every world
EGO = (*FINITE, "pitch", "roll", "lateral_acceleration", "articulation", "articulation_rate", "mass", "gear")
ROAD = ("offset", "heading_error", "curvature", "curvature_rate", "width_left", "width_right", "lanes_left", "lanes_right",
        "grade", "bank", "friction", "speed_limit")  # fmt: skip
ACTOR = ("x", "y", "yaw", "speed", "acceleration", "length", "width", "height")
# NaN: not known to this world. Nothing but the record of the truth reads them where there is no plant of ours
MAY_BE_UNKNOWN = ("friction", "speed_limit", "trailer_lateral_acceleration")
ARRAYS = ("outline", "axles", "axle_offsets", "corner_offsets")  # None: not known
LEAST_PREVIEW = 2  # points within the camera's range, for a line through them
TIME_NS = 2**62


def made_by(name: str, make):
    """`make()`. Raises UsageError with what a class from outside raised."""
    try:
        return make()
    except Exception as error:
        if isinstance(error, AutonomyError) or getattr(make, "__module__", "").startswith(OURS):
            raise
        raise UsageError(f"{name}: cannot be made: {_where(error)}; correct this world") from error


def answered(world, method: str, before_ns: int | None, *given) -> Truth:
    """`world.method(*given)`; `before_ns`: time of the answer before, None for the first. Raises UsageError."""
    name = f"world {type(world).__module__}:{type(world).__qualname__}"
    ours = type(world).__module__.startswith(OURS)
    try:
        truth = getattr(world, method)(*given)
    except Exception as error:
        if isinstance(error, AutonomyError) or ours:
            raise
        raise UsageError(f"{name}: {method}() failed: {_where(error)}; correct this world") from error
    if missing := [part for part in PARTS if not hasattr(truth, part)]:
        raise UsageError(
            f"{name}: {method}() returned {type(truth).__name__} without {', '.join(missing)}; return a hil.world.Truth"
        )
    if not ours:  # our own are tested to give what they have to
        truth = _taken(truth, f"{name}: {method}() returned")
    if before_ns is not None and not truth.done and not truth.time_ns > before_ns:
        raise UsageError(f"{name}: {method}() returned time_ns = {truth.time_ns} after {before_ns}; each step has to be later")
    for field in FINITE if ours else ():
        if not math.isfinite(value := getattr(truth.ego, field)):
            raise UsageError(f"{name}: {method}() returned ego.{field} = {value} at {truth.time_ns} ns; return a finite number")
    return truth


def _taken(truth, said: str) -> Truth:
    """A truth from outside with every field checked, as ours where it is of another class. Raises UsageError."""
    if isinstance(truth.time_ns, bool) or not isinstance(truth.time_ns, Integral) or abs(truth.time_ns) >= TIME_NS:
        raise UsageError(f"{said} time_ns = {truth.time_ns!r}; return whole nanoseconds")
    at = f"at {truth.time_ns} ns"
    ego = _record(truth.ego, EgoTruth, EGO, "ego", said, at)
    road = _record(truth.road, RoadTruth, (*ROAD, "preview"), "road", said, at)
    _preview(road.preview, said, at)
    if not isinstance(truth.info, dict):
        raise UsageError(f"{said} info = {truth.info!r} {at}; return a dict, {{}} for nothing")
    try:
        given = list(truth.actors)
    except TypeError:
        raise UsageError(f"{said} actors = {truth.actors!r} {at}; return a list, [] for none") from None
    if len(given) > MOST_ACTORS:
        raise UsageError(f"{said} {len(given)} actors {at}; return the nearest {MOST_ACTORS} at most")
    actors = [_actor(actor, f"actors[{index}]", said, at) for index, actor in enumerate(given)]
    same = zip((ego, road, *actors), (truth.ego, truth.road, *given), strict=True)
    if isinstance(truth, Truth) and isinstance(truth.actors, list) and all(one is other for one, other in same):
        return truth
    return Truth(truth.time_ns, ego, road, actors, bool(truth.done), truth.info)


def _record(given, kind, needed: tuple[str, ...], place: str, said: str, at: str):
    """`given` itself if it is a `kind`, else a `kind` of its fields. Raises UsageError."""
    if not isinstance(given, kind):
        if missing := [field for field in needed if not hasattr(given, field)]:
            raise UsageError(f"{said} {place} without {', '.join(missing)} {at}; "
                             f"give it every field of hil.world.{kind.__name__}")  # fmt: skip
        given = kind(**{field.name: getattr(given, field.name) for field in dataclasses.fields(kind)
                        if hasattr(given, field.name)})  # fmt: skip
    for field in dataclasses.fields(kind):
        value = getattr(given, field.name)
        if field.name in ARRAYS:
            if value is not None and not _all_finite(value):
                raise UsageError(f"{said} {place}.{field.name} with what is no finite number {at}; return None if it is unknown")
        elif field.name not in ("preview", "plant"):
            _number(value, f"{place}.{field.name}", said, at, field.name in MAY_BE_UNKNOWN)
    return given


def _number(value, place: str, said: str, at: str, may_be_unknown: bool = False) -> None:
    """Raises UsageError for what is no number, or not finite and not allowed to be."""
    number = type(value) is float or isinstance(value, Real) or (isinstance(value, np.ndarray) and value.ndim == 0)
    if number and (may_be_unknown or math.isfinite(value)):
        return
    unknown = ", NaN if it is unknown" if may_be_unknown else ""
    raise UsageError(f"{said} {place} = {value!r} {at}; return a finite number{unknown}")


def _all_finite(value) -> bool:
    try:
        return bool(np.isfinite(np.asarray(value, float)).all())
    except (TypeError, ValueError):
        return False


def _preview(preview, said: str, at: str) -> None:
    """Raises UsageError for what is no list of (distance, curvature) that the lane camera can fit a line to."""
    try:
        points = np.asarray(list(preview), float)
    except (TypeError, ValueError):
        points = np.full((1, 2), math.nan)
    if not points.size:
        return
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise UsageError(f"{said} road.preview = {_short(preview)} {at}; return pairs of finite numbers (distance, curvature), "
                         "or [] for none")  # fmt: skip
    distance = points[:, 0]
    if distance[0] < 0.0 or (np.diff(distance) <= 0.0).any() or np.sum(distance <= LANE_RANGE_M) < LEAST_PREVIEW:
        raise UsageError(f"{said} road.preview = {_short(preview)} {at}; its distances have to rise from 0, "
                         f"{LEAST_PREVIEW} of them or more within {LANE_RANGE_M:g} m; return [] for none")  # fmt: skip


def _actor(given, place: str, said: str, at: str) -> Actor:
    """As ours; its class may go by that name, which no Python code can write after a dot. Raises UsageError."""
    kind = getattr(given, "classification", getattr(given, "class", None))
    missing = [field for field in ("id", *ACTOR) if not hasattr(given, field)] + ["classification"] * (kind is None)
    if missing:
        raise UsageError(f"{said} {place} without {', '.join(missing)} {at}; give it every field of hil.world.Actor")
    if not isinstance(given.id, Integral):
        raise UsageError(f"{said} {place}.id = {given.id!r} {at}; return a whole number that stays with this actor")
    for field in ACTOR:
        _number(getattr(given, field), f"{place}.{field}", said, at)
    if isinstance(given, Actor):
        return given
    return Actor(given.id, kind, *(getattr(given, field) for field in ACTOR))


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
