"""`autonomy log cat`: the messages of a log, a line each."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending, stretch


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "cat",
        help="print the messages of a log, a line each",
        description="CAN frames look as candump shows them, with nanoseconds; other messages as field=value.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    stretch.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    import json
    import sys

    from autonomy.log.opening import open_recording
    from autonomy.log.printing import Printer

    with open_recording(arguments.file) as reader:
        start_ns, end_ns = stretch.limits(arguments, reader)
        topics = stretch.wanted_topics(arguments, [reader])
        printer = Printer(reader)
        for batch in reader.batches(topics, start_ns=start_ns, end_ns=end_ns, as_bytes=reader.misfits()):
            lines = map(json.dumps, printer.objects(batch)) if arguments.json else printer.lines(batch)
            sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
        return ending.report([reader])
