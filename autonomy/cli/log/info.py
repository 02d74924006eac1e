"""`autonomy log info`: what logs hold."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending
from autonomy.cli.log.description import description, print_description, print_json, unreadable


def add_parser(actions) -> None:
    parser = actions.add_parser("info", help="topics, times, metadata and attachments of a log")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout; a list for several logs")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import LogError
    from autonomy.log.opening import open_recording

    found, code = [], 0
    for file in arguments.files:
        try:
            reader = open_recording(file)
        except LogError as error:
            found.append(unreadable(file, error))
            code = max(code, error.exit_code)
            continue
        with reader:
            counts = reader.counts if reader.counts is not None else reader.check()
            found.append(description(reader, counts))
            if not arguments.json:
                print_description(found[-1])
            code = max(code, ending.report([reader]))
    if arguments.json:
        print_json(found)
    return code
