"""`autonomy log sort`: a log in the order of its times, however disordered it was."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending, writing


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "sort",
        help="write a log in the order of its times",
        description="Sorts by log time in bounded memory; while it works it needs the log's size twice beside the output.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    writing.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.progress import watching
    from autonomy.log.finishing import finished
    from autonomy.log.opening import open_recording
    from autonomy.log.sorting import sort

    writing.check_output(arguments, [arguments.file])
    with open_recording(arguments.file, as_is=True) as reader:
        watch = watching("sort", reader.start_ns, reader.end_ns)
        with finished(arguments.output) as path:
            copied = sort(reader, path, watch=watch)
        writing.tell(arguments, copied, out_of_order=reader.late)
        if not arguments.json:
            print(f"  {reader.late} records were out of order")
        return ending.report([reader], arguments.action)
