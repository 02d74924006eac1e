"""Packet captures for the tests, made by dpkt and by hand."""

from __future__ import annotations

import io
import struct

import dpkt

FIRST_NS = 1_700_000_000_123_456_789


def datagram(payload: bytes, port: int = 2368, identification: int = 0) -> dpkt.ip.IP:
    content = dpkt.udp.UDP(sport=2369, dport=port, data=payload)
    content.ulen = len(content)
    packet = dpkt.ip.IP(src=b"\xc0\xa8\x01\xc9", dst=b"\xc0\xa8\x01\x01", p=17, id=identification, data=content)
    packet.len = len(packet)
    return packet


def ethernet(packet: bytes, kind: int = 0x0800, vlan: int | None = None) -> bytes:
    tag = struct.pack(">HH", 0x8100, vlan) if vlan is not None else b""
    return bytes(12) + tag + struct.pack(">H", kind) + packet


def fragments(payload: bytes, identification: int, mtu: int = 1480) -> list[bytes]:
    """The IP packets that carry one long datagram."""
    whole = datagram(payload, identification=identification)
    content = bytes(whole.data)
    found = []
    for start in range(0, len(content), mtu):
        part = content[start : start + mtu]
        more = start + mtu < len(content)
        head = bytearray(bytes(dpkt.ip.IP(src=whole.src, dst=whole.dst, p=17, id=identification, data=b"")))
        struct.pack_into(">H", head, 2, 20 + len(part))
        struct.pack_into(">H", head, 6, (0x2000 if more else 0) | start // 8)
        found.append(bytes(head) + part)
    return found


def classic(packets: list[tuple[int, bytes]], link: int = 1, order: str = "<", nano: bool = True) -> bytes:
    """A pcap file of (time in ns, packet)."""
    out = struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for time_ns, packet in packets:
        fraction = time_ns % 10**9 // (1 if nano else 1000)
        out += struct.pack(f"{order}IIII", time_ns // 10**9, fraction, len(packet), len(packet)) + packet
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + length + body + length


def next_generation(packets: list[tuple[int, int, bytes]], interfaces: list[tuple[int, int, str]], order: str = "<") -> bytes:
    """A pcapng file of (interface, time in its ticks, packet); interfaces are (link, resolution byte, name)."""
    out = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link, resolution, name in interfaces:
        text = name.encode()
        options = struct.pack(f"{order}HH", 2, len(text)) + text + bytes(-len(text) % 4)
        options += struct.pack(f"{order}HH", 9, 1) + bytes([resolution, 0, 0, 0]) + bytes(4)
        out += block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + options)
    for interface, ticks, packet in packets:
        head = struct.pack(f"{order}IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
        out += block(order, 6, head + packet)
    return out


def socketcan(identifier: int, data: bytes, fd_flags: int = 0) -> bytes:
    return struct.pack(">IBBBB", identifier, len(data), fd_flags, 0, 0) + data


def capture(count: int) -> bytes:
    """Datagrams of a lidar, one of them in fragments."""
    packets = [(FIRST_NS + n * 1_000_000, ethernet(bytes(datagram(bytes([n]) * 20)))) for n in range(count)]
    cans = [(FIRST_NS + n * 1_000_000, socketcan(0x80000000 | 0x18FEF100, bytes([n] * 8))) for n in range(count)]
    assert packets
    return classic(cans, link=227)


def capture_ng(count: int) -> bytes:
    packets = []
    for n in range(count):
        packets.append((0, FIRST_NS + n * 1_000_000, ethernet(bytes(datagram(bytes([n]) * 20)))))
        packets.append((1, (FIRST_NS + n * 1_000_000) // 1000, socketcan(0x123, bytes([n] * 8))))
    return next_generation(packets, [(1, 9, "eth0"), (227, 6, "can2")])


def read_back(data: bytes) -> list[tuple[float, bytes]]:
    """By dpkt."""
    return list(dpkt.pcap.Reader(io.BytesIO(data)))
