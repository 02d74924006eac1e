"""Rolling counters and checksums where playing would break them: at the seam between one pass over a recording and the next.

Receivers refuse a message whose counter jumps. What the recording itself did - a lost frame, a counter that stands still - is
kept: from the seam on a sender's counter is the recorded one plus a constant, so that it goes on where the pass before ended.
A checksum is written anew where the recorded one held (TSC1, XBR by their SPNs; others by `--protect`); a frame whose
checksum does not hold as recorded follows another rule than ours, is sent as it was, and counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from autonomy.faults._rewrite import write_signals

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError
from drivers.can.codec import CHECKSUMS
from drivers.can.commanding.protection import is_sealed, seal

__all__ = ["Counters", "protect"]

FOUR_BIT = "4 bit"  # a TSC1 by the rule of XBR, see drivers/can/commanding/protection.py
MENDED, LEFT = "counter mended at a seam", "counter left: its checksum follows another rule"


def protect(catalogue: Catalogue, options: list[str]) -> None:
    """Names checksums and counters, `MESSAGE:CHECKSUM=KIND[,COUNTER]`, before the codec is used. Raises UsageError."""
    for text in options:
        message, _, rest = text.partition(":")
        checksum, _, rest = rest.partition("=")
        kind, _, counter = rest.partition(",")
        if not message or not checksum or not kind:
            raise UsageError(f"--protect {text}: write MESSAGE:CHECKSUM=KIND or MESSAGE:CHECKSUM=KIND,COUNTER with KIND one of "
                             f"{', '.join(CHECKSUMS)}")  # fmt: skip
        tables = catalogue.codec._tables
        buses = [bus for item, bus in zip(tables.message_list, tables.bus_of_message, strict=True) if item.name == message]
        if not buses:
            raise UsageError(f"--protect {text}: no message {message} in the tables; add its DBC with --dbc")
        for bus in buses:
            try:
                catalogue.codec.protect(message, checksum=checksum, kind=kind, counter=counter or None, bus=bus)
            except ValueError as error:
                raise UsageError(f"--protect {text}: {error}") from None


@dataclass
class _Sender:
    """The counter of one identifier on one bus."""

    index: int
    modulo: int
    offset: int = 0
    last_sent: int | None = None
    of_pass: int = 0


class Counters:
    """`mend` sees all frames that go out, in order; `next_pass` tells of the seam. `counts` by what was done."""

    def __init__(self, catalogue: Catalogue):
        self.codec, self._codec_bus = catalogue.codec, catalogue.codec_bus
        self.counts: Counter[str] = Counter()
        self._senders: dict[int, _Sender | None] = {}
        self._pass = 0

    def next_pass(self) -> None:
        self._pass += 1

    def mend(self, frames: np.ndarray) -> None:
        """Changes frames (n,) of CanFrame in place."""
        keys = frames["bus"].astype(np.int64) << 32 | frames["id"]
        for key in np.unique(keys).tolist():
            if key not in self._senders:
                self._senders[key] = self._sender(key >> 32, key & 0xFFFFFFFF)
            sender = self._senders[key]
            if sender is not None:
                self._mend_sender(frames, np.flatnonzero(keys == key), sender, key >> 32)

    def _sender(self, bus: int, identifier: int) -> _Sender | None:
        index = self.codec.find(identifier, self._codec_bus(bus))
        if index < 0 or self.codec._tables.messages[index]["counter_signal"] < 0:
            return None
        return _Sender(index, int(self.codec._tables.messages[index]["counter_modulo"]))

    def _mend_sender(self, frames: np.ndarray, rows: np.ndarray, sender: _Sender, bus: int) -> None:
        chosen = np.ascontiguousarray(frames[rows])
        policies = [self._policy(frame, sender, bus) for frame in chosen]
        sealed = np.array([policy is not None for policy in policies])
        self.counts[LEFT] += int(np.count_nonzero(~sealed))
        if not sealed.any():
            return
        raw = self._counter(chosen, sender.index)
        modulo = 16 if FOUR_BIT in policies else sender.modulo
        if sender.of_pass != self._pass:
            sender.of_pass = self._pass
            first = int(raw[sealed][0])
            sender.offset = 0 if sender.last_sent is None else (sender.last_sent + 1 - first) % modulo
        if sender.offset:
            wanted = (raw + np.uint64(sender.offset)) % np.uint64(modulo)
            for policy in {policy for policy in policies if policy is not None}:
                mine = np.array([own == policy for own in policies])
                chosen[mine] = self._resealed(np.ascontiguousarray(chosen[mine]), wanted[mine], sender.index, policy)
            frames[rows] = chosen
            self.counts[MENDED] += int(np.count_nonzero(sealed))
        sender.last_sent = int((int(raw[sealed][-1]) + sender.offset) % modulo)

    def _policy(self, frame: np.void, sender: _Sender, bus: int) -> str | None:
        """ "" = the codec's own rule, FOUR_BIT, None where the recorded checksum follows neither."""
        row = self.codec._tables.messages[sender.index]
        data, identifier = frame["data"][: frame["length"]].tobytes(), int(frame["id"])
        if row["checksum_signal"] < 0 or self.codec.checksum_holds(identifier, data, self._codec_bus(bus)):
            return ""
        is_tsc1 = row["checksum_kind"] == CHECKSUMS["j1939_tsc1"]
        return FOUR_BIT if is_tsc1 and len(data) == 8 and is_sealed(FOUR_BIT, identifier, data) else None

    def _resealed(self, frames: np.ndarray, counters: np.ndarray, index: int, policy: str) -> np.ndarray:
        if policy == FOUR_BIT:
            for frame, counter in zip(frames, counters.tolist(), strict=True):
                frame["data"] = np.frombuffer(seal(policy, int(frame["id"]), frame["data"].tobytes(), int(counter)), np.uint8)
            return frames
        place = np.array([self.codec._tables.messages[index]["counter_signal"]], np.int32)
        write_signals(self.codec, index, frames, place, counters.reshape(-1, 1), np.ones((len(frames), 1), np.uint8))
        return frames

    def _counter(self, frames: np.ndarray, index: int) -> np.ndarray:
        tables = self.codec._tables
        message = tables.messages[index]
        row = tables.signals[int(message["first_signal"]) + int(message["counter_signal"])]
        words = np.ascontiguousarray(frames["data"]).view(">u8" if row["is_big_endian"] else "<u8").reshape(-1).astype(np.uint64)
        return words >> np.uint64(row["shift"]) & np.uint64(row["mask"])
