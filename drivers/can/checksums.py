"""Checksums of CAN frames, stated plainly; ext/drivers/can/_encode.pxd has them for the codec."""

from __future__ import annotations


def checksum_j1939(data: bytes, identifier: int, spn: int) -> int:
    """SPN 4207 (TSC1) or 3188 (XBR): bytes 1 to 7, the counter in the low half of byte 8 and the four identifier bytes."""
    total = sum(data[:7]) + (data[7] & 0x0F) + sum((identifier & 0x1FFFFFFF).to_bytes(4, "big"))
    return ((total >> 6 & 3) + (total >> 3) + total) & 7 if spn == 4207 else ((total >> 4) + total) & 15


def checksum_toyota(data: bytes, identifier: int) -> int:
    """Last byte: sum of the identifier's bytes, the length and all bytes before it."""
    return sum(identifier.to_bytes(4, "big")) + len(data) + sum(data[:-1]) & 0xFF


def crc8_j1850(data: bytes) -> int:
    """SAE J1850: polynomial 0x1D, start 0xFF, result inverted; the check value of b"123456789" is 0x4B."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x1D if crc & 0x80 else crc << 1) & 0xFF
    return crc ^ 0xFF
