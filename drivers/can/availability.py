"""How often each value of each sender was there: shares of "ok", "not available" and "error", streamed in bounded memory."""

from __future__ import annotations

import numpy as np

from drivers.can.codec import Codec

__all__ = ["Availability"]

MOST_SENDERS = 4096


class Availability:
    """Counts by (message, source address): array (signals, 3) of frames ok, not available, in error.

    Standard frames have the source address -1. Senders beyond MOST_SENDERS are counted in `left_out`.
    """

    def __init__(self, codec: Codec, buses: set[int], any_bus: int) -> None:
        self.counts: dict[tuple[int, str, int], np.ndarray] = {}
        self.left_out = 0
        self._codec = codec
        self._buses = np.array(sorted(buses - {any_bus}), np.uint8)
        self._any_bus = any_bus

    def add(self, frames: np.ndarray) -> None:
        """An array of CanFrame. Buses without a database of their own are decoded as those of `any_bus`."""
        for bus in np.unique(frames["bus"]).tolist():
            chosen = frames[frames["bus"] == bus]
            if bus not in self._buses:
                chosen["bus"] = self._any_bus
            for name, columns in self._codec.decode_batch(chosen).items():
                senders = np.where(columns.identifier >> 31, (columns.identifier & 0xFF).astype(np.int64), -1)
                for sender in np.unique(senders).tolist():
                    validity = columns.validity[senders == sender]
                    key = (bus, name.partition("@")[0], sender)
                    if key not in self.counts:
                        if len(self.counts) >= MOST_SENDERS:
                            self.left_out += len(validity)
                            continue
                        self.counts[key] = np.zeros((validity.shape[1], 3), np.int64)
                    for code in range(3):
                        self.counts[key][:, code] += (validity == code).sum(axis=0)

    def missing_share(self, bus: int, name: str, sender: int) -> float | None:
        """Share of all values of a message that were not available or in error."""
        counts = self.counts.get((bus, name, sender))
        return None if counts is None or not counts.sum() else float(counts[:, 1:].sum() / counts.sum())
