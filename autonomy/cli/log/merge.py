"""`autonomy log merge`: several recordings as one log, by time."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from autonomy.cli.log import ending, stretch, writing


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "merge",
        help="write several logs as one, by time",
        description="Merges by log time; the clocks of the logs must be the same. Topics of the same name and message become "
        "one; metadata and attachments of all are kept, with '@FILE' behind a name that is taken.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    stretch.add_topics(parser)
    writing.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.progress import watching
    from autonomy.log.finishing import finished
    from autonomy.log.merging import merge
    from autonomy.log.opening import open_recording

    writing.check_output(arguments, arguments.files)
    with ExitStack() as files:
        readers = [files.enter_context(open_recording(path, as_is=True)) for path in arguments.files]
        topics = stretch.wanted_topics(arguments, readers)
        starts = [reader.start_ns for reader in readers if reader.start_ns is not None]
        ends = [reader.end_ns for reader in readers if reader.end_ns is not None]
        watch = watching("merge", min(starts, default=None), max(ends, default=None))
        with finished(arguments.output) as path:
            copied = merge(readers, path, wanted=topics, watch=watch)
        writing.tell(arguments, copied)
        return ending.report(readers)
