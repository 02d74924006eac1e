"""Cuts a long message into the frames of a broadcast (BAM, SAE J1939-21, 5.10)."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.can.j1939.identifier import GLOBAL, TRANSPORT_CONTROL, TRANSPORT_DATA, build
from drivers.can.j1939.transport import BAM, FEWEST_BYTES, MOST_BYTES, PACKET_BYTES

__all__ = ["GAP_NS", "broadcast_frames"]

GAP_NS = 50_000_000  # 50 to 200 ms between the packets of a broadcast
PRIORITY = 7


def broadcast_frames(pgn: int, source: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """(identifier with bit 31, 8 data bytes) of every frame, to be sent GAP_NS apart. Raises ValueError for a wrong length."""
    if not FEWEST_BYTES <= len(data) <= MOST_BYTES:
        raise ValueError(f"a broadcast carries {FEWEST_BYTES} to {MOST_BYTES} bytes, not {len(data)}")
    packets = -(-len(data) // PACKET_BYTES)
    control = bytes((BAM, len(data) & 0xFF, len(data) >> 8, packets, 0xFF)) + pgn.to_bytes(3, "little")
    yield build(PRIORITY, TRANSPORT_CONTROL, source, GLOBAL), control
    for number in range(packets):
        content = data[number * PACKET_BYTES : (number + 1) * PACKET_BYTES].ljust(PACKET_BYTES, b"\xff")
        yield build(PRIORITY, TRANSPORT_DATA, source, GLOBAL), bytes((number + 1,)) + content
