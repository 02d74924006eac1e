"""Cuts a long message into the frames of a broadcast (BAM, SAE J1939-21, 5.10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from drivers.can.j1939.identifier import GLOBAL, TRANSPORT_CONTROL, TRANSPORT_DATA, build, parse
from drivers.can.j1939.transport import BAM, FEWEST_BYTES, MOST_BYTES, PACKET_BYTES, TRANSPORT_GROUPS

__all__ = ["GAP_NS", "Outbox", "broadcast_frames"]

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


class Outbox:
    """A node's frames in their order; `due` gives those whose time has come: the packets of a broadcast wait for each other."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._next_ns = 0

    def add(self, frames: Iterable[tuple[int, bytes]]) -> None:
        self._waiting.extend(frames)

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        ready = []
        while self._waiting:
            if parse(self._waiting[0][0]).pgn in TRANSPORT_GROUPS:
                if now_ns < self._next_ns:
                    break
                self._next_ns = now_ns + GAP_NS
            ready.append(self._waiting.popleft())
        return ready
