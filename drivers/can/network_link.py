"""A network interface as the kernel tells it and lets it be changed: rtnetlink(7), linux/rtnetlink.h, linux/if_link.h."""

from __future__ import annotations

import os
import socket
import struct

__all__ = ["IFLA_INFO_KIND", "IFLA_LINKINFO", "attributes", "change", "frames_dropped", "look"]

RTM_NEWLINK, RTM_GETLINK, NLM_F_REQUEST, NLMSG_ERROR = 16, 18, 1, 2
IFLA_LINKINFO, IFLA_STATS64, IFLA_INFO_KIND = 18, 23, 1
MESSAGE, LINK, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=HH")
RX_DROPPED = struct.Struct("=48xQ")  # of struct rtnl_link_stats64
TYPE_MASK = 0x3FFF


def look(name: str) -> dict[int, bytes]:
    """The interface's attributes (IFLA_...); none for one that is not there."""
    try:
        index = socket.if_nametoindex(name)
        answer = _ask(RTM_GETLINK, NLM_F_REQUEST, LINK.pack(0, 0, index, 0, 0))
    except OSError:
        return {}
    length, kind = MESSAGE.unpack_from(answer)[:2]
    return attributes(answer[MESSAGE.size + LINK.size : length]) if kind == RTM_NEWLINK else {}


def attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & TYPE_MASK] = data[at + ATTRIBUTE.size : at + length]
        at += length + (-length) % 4
    return found


def frames_dropped(name: str) -> int:
    """Received frames the kernel threw away before any socket saw them, since the interface is there: its queue behind the
    interface was full (net.core.netdev_max_backlog), or it had no memory."""
    figures = look(name).get(IFLA_STATS64, b"")
    return RX_DROPPED.unpack_from(figures)[0] if len(figures) >= RX_DROPPED.size else 0


def change(body: bytes, flags: int) -> None:
    """Asks the kernel for a change of an interface (RTM_NEWLINK) and waits for its answer. Raises OSError."""
    answer = _ask(RTM_NEWLINK, NLM_F_REQUEST | flags, body)
    if MESSAGE.unpack_from(answer)[1] == NLMSG_ERROR:
        (number,) = struct.unpack_from("=i", answer, MESSAGE.size)
        if number:
            raise OSError(-number, os.strerror(-number))


def _ask(kind: int, flags: int, body: bytes) -> bytes:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as route:
        route.settimeout(1.0)
        route.send(MESSAGE.pack(MESSAGE.size + len(body), kind, flags, 1, 0) + body)
        return route.recv(1 << 16)
