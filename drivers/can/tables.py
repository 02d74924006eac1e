"""Databases of several buses as the flat arrays the kernel reads (row layouts: ext/drivers/can/_tables.pxd)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drivers.can.database import Database, Message, Signal

__all__ = ["Tables", "build_tables", "pgn_of"]

SIGNAL_ROW = np.dtype([
    ("mask", "u8"), ("sign_bit", "u8"), ("error_from", "u8"), ("not_available_from", "u8"),
    ("factor", "f8"), ("offset", "f8"), ("integer_factor", "i8"), ("integer_offset", "i8"),
    ("first_range", "u4"), ("range_count", "u2"), ("multiplexer", "i2"),
    ("shift", "u1"), ("is_big_endian", "u1"), ("kind", "u1"), ("length", "u1"),
    ("start_bit", "u2"), ("end_byte", "u2"),
])  # fmt: skip
QUAD_ROW = np.dtype([
    ("big", "u8", (4,)), ("shift", "u8", (4,)), ("mask", "u8", (4,)), ("sign_bit", "u8", (4,)), ("error_from", "i8", (4,)),
    ("factor", "f8", (4,)), ("offset", "f8", (4,)),
])  # fmt: skip
RANGE_ROW = np.dtype([("low", "i8"), ("high", "i8")])
MESSAGE_ROW = np.dtype([
    ("identifier", "u4"), ("first_signal", "u4"), ("first_quad", "u4"),
    ("signal_count", "u2"), ("end_byte", "u2"), ("length", "u2"),
    ("is_j1939", "u1"), ("is_plain", "u1"), ("checksum_signal", "i2"), ("counter_signal", "i2"),
    ("checksum_kind", "u1"), ("counter_modulo", "u1"), ("padding", "u1", (2,)),
])  # fmt: skip
BUS_ROW = np.dtype([("standard_first", "i4"), ("key_first", "u4"), ("key_mask", "u4"), ("flags", "u4")])

LINEAR, UNSIGNED64, EXACT_INTEGER, EXACT_PRODUCT, FLOAT16, FLOAT32, FLOAT64, UNREADABLE = range(8)
BUS_HAS_EXACT, BUS_HAS_SENDER, BUS_HAS_ANY_SENDER = 1, 2, 4
KEY_EXACT, KEY_SENDER, KEY_ANY_SENDER = 0x80000000, 0x40000000, 0x20000000
EXTENDED = 0x80000000
HASH_FACTOR = 0x9E3779B1  # 2^32 / golden ratio: neighbouring identifiers land far apart
ANY_SENDER = 0xFE  # the null address stands for "any sender" in J1939 databases
NO_CODE = 0xFFFFFFFFFFFFFFFF
NEVER_REACHED = 0x7FFFFFFFFFFFFFFF  # the same for the quads' signed comparison
QUAD_BITS = 51  # integers the quads' conversion takes
IS_PLAIN = MESSAGE_ROW.names.index("is_plain")
EXACT_BITS = 53  # integers a double holds exactly

# Widths whose raw values carry "error" and "not available" indicators in SAE J1939-71: 2 bits 10b and 11b; 4 and 6
# bits the last two values; from 8 bits on the families FE.. and FF.. of the highest byte. Other widths use all values.
CODED_DISCRETE_LENGTHS = (2, 4, 6)
# Commands, counters and checksums of TSC1 and XBR: every value has a meaning of its own
UNCODED_SPNS = (695, 696, 897, 2914, 2915, 2916, 3188, 3189)


@dataclass(frozen=True)
class Tables:
    """Arrays of rows; `keys`/`key_values` are one open-addressing table a bus, `standard` 2048 entries a bus."""

    names: tuple[str, ...]
    message_list: tuple[Message, ...]
    bus_of_message: tuple[int, ...]
    messages: np.ndarray
    signals: np.ndarray
    quads: np.ndarray
    ranges: np.ndarray
    buses: np.ndarray
    standard: np.ndarray
    keys: np.ndarray
    key_values: np.ndarray
    problems: tuple[str, ...]

    def index(self, bus: int, name: str) -> int:
        """Index of a message by bus and name. Raises KeyError."""
        for place, (number, message) in enumerate(zip(self.bus_of_message, self.message_list, strict=True)):
            if number == bus and message.name == name:
                return place
        raise KeyError(name)


def pgn_of(identifier: int) -> int:
    """Parameter group number of a 29 bit identifier; a PDU1 destination is no part of it."""
    pgn = identifier >> 8 & 0x3FFFF
    return pgn & 0x3FF00 if pgn & 0xFF00 < 0xF000 else pgn


def build_tables(databases: Mapping[int, Database]) -> Tables:
    """The tables of {bus number: database}. Two messages for one identifier are a problem; the first one counts."""
    message_rows, signal_rows, range_rows, quad_rows = [], [], [], []
    names, messages, bus_numbers, problems = [], [], [], []
    buses = np.zeros(256, BUS_ROW)
    buses["standard_first"] = -1
    standard, keys, key_values = [], [], []
    for bus, database in sorted(databases.items()):
        if not 0 <= bus <= 255:
            raise ValueError(f"{database.name}: bus number {bus} is not within 0..255")
        problems += database.problems
        first = len(messages)
        for message in database.messages:
            names.append(message.name), messages.append(message), bus_numbers.append(bus)
            rows = [_signal_row(signal, message, range_rows) for signal in message.signals]
            message_rows.append(_message_row(message, rows, len(signal_rows), len(quad_rows)))
            signal_rows += rows
            if message_rows[-1][IS_PLAIN]:
                quad_rows += _quads(np.array(rows, SIGNAL_ROW))
        standard_of_bus, entries = _lookup(database, first, problems)
        buses[bus]["standard_first"] = 2048 * len(standard)
        standard.append(standard_of_bus)
        bus_keys, bus_values = _hashed(entries)
        buses[bus]["key_first"], buses[bus]["key_mask"] = len(keys), len(bus_keys) - 1
        for key in entries:
            buses[bus]["flags"] |= (
                BUS_HAS_EXACT if key & KEY_EXACT else BUS_HAS_SENDER if key & KEY_SENDER else BUS_HAS_ANY_SENDER
            )
        keys += bus_keys
        key_values += bus_values
    return Tables(
        tuple(names),
        tuple(messages),
        tuple(bus_numbers),
        np.array(message_rows, MESSAGE_ROW),
        np.array(signal_rows, SIGNAL_ROW),
        np.array(quad_rows, QUAD_ROW),
        np.array(range_rows, RANGE_ROW),
        buses,
        np.concatenate(standard) if standard else np.zeros(0, np.int32),
        np.array(keys, np.uint32),
        np.array(key_values, np.int32),
        tuple(problems),
    )


def _message_row(message: Message, rows: list[tuple], first_signal: int, first_quad: int) -> tuple:
    signals = np.array(rows, SIGNAL_ROW)
    is_simple = (signals["kind"] == LINEAR) & (signals["end_byte"] <= 8) & (signals["multiplexer"] < 0)
    is_plain = bool(np.all(is_simple & (signals["length"] <= QUAD_BITS)))
    end_byte = int(signals["end_byte"].max()) if rows else 0
    return (message.identifier, first_signal, first_quad, len(rows), end_byte, message.length, message.is_j1939, is_plain,
            -1, -1, 0, 0, (0, 0))  # fmt: skip


def _quads(signals: np.ndarray) -> list[tuple]:
    """The rows of a plain message four by four; the places left over decode to zero."""
    count = len(signals)
    found = np.zeros(-(-count // 4), QUAD_ROW)
    columns = {name: signals[name] for name in ("shift", "mask", "sign_bit", "factor", "offset")}
    columns["big"] = np.where(signals["is_big_endian"], np.uint64(NO_CODE), np.uint64(0))
    columns["error_from"] = np.minimum(signals["error_from"], np.uint64(NEVER_REACHED)).astype(np.int64)
    for name, column in columns.items():
        padded = np.zeros(4 * len(found), QUAD_ROW[name].base)
        padded[:count] = column
        if name == "error_from":
            padded[count:] = NEVER_REACHED
        found[name] = padded.reshape(-1, 4)
    return [row.item() for row in found]


def _signal_row(signal: Signal, message: Message, range_rows: list) -> tuple:
    first_range = len(range_rows)
    multiplexer = -1
    if signal.multiplexer is not None:
        multiplexer = message.place(signal.multiplexer)
        range_rows += signal.multiplexer_ranges
    length = min(max(signal.length, 1), 64)
    kind, integer_factor, integer_offset = _conversion(signal)
    error_from, not_available_from = _codes(signal) if message.is_j1939 else (NO_CODE, NO_CODE)
    shift = 0
    if signal.end_byte <= 8:
        shift = 64 - signal.bus_bit - signal.length if signal.is_big_endian else signal.start
    return (
        (1 << length) - 1, 1 << (length - 1) if signal.is_signed and not signal.is_float else 0,
        error_from, not_available_from, float(signal.scale), float(signal.offset), integer_factor, integer_offset,
        first_range, len(signal.multiplexer_ranges), multiplexer,
        shift, signal.is_big_endian, kind, length, signal.bus_bit, signal.end_byte,
    )  # fmt: skip


def _conversion(signal: Signal) -> tuple[int, int, int]:
    """(kind, integer factor, integer offset): the arithmetic that gives the bits of Python's raw * scale + offset."""
    if not 1 <= signal.length <= 64 or not math.isfinite(signal.scale) or not math.isfinite(signal.offset):
        return UNREADABLE, 0, 0
    if signal.is_float:
        return {16: FLOAT16, 32: FLOAT32, 64: FLOAT64}.get(signal.length, UNREADABLE), 0, 0
    whole_scale, whole_offset = float(signal.scale).is_integer(), float(signal.offset).is_integer()
    product_bits = signal.length + abs(int(signal.scale)).bit_length()
    small = product_bits <= EXACT_BITS and abs(signal.offset) < 2**EXACT_BITS
    fits = abs(signal.scale) < 2**62 and abs(signal.offset) < 2**62
    if whole_scale and whole_offset and fits and not small:
        return EXACT_INTEGER, int(signal.scale), int(signal.offset)
    # An integer factor in the DBC multiplies exactly before the fractional offset rounds
    if isinstance(signal.scale, int) and not whole_offset and fits and product_bits > EXACT_BITS:
        return EXACT_PRODUCT, signal.scale, 0
    return (UNSIGNED64 if signal.length == 64 and not signal.is_signed else LINEAR), 0, 0


