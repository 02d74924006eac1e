"""A network interface as the kernel tells it and lets it be changed: rtnetlink(7), linux/rtnetlink.h, linux/if_link.h."""

from __future__ import annotations

import os
import socket
import struct

__all__ = ["IFLA_INFO_KIND", "IFLA_LINKINFO", "attributes", "change", "frames_lost", "look"]

RTM_NEWLINK, RTM_GETLINK, NLM_F_REQUEST, NLMSG_ERROR = 16, 18, 1, 2
IFLA_LINKINFO, IFLA_STATS64, IFLA_INFO_KIND = 18, 23, 1
MESSAGE, LINK, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=HH")
STATISTICS = struct.Struct("=16Q")  # the beginning of struct rtnl_link_stats64
RX_DROPPED, RX_OVER_ERRORS, RX_FIFO_ERRORS, RX_MISSED_ERRORS = 6, 11, 14, 15
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


def frames_lost(name: str) -> int:
    """Received frames that no socket ever saw, since the interface is there: the controller had no room for them, or the kernel
    threw them away, as its queue behind the interface was full (net.core.netdev_max_backlog) or it had no memory."""
    figures = look(name).get(IFLA_STATS64, b"")
    if len(figures) < STATISTICS.size:
        return 0
    counts = STATISTICS.unpack_from(figures)
    return sum(counts[place] for place in (RX_DROPPED, RX_OVER_ERRORS, RX_FIFO_ERRORS, RX_MISSED_ERRORS))


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
