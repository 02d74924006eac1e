"""Whether a CAN channel leaves this machine: what is sent to one that does may move something; and which channels are one.

Of a network interface the kernel tells its kind (rtnetlink, IFLA_LINKINFO): `vcan` and `vxcan` are memory, all others wires.
"""

from __future__ import annotations

import os

from drivers.can import network_link
from drivers.can.live_bus import LOCAL

__all__ = ["is_virtual", "kind_of", "same_twice"]

VIRTUAL_INTERFACES = ("local", "process", "virtual", "udp_multicast")
VIRTUAL_KINDS = ("vcan", "vxcan")


def is_virtual(interface: str, channel: str) -> bool:
    """True where nothing outside of this machine hears what is sent. An interface that cannot be told is real."""
    if interface == "socketcan":
        return kind_of(channel) in VIRTUAL_KINDS
    return interface in VIRTUAL_INTERFACES


def kind_of(name: str) -> str:
    """The kind of a network interface as `ip -d link` shows it; "" for one that is not there or of no kind."""
    info = network_link.attributes(network_link.look(name).get(network_link.IFLA_LINKINFO, b""))
    return info.get(network_link.IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")


def same_twice(interface: str, channels: list[str]) -> str | None:
    """The first channel that is one of those before it by another name or the same; None when all differ."""
    known: set[str] = set()
    for channel in channels:
        place = os.path.realpath(channel) if interface == LOCAL else channel
        if place in known:
            return channel
        known.add(place)
    return None
