"""MTData2 messages from values: what an Xsens MTi would send, for the rig and for tests. ext/drivers/imu/_mtdata2.pyx reads them.

Source: Xsens, MT Low Level Communication Protocol Documentation, MT0101P [M].
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from drivers.serial.axes import on_sensor

__all__ = ["checksum", "message", "mtdata2"]

PREAMBLE, MASTER = 0xFA, 0xFF
MTDATA2 = 0x36
LONGEST_PLAIN = 254  # bytes of a payload whose length takes one byte
PACKET_COUNTER, SAMPLE_TIME_FINE, ACCELERATION, RATE_OF_TURN, STATUS_WORD = 0x1020, 0x1060, 0x4020, 0x8020, 0xE020
FORMATS = ("float32", "fixed 12.20", "fixed 16.32", "float64")  # the lowest two bits of an identifier
CLIPPED = 0x3F00  # of the status word: accelerometer x y z, gyroscope x y z beyond their range


def message(kind: int, payload: bytes) -> bytes:
    """One Xbus message with its checksum."""
    length = bytes([len(payload)]) if len(payload) <= LONGEST_PLAIN else b"\xff" + struct.pack(">H", len(payload))
    body = bytes([MASTER, kind]) + length + payload
    return bytes([PREAMBLE]) + body + bytes([checksum(body)])


def checksum(body: bytes) -> int:
    """Makes the sum of all bytes but the preamble zero."""
    return -sum(body) & 0xFF


def packet(identifier: int, data: bytes) -> bytes:
    return struct.pack(">HB", identifier, len(data)) + data


def mtdata2(imu, *, ticks: int | None = None, counter: int | None = None, status: int | None = None,
            number: str = "float32", axes: Sequence[int] | None = None) -> bytes:  # fmt: skip
    """Of an ImuSample row. `ticks`: SampleTimeFine, 10 kHz; `axes`: as drivers/serial/route_config.axis_numbers gives them."""
    parts = []
    if counter is not None:
        parts.append(packet(PACKET_COUNTER, struct.pack(">H", counter & 0xFFFF)))
    if ticks is not None:
        parts.append(packet(SAMPLE_TIME_FINE, struct.pack(">I", ticks & 0xFFFFFFFF)))
    for identifier, quantity in ((ACCELERATION, "acceleration"), (RATE_OF_TURN, "angular_rate")):
        vector = on_sensor([float(imu[f"{quantity}_{axis}"]) for axis in "xyz"], axes)
        parts.append(packet(identifier | FORMATS.index(number), b"".join(_written(value, number) for value in vector)))
    if status is not None:
        parts.append(packet(STATUS_WORD, struct.pack(">I", status)))
    return message(MTDATA2, b"".join(parts))


def _written(value: float, number: str) -> bytes:
    if number == "float32":
        return struct.pack(">f", value)
    if number == "float64":
        return struct.pack(">d", value)
    if number == "fixed 12.20":
        return struct.pack(">i", round(value * (1 << 20)))
    whole, fraction = divmod(round(value * (1 << 32)), 1 << 32)
    return struct.pack(">Ih", fraction, whole)
