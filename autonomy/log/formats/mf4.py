"""ASAM MDF 4 (MF4) with CAN bus logging: the groups CAN_DataFrame, CAN_RemoteFrame and CAN_ErrorFrame, by asammdf.

asammdf gives seconds as floats; the raw master channel and its conversion are used instead, so that a file that counts
micro- or nanoseconds keeps them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from autonomy.errors import LogError, MissingPackage
from autonomy.log.formats import bus_logging, systemtime
from autonomy.log.formats import frames as can
from autonomy.log.formats.mf4_blocks import MASTER_TYPES, UNFINISHED, Blocks, Unfamiliar
from autonomy.log.formats.recording import UTC, Block, Damage, Recording

NAME = "MF4"
MAGICS = (b"MDF     ", UNFINISHED)
LARGEST_RECORD = 1 << 14  # bytes; of CAN FD with all its channels it has about a hundred
RECORDS = 100_000  # of a group that are read at once

_IDENTIFICATION_BYTES, _HEADER_BLOCK = 64, b"##HD"


class Place(NamedTuple):
    group: int  # among those with CAN frames
    record: int


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(MAGICS)


def open_format(path: Path) -> Recording:
    return _salvage(path) or Mf4(path)


def _salvage(path: Path) -> Recording | None:
    """A reader for what asammdf rounds or gives up: an unfinished or cut file. None for a whole or unfamiliar one."""
    from autonomy.log.formats.mf4_salvage import Salvage

    _refuse_others(path)
    blocks = Blocks(path)
    try:
        structure = blocks.examine()
        if structure.is_unfinished or structure.problem:
            return Salvage(path, blocks, structure)
    except Unfamiliar:
        pass
    except BaseException:
        blocks.close()
        raise
    blocks.close()
    return None


class Mf4(Recording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        # asammdf sorts unfinished files into a copy
        self._folder = TemporaryDirectory(prefix="autonomy-mf4-")
        try:
            with _quiet():
                self._file = _open(path, self._folder.name)
                self._describe()
        except BaseException:
            self._folder.cleanup()
            raise

    def _describe(self) -> None:
        header = self._file.header
        self._start_ns = int(header.abs_time)
        if self._start_ns:
            self.clock = UTC
            if header.time_flags & bus_logging.LOCAL_TIME:
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
        with _quiet():
            self._file.close()
        self._folder.cleanup()

    def stream(self, place: Place) -> int:
        return place.group

    def read(self, place: Place, is_first_time: bool) -> Block:
        group = self._groups[place.group]
        try:
            with _quiet():
                columns = self._columns(group, place.record)
            times = self._start_ns + bus_logging.nanoseconds(columns.pop("time"), group.factor, group.offset)
            rows, is_fd, sound = bus_logging.frames(times, columns, bus_logging.KINDS[group.kind])
        except Exception as error:  # asammdf raises whatever it meets in a damaged file, or gives columns of other shapes
            raise Damage(f"the {group.kind} records cannot be read: {type(error).__name__}: {error}") from error
        if is_first_time:
            self.unused[bus_logging.IMPOSSIBLE] += int((~sound).sum())
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
        kind = next((channel.name for channel in group.channels if channel.name in bus_logging.KINDS), None)
        master = next((index for index, channel in enumerate(group.channels) if channel.channel_type in MASTER_TYPES), None)
        if kind is None or master is None:
            return None
        channels = {"time": master}
        for index, channel in enumerate(group.channels):
            part = channel.name.removeprefix(f"{kind}.")
            if part in bus_logging.PARTS:
                channels.setdefault(part, index)
        conversion = group.channels[master].conversion
        factor, offset = 1.0, 0.0
        if conversion is not None and conversion.conversion_type == bus_logging.LINEAR:
            factor, offset = float(conversion.a), float(conversion.b)
        elif conversion is not None and conversion.conversion_type != bus_logging.NO_CONVERSION:
            return None
        # asammdf makes up records beyond those that are there, for as long as it is asked
        told = int(group.channel_group.cycles_nr)
        size = group.channel_group.samples_byte_nr + group.channel_group.invalidation_bytes_nr
        held = sum(block.original_size for block in group.get_data_blocks()) // max(size, 1)
        return _Group(number, kind, min(told, held), told, channels, factor, offset)


def _refuse_others(path: Path) -> None:
    """Raises LogError for what is no MDF 4."""
    try:
        with path.open("rb") as file:
            head = file.read(_IDENTIFICATION_BYTES + len(_HEADER_BLOCK))
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from error
    if head[8:9] < b"4":
        raise LogError(f"{path} is MDF {head[8:12].decode('ascii', 'replace')}; CAN bus logging begins with MDF 4")
    if not head.endswith(_HEADER_BLOCK):
        raise LogError(f"{path} cannot be read as MF4: it has no header block")


def _open(path: Path, folder: str) -> Any:
    try:
        from asammdf import MDF
        from asammdf.blocks.mdf_v4 import MDF4
    except ImportError as error:
        raise MissingPackage(f"reading {path}", "asammdf", "replay") from error
    MDF4.__del__ = _close_quietly
    try:
        return MDF(path, raise_on_multiple_occurrences=False, process_bus_logging=False, temporary_folder=folder)
    except Exception as error:  # asammdf raises whatever it meets in a damaged file
        raise LogError(f"{path} cannot be read as MF4: {type(error).__name__}: {error}") from error


def _close_quietly(log: Any) -> None:
    """asammdf's own prints a traceback about a file whose opening failed."""
    with suppress(AttributeError, OSError):
        log.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what asammdf prints and logs about odd files to itself: we tell it in our own words."""
    logger = logging.getLogger("asammdf")
    before = logger.disabled
    logger.disabled = True
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.disabled = before
