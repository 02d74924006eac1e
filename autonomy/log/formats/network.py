"""What a captured packet carries: link, IP and UDP headers taken off, SocketCAN frames read."""

from __future__ import annotations

import struct
from typing import NamedTuple

from autonomy.log.formats import frames as can
from drivers.udp.message import message

ETHERNET, RAW_IP, LOOPBACK, LINUX_COOKED, LINUX_COOKED_2, IPV4, IPV6 = 1, 101, 0, 113, 276, 228, 229  # link types
_TYPE_IPV4, _TYPE_IPV6, _VLANS = 0x0800, 0x86DD, (0x8100, 0x88A8)
_UDP = 17
_IPV6_EXTENSIONS = (0, 43, 60)  # hop by hop, routing, destination options

_CAN_ERROR, _CAN_REMOTE, _CAN_EXTENDED = 0x20000000, 0x40000000, 0x80000000
_FD_FLAG = 4


class NotUdp(Exception):
    """What a packet is instead of UDP."""


class Datagram(NamedTuple):
    source: int  # IPv4 address, 0 for IPv6
    destination: int
    source_port: int
    destination_port: int
    data: bytes


def packet_body(time_ns: int, datagram: Datagram) -> bytes:
    """The datagram as a UdpPacket, without the header of CDR."""
    addresses = (datagram.source, datagram.source_port), (datagram.destination, datagram.destination_port)
    return message(time_ns, *addresses, datagram.data)


class Fragment(NamedTuple):
    key: tuple  # addresses, identification
    offset: int
    more: bool
    data: bytes

    def datagram(self, whole: bytes) -> Datagram:
        return _udp(whole, *self.key[:2])


def unpack(link: int, packet: bytes) -> Datagram | Fragment:
    """Raises NotUdp, or struct.error and IndexError for a packet that ends within its headers."""
    kind, start = _network(link, packet)
    if kind == _TYPE_IPV4:
        return _ipv4(packet[start:])
    if kind == _TYPE_IPV6:
        return _ipv6(packet[start:])
    raise NotUdp("packets that are not IP")


def socketcan(packet: bytes, bus: int) -> tuple[int, int, int, int, bytes, bool]:
    """(identifier, bus, flags, length, data, is CAN FD) of a SocketCAN packet. Raises ValueError."""
    identifier, length, fd_flags = struct.unpack_from(">IBB", packet)
    is_fd = bool(fd_flags & _FD_FLAG) or length > 8
    flags = 0
    if identifier & _CAN_ERROR:
        flags |= can.ERROR
    if identifier & _CAN_REMOTE:
        flags |= can.REMOTE
    if is_fd:
        flags |= (can.BIT_RATE_SWITCH if fd_flags & 1 else 0) | (can.ERROR_STATE_INDICATOR if fd_flags & 2 else 0)
    number = identifier & 0x1FFFFFFF
    if identifier & _CAN_EXTENDED:
        number |= can.EXTENDED
    elif number > 0x7FF and not flags & can.ERROR:
        raise ValueError("CAN frames with an impossible identifier")
    data = b"" if flags & can.REMOTE else packet[8 : 8 + length]
    if len(data) < length and not flags & can.REMOTE:
        raise ValueError("CAN frames shorter than they tell")
    if length > (64 if is_fd else 8):
        raise ValueError("CAN frames longer than the bus allows")
    return number, bus, flags, length, data, is_fd


def _network(link: int, packet: bytes) -> tuple[int, int]:
    """Ether type and where the network header begins."""
    if link == ETHERNET:
        kind, start = struct.unpack_from(">H", packet, 12)[0], 14
    elif link == LINUX_COOKED:
        kind, start = struct.unpack_from(">H", packet, 14)[0], 16
    elif link == LINUX_COOKED_2:
        kind, start = struct.unpack_from(">H", packet, 0)[0], 20
    elif link in (RAW_IP, IPV4, IPV6, 12, 14):
        return (_TYPE_IPV4 if packet[0] >> 4 == 4 else _TYPE_IPV6), 0
    elif link == LOOPBACK:
        family = struct.unpack_from("<I", packet)[0]
        return (_TYPE_IPV4 if family in (2, 0x02000000) else _TYPE_IPV6), 4
    else:
        raise NotUdp(f"packets of link type {link}")
    while kind in _VLANS:
        kind, start = struct.unpack_from(">H", packet, start + 2)[0], start + 4
    return kind, start


def _ipv4(packet: bytes) -> Datagram | Fragment:
    length, identification, fragment = struct.unpack_from(">HHH", packet, 2)
    header = (packet[0] & 15) * 4
    source, destination = struct.unpack_from(">II", packet, 12)
    if packet[9] != _UDP:
        raise NotUdp("IP packets that are not UDP")
    if length == 0:  # written so by network cards that split packets themselves
        length = len(packet)
    if header < 20 or length < header or length > len(packet):
        raise NotUdp("packets shorter than their headers")
    payload = packet[header:length]
    if fragment & 0x3FFF:
        return Fragment((source, destination, identification), (fragment & 0x1FFF) * 8, bool(fragment & 0x2000), payload)
    return _udp(payload, source, destination)


def _ipv6(packet: bytes) -> Datagram:
    length, kind = struct.unpack_from(">HB", packet, 4)
    start, end = 40, 40 + length
    while kind in _IPV6_EXTENSIONS:
        kind, start = packet[start], start + 8 + packet[start + 1] * 8
    if kind == 44:
        raise NotUdp("fragments of IPv6")
    if kind != _UDP:
        raise NotUdp("IP packets that are not UDP")
    return _udp(packet[start:end], 0, 0)


def _udp(payload: bytes, source: int, destination: int) -> Datagram:
    source_port, destination_port, length = struct.unpack_from(">HHH", payload)
    if length < 8 or length > len(payload):
        raise NotUdp("datagrams shorter than they tell")
    return Datagram(source, destination, source_port, destination_port, payload[8:length])
