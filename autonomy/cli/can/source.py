"""Frames for the commands: from a recording or a live bus, filtered, cut in time, with what was left out told at the end."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from autonomy.cli.can.filters import FILTERS
from autonomy.errors import BAD_INPUT, PASS, LogError, UsageError
from autonomy.msg import dtype
from drivers.can.frame_filter import FrameFilter, is_filter
from drivers.can.live_bus import LiveBus, open_bus

__all__ = ["LiveSource", "LogSource", "open_source"]

TOPICS, FD_TOPICS = "/raw/can/", "/raw/canfd/"
NS = 1_000_000_000
BATCH_FRAMES = 16384  # a log's chunks hold a second each; NumPy pays off with more


class LogSource:
    """The CAN frames of a recording, all buses in the order of their times."""

    is_live = False

    def __init__(self, path: str, arguments: argparse.Namespace) -> None:
        from autonomy.log.opening import open_recording

        self.title = path
        self.bus_names: dict[int, str] = {}
        self._window = _Window(arguments)
        self._reader = open_recording(path)
        self._topics = {number: channel.topic for number, channel in self._reader.channels.items()}
        self._fd_channels = [number for number, topic in self._topics.items() if topic.startswith(FD_TOPICS)]
        self._fd_frames = 0
        if not any(topic.startswith(TOPICS) for topic in self._topics.values()):
            found = ", ".join(sorted(set(self._topics.values()))) or "nothing"
            raise LogError(f"{path} holds no CAN frames ({TOPICS}<bus>); it has {found}")

    def batches(self) -> Iterator[np.ndarray]:
        """Arrays of CanFrame."""
        from autonomy.log.ordered import Batch, rows_of

        row = dtype("CanFrame")
        gathered: list[np.ndarray] = []
        for whole in self._reader.batches([TOPICS + "*", FD_TOPICS + "*"]):
            is_fd = np.isin(whole.records["channel"], self._fd_channels)
            self._fd_frames += int(np.count_nonzero(is_fd))
            batch = Batch(whole.records[~is_fd], whole.data)
            frames = rows_of(batch, row)
            buses, places = np.unique(frames["bus"], return_index=True)
            for bus, place in zip(buses.tolist(), places.tolist(), strict=True):
                if bus not in self.bus_names:
                    self.bus_names[bus] = _bus_name(self._topics[int(batch.records["channel"][place])])
            kept, is_over = self._window.cut(frames)
            gathered.append(kept)
            if sum(map(len, gathered)) >= BATCH_FRAMES:
                yield np.concatenate(gathered)
                gathered = []
            if is_over:
                break
        if gathered:
            yield np.concatenate(gathered)

    def close(self) -> None:
        self._reader.close()

    def databases(self) -> dict[int, str]:
        """DBC texts the recording carries, by bus; a damaged one is told on stderr and left out."""
        from autonomy.log.carried_databases import carried_databases

        try:
            return carried_databases(self._reader)
        except LogError as error:
            print(f"can: {error}; its messages have no names", file=sys.stderr)
            return {}

    def notes(self) -> list[str]:
        """What the recording lacks or holds beyond its CAN frames."""
        reader = self._reader
        found = [f"left out: {reason}: {count}" for reason, count in getattr(reader, "unused", {}).items() if count]
        found += [f"noted: {reason}: {count}" for reason, count in getattr(reader, "notes", {}).items() if count]
        if self._fd_frames:
            how = f"autonomy log cat {self.title} --topics '{FD_TOPICS}*'"
            found.append(f"{self._fd_frames} CAN FD frames left out; {how} shows them")
        if reader.malformed:
            found.append(f"{sum(reader.malformed.values())} records of a wrong length left out")
        if reader.late:
            found.append(f"{reader.late} records out of order")
        if reader.truncated:
            found.append(f"the recording ends early: {reader.problem}")
        return found

    @property
    def exit_code(self) -> int:
        return BAD_INPUT if self._reader.truncated else PASS


class LiveSource:
    """The frames of a live bus until Ctrl-C, --count or --duration."""

    is_live = True
    exit_code = PASS

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.title = f"{arguments.interface} {arguments.channel}"
        self.bus_names = {0: arguments.channel}
        self._window = _Window(arguments)
        self._duration_s = arguments.duration
        self._lost: int | None = None
        self._is_closed = False
        self._live = LiveBus(open_bus(arguments.interface, arguments.channel, arguments.bitrate),
                             arguments.interface, arguments.channel)  # fmt: skip

    def batches(self) -> Iterator[np.ndarray]:
        """Arrays of CanFrame, empty ones while nothing comes."""
        start_s = time.monotonic()
        for frames in self._live.batches():
            kept, is_over = self._window.cut(frames)
            yield kept
            if is_over or (self._duration_s is not None and time.monotonic() - start_s >= self._duration_s):
                return

    def databases(self) -> dict[int, str]:
        return {}

    def close(self) -> None:
        """Asks for what was lost first: a closed socket does not tell any more."""
        self._lost = self._live.lost()
        self._is_closed = True
        self._live.bus.shutdown()

    def notes(self) -> list[str]:
        lost = self._lost if self._is_closed else self._live.lost()
        told = "this interface does not tell how many were lost" if lost is None else f"{lost} lost by the system"
        found = [f"{self._live.received} frames received, {told}"]
        if self._live.fd_frames:
            found.append(f"{self._live.fd_frames} CAN FD frames left out")
        return found


class _Window:
    """--start, --end, --duration and --count, and the filters."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._filter = arguments.frame_filter
        start_s = arguments.start or 0.0
        ends_s = [arguments.end] if arguments.end is not None else []
        if arguments.duration is not None and not arguments.interface:
            ends_s.append(start_s + arguments.duration)
        self._start_ns = round(start_s * NS)
        self._end_ns = round(min(ends_s) * NS) if ends_s else None
        self._left = arguments.frame_count
        self._first_ns: int | None = None

    def cut(self, frames: np.ndarray) -> tuple[np.ndarray, bool]:
        """(wanted frames, whether no more can come)."""
        if self._left is not None and self._left <= 0:
            return frames[:0], True
        if not len(frames):
            return frames, False
        if self._first_ns is None:
            self._first_ns = int(frames["time_ns"][0])
        is_over = False
        if self._start_ns or self._end_ns is not None:
            passed_ns = frames["time_ns"] - self._first_ns
            inside = passed_ns >= self._start_ns
            if self._end_ns is not None:
                inside &= passed_ns < self._end_ns
                is_over = bool(passed_ns[-1] >= self._end_ns)
            frames = frames[inside]
        if self._filter is not None:
            frames = frames[self._filter.mask(frames)]
        if self._left is not None:
            frames = frames[: self._left]
            self._left -= len(frames)
            is_over = is_over or self._left == 0
        return frames, is_over


