"""`autonomy can monitor`: a table of the bus that renews itself on a terminal, and tables one after another elsewhere."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator

import numpy as np

from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.monitor_table import NS, MonitorTable
from autonomy.cli.can.source import LiveSource, LogSource, open_source
from autonomy.cli.can.streams import patient, tell
from autonomy.errors import UsageError

HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
ALTERNATE, NORMAL = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # a screen of its own without cursor, and back
PICTURE_NS = NS // 5
MOST_SILENT_STEPS = 100
PLAIN_WIDTH = 80


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, LogError, DatabaseError, EnvironmentFault."""
    speed = _speed(arguments.rate)
    if arguments.every <= 0:
        raise UsageError(f"can monitor: --every {arguments.every}: give seconds above 0")
    on_terminal = sys.stdout.isatty() and not arguments.once
    with open_source(arguments) as source:
        table = MonitorTable(Catalogue.from_options(arguments.dbc, arguments.j1939, source.databases()))
        show = _Picture(table, source, arguments.width) if on_terminal else _Printer(table, source, arguments)
        with patient(), show:
            every_ns = PICTURE_NS if on_terminal else round(arguments.every * NS)
            steps = (
                _live_steps(source, every_ns) if source.is_live else _log_steps(source, every_ns, speed if on_terminal else None)
            )
            for frames, now_ns in steps:
                table.add(frames)
                if now_ns is not None:
                    show.step(now_ns)
        show.ending()
        tell(source)
    return source.exit_code


class _Picture:
    """The terminal's own screen, renewed in place; the last table stays behind at the end."""

    def __init__(self, table: MonitorTable, source: LogSource | LiveSource, width: int | None) -> None:
        self._table, self._source, self._width = table, source, width
        self._now_ns = 0

    def __enter__(self) -> None:
        sys.stdout.write(ALTERNATE)

    def __exit__(self, *exception) -> None:
        sys.stdout.write(NORMAL)

    def step(self, now_ns: int) -> None:
        self._now_ns = now_ns
        lines = self._lines(now_ns, shutil.get_terminal_size().lines - 1)
        sys.stdout.write(HOME + "".join(line + CLEAR_LINE + "\n" for line in lines) + CLEAR_BELOW)
        sys.stdout.flush()

    def ending(self) -> None:
        print("\n".join(self._lines(self._now_ns, None)))

    def _lines(self, now_ns: int, height: int | None) -> list[str]:
        width = self._width or shutil.get_terminal_size().columns
        return self._table.lines(now_ns, bus_names=self._source.bus_names, width=width, height=height, colour=True)


class _Printer:
    """Tables one below another, or one at the end."""

    def __init__(self, table: MonitorTable, source: LogSource | LiveSource, arguments: argparse.Namespace) -> None:
        self._table, self._source, self._once = table, source, arguments.once
        self._width = arguments.width or (shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH)
        self._shown_frames = -1

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception) -> None:
        pass

    def step(self, now_ns: int) -> None:
        if not self._once:
            self._print(now_ns)

    def ending(self) -> None:
        if self._shown_frames != self._table.frames:
            self._print(self._table.last_ns)

    def _print(self, now_ns: int) -> None:
        if self._shown_frames >= 0:
            print()
        self._shown_frames = self._table.frames
        print("\n".join(self._table.lines(now_ns, bus_names=self._source.bus_names, width=self._width)))
        sys.stdout.flush()


def _live_steps(source: LiveSource, every_ns: int) -> Iterator[tuple[np.ndarray, int | None]]:
    """(frames, now when a table is due). Now is told in the bus's own time: that of the last frame plus what has passed since."""
    due_s = time.monotonic()
    last_ns, heard_s = 0, due_s
    for frames in source.batches():
        clock_s = time.monotonic()
        if len(frames):
            last_ns, heard_s = int(frames["time_ns"][-1]), clock_s
        is_due = clock_s >= due_s and last_ns
        yield frames, last_ns + round((clock_s - heard_s) * NS) if is_due else None
        if is_due:
            due_s = clock_s + every_ns / NS


def _log_steps(source: LogSource, every_ns: int, speed: float | None) -> Iterator[tuple[np.ndarray, int | None]]:
    """(frames, now when a table is due) in the recording's own time, held back to `speed` times its pace (None: not at all)."""
    next_ns, due_s = None, time.monotonic()
    for frames in source.batches():
        if next_ns is None and len(frames):
            next_ns = int(frames["time_ns"][0]) + every_ns
        while len(frames) and (end := int(np.searchsorted(frames["time_ns"], next_ns))) < len(frames):
            if speed:
                due_s += every_ns / NS / speed
                time.sleep(max(0.0, due_s - time.monotonic()))
            yield frames[:end], next_ns
            frames = frames[end:]
            first_ns = int(frames["time_ns"][0])
            # A silence of hours, or a clock that jumped, is one step
            next_ns = next_ns + every_ns if first_ns - next_ns < MOST_SILENT_STEPS * every_ns else first_ns + every_ns
        yield frames, None


def _speed(text: str) -> float | None:
    """Times the recording's own pace; None for as fast as it goes."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"can monitor: --rate {text}: give a number above 0, or max")
    return speed
