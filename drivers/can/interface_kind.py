"""Whether a CAN channel leaves this machine: what is sent to one that does may move something.

Of a network interface the kernel tells its kind (rtnetlink, IFLA_LINKINFO): `vcan` and `vxcan` are memory, all others wires.
"""

from __future__ import annotations

from drivers.can import network_link

__all__ = ["is_virtual", "kind_of"]

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
