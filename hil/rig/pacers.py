"""What sends the CAN frames of an interface that our compiled thread does not write to: python-can's, and those that installed
packages offer as entry points, by the name that -i takes.

[project.entry-points."autonomy.pacers"]
mycard = "my_package.pacers:Card"            # called with the channel: hil play -i mycard -c 1
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol

import can

from autonomy.errors import EnvironmentFault
from drivers.can.live_bus import open_bus
from drivers.can.local_message_bus import unpacked

__all__ = ["ENTRY_POINT_GROUP", "Pacer", "PythonCanPacer", "open_pacer"]

ENTRY_POINT_GROUP = "autonomy.pacers"


class Pacer(Protocol):
    """Made with the channel's name. Every method may raise; an `errno` of what it raises is told in the account."""

    def send(self, frame: bytes) -> None:
        """A frame at its moment, in a thread of its own: one row of CanFrame or CanFdFrame. Returns when it has been taken; how
        long that took counts as lateness."""
        ...

    def close(self) -> None: ...


class PythonCanPacer:
    """A bus of python-can's."""

    def __init__(self, bus: can.BusABC):
        self._bus = bus

    def send(self, frame: bytes) -> None:
        self._bus.send(unpacked(frame), timeout=0.0)

    def close(self) -> None:
        self._bus.shutdown()


def open_pacer(interface: str, channel: str) -> Pacer:
    """Raises EnvironmentFault."""
    offered = entry_points(group=ENTRY_POINT_GROUP)
    if interface not in offered.names:
        return PythonCanPacer(open_bus(interface, channel))
    try:
        return offered[interface].load()(channel)
    except Exception as error:  # somebody else's code
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EnvironmentFault(f"cannot open channel '{channel}' of the pacer '{interface}': {reason}") from error
