"""Counter and checksum of TSC1 as partners differ in them: the standard's 3 bits, a 4 bit variant, or none at all."""

from __future__ import annotations

from drivers.can.checksums import checksum_j1939

TSC1_SPN, XBR_SPN = 4207, 3188  # whose rule the checksum follows
UNUSED = 0xFF  # both nibbles not available: seen of a gearbox on a real truck [V]


def seal(policy: str, identifier: int, data: bytes, counter: int) -> bytes:
    """The data with its last byte for the policy; `counter` counts up from frame to frame."""
    if policy == "none":
        return data[:7] + bytes([UNUSED])
    if policy == "3 bit":
        return _sealed(identifier, data, counter % 8, TSC1_SPN)
    return _sealed(identifier, data, counter % 16, XBR_SPN)  # the rule of XBR on a TSC1 [M]


def is_sealed(policy: str, identifier: int, data: bytes) -> bool:
    """True when the last byte is what the policy asks for."""
    return data[7:8] == seal(policy, identifier, data, data[7] & 0xF)[7:8]


def _sealed(identifier: int, data: bytes, counter: int, spn: int) -> bytes:
    body = data[:7] + bytes([counter])
    return body[:7] + bytes([counter | checksum_j1939(body, identifier, spn) << 4])
