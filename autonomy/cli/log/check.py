"""`autonomy log check`: reads logs from end to end and says what is wrong with them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autonomy.cli.log.description import description, print_description, print_json, unreadable
from autonomy.cli.log.ending import ending, tell_unused


def add_parser(actions) -> None:
    parser = actions.add_parser("check", help="read a log from end to end and say what is wrong with it")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout; a list for several logs")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import BAD_INPUT, PASS, LogError
    from autonomy.log.opening import open_recording

    found = []
    for file in arguments.files:
        try:
            reader = open_recording(file)
        except LogError as error:
            found.append(unreadable(file, error))
            continue
        with reader:
            told = reader.counts
            counts = reader.check()
            found.append(description(reader, counts) | {"late": reader.late, "problems": _problems(reader, told, counts)})
            tell_unused(reader)
            if not arguments.json:
                print_description(found[-1])
        for problem in found[-1]["problems"]:
            print(f"autonomy: {file}: {problem}", file=sys.stderr)
    if arguments.json:
        print_json(found)
    return BAD_INPUT if any(rows["problems"] for rows in found) else PASS


def _problems(reader, told: dict[str, int] | None, found: dict[str, int]) -> list[str]:
    misfits = {channel.topic: reason for channel in reader.channels.values() if (reason := reader.misfit(channel))}
    problems = [f"topic {topic}: {reason}" for topic, reason in misfits.items()]
    problems += [f"topic {topic}: {count} messages of a wrong length" for topic, count in reader.malformed.items()]
    if reader.unknown_channel:
        problems.append(f"{reader.unknown_channel} messages on channels the log does not describe")
    if reader.truncated:
        problems.append(ending(reader))
    elif told is not None and told != found and not reader.malformed:
        lost = sum(told.values()) - sum(found.values())
        problems.append(f"the summary tells of {sum(told.values())} messages, {lost} more than there are")
    return problems
