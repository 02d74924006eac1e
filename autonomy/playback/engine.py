"""Runs a log through a stack in lockstep, with forks that leave out an input, and hands every output to its sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from autonomy import msg
from autonomy.playback._feed import Feed
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.outages import Outage
from autonomy.playback.source import KINDS, LogSource
from autonomy.stack import Stack

BLOCK_TICKS = 64  # outputs handed on at a time: small enough to stay in the cache
FAR_FUTURE_NS = 2**62
GNSS_MASK = 1 << KINDS.index("gnss")

Sink = Callable[["Block"], None]


@dataclass
class Block:
    """A run of ticks. Arrays are views into buffers that the next block overwrites."""

    outputs: np.ndarray
    timing: np.ndarray  # int64 (n, 3): start, duration, records consumed since the log's start
    frames: np.ndarray | None
    radar: np.ndarray | None = None  # dtype("RadarInput") (n,), valid up to each row's count


@dataclass
class Fork:
    """One outage being driven beside the main run."""

    outage: Outage
    start_ns: int
    end_ns: int
    feed: Feed
    stack: Stack
    position: int
    collector: ReferenceCollector
    slowest_mps: float = field(default=float("inf"))
    done: bool = False


class Engine:
    """One pass over a log. `run` ends when the log does; memory does not grow with its length."""

    def __init__(self, source: LogSource, stack: Stack, *, keep_frames: bool, engage: bool = False):
        self.source, self.stack = source, stack
        table = source.config.sections.get("replay", {})
        self.feed = Feed(
            stack.core, source.router, source.routes, source.path, source.mode, float(table.get("set_speed_mps", 0.0)), engage,
            source.serial,
        )  # fmt: skip
        self._outputs = np.zeros(BLOCK_TICKS, msg.dtype("OutputFrame"))
        self._timing = np.zeros((BLOCK_TICKS, 3), np.int64)
        # Whole frames for a recording; the radar targets, which a figure needs, of every run
        self._frames = np.zeros(BLOCK_TICKS, msg.dtype("InputFrame" if keep_frames else "RadarInput"))
        self._radar = self._frames["radar"] if keep_frames else self._frames
        self._keep_frames = keep_frames
        self._fork_outputs = np.zeros(BLOCK_TICKS, msg.dtype("OutputFrame"))
        self._fork_timing = np.zeros((BLOCK_TICKS, 3), np.int64)
        self._waiting: list[tuple[int, int, Outage]] = []
        self.forks: list[Fork] = []
        self.poses = np.zeros(0, msg.dtype("ReferencePose"))

    def plan_outages(self, outages: Iterable[Outage], poses: np.ndarray, end_ns: int | None = None) -> None:
        """Outages to drive, in order of their start, and the reference to hold them against; none goes on behind `end_ns`."""
        self.poses = poses
        origin, end = self.source.reader.start_ns, self.source.reader.end_ns if end_ns is None else end_ns
        for outage in outages:
            start = origin + round(outage.start_s * 1e9)
            stop = end if outage.duration_s is None else min(start + round(outage.duration_s * 1e9), end)
            self._waiting.append((start, stop, outage))

    def run(self, batches: Iterable, sinks: list[Sink]) -> None:
        """Feeds every batch (records, data) and calls each sink once per block of ticks."""
        for batch in batches:
            self._run_batch(batch.records, batch.data, sinks)
            for fork in self.forks:
                self._advance(fork, batch.records, batch.data)
                fork.position = 0
        self._hand_on(self.feed.finish(self._outputs, self._timing, self._frames), sinks)

    def _run_batch(self, records: np.ndarray, data, sinks: list[Sink]) -> None:
        position = 0
        while position < len(records):
            stop = self._waiting[0][0] if self._waiting else FAR_FUTURE_NS
            position, count = self.feed.run(records, data, position, self._outputs, self._timing, self._frames, stop)
            self._hand_on(count, sinks)
            if self._waiting and self.feed.next_tick_ns >= self._waiting[0][0]:
                self._fork(position)

    def _hand_on(self, count: int, sinks: list[Sink]) -> None:
        if count:
            frames = self._frames[:count] if self._keep_frames else None
            block = Block(self._outputs[:count], self._timing[:count], frames, self._radar[:count])
            for sink in sinks:
                sink(block)

    def _fork(self, position: int) -> None:
        start, stop, outage = self._waiting.pop(0)
        stack = Stack(self.stack.parameters, self.stack.config)
        stack.restore(self.stack.snapshot())
        collector = ReferenceCollector(self.poses, with_ends=True)
        self.forks.append(Fork(outage, start, stop, self.feed.fork(stack.core, GNSS_MASK), stack, position, collector))

    def _advance(self, fork: Fork, records: np.ndarray, data) -> None:
        position = fork.position
        while not fork.done and position < len(records):
            position, count = fork.feed.run(records, data, position, self._fork_outputs, self._fork_timing, None, fork.end_ns + 1)
            if count:
                ego = self._fork_outputs["ego"][:count]
                fork.collector.add(ego)
                fork.slowest_mps = min(fork.slowest_mps, float(ego["speed"].min()))
            fork.done = fork.feed.next_tick_ns > fork.end_ns