@contextmanager
def open_source(arguments: argparse.Namespace, *, of_frames: bool = True) -> Iterator[LogSource | LiveSource]:
    """The source that the arguments name, closed at the end; the filters go to `arguments.filter`.

    `of_frames` False: filters and --count are for messages, and left to the caller. Raises UsageError when neither or both
    of recording and live bus are named.
    """
    words = [word for word in arguments.words if not is_filter(word) or os.path.exists(word)]
    unknown = [word for word in words if "=" in word and not os.path.exists(word)]
    if unknown:
        raise UsageError(f"can {arguments.action}: {unknown[0]}: no such filter; there are {FILTERS}")
    filters = [word for word in arguments.words if word not in words]
    try:
        arguments.filter = FrameFilter.parse(filters) if filters else None
    except ValueError as error:
        raise UsageError(f"can {arguments.action}: {error}") from None
    arguments.frame_filter, arguments.frame_count = (arguments.filter, arguments.count) if of_frames else (None, None)
    live = arguments.interface is not None or arguments.channel is not None
    if live and words:
        raise UsageError(f"can {arguments.action}: '{words[0]}' and a live bus; give a recording or -i and -c, not both")
    if live and not (arguments.interface and arguments.channel):
        raise UsageError(f"can {arguments.action}: a live bus needs -i INTERFACE and -c CHANNEL, such as -i socketcan -c can0")
    if not live and len(words) != 1:
        told = f"{len(words)} recordings ({', '.join(words)}); one is read at a time" if words else "no recording and no live bus"
        raise UsageError(f"can {arguments.action}: {told}; give LOG, or -i INTERFACE -c CHANNEL")
    source = LiveSource(arguments) if live else LogSource(words[0], arguments)
    try:
        yield source
    finally:
        source.close()


def _bus_name(topic: str) -> str:
    name = topic[len(TOPICS) :]
    return f"can{name}" if name.isdecimal() else name
