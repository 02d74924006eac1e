"""`autonomy log cut`: a stretch of a recording, record by record as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending, stretch, writing


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "cut",
        help="write a stretch of a log, or some of its topics",
        description="Writes the records of a stretch as they are. Parameters, static transforms and other messages that hold on "
        "are repeated at its start; metadata and attachments are kept.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    stretch.add_arguments(parser)
    writing.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.progress import watching
    from autonomy.log.cutting import cut
    from autonomy.log.finishing import finished
    from autonomy.log.opening import open_recording

    writing.check_output(arguments, [arguments.file])
    with open_recording(arguments.file, as_is=True) as reader:
        start_ns, end_ns = stretch.limits(arguments, reader)
        topics = stretch.wanted_topics(arguments, [reader])
        watch = watching("cut", start_ns or reader.start_ns, end_ns or reader.end_ns)
        with finished(arguments.output) as path:
            copied = cut(reader, path, start_ns=start_ns, end_ns=end_ns, topics=topics, watch=watch)
        writing.tell(arguments, copied)
        return ending.report([reader])
