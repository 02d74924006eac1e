"""`autonomy can dump`: frames as candump shows and stores them."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from typing import TextIO

import numpy as np

from autonomy.cli.can.source import open_source
from autonomy.cli.can.streams import patient, tell
from autonomy.errors import EnvironmentFault, UsageError
from drivers.can.candump import TimeStamps, log_line, screen_line
from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from drivers.can.tables import EXTENDED

NS = 1_000_000_000


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, LogError, EnvironmentFault."""
    to_file = arguments.to_log or arguments.output is not None
    if arguments.json and (arguments.log_format or to_file):
        raise UsageError("can dump: --json and candump's log format exclude each other")
    count = 0
    output = _Output(arguments.output, arguments.to_log)
    with open_source(arguments) as source, patient():
        line = _formatter(arguments, source.bus_names)
        for frames in source.batches():
            if not len(frames):
                continue
            file = output.opened(int(frames["time_ns"][0]))
            file.write("".join([line(frame) + "\n" for frame in frames]))
            count += len(frames)
            if source.is_live:
                file.flush()
    output.close()
    tell(source, f"{count} frames {'written to ' + str(output.path) if output.path else 'shown'}")
    return source.exit_code


class _Output:
    """stdout, the named file, or one named by the time of its first frame as candump -l does."""

    def __init__(self, path: str | None, by_date: bool) -> None:
        self.path = path
        self._by_date = by_date
        self._file: TextIO | None = None

    def opened(self, time_ns: int) -> TextIO:
        if self.path is None and not self._by_date:
            return sys.stdout
        if self._file is None:
            day = datetime.datetime.fromtimestamp(time_ns // NS, datetime.UTC)
            self.path = self.path or f"candump-{day:%Y-%m-%d_%H%M%S}.log"
            try:
                self._file = open(self.path, "w", encoding="ascii")  # noqa: SIM115 - close() ends it
            except OSError as error:
                raise EnvironmentFault(f"can dump: cannot write {self.path}: {error.strerror}") from error
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _formatter(arguments: argparse.Namespace, bus_names: dict[int, str]) -> Callable[[np.void], str]:
    if arguments.json:
        return lambda frame: json.dumps(_as_json(frame, bus_names))
    if arguments.log_format or arguments.to_log or arguments.output is not None:
        return lambda frame: log_line(frame, bus_names[int(frame["bus"])])
    stamps = TimeStamps(arguments.stamps)
    return lambda frame: screen_line(
        frame, bus_names[int(frame["bus"])], stamps(int(frame["time_ns"])),
        as_ascii=arguments.as_ascii, direction=arguments.direction,
    )  # fmt: skip


def _as_json(frame: np.void, bus_names: dict[int, str]) -> dict:
    flags, identifier = int(frame["flags"]), int(frame["id"])
    return {
        "time_ns": int(frame["time_ns"]),
        "bus": bus_names[int(frame["bus"])],
        "id": identifier & 0x1FFFFFFF,
        "extended": bool(identifier & EXTENDED),
        "error": bool(flags & ERROR),
        "remote": bool(flags & REMOTE),
        "transmitted": bool(flags & TRANSMITTED),
        "length": int(frame["length"]),
        "data": frame["data"][: int(frame["length"])].tobytes().hex(),
    }
