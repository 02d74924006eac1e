"""MF4 files that are unfinished or cut: every whole record of CAN bus logging that is there, frame by frame in its order.

Whole files are read by asammdf (mf4.py), which gives up or rounds where a block or a record ends too early.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.errors import LogError
from autonomy.log.formats import bus_logging, mf4_blocks, systemtime
from autonomy.log.formats import frames as can
from autonomy.log.formats.mf4_blocks import MASTER_TYPES, Blocks, Channel, DataGroup, Group, Stream, Structure, Unfamiliar
from autonomy.log.formats.recording import BLOCK_BYTES, UTC, Block, Recording

NAME = "MF4"
NO_BYTES = "frames whose data bytes are not there"
_LARGEST_PAYLOAD = 1 << 16
_FARTHEST = 64 * BLOCK_BYTES  # between the data bytes of one block of records: a damaged place is not followed
_UNSIGNED, _REAL, _BYTES = 0, 4, (6, 7, 8, 9, 10)  # types of data, as the standard numbers them


class Place(NamedTuple):
    number: int  # of the data group
    position: int  # in its stream of records
    payloads: tuple[tuple[int, int], ...] = ()  # by the id of a group of payloads: bytes of it that stood before


class _Kind(NamedTuple):
    """A group with CAN frames."""

    name: str
    group: Group
    parts: dict[str, Channel]  # "time" and the parts of a frame
    payloads: Stream | None  # of the data bytes, where they lie in a block of their own
    payload_id: int | None  # of the group that holds them, where they lie between the records


class Salvage(Recording):
    def __init__(self, path: Path, blocks: Blocks, structure: Structure) -> None:
        super().__init__(path, NAME)
        self._blocks, self._problem = blocks, structure.problem
        self._start_ns = structure.start_ns
        if self._start_ns:
            self.clock = UTC
            if structure.time_flags & bus_logging.LOCAL_TIME:
                self.details["start"] = systemtime.NOTE
        self._data_groups = structure.data_groups
        self._kinds: list[dict[int, _Kind]] = [_kinds(group, structure.payloads) for group in self._data_groups]
        if structure.problem and not any(self._kinds):
            raise LogError(
                f"{path} cannot be read as MF4: {structure.problem}; what describes the records of its CAN frames lay behind it"
            )
        self.first = self._place(0)

    def close(self) -> None:
        self._blocks.close()

    def stream(self, place: Place) -> int:
        return place.number

    def read(self, place: Place, is_first_time: bool) -> Block:
        data_group, unused = self._data_groups[place.number], Counter()
        read = self._read_mixed if data_group.id_size else self._read_sorted
        found, following, problem = read(place, unused)
        if following is None:
            following = self._place(place.number + 1)
        if is_first_time:
            self.unused.update(unused)
        if following is None:
            problem = problem or self._problem
        rows = [part for part in found if len(part[0])]
        if not rows:
            return Block(*can.pack(np.zeros(0, _row_type()), np.zeros(0, bool)), following, problem)
        order = np.argsort(np.concatenate([positions for _, _, positions in rows]), kind="stable")
        frames, is_fd = (np.concatenate([part[index] for part in rows])[order] for index in (0, 1))
        return Block(*can.pack(frames, is_fd), following, problem)

    def _place(self, number: int) -> Place | None:
        """The first data group from `number` on that has CAN frames or is told of otherwise; None behind the last."""
        while number < len(self._data_groups):
            if self._kinds[number] or self._data_groups[number].records.length:
                return Place(number, 0)
            number += 1
        return None

    def _read_sorted(self, place: Place, unused: Counter[str]) -> tuple[list, Place | None, str | None]:
        data_group = self._data_groups[place.number]
        group, stream = data_group.groups[0], data_group.records
        kind = self._kinds[place.number].get(group.record_id)
        count = min(BLOCK_BYTES // max(group.size, 1), (stream.length - place.position) // max(group.size, 1))
        if kind is None:
            unused[f"{_name(group)} records"] += group.told or stream.length // max(group.size, 1)
            return [], None, None
        records = np.frombuffer(stream.read(place.position, count * group.size), np.uint8).reshape(-1, group.size)
        data = None
        sound = np.ones(len(records), bool)
        if kind.payloads is not None:
            data, sound = _payloads_at(kind.payloads, _field(records, kind.parts["DataBytes"]))
        unused[NO_BYTES] += int((~sound).sum())
        found = self._frames(kind, records, data, sound, np.arange(len(records)), unused)
        end = place.position + len(records) * group.size
        if end + group.size <= stream.length and len(records):
            return [found], Place(place.number, end), None
        there = end // group.size
        problem = None
        if there < group.told or end < stream.told:
            told = group.told or stream.told // group.size
            problem = f"the {kind.name} group tells of {told} records, {there} are there"
            if self._problem:
                problem = f"{self._problem}; {problem}"
        return [found], None, problem

    def _read_mixed(self, place: Place, unused: Counter[str]) -> tuple[list, Place | None, str | None]:
        """Records of all groups one behind the other, payloads of variable length between them."""
        data_group, kinds = self._data_groups[place.number], self._kinds[place.number]
        stream = data_group.records
        window = stream.read(place.position, BLOCK_BYTES)
        is_last = place.position + len(window) >= stream.length
        sizes = {group.record_id: -1 if group.flags & mf4_blocks.VARIABLE else group.size for group in data_group.groups}
        places, end, problem = _walk(window, data_group.id_size, sizes)
        if problem is None and is_last and end < len(window):
            problem = f"the file ends within a record, {len(window) - end} bytes of it are there"
        before = dict(place.payloads)
        payloads = {number: _Payloads(window, places.get(number, ()), before.get(number, 0), data_group.id_size)
                    for number, size in sizes.items() if size < 0}  # fmt: skip
        members = []
        for number, kind in kinds.items():
            starts = np.array(places.get(number, ()), np.int64)
            rows = np.arange(kind.group.size) + starts[:, None] + data_group.id_size
            records = np.frombuffer(window, np.uint8)[rows] if len(starts) else np.zeros((0, kind.group.size), np.uint8)
            members.append((kind, starts, records))
        is_ending = is_last or problem is not None
        stop = end
        if not is_ending:  # a frame and its payload stay together
            waiting = [_first_waiting(kind, starts, records, payloads) for kind, starts, records in members]
            stop = min([end, *(at for at in waiting if at is not None)])
            stop = stop if stop > end // 2 else end
        found = []
        for kind, starts, records in members:
            chosen = starts < stop
            starts, records = starts[chosen], records[chosen]
            data, sound = None, np.ones(len(records), bool)
            if kind.payload_id is not None:
                data, sound = payloads[kind.payload_id].at(_field(records, kind.parts["DataBytes"]))
                missing = int((~sound).sum())
                unused[NO_BYTES] += missing
                if missing and is_ending and not sound[-1]:
                    problem = problem or "the file ends within a frame, before its data bytes"
            elif kind.payloads is not None:
                data, sound = _payloads_at(kind.payloads, _field(records, kind.parts["DataBytes"]))
                unused[NO_BYTES] += int((~sound).sum())
            found.append(self._frames(kind, records, data, sound, starts, unused))
        for group in data_group.groups:
            if group.record_id not in kinds and not group.flags & mf4_blocks.VARIABLE:
                others = int((np.array(places.get(group.record_id, ()), np.int64) < stop).sum())
                unused[f"{_name(group)} records"] += others
        if is_ending:
            return found, None, problem
        bases = tuple((number, part.base_at(stop)) for number, part in payloads.items())
        return found, Place(place.number, place.position + stop, bases), None

    def _frames(self, kind: _Kind, records: np.ndarray, data: np.ndarray | None, sound: np.ndarray, positions: np.ndarray,
                unused: Counter[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """(CanFdFrame rows, which are CAN FD, positions) of the sound records."""
        records, positions = records[sound], positions[sound]
        columns = {name: _field(records, channel) for name, channel in kind.parts.items() if name != "DataBytes" or data is None}
        if data is not None:
            columns["DataBytes"] = data[sound]
        master = kind.parts["time"]
        times = self._start_ns + bus_logging.nanoseconds(columns.pop("time"), master.factor, master.shift)
        rows, is_fd, possible = bus_logging.frames(times, columns, bus_logging.KINDS[kind.name])
        unused[bus_logging.IMPOSSIBLE] += int((~possible).sum())
        return rows[possible], is_fd[possible], positions[possible]


def _kinds(data_group: DataGroup, payloads: dict[int, Stream]) -> dict[int, _Kind]:
    found = {}
    ids = {group.offset: group.record_id for group in data_group.groups}
    for group in data_group.groups:
        name = next((channel.name for channel in group.channels if channel.name in bus_logging.KINDS), None)
        master = next((channel for channel in group.channels if channel.kind in MASTER_TYPES), None)
        if name is None or master is None or not np.isfinite(master.factor):
            continue
        parts = {"time": master}
        for channel in group.channels:
            part = channel.name.removeprefix(f"{name}.")
            if part in bus_logging.PARTS:
                parts.setdefault(part, channel)
        for channel in parts.values():
            if channel.byte_offset + -(-(channel.bit_offset + channel.bit_count) // 8) > group.size:
                raise Unfamiliar(f"{channel.name} ends beyond its record")
            _field(np.zeros((0, group.size), np.uint8), channel)
        link = parts["DataBytes"].payload if "DataBytes" in parts else 0
        found[group.record_id] = _Kind(name, group, parts, payloads.get(link), ids.get(link))
    return found


class _Payloads:
    """The payloads of one group within a window, each found by its place in the group's own stream."""

    def __init__(self, window: bytes, starts, base: int, id_size: int) -> None:
        self._bytes = np.frombuffer(window + bytes(64), np.uint8)
        self.starts = np.array(starts, np.int64)
        at = self.starts + id_size
        self._begin = at + 4
        self._lengths = self._bytes[at[:, None] + np.arange(4)].copy().view("<u4")[:, 0].astype(np.int64) if len(at) else at
        self._base = base
        self.offsets = base + np.concatenate([[0], np.cumsum(self._lengths + 4)[:-1]]) if len(at) else at

    @property
    def end(self) -> int:
        return int(self.offsets[-1] + self._lengths[-1] + 4) if len(self.offsets) else self._base

    def base_at(self, stop: int) -> int:
        """Bytes of the group's stream that stand before a place in the window."""
        count = int(np.searchsorted(self.starts, stop))
        return int(self.offsets[count]) if count < len(self.offsets) else self.end

    def at(self, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The payloads (n, 64), and which of them are there."""
        if not len(self.offsets):
            return np.zeros((len(offsets), 64), np.uint8), np.zeros(len(offsets), bool)
        index = np.minimum(np.searchsorted(self.offsets, offsets), len(self.offsets) - 1)
        return _padded(self._bytes, self._begin[index], self._lengths[index]), self.offsets[index] == offsets


def _walk(window: bytes, id_size: int, sizes: dict[int, int]) -> tuple[dict[int, list[int]], int, str | None]:
    """Where the whole records of each id begin, where the last one ends, and what stands there that is none."""
    places: dict[int, list[int]] = {number: [] for number in sizes}
    at, end = 0, len(window)
    while at + id_size <= end:
        number = window[at] if id_size == 1 else int.from_bytes(window[at : at + id_size], "little")
        size = sizes.get(number)
        if size is None:
            return places, at, f"no record of this file begins with {number}, {at} bytes into a block"
        behind = at + id_size + size
        if size < 0:
            behind = at + id_size + 4
            if behind > end:
                break
            length = int.from_bytes(window[behind - 4 : behind], "little")
            if length > _LARGEST_PAYLOAD:
                return places, at, f"data bytes that claim a length of {length}"
            behind += length
        if behind > end:
            break
        places[number].append(at)
        at = behind
    return places, at, None


def _first_waiting(kind: _Kind, starts: np.ndarray, records: np.ndarray, payloads: dict[int, _Payloads]) -> int | None:
    """Where the first record stands whose payload comes behind the window, or the first payload whose record does."""
    if kind.payload_id is None:
        return None
    part = payloads[kind.payload_id]
    offsets = _field(records, kind.parts["DataBytes"])
    late = starts[offsets >= part.end] if len(offsets) else starts
    early = part.starts[part.offsets > (int(offsets.max()) if len(offsets) else -1)]
    return min([int(found[0]) for found in (late, early) if len(found)], default=None)


def _payloads_at(stream: Stream, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The payloads (n, 64) at places of a stream, and which of them are there whole."""
    there = (offsets >= 0) & (offsets + 4 <= stream.length)
    data = np.zeros((len(offsets), 64), np.uint8)
    if not there.any():
        return data, there
    low, high = int(offsets[there].min()), int(offsets[there].max())
    if high - low > _FARTHEST:
        high = low + _FARTHEST
        there &= offsets <= high
    content = np.frombuffer(stream.read(low, high - low + 4 + 64).ljust(high - low + 4 + 64, b"\0"), np.uint8)
    at = np.where(there, offsets - low, 0)
    lengths = content[at[:, None] + np.arange(4)].copy().view("<u4")[:, 0].astype(np.int64)
    there &= offsets + 4 + lengths <= stream.length
    return _padded(content, at + 4, lengths), there


def _padded(content: np.ndarray, begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Bytes (n, 64) from places in a buffer, zero behind their lengths."""
    index = np.minimum(begin[:, None] + np.arange(64), len(content) - 1)
    return np.where(np.arange(64) < lengths[:, None], content[index], 0).astype(np.uint8)


def _field(records: np.ndarray, channel: Channel) -> np.ndarray:
    """A column (n,) of records (n, size); bytes (n, width). Raises Unfamiliar."""
    first, width = channel.byte_offset, -(-(channel.bit_offset + channel.bit_count) // 8)
    part = np.ascontiguousarray(records[:, first : first + width])
    if channel.payload:
        return part[:, :8].copy().view("<i8")[:, 0] if width == 8 else _whole_number(part, channel)
    if channel.data_type in _BYTES:
        return part
    if channel.data_type == _REAL and channel.bit_count in (32, 64):
        return part.view(f"<f{width}")[:, 0]
    if channel.data_type == _UNSIGNED and width <= 8:
        return _whole_number(part, channel)
    raise Unfamiliar(f"{channel.name} is of type {channel.data_type}, {channel.bit_count} bits")


def _whole_number(part: np.ndarray, channel: Channel) -> np.ndarray:
    padded = np.zeros((len(part), 8), np.uint8)
    padded[:, : part.shape[1]] = part
    value = padded.view("<u8")[:, 0] >> np.uint64(channel.bit_offset)
    if channel.bit_count < 64:
        value &= np.uint64((1 << channel.bit_count) - 1)
    return value.astype(np.int64)


def _name(group: Group) -> str:
    return next((channel.name for channel in group.channels if channel.kind not in MASTER_TYPES), "") or "other"


def _row_type() -> np.dtype:
    from autonomy import msg

    return msg.dtype("CanFdFrame")
