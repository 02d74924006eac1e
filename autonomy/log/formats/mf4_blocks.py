"""The blocks of an MDF 4 file followed by their links, as far as a cut or unfinished file has them (ASAM MDF 4.1, 4.2).

Only what the records of CAN bus logging hang on: ID, HD, DG, CG, CN, CC, TX, and the data in DT, SD, DZ, DL, HL.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.errors import LogError
from autonomy.log.formats.bus_logging import LINEAR, NO_CONVERSION

UNFINISHED = b"UnFinMF "
LARGEST_BLOCK = 1 << 28
MOST_BLOCKS = 1 << 20  # followed in one chain
VARIABLE = 1  # flag of a channel group: its records are payloads of variable length
MASTER_TYPES = (2, 3)
_VARIABLE_LENGTH = 1  # type of a channel: the record holds the place of the payload
_LAST_LENGTH_OPEN = 4  # flag of an unfinished file: the last data block goes to the end of the file
_HEADER_AT = 64
_BLOCK = struct.Struct("<4s4xQQ")
MOST_INFLATED = 1032  # times: what deflate can do at best (zlib's technical details)


class Unfamiliar(Exception):
    """A layout this module does not know, or a file too damaged to follow."""


class Fragment(NamedTuple):
    """A piece of a stream of records or payloads."""

    start: int  # in the stream
    length: int  # there; of a packed block when it is whole
    offset: int  # of the bytes in the file
    packed: int  # bytes in the file, 0 for bytes that are not packed
    columns: int  # of a transposed block, 0 for others


class Channel(NamedTuple):
    name: str
    kind: int
    data_type: int
    bit_offset: int
    byte_offset: int
    bit_count: int
    factor: float
    shift: float
    payload: int  # where the payloads' block or group is


@dataclass
class Group:
    offset: int
    record_id: int
    flags: int
    told: int
    size: int  # of a record, without its id
    channels: list[Channel]


@dataclass
class DataGroup:
    id_size: int  # bytes in front of a record that tell its group; 0 = sorted
    groups: list[Group]
    records: Stream


@dataclass
class Structure:
    is_unfinished: bool
    start_ns: int
    time_flags: int
    data_groups: list[DataGroup] = field(default_factory=list)
    payloads: dict[int, Stream] = field(default_factory=dict)  # by their link: data bytes in blocks of their own
    problem: str | None = None  # the first thing that lies beyond the end of the file


class Stream:
    """Bytes of a chain of data blocks, read at positions. `length` is what is there, `told` what should be."""

    def __init__(self, blocks: Blocks, fragments: list[Fragment], told: int) -> None:
        self._blocks, self._fragments, self.told = blocks, fragments, told
        self._kept: tuple[int, bytes] = (-1, b"")
        self.length = 0
        for number, fragment in enumerate(fragments):
            there = min(fragment.length, len(self._content(number))) if self._is_cut(fragment) else fragment.length
            self.length = fragment.start + there
            if there < fragment.length:
                del fragments[number + 1 :]
                break

    def read(self, position: int, length: int) -> bytes:
        """Fewer at the end of what is there."""
        parts, end = [], min(position + length, self.length)
        for number, fragment in enumerate(self._fragments):
            first, last = max(position, fragment.start), min(end, fragment.start + fragment.length)
            if first >= last:
                continue
            if fragment.packed:
                parts.append(self._content(number)[first - fragment.start : last - fragment.start])
            else:
                parts.append(self._blocks.bytes_at(fragment.offset + first - fragment.start, last - first))
        return b"".join(parts)

    def _is_cut(self, fragment: Fragment) -> bool:
        return fragment.offset + (fragment.packed or fragment.length) > self._blocks.size

    def _content(self, number: int) -> bytes:
        fragment = self._fragments[number]
        if not fragment.packed:
            return self._blocks.bytes_at(fragment.offset, fragment.length)
        if self._kept[0] != number:
            self._kept = number, _inflate(self._blocks.bytes_at(fragment.offset, fragment.packed), fragment)
        return self._kept[1]


def _inflate(packed: bytes, fragment: Fragment) -> bytes:
    """What a deflated block holds, as far as it goes; a transposed one is all or nothing."""
    most = min(fragment.length, MOST_INFLATED * len(packed))
    if most <= 0:  # to zlib, 0 would mean without end
        return b""
    try:
        content = zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        return b""
    if not fragment.columns:
        return content
    if len(content) < fragment.length:
        return b""
    lines = fragment.length // fragment.columns
    table = np.frombuffer(content, np.uint8, lines * fragment.columns).reshape(fragment.columns, lines)
    return table.T.tobytes() + content[lines * fragment.columns :]


class Blocks:
    """The file. Raises LogError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise LogError(f"cannot read {path}: {error.strerror}") from error
        self._problem: str | None = None
        self._last_block = 0
        self._is_open = False  # the last data block goes to the end of the file

    def close(self) -> None:
        self._file.close()

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Fewer than `length` where the file ends before; none where a damaged link points outside of it."""
        if not 0 <= offset < self.size or length <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(min(length, self.size - offset))

    def examine(self) -> Structure:
        """Raises Unfamiliar."""
        identification = self.bytes_at(0, _HEADER_AT)
        (flags,) = struct.unpack_from("<H", identification, 60) if len(identification) == _HEADER_AT else (0,)
        self._is_open = identification.startswith(UNFINISHED) and bool(flags & _LAST_LENGTH_OPEN)
        header_links, data = self._block(_HEADER_AT, b"##HD")
        if len(data) < 13:
            raise Unfamiliar("its header block is cut")
        start_ns, _, _, time_flags = struct.unpack_from("<QhhB", data)
        found = Structure(identification.startswith(UNFINISHED), start_ns, time_flags)
        described = []
        for links, data in self._chain(header_links[0], b"##DG"):
            groups = [self._group(at, *block) for at, block in self._placed_chain(links[1], b"##CG")]
            described.append((data[0] if data else 0, groups, links[2]))
        self._last_block = max([self._last_block, *(at for _, _, link in described for at in self._data_blocks(link))])
        for id_size, groups, link in described:
            if groups:
                found.data_groups.append(DataGroup(id_size, groups, self._stream(link)))
            places = {group.offset for group in groups}
            links = {channel.payload for group in groups for channel in group.channels} - places - {0}
            found.payloads |= {link: self._stream(link) for link in links}
        found.problem = self._problem
        return found

    def _stream(self, link: int) -> Stream:
        """The data blocks behind a link. Raises Unfamiliar."""
        fragments: list[Fragment] = []
        told = 0
        for offset in self._data_blocks(link):
            head = self.bytes_at(offset, 48)
            if len(head) < _BLOCK.size:
                self._miss(offset)
                break
            name, length, _ = _BLOCK.unpack_from(head)
            if name in (b"##DT", b"##SD", b"##RD"):
                size = length - _BLOCK.size
                if self._is_open and name == b"##DT" and offset >= self._last_block:
                    size = max(size, self.size - offset - _BLOCK.size)
                fragments.append(Fragment(told, size, offset + _BLOCK.size, 0, 0))
            elif name == b"##DZ" and len(head) == 48:
                _, method, columns, size, packed = struct.unpack_from("<2sBxIQQ", head, _BLOCK.size)
                if method > 1 or size > LARGEST_BLOCK:
                    raise Unfamiliar(f"a block packed by method {method}, of {size} bytes")
                fragments.append(Fragment(told, size, offset + 48, packed, columns if method else 0))
            else:
                raise Unfamiliar(f"data in a block {name!r}")
            told += fragments[-1].length
            if fragments[-1].offset + (fragments[-1].packed or fragments[-1].length) > self.size:
                self._problem = self._problem or f"the file ends at byte {self.size}, within the data block at byte {offset}"
        return Stream(self, fragments, told)

    def _data_blocks(self, link: int) -> list[int]:
        if not link:
            return []
        if self.bytes_at(link, 4) == b"##HL":
            link = self._block(link, b"##HL")[0][0]
        if self.bytes_at(link, 4) != b"##DL":
            return [link]
        return [offset for links, _ in self._chain(link, b"##DL") for offset in links[1:] if offset]

    def _group(self, offset: int, links: tuple[int, ...], data: bytes) -> Group:
        if len(links) < 2 or len(data) < 32:
            raise Unfamiliar(f"the channel group at byte {offset}")
        record_id, told, flags, _, _, size, invalid = struct.unpack_from("<QQHHIII", data)
        channels: list[Channel] = []
        self._add_channels(links[1], channels)
        return Group(offset, record_id, flags, told, size + invalid, channels)

    def _add_channels(self, link: int, channels: list[Channel]) -> None:
        for links, data in self._chain(link, b"##CN"):
            if len(links) < 6 or len(data) < 16:
                raise Unfamiliar("a channel without its description")
            if len(channels) > 1000:
                raise Unfamiliar("more channels than bus logging has")
            kind, _, data_type, bit_offset, byte_offset, bit_count, _ = struct.unpack_from("<BBBBIII", data)
            factor, shift = self._conversion(links[4])
            payload = links[5] if kind == _VARIABLE_LENGTH else 0
            channels.append(Channel(
                self._text(links[2]), kind, data_type, bit_offset, byte_offset, bit_count, factor, shift, payload
            ))  # fmt: skip
            if links[1] and self.bytes_at(links[1], 4) == b"##CN":
                self._add_channels(links[1], channels)

    def _conversion(self, link: int) -> tuple[float, float]:
        """Factor and shift; not a number for a conversion that is more than those."""
        if not link:
            return 1.0, 0.0
        _, data = self._block(link, b"##CC")
        if data[:1] == bytes([LINEAR]) and len(data) >= 40:
            shift, factor = struct.unpack_from("<dd", data, 24)
            return factor, shift
        return (1.0, 0.0) if data[:1] == bytes([NO_CONVERSION]) else (np.nan, np.nan)

    def _text(self, link: int) -> str:
        return self._block(link, b"##TX")[1].split(b"\0")[0].decode("utf-8", "replace") if link else ""

    def _chain(self, link: int, name: bytes) -> list[tuple[tuple[int, ...], bytes]]:
        return [block for _, block in self._placed_chain(link, name)]

    def _placed_chain(self, link: int, name: bytes) -> list[tuple[int, tuple[tuple[int, ...], bytes]]]:
        """The blocks of a list that are in the file; each block's first link is the next one."""
        found: dict[int, tuple[tuple[int, ...], bytes]] = {}
        while link:
            block = self._block(link, name)
            if not block[0]:
                break
            found[link] = block
            link = block[0][0]
            if link in found or len(found) > MOST_BLOCKS:
                raise Unfamiliar("a chain of blocks without end")
        return list(found.items())

    def _block(self, offset: int, name: bytes) -> tuple[tuple[int, ...], bytes]:
        """(links, data) of a block; nothing for one that the file does not have whole. Raises Unfamiliar."""
        head = self.bytes_at(offset, _BLOCK.size)
        if len(head) < _BLOCK.size:
            self._miss(offset)
            return (), b""
        found, length, count = _BLOCK.unpack(head)
        if found != name or length < _BLOCK.size + 8 * count or length > LARGEST_BLOCK:
            raise Unfamiliar(f"no block {name.decode()} at byte {offset}")
        if offset + length > self.size:
            self._miss(offset)
            return (), b""
        self._last_block = max(self._last_block, offset)
        content = self.bytes_at(offset + _BLOCK.size, length - _BLOCK.size)
        return struct.unpack_from(f"<{count}Q", content), content[8 * count :]

    def _miss(self, offset: int) -> None:
        self._problem = self._problem or f"the file ends at byte {self.size}, before the end of the block at byte {offset}"
