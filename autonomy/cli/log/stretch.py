"""--start, --end, --duration, --topics and --dbc: which part of a recording an action means, and how to read it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", type=float, metavar="S", help="begin this many seconds after the first record")
    parser.add_argument("--end", type=float, metavar="S", help="stop this many seconds after the first record")
    parser.add_argument("--duration", type=float, metavar="S", help="length in seconds, instead of --end")
    add_topics(parser)


def add_topics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--topics", nargs="+", action="extend", metavar="TOPIC", help="only these topics; patterns such as '/raw/*' are taken"
    )


def limits(arguments: argparse.Namespace, reader) -> tuple[int | None, int | None]:
    """(start, end) on the log's clock, None = open. Raises UsageError."""
    from autonomy.errors import UsageError

    for name in ("start", "end", "duration"):
        value = getattr(arguments, name)
        if value is not None and not 0.0 <= value < float("inf"):
            raise UsageError(f"--{name} {value}: must be zero or more seconds")
    start, end = arguments.start, arguments.end
    if arguments.duration is not None:
        if end is not None:
            raise UsageError("give either --end or --duration, not both")
        end = (start or 0.0) + arguments.duration
    if arguments.duration == 0.0:
        raise UsageError("--duration 0: must be more than zero seconds")
    if end is not None and end <= (start or 0.0):
        raise UsageError(f"--end {end:g} must lie after --start {start or 0.0:g}")
    if reader.start_ns is None:
        return None, None
    length = (reader.end_ns - reader.start_ns) / 1e9
    if start is not None and start > length:
        raise UsageError(f"--start {start:g}: {reader.path} is only {length:.3f} s long")
    return tuple(None if value is None else reader.start_ns + round(value * 1e9) for value in (start, end))


def wanted_topics(arguments: argparse.Namespace, readers) -> list[str] | None:
    """The topics or patterns asked for. Raises UsageError for one that means no topic of the recordings."""
    from autonomy.log.topics import wanted

    return wanted(arguments.topics, readers)


def databases(arguments: argparse.Namespace) -> dict[int, Path]:
    """The DBC files of --dbc by bus. Raises UsageError."""
    from autonomy.errors import UsageError

    found = {}
    for option in arguments.dbc:
        bus, _, path = option.partition("=")
        if not bus.isdecimal() or int(bus) > 127 or not path:
            raise UsageError(f"log {arguments.action}: --dbc {option}: write BUS=FILE with a bus number from 0 to 127")
        found[int(bus)] = Path(path)
    return found
