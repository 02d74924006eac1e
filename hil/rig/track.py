"""One recording on its way to the lanes: chosen, changed and put into bytes, pass after pass, each record counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError
from autonomy.msg import dtype
from hil.rig.choice import Choice
from hil.rig.counters import Counters
from hil.rig.overrides import Overrides
from hil.rig.recorded import UDP, Piece, Recording, Stream
from hil.rig.targets import Plan, Target

__all__ = ["Due", "Track"]

CAN_FRAME = dtype("CanFrame")
SEAM_NS = 10_000_000  # between the last record of a pass and the first of the next


class Due(NamedTuple):
    """Entries (n,) for one target: times since the start of playing, and their bytes."""

    target: Target
    times_ns: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    data: np.ndarray


class Track:
    """`number`: of the recording on the command line, from 0. `read` and `queued` count records by stream, `left` why others
    were not queued. `changed`: frames with a replaced value, by stream."""

    def __init__(self, number: int, recording: Recording, plan: Plan, choice: Choice, catalogue: Catalogue, overrides: Overrides,
                 *, rate: float, loop: bool):  # fmt: skip
        self.number, self.recording, self.plan = number, recording, plan
        self.choice, self.overrides, self.counters = choice, overrides, Counters(catalogue)
        self.rate, self.loop = rate, loop
        self.read: Counter[Stream] = Counter()
        self.queued: Counter[Stream] = Counter()
        self.changed: Counter[Stream] = Counter()
        self.left: dict[Stream, Counter[str]] = {}
        self.passes = 0

    def due(self, wire: Callable[[Target, np.ndarray], np.ndarray]) -> Iterator[tuple[int, list[Due]]]:
        """(time up to which everything has been given, entries). `wire(target, frames)` gives the bytes of frames."""
        begins_ns = 0.0
        while True:
            ends_ns, found_any = self.recording.length_ns, False
            for reach_ns, pieces in self.recording.pieces():
                given = []
                for piece in pieces:
                    found_any = True
                    ends_ns = max(ends_ns, int(piece.times_ns[-1]))
                    given += self._entries(piece, begins_ns, wire)
                yield round(begins_ns + reach_ns / self.rate), given
            self.passes += 1
            if not self.loop or not found_any:
                return
            begins_ns += (ends_ns + SEAM_NS) / self.rate
            self.counters.next_pass()

    def _entries(self, piece: Piece, begins_ns: float, wire) -> list[Due]:
        key = self.number, piece.stream
        self.read[piece.stream] += len(piece.times_ns)
        if key in self.plan.left_out:
            self._leave(piece.stream, Counter({self.plan.left_out[key]: len(piece.times_ns)}))
            return []
        target = self.plan.targets[key]
        times_ns = np.rint(begins_ns + piece.times_ns / self.rate).astype(np.int64)
        if piece.frames is not None:
            wanted, reasons = self.choice.mask(piece.frames)
            self._leave(piece.stream, reasons)
            frames = piece.frames[wanted]
            if frames.dtype == CAN_FRAME:
                self.changed[piece.stream] += int(np.count_nonzero(self.overrides.apply(frames)))
                self.counters.mend(frames)
            self.queued[piece.stream] += len(frames)
            data = wire(target, frames)
            count, size = data.shape
            return (
                [Due(target, times_ns[wanted], np.arange(count) * size, np.full(count, size), data.reshape(-1))] if count else []
            )
        self.queued[piece.stream] += len(times_ns)
        if piece.stream.kind != UDP or target.port:
            return [Due(target, times_ns, piece.starts, piece.lengths, piece.data)]
        return self._by_port(piece, target, times_ns)

    def _by_port(self, piece: Piece, target: Target, times_ns: np.ndarray) -> list[Due]:
        if piece.ports is None or not piece.ports.all():
            raise UsageError(f"--udp {piece.stream.name}={target.name}: the recording does not tell the port it was sent to; "
                             f"write {piece.stream.name}={target.name}:PORT")  # fmt: skip
        found = []
        for port in np.unique(piece.ports).tolist():
            own = piece.ports == port
            found.append(Due(replace(target, port=port), times_ns[own], piece.starts[own], piece.lengths[own], piece.data))
        return found

    def _leave(self, stream: Stream, reasons: Counter[str]) -> None:
        if reasons:
            self.left.setdefault(stream, Counter()).update(reasons)
