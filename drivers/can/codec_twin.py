"""The codec's mathematics stated plainly, a bit at a time; tests hold ext/drivers/can/_codec.pxd to it.

A signal is a run of bits. Little endian: bit k of the value stands at DBC bit start + k. Big endian: the highest bit
stands at `start`, the following ones go down to bit 0 of the byte and on at bit 7 of the next. The value is
raw * scale + offset in Python's arithmetic (exact for integers, else rounded after each operation). On J1939, raw values
in the families FE.. and FF.. (or the last two of 2, 4 and 6 bits) are codes and no values (SAE J1939-71).
"""

from __future__ import annotations

import math
import struct

from drivers.can.database import Message, Signal
from drivers.can.tables import CODED_DISCRETE_LENGTHS, UNCODED_SPNS

OK, NOT_AVAILABLE, ERROR = 0, 1, 2


def decode(message: Message, data: bytes) -> tuple[list[float], list[int]]:
    """(values, validity) of every signal of a message, NaN where not ok."""
    pairs = [_decode_signal(message, signal, data) for signal in message.signals]
    return [value for value, _ in pairs], [validity for _, validity in pairs]


def raw_bits(signal: Signal, data: bytes) -> int | None:
    """The unsigned bits of a signal, None when the frame is too short for it."""
    raw = 0
    for place in reversed(range(signal.length)):
        bit = signal.start + place if not signal.is_big_endian else _descending(signal.start, signal.length - 1 - place)
        if bit // 8 >= len(data):
            return None
        raw = raw << 1 | data[bit // 8] >> bit % 8 & 1
    return raw


def _descending(bit: int, steps: int) -> int:
    place = 8 * (bit // 8) + 7 - bit % 8 + steps
    return 8 * (place // 8) + 7 - place % 8


def _decode_signal(message: Message, signal: Signal, data: bytes) -> tuple[float, int]:
    raw = raw_bits(signal, data)
    if raw is None or not _is_selected(message, signal, data):
        return math.nan, NOT_AVAILABLE
    if message.is_j1939 and not signal.is_signed and not signal.is_float and signal.spn not in UNCODED_SPNS:
        code = _code(raw, signal.length)
        if code:
            return math.nan, code
    number = _number(signal, raw)
    if signal.is_float and signal.scale == 1 and signal.offset == 0:
        return number, OK
    scale, offset = signal.scale, signal.offset
    if not signal.is_float and float(scale).is_integer() and float(offset).is_integer():
        scale, offset = int(scale), int(offset)
    return float(number * scale + offset), OK


def _number(signal: Signal, raw: int) -> int | float:
    if signal.is_float:
        letter = {16: "e", 32: "f", 64: "d"}[signal.length]
        return struct.unpack(f">{letter}", raw.to_bytes(signal.length // 8, "big"))[0]
    if signal.is_signed and raw >> signal.length - 1:
        raw -= 1 << signal.length
    return raw


def _code(raw: int, length: int) -> int:
    top = raw >> max(0, length - 8)
    if length >= 8:
        return {0xFF: NOT_AVAILABLE, 0xFE: ERROR}.get(top, OK)
    if length in CODED_DISCRETE_LENGTHS:
        return {(1 << length) - 1: NOT_AVAILABLE, (1 << length) - 2: ERROR}.get(raw, OK)
    return OK


def _is_selected(message: Message, signal: Signal, data: bytes) -> bool:
    while signal.multiplexer is not None:
        selector = message.signals[message.place(signal.multiplexer)]
        raw = raw_bits(selector, data)
        if raw is None:
            return False
        number = raw - (1 << selector.length) if selector.is_signed and raw >> selector.length - 1 else raw
        if not any(low <= number <= high for low, high in signal.multiplexer_ranges):
            return False
        signal = selector
    return True
