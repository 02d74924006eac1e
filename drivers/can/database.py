"""CAN databases: cantools reads the DBC text, this module keeps what the decoder needs and names what is wrong with it.

A problem (overlap, signal beyond its message, unreadable float, two messages for one identifier) never stops the
load and is never silent: it is a sentence in `Database.problems`. Text that is not a DBC raises DatabaseError.
"""

from __future__ import annotations

import logging
import math
import re
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

from autonomy.errors import BadInputError

__all__ = ["Database", "DatabaseError", "Message", "Signal", "load", "parse"]

CANTOOLS_LOGGER = "cantools.database.can.database"  # says which messages share a name or an identifier
ORPHANS = 0xC0000000  # VECTOR__INDEPENDENT_SIG_MSG: the editor's bin for signals that belong to no message
LONGEST_MESSAGE = 1785  # bytes of a J1939 transport protocol transfer
FURTHEST_BYTE = 65535
FLOAT_LENGTHS = (16, 32, 64)
LINE_OF_TEXT = re.compile(r"at line (\d+)")


class DatabaseError(BadInputError, ValueError):
    """The text is not a readable DBC; the sentence names the file and, where known, the line."""


@dataclass(frozen=True)
class Signal:
    """One signal as the DBC describes it; `start` in DBC numbering (lowest bit, or highest when big endian)."""

    name: str
    start: int
    length: int
    is_big_endian: bool
    is_signed: bool
    is_float: bool
    scale: int | float
    offset: int | float
    unit: str
    multiplexer: str | None = None
    multiplexer_ranges: tuple[tuple[int, int], ...] = ()
    spn: int | None = None

    @property
    def bus_bit(self) -> int:
        """Place of the first bit: little endian as in the DBC, big endian counted in bus order from byte 0's top bit."""
        return 8 * (self.start // 8) + 7 - self.start % 8 if self.is_big_endian else self.start

    @property
    def end_byte(self) -> int:
        """Bytes a frame must have to hold the signal."""
        return (self.bus_bit + self.length + 7) // 8


@dataclass(frozen=True)
class Message:
    """One message; `identifier` has bit 31 set for extended frames."""

    name: str
    identifier: int
    length: int
    is_j1939: bool
    signals: tuple[Signal, ...]

    def place(self, signal_name: str) -> int:
        """Position of a signal in the message. Raises KeyError."""
        for place, signal in enumerate(self.signals):
            if signal.name == signal_name:
                return place
        raise KeyError(signal_name)


@dataclass(frozen=True)
class Database:
    """The messages of one bus."""

    name: str
    messages: tuple[Message, ...]
    problems: tuple[str, ...]
    text: str

    def message(self, name: str) -> Message:
        """The message of that name. Raises KeyError."""
        for message in self.messages:
            if message.name == name:
                return message
        raise KeyError(name)


def load(path: str | Path, j1939: bool | None = None) -> Database:
    """Reads a DBC file (UTF-8 or Windows-1252). `j1939` as in `parse`. Raises DatabaseError."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatabaseError(f"{path}: cannot read this DBC file ({error.strerror}); give the path of a .dbc file") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # what the usual editors write
    return parse(text, str(path), j1939)


@cache
def _load_cantools() -> ModuleType:
    """cantools without its tester, which loads python-can with all formats that it knows, asammdf and pandas among them: most of
    the time from the start of `autonomy run` to its first tick. We ask cantools for databases alone."""
    name = "cantools.tester"
    present = sys.modules.get(name)
    sys.modules[name] = present or ModuleType(name)
    try:
        import cantools
    finally:
        if present is None:
            del sys.modules[name]  # whoever imports it gets the real one
    return cantools


@lru_cache(maxsize=8)  # a process that replays many logs meets the same few databases again and again
def parse(text: str, name: str = "DBC text", j1939: bool | None = None) -> Database:
    """Reads DBC text. `j1939`: True/False for all extended messages, None = as VFrameFormat J1939PG says.

    Raises DatabaseError with a sentence that names `name` and the line.
    """
    if "BO_" not in text:
        raise DatabaseError(f"{name}: no message (BO_) in this text; it is empty or not a DBC file")
    cantools = _load_cantools()
    warnings: list[str] = []
    handler = _Collect(warnings)
    logger = logging.getLogger(CANTOOLS_LOGGER)
    was_propagating, was_disabled = logger.propagate, logger.disabled
    logger.propagate, logger.disabled = False, False
    logger.addHandler(handler)
    try:
        found = cantools.database.load_string(text, database_format="dbc", strict=False)
    except Exception as error:  # cantools lets KeyError, ValueError, TypeError and its own errors through
        raise DatabaseError(_sentence(name, text, error)) from error
    finally:
        logger.removeHandler(handler)
        logger.propagate, logger.disabled = was_propagating, was_disabled
    problems = [f"{name}: {warning}" for warning in warnings]
    if f"BO_ {ORPHANS} " in text:
        problems.append(f"{name}: signals of VECTOR__INDEPENDENT_SIG_MSG belong to no message and are left out")
    messages = []
    for item in found.messages:
        message = _message(item, j1939)
        _refuse_impossible(message, name)
        problems += [f"{name}: message {message.name}: {problem}" for problem in _problems(message)]
        messages.append(message)
    return Database(name, tuple(messages), tuple(problems), text)


class _Collect(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _sentence(name: str, text: str, error: Exception) -> str:
    detail = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        detail = f"it refers to {detail}, which it does not define"
    line = LINE_OF_TEXT.search(detail)
    shown = ""
    if line and 0 < int(line[1]) <= len(text.splitlines()):
        shown = f" ('{text.splitlines()[int(line[1]) - 1].strip()[:80]}')"
    return f"{name}: not a readable DBC: {detail.rstrip('.')}{shown}; correct the file or export it again"


def _message(item, j1939: bool | None) -> Message:
    is_j1939 = item.is_extended_frame and (item.protocol == "j1939" if j1939 is None else j1939)
    identifier = item.frame_id | (0x80000000 if item.is_extended_frame else 0)
    return Message(item.name, identifier, item.length, is_j1939, tuple(_signal(signal) for signal in item.signals))


def _refuse_impossible(message: Message, name: str) -> None:
    """Numbers that no message on a bus can have, which the tables have no room for: the file is damaged."""
    wrong = []
    if not 0 <= message.length <= LONGEST_MESSAGE:
        wrong.append(f"has {message.length} bytes; 0 to {LONGEST_MESSAGE} can be")
    for signal in message.signals:
        if signal.start < 0 or signal.end_byte > FURTHEST_BYTE:
            wrong.append(f"has signal {signal.name} of {signal.length} bits at bit {signal.start}, which no message reaches")
        if any(abs(bound) >= 1 << 63 for pair in signal.multiplexer_ranges for bound in pair):
            wrong.append(f"has signal {signal.name} with a multiplexer value of more than 64 bits")
    if wrong:
        raise DatabaseError(f"{name}: message {message.name} {wrong[0]}; correct the file or export it again")


def _signal(item) -> Signal:
    return Signal(
        item.name,
        item.start,
        item.length,
        item.byte_order == "big_endian",
        item.is_signed,
        item.conversion.is_float,
        item.conversion.scale,
        item.conversion.offset,
        item.unit or "",
        item.multiplexer_signal if item.multiplexer_ids is not None else None,
        _ranges(item.multiplexer_ids) if item.multiplexer_ids is not None else (),
        item.spn,
    )


def _ranges(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def _problems(message: Message) -> list[str]:
    found = []
    owner: dict[int, Signal] = {}
    for signal in message.signals:
        if signal.length < 1 or signal.length > 64:
            found.append(f"signal {signal.name} has {signal.length} bits; 1 to 64 can be read")
        elif signal.is_float and signal.length not in FLOAT_LENGTHS:
            found.append(f"signal {signal.name} is a float of {signal.length} bits; 16, 32 and 64 can be read")
        if not (math.isfinite(signal.scale) and math.isfinite(signal.offset)):
            found.append(f"signal {signal.name} has factor {signal.scale} and offset {signal.offset}; it is never available")
        elif signal.scale == 0:
            found.append(f"signal {signal.name} has the factor 0; it is always {signal.offset} and cannot be encoded")
        if signal.end_byte > message.length:
            found.append(f"signal {signal.name} needs {signal.end_byte} bytes, the message has {message.length}")
        if signal.multiplexer is None:
            for bit in _bits(signal):
                other = owner.setdefault(bit, signal)
                if other is not signal:
                    found.append(f"signals {other.name} and {signal.name} overlap; each is decoded from its own bits")
                    break
    return found


def _bits(signal: Signal) -> range | list[int]:
    places = range(signal.bus_bit, signal.bus_bit + signal.length)
    if not signal.is_big_endian:
        return places
    return [8 * (place // 8) + 7 - place % 8 for place in places]
