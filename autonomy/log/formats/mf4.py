"""ASAM MDF 4 (MF4) with CAN bus logging: the groups CAN_DataFrame, CAN_RemoteFrame and CAN_ErrorFrame, by asammdf.

asammdf gives seconds as floats; the raw master channel and its conversion are used instead, so that a file that counts
micro- or nanoseconds keeps them.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault, LogError
from autonomy.log.formats import frames as can
from autonomy.log.formats import systemtime
from autonomy.log.formats.recording import UTC, Block, Damage, Recording

NAME = "MF4"
MAGICS = (b"MDF     ", b"UnFinMF ")
LARGEST_RECORD = 1 << 14  # bytes; of CAN FD with all its channels it has about a hundred
RECORDS = 100_000  # of a group that are read at once

_IDENTIFICATION_BYTES, _HEADER_BLOCK = 64, b"##HD"
_KINDS = {"CAN_DataFrame": 0, "CAN_RemoteFrame": can.REMOTE, "CAN_ErrorFrame": can.ERROR}
_PARTS = ("BusChannel", "ID", "IDE", "DLC", "DataLength", "DataBytes", "Dir", "EDL", "BRS", "ESI", "ErrorType")
_LINEAR, _NO_CONVERSION = 1, 0
_LOCAL_TIME = 1  # flag of the header: its time is not UTC


class Place(NamedTuple):
    group: int  # among those with CAN frames
    record: int


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(MAGICS)


def open_format(path: Path) -> Mf4:
    return Mf4(path)


class Mf4(Recording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        self._file = _open(path)
        header = self._file.header
        self._start_ns = int(header.abs_time)
        if self._start_ns:
            self.clock = UTC
            if header.time_flags & _LOCAL_TIME:
                self.details["start"] = systemtime.NOTE
        self._groups: list[_Group] = []
        for number, group in enumerate(self._file.groups):
            found = _Group.of(number, group)
            count = int(group.channel_group.cycles_nr)
            if found:
                self._groups.append(found)
                if not found.count:
                    self.unused[f"{found.kind} records that are told of and not there"] += found.told
            elif count:
                name = group.channel_group.acq_name or next((channel.name for channel in group.channels), "") or "other"
                self.unused[f"{name} records"] += count
        self.first = self._next(Place(0, 0))

    def close(self) -> None:
        self._file.close()

    def read(self, place: Place, is_first_time: bool) -> Block:
        group = self._groups[place.group]
        try:
            columns = self._columns(group, place.record)
            times = self._start_ns + _nanoseconds(columns.pop("time"), group.factor, group.offset)
            rows, is_fd, sound = _frames(times, columns, _KINDS[group.kind])
        except Exception as error:  # asammdf raises whatever it meets in a damaged file, or gives columns of other shapes
            raise Damage(f"the {group.kind} records cannot be read: {type(error).__name__}: {error}") from error
        if is_first_time:
            self.unused["frames with an impossible time, length or identifier"] += int((~sound).sum())
        following = self._next(Place(place.group, place.record + len(times)))
        problem = None
        if not len(times):
            following = self._next(Place(place.group + 1, 0))
        there = place.record + len(times)
        if not len(times) or (there == group.count and there < group.told):
            problem = f"the {group.kind} group tells of {group.told} records, {there} are there"
        return Block(*can.pack(rows[sound], is_fd[sound]), following, problem)

    def _next(self, place: Place) -> Place | None:
        while place.group < len(self._groups) and place.record >= self._groups[place.group].count:
            place = Place(place.group + 1, 0)
        return place if place.group < len(self._groups) else None

    def _columns(self, group: _Group, record: int) -> dict[str, np.ndarray]:
        names = list(group.channels)
        self._check_places(group)
        signals = self._file.select(
            [(None, group.number, group.channels[name]) for name in names],
            raw=True, record_offset=record, record_count=RECORDS, ignore_value2text_conversions=True, copy_master=False,
        )  # fmt: skip
        return {name: signal.samples for name, signal in zip(names, signals, strict=True)}


    def _check_places(self, group: _Group) -> None:
        """asammdf reads where a channel says it is, also beyond its record. Raises ValueError."""
        described = self._file.groups[group.number]
        room = described.channel_group.samples_byte_nr
        if room > LARGEST_RECORD:
            raise ValueError(f"records of {room} bytes")
        for name, index in group.channels.items():
            channel = described.channels[index]
            end = channel.byte_offset + -(-(channel.bit_offset + channel.bit_count) // 8)
            if end > room:
                raise ValueError(f"{name} ends at byte {end} of records of {room} bytes")


class _Group(NamedTuple):
    number: int
    kind: str
    count: int  # records that the data blocks have room for
    told: int
    channels: dict[str, int]  # index in the group of "time" and of the parts
    factor: float  # of the raw master, in seconds
    offset: float

    @staticmethod
    def of(number: int, group: Any) -> _Group | None:
        kind = next((channel.name for channel in group.channels if channel.name in _KINDS), None)
        master = next((index for index, channel in enumerate(group.channels) if channel.channel_type in (2, 3)), None)
        if kind is None or master is None:
            return None
        channels = {"time": master}
        for index, channel in enumerate(group.channels):
            part = channel.name.removeprefix(f"{kind}.")
            if part in _PARTS:
                channels.setdefault(part, index)
        conversion = group.channels[master].conversion
        factor, offset = 1.0, 0.0
        if conversion is not None and conversion.conversion_type == _LINEAR:
            factor, offset = float(conversion.a), float(conversion.b)
        elif conversion is not None and conversion.conversion_type != _NO_CONVERSION:
            return None
        # asammdf makes up records beyond those that are there, for as long as it is asked
        told = int(group.channel_group.cycles_nr)
        size = group.channel_group.samples_byte_nr + group.channel_group.invalidation_bytes_nr
        held = sum(block.original_size for block in group.get_data_blocks()) // max(size, 1)
        return _Group(number, kind, min(told, held), told, channels, factor, offset)


def _open(path: Path) -> Any:
    try:
        from asammdf import MDF
        from asammdf.blocks.mdf_v4 import MDF4
    except ImportError as error:
        raise EnvironmentFault(f"reading {path} needs asammdf: pip install 'autonomy[replay]'") from error
    with path.open("rb") as file:
        head = file.read(_IDENTIFICATION_BYTES + len(_HEADER_BLOCK))
    if head[8:9] < b"4":
        raise LogError(f"{path} is MDF {head[8:12].decode('ascii', 'replace')}; CAN bus logging begins with MDF 4")
    if not head.endswith(_HEADER_BLOCK):
        raise LogError(f"{path} cannot be read as MF4: it has no header block")
    MDF4.__del__ = _close_quietly
    try:
        return MDF(path, raise_on_multiple_occurrences=False, process_bus_logging=False)
    except Exception as error:  # asammdf raises whatever it meets in a damaged file
        raise LogError(f"{path} cannot be read as MF4: {type(error).__name__}: {error}") from error


def _close_quietly(log: Any) -> None:
    """asammdf's own prints a traceback about a file whose opening failed."""
    with suppress(AttributeError):
        log.close()


