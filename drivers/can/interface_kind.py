"""Whether a CAN channel leaves this machine: what is sent to one that does may move something.

Of a network interface the kernel tells its kind (rtnetlink, IFLA_LINKINFO): `vcan` and `vxcan` are memory, all others wires.
"""

from __future__ import annotations

import os
import socket
import struct

__all__ = ["is_virtual", "kind_of"]

VIRTUAL_INTERFACES = ("local", "process", "virtual", "udp_multicast")
VIRTUAL_KINDS = ("vcan", "vxcan")
# linux/rtnetlink.h, linux/if_link.h
RTM_NEWLINK, RTM_GETLINK, NLM_F_REQUEST, NLMSG_ERROR = 16, 18, 1, 2
IFLA_LINKINFO, IFLA_INFO_KIND = 18, 1
MESSAGE, LINK, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=HH")
TYPE_MASK = 0x3FFF


def is_virtual(interface: str, channel: str) -> bool:
    """True where nothing outside of this machine hears what is sent. An interface that cannot be told is real."""
    if interface == "socketcan":
        return kind_of(channel) in VIRTUAL_KINDS
    return interface in VIRTUAL_INTERFACES


def kind_of(name: str) -> str:
    """The kind of a network interface as `ip -d link` shows it; "" for one that is not there or of no kind."""
    try:
        index = socket.if_nametoindex(name)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as route:
            route.settimeout(1.0)
            route.send(MESSAGE.pack(MESSAGE.size + LINK.size, RTM_GETLINK, NLM_F_REQUEST, 1, 0) + LINK.pack(0, 0, index, 0, 0))
            answer = route.recv(1 << 16)
    except OSError:
        return ""
    length, kind = MESSAGE.unpack_from(answer)[:2]
    if kind != RTM_NEWLINK:
        return ""
    info = _attributes(answer[MESSAGE.size + LINK.size : length]).get(IFLA_LINKINFO, b"")
    return _attributes(info).get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & TYPE_MASK] = data[at + ATTRIBUTE.size : at + length]
        at += length + (-length) % 4
    return found


def change_link(body: bytes, flags: int) -> None:
    """Asks the kernel for a change of an interface (RTM_NEWLINK) and waits for its answer. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as route:
        route.settimeout(1.0)
        route.send(MESSAGE.pack(MESSAGE.size + len(body), RTM_NEWLINK, NLM_F_REQUEST | flags, 1, 0) + body)
        answer = route.recv(1 << 16)
    if MESSAGE.unpack_from(answer)[1] == NLMSG_ERROR:
        (number,) = struct.unpack_from("=i", answer, MESSAGE.size)
        if number:
            raise OSError(-number, os.strerror(-number))
