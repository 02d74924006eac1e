"""Packet captures (pcap, pcapng): UDP datagrams to /raw/udp/<destination port>, SocketCAN frames to /raw/can/<bus>.

Datagrams that IP sent in fragments are put together again: packets of some lidars and radars are longer than an Ethernet
frame. Layouts from the drafts draft-ietf-opsawg-pcap and -pcapng, and tcpdump.org/linktypes.html.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.formats.buses import BusNames
from autonomy.log.formats.network import Datagram, Fragment, NotUdp, packet_body, socketcan, unpack
from autonomy.log.formats.recording import BLOCK_BYTES, Block, Damage, FileRecording
from autonomy.log.ordered import own_channel
from autonomy.log.structure import Channel

NAME = "PCAP"
SECTION, INTERFACE, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 3, 6
LARGEST_PACKET = 1 << 20
MOST_FRAGMENTS = 256  # datagrams in the making; the oldest is given up first
LINK_CAN = 227

_CLASSIC = {  # magic as it stands in the file: byte order, ns of a fraction
    b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1),
}  # fmt: skip


class Interface(NamedTuple):
    link: int
    ticks_per_second: int
    offset_s: int
    bus: int  # of a CAN interface


class Place(NamedTuple):
    offset: int
    order: str
    interfaces: tuple[Interface, ...]
    fragments: tuple[tuple[tuple, tuple[Fragment, ...]], ...]  # by datagram: what came of it so far


def recognises(head: bytes, path: Path) -> bool:
    return head[:4] in _CLASSIC or head.startswith(b"\x0a\x0d\x0d\x0a")


def open_format(path: Path) -> Pcap:
    return Pcap(path)


class Pcap(FileRecording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        self._buses = BusNames()
        self._ports: dict[int, int] = {}
        self._unit_ns = 0
        head = self.bytes_at(0, 24)
        self.first = Place(0, "<", (), ())
        if head[:4] in _CLASSIC:
            if len(head) < 24:
                self.close()
                raise LogError(f"{path} ends within the header of a PCAP file")
            order, self._unit_ns = _CLASSIC[head[:4]]
            link = struct.unpack_from(f"{order}I", head, 20)[0] & 0x0FFFFFFF
            self.first = Place(24, order, (Interface(link, 10**9 // self._unit_ns, 0, 0),), ())

    def read(self, place: Place, is_first_time: bool) -> Block:
        frames, unused, fragments = can.FrameList(), Counter(), dict(place.fragments)
        notes: Counter[str] = Counter()
        offset, order, interfaces = place.offset, place.order, place.interfaces
        data = self.bytes_at(offset, BLOCK_BYTES + LARGEST_PACKET)
        position, problem = 0, None
        while position < len(data) and position < BLOCK_BYTES:
            try:
                if self._unit_ns:
                    length, packets = _classic_packet(data, position, order, self._unit_ns)
                else:
                    length, packets, order, interfaces = self._next_block(data, position, order, interfaces, unused)
            except Damage as damage:
                problem = f"{damage}, at byte {offset + position}"
                break
            except struct.error:
                problem = f"the packet at byte {offset + position} is cut or damaged"
                break
            if position + length > len(data):
                problem = f"the file ends within the packet at byte {offset + position}"
                break
            position += length
            if packets is not None:
                self._take(packets, interfaces, fragments, frames, unused, notes)
        following = Place(offset + position, order, interfaces, tuple(fragments.items()))
        if problem or following.offset >= self.size:
            following = None
            unused["datagrams of which fragments are missing"] += len(fragments)
        records, data = frames.content()
        if is_first_time:
            self.unused.update(unused)
            self.notes.update(notes)
            self.tell_clock(records)
        return Block(records, data, following, problem)

    def _next_block(self, data: bytes, position: int, order: str, interfaces: tuple, unused: Counter[str]):
        """One block of pcapng: (length, packet or None, byte order, interfaces)."""
        (kind,) = struct.unpack_from(f"{order}I", data, position)
        if kind == SECTION:
            order = "<" if data[position + 8 : position + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = ()
        kind, length = struct.unpack_from(f"{order}II", data, position)
        if length < 12 or length % 4 or length > LARGEST_PACKET:
            raise Damage(f"a block of {length} bytes")
        body = data[position + 8 : position + length - 4]
        packet = None
        if position + length <= len(data):
            if kind == INTERFACE:
                interfaces = (*interfaces, self._interface(body, order, len(interfaces)))
            elif kind == PACKET:
                number, high, low, captured, original = struct.unpack_from(f"{order}IIIII", body)
                if captured > len(body) - 20:
                    raise Damage(f"a packet of {captured} bytes in a block of {length}")
                packet = (number, high << 32 | low, body[20 : 20 + captured], original)
            elif kind == SIMPLE_PACKET:
                unused["packets without a time"] += 1
        return length, packet, order, interfaces

    def _interface(self, body: bytes, order: str, number: int) -> Interface:
        (link,) = struct.unpack_from(f"{order}H", body)
        ticks, offset_s, name, position = 10**6, 0, f"interface{number}", 8
        while position + 4 <= len(body):
            code, length = struct.unpack_from(f"{order}HH", body, position)
            value = body[position + 4 : position + 4 + length]
            if code == 0:
                break
            if len(value) < length:
                raise Damage(f"an option of {length} bytes that reaches beyond its block")
            if code == 2:
                name = value.decode("utf-8", "replace")
            elif code == 9 and length == 1:
                power = value[0] & 0x7F
                ticks = 2 ** min(power, 63) if value[0] & 0x80 else 10 ** min(power, 18)
            elif code == 14 and length == 8:
                (offset_s,) = struct.unpack(f"{order}q", value)
            position += 4 + (length + 3) // 4 * 4
        bus = 0
        if link == LINK_CAN:
            bus = self._buses.number(name)
            self.details["buses"] = self._buses.told()
        return Interface(link, ticks, offset_s, bus)

    def _take(self, packet: tuple, interfaces: tuple[Interface, ...], fragments: dict, frames: can.FrameList,
              unused: Counter[str], notes: Counter[str]) -> None:  # fmt: skip
        number, ticks, content, original = packet
        if number >= len(interfaces):
            unused["packets of an interface that is not described"] += 1
            return
        interface = interfaces[number]
        seconds, rest = divmod(ticks, interface.ticks_per_second)
        time_ns = (seconds + interface.offset_s) * 10**9 + rest * 10**9 // interface.ticks_per_second
        if not 0 <= time_ns < can.MOST_TIME_NS:
            unused["packets with a time out of range"] += 1
            return
        if len(content) < original:
            unused["packets of which the capture kept a part only"] += 1
            return
        try:
            if interface.link == LINK_CAN:
                frames.add(time_ns, *socketcan(content, interface.bus))
                return
            found = unpack(interface.link, content)
            if isinstance(found, Fragment):
                found = _assemble(fragments, found, unused)
                if found is None:
                    return
                notes["datagrams put together from fragments"] += 1
            self._add_datagram(time_ns, found, frames)
        except (NotUdp, ValueError) as error:
            unused[str(error) if len(unused) < 64 else "other packets"] += 1
        except (struct.error, IndexError):
            unused["packets shorter than their headers"] += 1

    def _add_datagram(self, time_ns: int, datagram: Datagram, frames: can.FrameList) -> None:
        port = datagram.destination_port
        channel = self._ports.setdefault(port, can.OTHER_CHANNELS + len(self._ports))
        frames.add_body(time_ns, channel, packet_body(time_ns, datagram))

    def channel(self, number: int) -> Channel:
        if number >= can.OTHER_CHANNELS:
            port = next(port for port, channel in self._ports.items() if channel == number)
            return own_channel(number, f"/raw/udp/{port}", "UdpPacket")
        return super().channel(number)


def _classic_packet(data: bytes, position: int, order: str, unit_ns: int) -> tuple[int, tuple]:
    seconds, fraction, captured, original = struct.unpack_from(f"{order}IIII", data, position)
    if captured > LARGEST_PACKET - 16:
        raise Damage(f"a packet of {captured} bytes")
    content = data[position + 16 : position + 16 + captured]
    return 16 + captured, (0, seconds * 10**9 // unit_ns + fraction, content, original)


def _assemble(fragments: dict, part: Fragment, unused: Counter[str]) -> Datagram | None:
    """The datagram a fragment completes, None while parts are missing."""
    known = fragments.pop(part.key, ())
    parts = (*(other for other in known if other.offset != part.offset), part)
    last = next((other for other in parts if not other.more), None)
    if last is not None and sum(len(other.data) for other in parts) == last.offset + len(last.data):
        whole = b"".join(other.data for other in sorted(parts, key=lambda other: other.offset))
        return part.datagram(whole)
    fragments[part.key] = parts
    if len(fragments) > MOST_FRAGMENTS:
        fragments.pop(next(iter(fragments)))
        unused["datagrams of which fragments are missing"] += 1
    return None
