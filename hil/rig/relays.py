"""Relays by name - ignition, supply of a sensor - and those that installed packages offer as entry points.

[project.entry-points."autonomy.relays"]
usb8 = "my_package.relays:UsbRelay"          # called with the option behind the colon: --relay ignition=usb8:3
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from autonomy.errors import EnvironmentFault, UsageError

__all__ = ["ENTRY_POINT_GROUP", "Relay", "SimulatedRelay", "load"]

ENTRY_POINT_GROUP = "autonomy.relays"


class Relay(Protocol):
    """Made with the option's text. Raises OSError when the switch does not answer."""

    def switch(self, closed: bool) -> None:
        """Closed: current flows."""
        ...

    def close(self) -> None:
        """Lets go of the device; the switch stays as it is."""
        ...


class SimulatedRelay:
    """Remembers what it was told."""

    def __init__(self, option: str = ""):
        self.option, self.history = option, list[bool]()

    def switch(self, closed: bool) -> None:
        self.history.append(closed)

    def close(self) -> None:
        pass


def load(text: str) -> tuple[str, Relay]:
    """(name, relay) of NAME=PLUGIN[:OPTION]. Raises UsageError."""
    name, separator, told = text.partition("=")
    plugin, _, option = told.partition(":")
    if not separator or not name or not plugin:
        raise UsageError(f"--relay {text}: write NAME=PLUGIN or NAME=PLUGIN:OPTION, such as ignition=simulated")
    factory: Callable[[str], Relay] = SimulatedRelay
    if plugin != "simulated":
        from importlib.metadata import entry_points

        found = entry_points(group=ENTRY_POINT_GROUP)
        if plugin not in found.names:
            raise UsageError(f"--relay {text}: no such relay plugin; installed: {', '.join(['simulated', *sorted(found.names)])}")
    try:
        relay = factory(option) if plugin == "simulated" else found[plugin].load()(option)
    except Exception as error:  # somebody else's code
        raise UsageError(f"--relay {text}: {type(error).__name__}: {error}") from error
    if missing := [method for method in ("switch", "close") if not callable(getattr(relay, method, None))]:
        raise UsageError(f"--relay {text}: the plugin gave {type(relay).__name__} without {' and '.join(missing)}; give it these")
    return name, relay if plugin == "simulated" else GuardedRelay(text, relay)


class GuardedRelay:
    """Somebody's relay, whose mistakes are sentences. Raises EnvironmentFault."""

    def __init__(self, told: str, relay: Relay):
        self._told, self._relay = told, relay

    def switch(self, closed: bool) -> None:
        self._guarded("switch", closed)

    def close(self) -> None:
        self._guarded("close")

    def _guarded(self, method: str, *given) -> None:
        try:
            getattr(self._relay, method)(*given)
        except Exception as error:
            raise EnvironmentFault(f"--relay {self._told}: {method}() failed: {type(error).__name__}: {error}") from error
