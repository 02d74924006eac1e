"""What a world answers, held to what the loop takes from it: a `hil.world.Truth`, finite, a moment after the one before.

Worlds come from users too (`--world`): what goes wrong in one of theirs is told as theirs, with the line where it did.
"""

from __future__ import annotations

import dataclasses
import math
import traceback

from autonomy.errors import AutonomyError, UsageError
from hil.world import Truth

__all__ = ["answered", "made_by"]

OURS = "hil."
PARTS = tuple(field.name for field in dataclasses.fields(Truth))
FINITE = ("x", "y", "z", "yaw", "velocity", "acceleration", "yaw_rate", "road_wheel_angle")  # of Truth.ego


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
    try:
        truth = getattr(world, method)(*given)
    except Exception as error:
        if isinstance(error, AutonomyError) or type(world).__module__.startswith(OURS):
            raise
        raise UsageError(f"{name}: {method}() failed: {_where(error)}; correct this world") from error
    if missing := [part for part in PARTS if not hasattr(truth, part)]:
        raise UsageError(
            f"{name}: {method}() returned {type(truth).__name__} without {', '.join(missing)}; return a hil.world.Truth"
        )
    if before_ns is not None and not truth.done and not truth.time_ns > before_ns:
        raise UsageError(f"{name}: {method}() returned time_ns = {truth.time_ns} after {before_ns}; each step has to be later")
    for field in FINITE:
        if not math.isfinite(value := getattr(truth.ego, field)):
            raise UsageError(f"{name}: {method}() returned ego.{field} = {value} at {truth.time_ns} ns; return a finite number")
    return truth


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
