"""The rest bus: the cyclic messages of controllers that are not there, at their rates, with counters and checksums that hold.

    schema = "autonomy.restbus/1"

    [[sender]]
    name = "engine"
    source_address = 0x00            # J1939; left out for messages with 11 bit identifiers
    bus = 0                          # the first -c; default 0

    [[sender.message]]
    message = "EEC1"
    period_s = 0.01
    values = { engine_speed = 1200.0, actual_engine_torque = 20.0 }      # in the DBC's units; left out = not available

    [[sender.message]]
    message = "VI"                   # more than 8 bytes go as a J1939 broadcast (BAM)
    period_s = 5.0
    data = "31585031323334353637383930"        # instead of values: bytes as they are

Each message has a phase of its own within its period, so that they do not all begin at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from autonomy import toml_file
from autonomy.cli.can.databases import ANY_BUS, Catalogue
from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.can.j1939.broadcast import GAP_NS, broadcast_frames
from drivers.can.j1939.identifier import NULL, parse
from drivers.can.tables import EXTENDED
from drivers.typed_table import convert
from hil.rig import play_figures
from hil.rig.recorded import CAN
from hil.rig.session import Session
from hil.rig.targets import Target
from hil.rig.track import Due

__all__ = ["RestBus", "RestBusOptions", "restbus"]

SCHEMA = "autonomy.restbus/1"
NS = 1_000_000_000
STEP_NS = 250_000_000
PHASE_NS = 1_700_000  # between the first frames of messages: no two periods in use are multiples of it
FRAME_BYTES = 8
Frames = list[tuple[int, bytes]]


class MessageTable(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    period_s: float
    values: dict[str, float] = {}
    data: str = ""
    destination: int | None = None


class SenderTable(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    message: list[MessageTable]
    source_address: int | None = None
    bus: int = 0


class RestBusTable(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    sender: list[SenderTable]


@dataclass
class _Cyclic:
    """One message: when its frames are due, and a function that makes them."""

    name: str
    target: Target
    period_ns: int
    phase_ns: int
    make: Callable[[], Frames]
    turn: int = 0


@dataclass
class RestBusOptions:
    """`device_addresses`: of the device under test, which must not be sent for."""

    path: str
    interface: str
    channels: list[str]
    databases: list[str] = field(default_factory=list)
    device_addresses: list[int] = field(default_factory=list)
    for_s: float | None = None
    arm: bool = False
    patience_s: float = 0.1
    late_limit_s: float = 1e-3
    bare: bool = False
    loop: bool = True  # it has no end of its own: a signal is one
    baud: int = 0


class RestBus:
    """A track (see feeder.py): frames of all messages, in order, without end. `queued` counts frames by message."""

    def __init__(self, table: RestBusTable, path: str, catalogue: Catalogue, options: RestBusOptions):
        self.queued: Counter[str] = Counter()
        self._catalogue, self._path = catalogue, path
        self.cyclic: list[_Cyclic] = []
        for sender in table.sender:
            for item in sender.message:
                self.cyclic.append(self._cyclic(sender, item, options))
        self._check_doubles()
        used = {item.target.name for item in self.cyclic}
        if surplus := [channel for channel in options.channels if channel not in used]:
            raise UsageError(f"-c {surplus[0]}: no sender of {path} is on that bus; leave it out")

    def due(self, wire: Callable[[Target, np.ndarray], np.ndarray]) -> Iterator[tuple[int, list[Due]]]:
        reach_ns = 0
        while True:
            reach_ns += STEP_NS
            given = []
            for item in self.cyclic:
                while (time_ns := item.phase_ns + item.turn * item.period_ns) < reach_ns:
                    item.turn += 1
                    given.append(self._entries(item, time_ns, wire))
            yield reach_ns, given

    def _check_doubles(self) -> None:
        """Raises UsageError: two senders of one identifier on one bus are what no truck has, unless a fault is wanted."""
        known: dict[tuple[Target, int], str] = {}
        for item in self.cyclic:
            key = item.target, item.make()[0][0]
            if key in known and len(item.make()) == 1:
                raise UsageError(f"{self._path}: '{item.name}' is sent twice on {item.target}; keep one of them")
            known[key] = item.name

    def _entries(self, item: _Cyclic, time_ns: int, wire) -> Due:
        made = item.make()
        rows = np.zeros(len(made), dtype("CanFrame"))
        for row, (identifier, data) in zip(rows, made, strict=True):
            row["id"], row["length"] = identifier, len(data)
            row["data"][: len(data)] = np.frombuffer(data, np.uint8)
        self.queued[item.name] += len(rows)
        packed = wire(item.target, rows)
        count, size = packed.shape
        times = time_ns + GAP_NS * np.arange(count, dtype=np.int64)
        return Due(item.target, times, np.arange(count) * size, np.full(count, size), packed.reshape(-1))

    def _cyclic(self, sender: SenderTable, item: MessageTable, options: RestBusOptions) -> _Cyclic:
        where = f"{self._path}: sender '{sender.name}', message '{item.message}'"
        if not 0 <= sender.bus < len(options.channels):
            raise UsageError(f"{where}: bus = {sender.bus}, and there are {len(options.channels)} channels; give one more -c")
        if not 1e-3 <= item.period_s <= 3600.0:
            raise UsageError(f"{where}: period_s = {item.period_s:g} is not within 0.001..3600")
        if sender.source_address is not None and not 0 <= sender.source_address <= 0xFD:
            raise UsageError(f"{where}: source_address = {sender.source_address} is not within 0..253")
        if sender.source_address in options.device_addresses:
            raise UsageError(f"{where}: source address {sender.source_address:02X} is the device under test, which sends by "
                             "itself; take the sender out")  # fmt: skip
        described = self._catalogue.named(item.message)
        if described.is_j1939 and sender.source_address is None and described.identifier & 0xFF == NULL:
            raise UsageError(f"{where}: is sent by whom? give source_address")
        make = self._fixed(sender, item, where) if item.data else self._encoded(sender, item, where)
        make_first = make()  # what cannot be sent is known before the bus is touched
        if len(make_first) * GAP_NS > item.period_s * NS and len(make_first) > 1:
            raise UsageError(f"{where}: {len(make_first)} frames do not fit into {item.period_s:g} s")
        period_ns = round(item.period_s * NS)
        phase_ns = len(self.cyclic) * PHASE_NS % period_ns
        name = item.message if sender.source_address is None else f"{item.message}@{sender.source_address:02X}"
        target = Target(CAN, options.channels[sender.bus], options.interface)
        return _Cyclic(name, target, period_ns, phase_ns, make)

    def _encoded(self, sender: SenderTable, item: MessageTable, where: str) -> Callable[[], Frames]:
        addressed = {"source_address": sender.source_address, "destination": item.destination}
        codec, name = self._catalogue.codec, self._catalogue.named(item.message).name

        def make() -> Frames:
            try:
                return _in_frames(*codec.encode(name, item.values, bus=ANY_BUS, **addressed), where)
            except ValueError as error:
                raise UsageError(f"{where}: {error}") from None

        return make

    def _fixed(self, sender: SenderTable, item: MessageTable, where: str) -> Callable[[], Frames]:
        if item.values:
            raise UsageError(f"{where}: has both values and data; keep one of them")
        try:
            data = bytes.fromhex(item.data)
        except ValueError:
            raise UsageError(f"{where}: data = '{item.data}' is not hexadecimal") from None
        identifier = self._catalogue.named(item.message).identifier
        if identifier & EXTENDED and sender.source_address is not None:
            identifier = identifier & ~0xFF | sender.source_address
        frames = _in_frames(identifier, data, where)
        return lambda: frames


def restbus(options: RestBusOptions, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Sends until `for_s` or a signal; the figures of `hil play`. Raises UsageError, EnvironmentFault."""
    table = convert(toml_file.read(Path(options.path)), RestBusTable, options.path, UsageError)
    if table.schema != SCHEMA:
        raise UsageError(f"{options.path}: schema = '{table.schema}' is not '{SCHEMA}'")
    real = [channel for channel in options.channels if Target(CAN, channel, options.interface).is_real]
    if real and not options.arm:
        raise UsageError(f"hil restbus: {options.interface} {real[0]} leaves this machine and may move something; give --arm")
    track = RestBus(table, options.path, Catalogue.from_options(options.databases), options)
    session = Session(options, [track])
    try:
        session.run(tell)
        streams = [{"log": options.path, "stream": name, "target": target, "read": track.queued[name],
                    "queued": track.queued[name], "left_out": {}, "replaced": 0, "passes": 0}
                   for name, target in dict((item.name, str(item.target)) for item in track.cyclic).items()]  # fmt: skip
        found = {"streams": streams, "overrides": {}, "counters": {}, "unused": {}, "problems": {}}
        return play_figures.of_session(found, session, options)
    finally:
        session.close()


def _in_frames(identifier: int, data: bytes, where: str) -> Frames:
    if len(data) <= FRAME_BYTES:
        return [(identifier, data)]
    if not identifier & EXTENDED:
        raise UsageError(f"{where}: {len(data)} bytes; a frame carries {FRAME_BYTES}, and only J1939 messages may be longer")
    fields = parse(identifier)
    return list(broadcast_frames(fields.pgn, fields.source, data))
