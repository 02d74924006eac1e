"""`autonomy can decode`: one line a message, with names, values and units; long J1939 messages are put together first."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.describe import Describer
from autonomy.cli.can.source import LiveSource, LogSource, open_source
from autonomy.cli.can.streams import patient, tell
from drivers.can.candump import TimeStamps, identifier_text
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.j1939.listener import Listener
from drivers.can.j1939.transport import Failure, Message
from drivers.can.tables import EXTENDED


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, LogError, DatabaseError, EnvironmentFault."""
    with open_source(arguments, of_frames=False) as source, patient():
        decoder = Decoder(Catalogue.from_options(arguments.dbc, arguments.j1939, source.databases()), arguments)
        left = arguments.count
        for frames in source.batches():
            lines = list(islice(decoder.lines(frames, source.bus_names), left))
            sys.stdout.write("".join([line + "\n" for line in lines]))
            if source.is_live:
                sys.stdout.flush()
            if left is not None and (left := left - len(lines)) == 0:
                break
        else:
            sys.stdout.write("".join([line + "\n" for line in decoder.ending(source.bus_names)]))
    _tell(source, decoder)
    return source.exit_code


class Decoder:
    """Lines of frames; `counts` of what they were, `listeners` {bus: Listener}."""

    def __init__(self, catalogue: Catalogue, arguments: argparse.Namespace) -> None:
        self.counts: Counter[str] = Counter()
        self.listeners: dict[int, Listener] = {}
        self._catalogue = catalogue
        self._describer = Describer(catalogue, spn_version=arguments.spn_version, only_available=arguments.available)
        self._arguments = arguments
        self._stamps = TimeStamps(arguments.stamps)

    def lines(self, frames: np.ndarray, bus_names: dict[int, str]) -> Iterator[str]:
        """The lines of an array of CanFrame."""
        for time_ns, identifier, bus, length, flags, _, data in frames.tolist():
            content = bytes(data[:length])
            if flags & (ERROR | REMOTE):
                self.counts["error frames" if flags & ERROR else "remote requests"] += 1
            elif identifier & EXTENDED:
                yield from self._extended(time_ns, identifier, bus, content, bus_names[bus])
            else:
                yield from self._standard(time_ns, identifier, bus, content, bus_names[bus])

    def ending(self, bus_names: dict[int, str]) -> Iterator[str]:
        """The lines of the sessions that were open at the end."""
        for bus, listener in self.listeners.items():
            for item in listener.transport.finish():
                yield from self._failure(bus, item, bus_names[bus])

    def _extended(self, time_ns: int, identifier: int, bus: int, data: bytes, bus_name: str) -> Iterator[str]:
        known = self._catalogue.message(bus, identifier)
        if known is not None and not known.is_j1939:
            yield from self._standard(time_ns, identifier, bus, data, bus_name)
            return
        listener = self.listeners.get(bus)
        if listener is None:
            listener = self.listeners[bus] = Listener()
        for item in listener.hear(time_ns, identifier, data):
            if isinstance(item, Failure):
                yield from self._failure(bus, item, bus_name)
            else:
                yield from self._message(bus, item, bus_name)

    def _standard(self, time_ns: int, identifier: int, bus: int, data: bytes, bus_name: str) -> Iterator[str]:
        if not self._is_wanted(bus, identifier):
            return
        known = self._catalogue.message(bus, identifier)
        self.counts["decoded" if known else "of no table"] += 1
        if known is None and self._arguments.known:
            return
        words, fields = self._describer.signals(bus, identifier, data) if known else (data.hex(" ").upper(), {})
        name = known.name if known else "?"
        if self._arguments.json:
            yield json.dumps({"time_ns": time_ns, "bus": bus_name, "id": identifier & 0x1FFFFFFF, "message": known and known.name,
                              **fields, "data": data.hex()})  # fmt: skip
        else:
            yield f"{self._stamps(time_ns)} {bus_name}  {identifier_text(identifier)} {name}  {words}".rstrip()

    def _message(self, bus: int, message: Message, bus_name: str) -> Iterator[str]:
        if not self._is_wanted(bus, message.identifier, message.destination):
            return
        found = self._describer.describe(bus, message)
        self.counts["decoded" if found else "of no table"] += 1
        if found is None and self._arguments.known:
            return
        name, words, fields = found or ("?", _hex(message.data), {})
        if self._arguments.json:
            yield json.dumps({
                "time_ns": message.time_ns, "start_ns": message.start_ns, "bus": bus_name, "id": message.identifier & 0x1FFFFFFF,
                "pgn": message.pgn, "source": message.source, "destination": message.destination, "priority": message.priority,
                "message": found and name, **fields, "transport": message.transport or None, "data": message.data.hex(),
            })  # fmt: skip
            return
        long = f" [{len(message.data)} bytes, {message.transport}]" if message.transport else ""
        yield f"{self._head(message.time_ns, bus_name, message)} {name}{long}  {words}".rstrip()

    def _failure(self, bus: int, failure: Failure, bus_name: str) -> Iterator[str]:
        as_message = Message(failure.time_ns, failure.start_ns, 7, failure.pgn, failure.source, failure.destination, b"")
        if not self._is_wanted(bus, as_message.identifier, failure.destination):
            return
        if self._arguments.json:
            yield json.dumps({
                "time_ns": failure.time_ns, "start_ns": failure.start_ns, "bus": bus_name, "pgn": failure.pgn,
                "source": failure.source, "destination": failure.destination, "message": None, "transport": failure.transport,
                "failed": failure.reason.value, "detail": failure.detail, "size": failure.size,
            })  # fmt: skip
            return
        yield (
            f"{self._head(failure.time_ns, bus_name, failure)} {failure.transport} of {failure.size} bytes {failure.reason}: "
            f"{failure.detail} ({failure.packets_received} of {failure.packets} packets)"
        )

    def _head(self, time_ns: int, bus_name: str, item: Message | Failure) -> str:
        return f"{self._stamps(time_ns)} {bus_name}  {item.source:02X}>{item.destination:02X} {item.pgn:04X}"

    def _is_wanted(self, bus: int, identifier: int, destination: int = 0xFF) -> bool:
        wanted = self._arguments.filter
        return wanted is None or wanted.accepts(bus, identifier, destination)


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()


def _tell(source: LogSource | LiveSource, decoder: Decoder) -> None:
    lines = [", ".join(f"{count} {what}" for what, count in sorted(decoder.counts.items())) or "nothing decoded"]
    for bus, listener in sorted(decoder.listeners.items()):
        counts = listener.transport.counts
        if counts.announced:
            failed = "".join(f", {count} {reason}" for reason, count in counts.failed.items())
            lines.append(
                f"{source.bus_names[bus]}: {counts.announced} long messages announced, {counts.completed} complete{failed}"
            )
        if counts.extended:
            lines.append(f"{source.bus_names[bus]}: {counts.extended} frames of the extended transport protocol, not assembled")
    tell(source, *lines)
