"""MTData2 stated plainly, on a whole stream at once; tests hold ext/drivers/imu/_mtdata2.pyx to it."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence

from drivers.imu.mtdata2 import ACCELERATION, CLIPPED, MTDATA2, RATE_OF_TURN, SAMPLE_TIME_FINE, STATUS_WORD, checksum

LONGEST = 1024  # bytes of a message
SYNC = b"\xfa\xff"
TICK_NS, LONGEST_STEP_NS, DRIFT_PPM = 100_000, 1_000_000_000, 200


def decode(stream: bytes) -> list[tuple[dict[str, float], int | None, int]]:
    """(fields of an ImuSample in the sensor's axes, SampleTimeFine, position of the last byte) of each sample."""
    found = []
    for end, kind, payload in messages(stream):
        try:
            told = dict(_packets(payload)) if kind == MTDATA2 else {}
        except ValueError:
            continue
        if not {ACCELERATION, RATE_OF_TURN} <= told.keys():
            continue
        numbers = [*told[ACCELERATION], *told[RATE_OF_TURN]]
        names = [f"{quantity}_{axis}" for quantity in ("acceleration", "angular_rate") for axis in "xyz"]
        good = all(map(math.isfinite, numbers)) and not told.get(STATUS_WORD, 0) & CLIPPED
        found.append((dict(zip(names, numbers, strict=True)) if good else {"validity": 2}, told.get(SAMPLE_TIME_FINE), end))
    return found


def messages(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(position of the last byte, kind, payload) of each sound message."""
    position = stream.find(SYNC)
    while position >= 0 and position + 4 <= len(stream):
        head, length = 4, stream[position + 3]
        if length == 0xFF:
            if position + 6 > len(stream):
                return
            head, length = 6, int.from_bytes(stream[position + 4 : position + 6], "big")
        end = position + head + length + 1
        possible = end - position <= LONGEST
        if possible and end > len(stream):
            return
        if possible and checksum(stream[position + 1 : end]) == 0:
            yield end - 1, stream[position + 2], stream[position + head : end - 1]
            position = stream.find(SYNC, end)
        else:
            position = stream.find(SYNC, position + 1)


def steady_times(ticks: Sequence[int], arrivals_ns: Sequence[int]) -> list[int]:
    """When the samples were taken: the sensor's clock through the messages that came least late."""
    found: list[int] = []
    for place, arrival_ns in enumerate(arrivals_ns):
        step_ns = ((ticks[place] - ticks[place - 1]) % 2**32) * TICK_NS if found else LONGEST_STEP_NS + 1
        if step_ns > LONGEST_STEP_NS:
            found.append(arrival_ns)
        else:
            found.append(min(found[-1] + step_ns + step_ns * DRIFT_PPM // 1_000_000, arrival_ns))
    return found


def _packets(payload: bytes) -> Iterator[tuple[int, object]]:
    """(identifier without its format, value). Raises ValueError for what is none."""
    position = 0
    while position < len(payload):
        if position + 3 > len(payload):
            raise ValueError("half a packet")
        identifier, size = struct.unpack_from(">HB", payload, position)
        data = payload[position + 3 : position + 3 + size]
        position += 3 + size
        if len(data) < size:
            raise ValueError("a packet beyond its message")
        group = identifier & 0xFFF0
        if group in (ACCELERATION, RATE_OF_TURN):
            yield group, _vector(data, identifier & 3)
        elif group in (SAMPLE_TIME_FINE, STATUS_WORD):
            yield group, _whole(data)


def _whole(data: bytes) -> int:
    if len(data) != 4:
        raise ValueError("four bytes make a counter or a status")
    return int.from_bytes(data, "big")


def _vector(data: bytes, number: int) -> tuple[float, ...]:
    if len(data) != 3 * (4, 4, 6, 8)[number]:
        raise ValueError("a vector has three numbers")
    if number == 0:
        return struct.unpack(">3f", data)
    if number == 3:
        return struct.unpack(">3d", data)
    if number == 1:
        return tuple(value / 2**20 for value in struct.unpack(">3i", data))
    return tuple(whole + fraction / 2**32 for fraction, whole in struct.iter_unpack(">Ih", data))
