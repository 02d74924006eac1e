"""`autonomy can send`: one frame as cansend takes it, or a message by its name; more than 8 bytes go as a J1939 broadcast.

It needs the interface named, and writes to nothing else. Periodic sending keeps absolute deadlines, so it does not drift.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator

from autonomy.cli.can.databases import ANY_BUS, Catalogue
from autonomy.cli.can.streams import patient
from autonomy.errors import PASS, EnvironmentFault, UsageError
from drivers.can.candump import identifier_text, parse_frame
from drivers.can.j1939.broadcast import GAP_NS, broadcast_frames
from drivers.can.j1939.identifier import GLOBAL, NULL, parse
from drivers.can.live_bus import open_bus
from drivers.can.tables import EXTENDED

FRAME_BYTES = 8
NS = 1_000_000_000
SEND_TIMEOUT_S = 1.0  # how long a full transmit queue is waited for

Outgoing = tuple[int, bytes, int | None]  # identifier with bit 31, data, length of a remote request


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, DatabaseError, EnvironmentFault."""
    period_ns, most = _schedule(arguments)
    compose = _composer(arguments)
    first = compose()  # what cannot be sent is known before the bus is touched
    if arguments.dry_run:
        for turn in range(most or 1):
            for frame in first if turn == 0 else compose():
                print(_line(frame))
        return PASS
    if not arguments.interface or not arguments.channel:
        raise UsageError("can send: name the bus with -i INTERFACE -c CHANNEL; nothing is sent by default")
    bus = open_bus(arguments.interface, arguments.channel, arguments.bitrate)
    sent = late = 0
    try:
        with patient():
            due_ns = time.monotonic_ns()
            while most is None or sent < most:
                frames = first if sent == 0 else compose()
                for place, frame in enumerate(frames):
                    if place:
                        time.sleep(GAP_NS / NS)
                    _transmit(bus, frame, arguments)
                sent += 1
                if most is not None and sent >= most:
                    break
                due_ns += period_ns
                wait_ns = due_ns - time.monotonic_ns()
                if wait_ns < 0:
                    late += 1
                else:
                    time.sleep(wait_ns / NS)
    finally:
        bus.shutdown()
    print(f"can: {sent} sent" + (f", {late} later than their time" if late else ""), file=sys.stderr)
    return PASS


def _composer(arguments: argparse.Namespace):
    """A function that gives the frames of one sending: counters of protected messages count up from call to call."""
    for word in arguments.words:
        if os.path.exists(word):
            raise UsageError(f"can send: {word} is a file; send writes to a live bus, never to a recording")
    if arguments.message is None:
        if len(arguments.words) != 1:
            raise UsageError("can send: give one frame such as 18FEF100#FF0048FFFFFFFFFF, or --message NAME SIGNAL=VALUE ...")
        for option in ("source", "destination", "priority"):
            if getattr(arguments, option) is not None:
                raise UsageError(f"can send: --{option} goes with --message; in a frame it is part of the identifier")
        return lambda: _frames_of_text(arguments.words[0])
    catalogue = Catalogue.from_options(arguments.dbc, arguments.j1939)
    message = catalogue.named(arguments.message)
    values = dict(_value(word) for word in arguments.words)
    source = _address(arguments.source, "source")
    destination = _address(arguments.destination, "destination")
    if message.is_j1939 and source is None and message.identifier & 0xFF == NULL:
        raise UsageError(f"can send: {message.name} is sent by whom? give --source, such as --source 0x00")
    if arguments.priority is not None and not 0 <= arguments.priority <= 7:
        raise UsageError(f"can send: --priority {arguments.priority}: give 0 (first) to 7")

    def compose() -> list[Outgoing]:
        try:
            return list(_in_frames(*catalogue.codec.encode(message.name, values, bus=ANY_BUS, source_address=source,
                                                           destination=destination, priority=arguments.priority)))  # fmt: skip
        except ValueError as error:
            raise UsageError(f"can send: {error}") from None

    return compose


def _frames_of_text(text: str) -> list[Outgoing]:
    try:
        frame = parse_frame(text)
    except ValueError as error:
        raise UsageError(f"can send: {error}") from None
    if frame.is_remote:
        return [(frame.identifier, b"", frame.length)]
    return list(_in_frames(frame.identifier, frame.data))


def _in_frames(identifier: int, data: bytes) -> Iterator[Outgoing]:
    if len(data) <= FRAME_BYTES:
        yield identifier, data, None
        return
    if not identifier & EXTENDED:
        raise UsageError(f"can send: {len(data)} bytes; a frame carries {FRAME_BYTES}, and only J1939 messages may be longer")
    fields = parse(identifier)
    if fields.destination != GLOBAL:
        raise UsageError(
            f"can send: {len(data)} bytes to {fields.destination:02X}: long messages are sent as a broadcast only (to FF), "
            "without the hand-shake of an addressed transfer"
        )
    try:
        for long_identifier, part in broadcast_frames(fields.pgn, fields.source, data):
            yield long_identifier, part, None
    except ValueError as error:
        raise UsageError(f"can send: {error}") from None


def _transmit(bus, frame: Outgoing, arguments: argparse.Namespace) -> None:
    import can

    identifier, data, remote_length = frame
    message = can.Message(
        arbitration_id=identifier & 0x1FFFFFFF, is_extended_id=bool(identifier & EXTENDED), data=data,
        is_remote_frame=remote_length is not None, dlc=remote_length if remote_length is not None else len(data), check=True,
    )  # fmt: skip
    try:
        bus.send(message, timeout=SEND_TIMEOUT_S)
    except (can.CanError, OSError) as error:
        raise EnvironmentFault(
            f"can send: {arguments.interface} {arguments.channel} did not take {_line(frame)}: {error}"
        ) from error


def _line(frame: Outgoing) -> str:
    identifier, data, remote_length = frame
    return f"{identifier_text(identifier)}#" + (f"R{remote_length or ''}" if remote_length is not None else data.hex().upper())


def _schedule(arguments: argparse.Namespace) -> tuple[int, int | None]:
    """(period in ns, how many times; None without end)."""
    if arguments.count is not None and arguments.count < 1:
        raise UsageError(f"can send: --count {arguments.count}: give 1 or more")
    if arguments.rate is None:
        if arguments.count not in (None, 1):
            raise UsageError("can send: --count goes with --rate HZ")
        return 0, 1
    if not 0 < arguments.rate <= 10_000:
        raise UsageError(f"can send: --rate {arguments.rate}: give times a second, above 0 and up to 10000")
    return round(NS / arguments.rate), arguments.count


def _value(word: str) -> tuple[str, float]:
    name, is_there, text = word.partition("=")
    try:
        if not is_there:
            raise ValueError
        return name, float(int(text, 0) if text.lower().startswith("0x") else float(text))
    except ValueError:
        raise UsageError(f"can send: '{word}': write SIGNAL=VALUE with a number, such as engine_speed=1200") from None


def _address(text: str | None, what: str) -> int | None:
    if text is None:
        return None
    try:
        address = int(text, 16)
    except ValueError:
        address = -1
    if not 0 <= address <= 0xFF:
        raise UsageError(f"can send: --{what} {text}: give an address from 00 to FF (hexadecimal)")
    return address
