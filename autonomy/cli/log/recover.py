"""`autonomy log recover`: a whole log of what is left of a cut or damaged one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autonomy.cli.log import writing


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "recover",
        help="write a cut or damaged log as a whole one, and say what is lost",
        description="Keeps every sound chunk, also behind a damaged one, and builds the index anew. Exit 0 when a log was "
        "written, whatever was lost.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    writing.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.progress import watching
    from autonomy.errors import PASS
    from autonomy.log.finishing import finished
    from autonomy.log.opening import open_recording
    from autonomy.log.recovering import recover

    writing.check_output(arguments, [arguments.file])
    with open_recording(arguments.file, as_is=True) as reader:
        with finished(arguments.output) as path:
            found = recover(reader, path, watch=watching("recover", reader.start_ns, reader.end_ns))
        losses = [vars(loss) for loss in found.losses]
        writing.tell(
            arguments, found, problem=found.problem, lost_bytes=found.lost_bytes, tail_bytes=found.tail_bytes, damaged=losses,
            unreadable=found.malformed, unknown_channel=found.unknown_channel,
        )  # fmt: skip
        for sentence in _losses(found, reader):
            print(f"  {sentence}", file=sys.stderr if arguments.json else sys.stdout)
    return PASS


def _losses(found, reader):
    if found.problem is None:
        yield "nothing is lost: the log was whole"
        return
    yield f"the log was not whole: {found.problem}"
    for loss in found.losses:
        seconds = (loss.start_ns - reader.start_ns) / 1e9 if reader.start_ns is not None else 0.0
        yield (
            f"lost: a chunk of {loss.length} bytes at byte {loss.offset}, {(loss.end_ns - loss.start_ns) / 1e9:.3f} s "
            f"of log time from {seconds:.3f} s on"
        )
    if found.tail_bytes:
        yield f"lost: {found.tail_bytes} bytes behind the last whole record, what came after {found.end_ns} ns"
    for topic, count in found.malformed.items():
        yield f"lost: {count} unreadable messages of {topic}"
    if found.unknown_channel:
        yield f"lost: {found.unknown_channel} messages of channels the log does not describe"
    if found.tail_bytes is None:
        yield f"what came after {found.end_ns} ns cannot be read"
    elif not found.lost_bytes and not found.malformed and not found.unknown_channel:
        yield "no message is lost, only the index was"
