"""What a bus carries: frames, rates, gaps, load, streamed over batches of frames in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivers.can.frame_bits import frame_bits

__all__ = ["BusLoad", "Flow", "Flows"]

MOST_FLOWS = 65536
NS = 1_000_000_000


@dataclass
class Flow:
    """The frames of one key. Gaps are None until there are two frames."""

    count: int
    first_ns: int
    last_ns: int
    shortest_gap_ns: int | None = None
    longest_gap_ns: int | None = None

    @property
    def mean_gap_ns(self) -> float | None:
        return (self.last_ns - self.first_ns) / (self.count - 1) if self.count > 1 else None

    @property
    def rate_hz(self) -> float | None:
        """Frames a second between the first and the last."""
        gap_ns = self.mean_gap_ns
        return NS / gap_ns if gap_ns else None


class Flows:
    """{key: Flow}. Keys are int64 numbers; those beyond MOST_FLOWS are counted in `left_out`."""

    def __init__(self) -> None:
        self.flows: dict[int, Flow] = {}
        self.left_out = 0

    def add(self, keys: np.ndarray, times_ns: np.ndarray) -> None:
        """Frames in the order of their times: keys and times, (n,) int64."""
        if not len(keys):
            return
        order = np.argsort(keys, kind="stable")
        keys, times_ns = keys[order], times_ns[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        ends = np.append(starts[1:], len(keys))
        for key, start, end in zip(keys[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
            flow = self.flows.get(key)
            if flow is None:
                if len(self.flows) >= MOST_FLOWS:
                    self.left_out += end - start
                    continue
                flow = self.flows[key] = Flow(0, int(times_ns[start]), int(times_ns[start]))
            times = times_ns[start:end]
            gaps = np.diff(times, prepend=flow.last_ns) if flow.count else np.diff(times)
            if len(gaps):
                shortest, longest = int(gaps.min()), int(gaps.max())
                flow.shortest_gap_ns = shortest if flow.shortest_gap_ns is None else min(flow.shortest_gap_ns, shortest)
                flow.longest_gap_ns = longest if flow.longest_gap_ns is None else max(flow.longest_gap_ns, longest)
            flow.count += len(times)
            flow.last_ns = int(times[-1])


class BusLoad:
    """Bits of one bus. `peak_bits` are those of its busiest whole second."""

    def __init__(self) -> None:
        self.bits = self.peak_bits = 0
        self.peak_second: int | None = None
        self.first_ns: int | None = None
        self.last_ns = 0
        self._second, self._second_bits = -1, 0

    def add(self, frames: np.ndarray) -> None:
        """Frames of this bus in the order of their times."""
        if not len(frames):
            return
        bits = frame_bits(frames)
        times_ns = frames["time_ns"]
        if self.first_ns is None:
            self.first_ns = int(times_ns[0])
        self.last_ns = int(times_ns[-1])
        self.bits += int(bits.sum())
        seconds = (times_ns - self.first_ns) // NS
        starts = np.flatnonzero(np.concatenate([[True], seconds[1:] != seconds[:-1]]))
        for second, total in zip(seconds[starts].tolist(), np.add.reduceat(bits, starts).tolist(), strict=True):
            self._second_bits = self._second_bits + total if second == self._second else total
            self._second = second
            if self._second_bits > self.peak_bits:
                self.peak_bits, self.peak_second = self._second_bits, second

    def mean(self, bit_rate: float) -> float | None:
        """Share of the time the bus was occupied, 0 to 1 where the bit rate is the true one."""
        duration_ns = 0 if self.first_ns is None else self.last_ns - self.first_ns
        return self.bits * NS / duration_ns / bit_rate if duration_ns else None