def _nanoseconds(raw: np.ndarray, factor: float, offset: float) -> np.ndarray:
    """Raw times as int64 ns since the start, exact where a count is a whole number of nanoseconds."""
    unit = round(factor * 1e9)
    shift = round(offset * 1e9)
    if unit >= 1 and abs(factor * 1e9 - unit) < 1e-6 * unit and abs(shift - offset * 1e9) < 1e-3:
        if raw.dtype.kind in "iu":
            return raw.astype(np.int64) * unit + shift
        if unit < 10**9:  # a float that counts ticks; seconds have digits behind the point
            return np.rint(np.nan_to_num(raw * unit, nan=-9e18)).astype(np.int64) + shift
    with np.errstate(over="ignore", invalid="ignore"):  # such times are out of range afterwards, and counted
        seconds = np.nan_to_num((raw * factor + offset) * 1e9, nan=-9e18)
    return np.rint(np.clip(seconds, -9e18, 9e18)).astype(np.int64)


def _frames(times: np.ndarray, columns: dict[str, np.ndarray], flags: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CanFdFrame rows (n,), which of them are CAN FD, and which are sound."""
    count = len(times)
    nothing = np.zeros(count, np.int64)
    part = {name: columns[name].astype(np.int64) if name in columns else nothing for name in _PARTS if name != "DataBytes"}
    rows = np.zeros(count, msg.dtype("CanFdFrame"))
    rows["time_ns"] = times
    identifier = part["ID"] & 0x1FFFFFFF
    is_extended = part["IDE"] > 0 if "IDE" in columns else (part["ID"] >> 31) & 1 > 0
    rows["id"] = identifier | np.where(is_extended, can.EXTENDED, 0)
    rows["bus"] = part["BusChannel"] & 0xFF
    data = _bytes(columns["DataBytes"]) if "DataBytes" in columns else np.zeros((count, 0), np.uint8)
    told = part["DataLength"] if "DataLength" in columns else np.array(can.LENGTHS)[part["DLC"] & 15]
    if flags & can.REMOTE:
        told = np.minimum(part["DLC"] if "DLC" in columns else part["DataLength"], 8)
        data = data[:, :0]
    is_fd = (part["EDL"] > 0) | (told > 8)
    sound = (times >= 0) & (times < can.MOST_TIME_NS) & (told <= 64) & (told >= 0)
    sound &= is_extended | (identifier <= 0x7FF) | bool(flags & can.ERROR)
    rows["length"] = np.clip(told, 0, 64)
    width = min(data.shape[1], 64)
    rows["data"][:, :width] = np.where(np.arange(width) < rows["length"][:, None], data[:, :width], 0)
    if "ErrorType" in columns and "DataBytes" not in columns:  # of CANedge: the only thing it tells
        rows["length"], rows["data"][:, 0] = 1, part["ErrorType"]
    rows["flags"] = (
        flags
        | np.where(part["Dir"] > 0, can.TRANSMITTED, 0)
        | np.where(is_fd & (part["BRS"] > 0), can.BIT_RATE_SWITCH, 0)
        | np.where(is_fd & (part["ESI"] > 0), can.ERROR_STATE_INDICATOR, 0)
    )
    return rows, is_fd, sound


def _bytes(samples: np.ndarray) -> np.ndarray:
    """Data bytes (n, width) whether stored fixed, as text or one by one."""
    if samples.dtype.kind == "S":
        return samples.view(np.uint8).reshape(len(samples), samples.dtype.itemsize)
    return samples.reshape(len(samples), -1).astype(np.uint8) if samples.ndim != 2 else samples
