"""Steering plugins by name: the simulated one, and those that installed packages name as entry points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autonomy.errors import UsageError
from drivers.steering.plugin import SteeringPlugin
from drivers.steering.simulated import SimulatedSteering

__all__ = ["ENTRY_POINT_GROUP", "load"]

ENTRY_POINT_GROUP = "autonomy.steering"


def load(name: str, source_address: int, options: Mapping[str, Any]) -> SteeringPlugin:
    """The plugin of that name. Raises UsageError."""
    factory: Callable[..., SteeringPlugin]
    if name == "simulated":
        factory = SimulatedSteering
    else:
        from importlib.metadata import entry_points

        found = entry_points(group=ENTRY_POINT_GROUP)
        if name not in found.names:
            known = ", ".join(["simulated", *sorted(found.names)])
            raise UsageError(f"[command.steering] plugin = '{name}': no such steering plugin; installed: {known}")
        factory = found[name].load()
    try:
        return factory(source_address, **options)
    except TypeError as error:
        raise UsageError(f"[command.steering] options of '{name}': {error}") from None