def _codes(signal: Signal) -> tuple[int, int]:
    """(error from, not available from) as raw values of a J1939 signal."""
    if signal.is_signed or signal.is_float or signal.spn in UNCODED_SPNS:
        return NO_CODE, NO_CODE
    if signal.length in CODED_DISCRETE_LENGTHS:
        return (1 << signal.length) - 2, (1 << signal.length) - 1
    if 8 <= signal.length <= 64:
        return 0xFE << (signal.length - 8), 0xFF << (signal.length - 8)
    return NO_CODE, NO_CODE


def _lookup(database: Database, first: int, problems: list[str]) -> tuple[np.ndarray, dict[int, int]]:
    standard = np.full(2048, -1, np.int32)
    entries: dict[int, int] = {}
    senders: dict[int, set[int]] = {}
    for index, message in enumerate(database.messages, first):
        identifier = message.identifier & 0x1FFFFFFF
        if not message.identifier & EXTENDED:
            taken, known = standard[identifier] >= 0, standard[identifier] - first
            if not taken:
                standard[identifier] = index
        else:
            key = KEY_EXACT | identifier
            if message.is_j1939:
                pgn, sender = pgn_of(identifier), identifier & 0xFF
                key = KEY_SENDER | pgn << 8 | sender
                senders.setdefault(pgn, set()).add(sender)
                # One entry serves every sender of its group; an entry at the null address is meant to
                if sender == ANY_SENDER or KEY_ANY_SENDER | pgn not in entries:
                    entries[KEY_ANY_SENDER | pgn] = index
            taken, known = key in entries, entries.get(key, index) - first
            entries.setdefault(key, index)
        if taken:
            other = database.messages[int(known)].name
            problems.append(f"{database.name}: messages {other} and {message.name} share the identifier "
                            f"0x{identifier:X}; {other} is used")  # fmt: skip
    for pgn, addresses in senders.items():
        if len(addresses) > 1 and ANY_SENDER not in addresses:
            index = entries[KEY_ANY_SENDER | pgn] - first
            problems.append(
                f"{database.name}: PGN {pgn:04X} stands for {len(addresses)} source addresses; frames of other senders "
                f"are decoded as {database.messages[index].name}, the first of them"
            )
        if len(addresses) == 1:  # the same message either way: one look-up less
            entries.pop(KEY_SENDER | pgn << 8 | next(iter(addresses)))
    return standard, entries


def _hashed(entries: dict[int, int]) -> tuple[list[int], list[int]]:
    size = 8
    while size < 2 * len(entries) + 1:
        size *= 2
    keys, values = [0] * size, [-1] * size
    for key, value in entries.items():
        slot = (key * HASH_FACTOR & 0xFFFFFFFF) >> 7 & size - 1
        while keys[slot]:
            slot = (slot + 1) & size - 1
        keys[slot], values[slot] = key, value
    return keys, values
