"""`autonomy log convert | info | check`: recordings into our log, what a log holds, whether all of it can be read."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("log", help="convert, inspect and check logs")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    convert = actions.add_parser("convert", help="write recordings of others as one MCAP log")
    convert.add_argument("paths", nargs="+", metavar="SRC... OUT.mcap", help="recordings, and last the log to write")
    convert.add_argument("--map", metavar="FILE", type=Path, help="mapping.toml that tells what each column is")
    convert.add_argument("--dbc", metavar="BUS=FILE", action="append", default=[], help="DBC file of a bus; may be repeated")
    convert.add_argument("--json", action="store_true", help="one JSON object on stdout")

    info = actions.add_parser("info", help="topics, times, metadata and attachments of a log")
    info.add_argument("file", metavar="FILE", type=Path)
    info.add_argument("--json", action="store_true", help="one JSON object on stdout")

    check = actions.add_parser("check", help="read a log from end to end and say what is wrong with it")
    check.add_argument("file", metavar="FILE", type=Path)
    check.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises UsageError, LogError, EnvironmentFault."""
    return {"convert": _convert, "info": _info, "check": _check}[arguments.action](arguments)


def _convert(arguments: argparse.Namespace) -> int:
    from autonomy.errors import PASS, UsageError
    from autonomy.log.importers import canedge, comma2k19

    *sources, output = [Path(path) for path in arguments.paths]
    if output.suffix != ".mcap":
        raise UsageError(f"log convert: the last path is the log to write and must end in .mcap, not '{output}'")
    if not sources and arguments.map is None:
        raise UsageError("log convert: give at least one recording before the log to write")
    for source in sources:
        if not source.exists():
            raise UsageError(f"log convert: {source} does not exist")
    print(f"converting {', '.join(map(str, sources)) or arguments.map} to {output} ...", file=sys.stderr)
    if arguments.map is not None:
        from autonomy.log.importers import columns

        if arguments.dbc:
            raise UsageError("log convert: --dbc tells the lengths of raw CAN frames and has no meaning with --map")
        result = columns.convert(arguments.map, sources, output)
    elif all(comma2k19.recognises(source) for source in sources):
        result = comma2k19.convert(sources, output, _databases(arguments.dbc))
    elif all(canedge.recognises(source) for source in sources):
        result = canedge.convert(sources, output, _databases(arguments.dbc))
    else:
        strange = next(source for source in sources if not comma2k19.recognises(source))
        raise UsageError(
            f"log convert: {strange} is no comma2k19 segment folder (processed_log, global_pose); "
            "for other recordings give --map mapping.toml"
        )
    if arguments.json:
        print(json.dumps(result.as_json()))
        return PASS
    print(f"{output} from {result.format}, {(result.end_ns - result.start_ns) / 1e9:.3f} s")
    for topic, count in result.messages.items():
        print(f"  {topic:<24}{count:>10}")
    for title, counts in (("unused", result.unused), ("noted", result.notes)):
        for reason, count in counts.items():
            if count:
                print(f"  {title}: {reason}: {count}")
    return PASS


def _databases(options: list[str]) -> dict[int, Path]:
    from autonomy.errors import UsageError

    databases = {}
    for option in options:
        bus, _, path = option.partition("=")
        if not bus.isdecimal() or int(bus) > 127 or not path:
            raise UsageError(f"log convert: --dbc {option}: write BUS=FILE with a bus number from 0 to 127")
        databases[int(bus)] = Path(path)
    return databases


def _info(arguments: argparse.Namespace) -> int:
    from autonomy.errors import PASS
    from autonomy.log.opening import open_recording

    with open_recording(arguments.file) as reader:
        counts = reader.counts if reader.counts is not None else reader.check()
        rows = _description(reader, counts)
        _print(arguments, rows, reader)
    return PASS


def _check(arguments: argparse.Namespace) -> int:
    from autonomy.errors import BAD_INPUT, PASS
    from autonomy.log.opening import open_recording

    with open_recording(arguments.file) as reader:
        told = reader.counts
        found = reader.check()
        rows = _description(reader, found)
        misfits = {channel.topic: reason for channel in reader.channels.values() if (reason := reader.misfit(channel))}
        problems = [f"topic {topic}: {reason}" for topic, reason in misfits.items()]
        problems += [f"topic {topic}: {count} messages of a wrong length" for topic, count in reader.malformed.items()]
        if reader.unknown_channel:
            problems.append(f"{reader.unknown_channel} messages on channels the log does not describe")
        if reader.truncated:
            problems.append(_ending(reader))
        elif told is not None and (told != found) and not reader.malformed:
            lost = sum(told.values()) - sum(found.values())
            problems.append(f"the summary tells of {sum(told.values())} messages, {lost} more than there are")
        rows |= {"late": reader.late, "problems": problems}
        _print(arguments, rows, reader)
        for problem in problems:
            print(f"autonomy: {arguments.file}: {problem}", file=sys.stderr)
    return BAD_INPUT if problems else PASS


def _description(reader, counts: dict[str, int]) -> dict:
    return {
        "path": str(reader.path),
        "messages": counts,
        "schemas": {channel.topic: channel.schema for channel in reader.channels.values()},
        "start_ns": reader.start_ns,
        "end_ns": reader.end_ns,
        "truncated": reader.truncated,
        "last_good_ns": reader.last_good_ns,
        "problem": reader.problem,
        "metadata": reader.metadata,
        "attachments": reader.attachments,
        "library": reader.library,
    }


def _ending(reader) -> str:
    seconds = (reader.last_good_ns - reader.start_ns) / 1e9 if reader.last_good_ns is not None else 0.0
    return (
        f"it ends early: {reader.problem}; the {seconds:.3f} s up to {reader.last_good_ns} ns can be read, "
        "and 'mcap recover' writes them as a whole log"
    )


def _print(arguments: argparse.Namespace, rows: dict, reader) -> None:
    if arguments.json:
        print(json.dumps(rows))
        return
    duration = (rows["end_ns"] - rows["start_ns"]) / 1e9 if rows["start_ns"] is not None else 0.0
    print(f"{rows['path']}: {sum(rows['messages'].values())} messages, {duration:.3f} s, written by {rows['library']}")
    for topic, count in rows["messages"].items():
        print(f"  {topic:<24}{count:>10}  {count / duration if duration else 0.0:>9.1f} Hz  {rows['schemas'][topic]}")
    for name, values in rows["metadata"].items():
        for key, value in values.items():
            print(f"  {name}.{key}: {value}")
    for name in rows["attachments"]:
        print(f"  attachment {name}")
    if reader.truncated:
        print(f"  {_ending(reader)}")
