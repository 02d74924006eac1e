"""`autonomy log export`: a log's messages, CAN signals by their DBC included, for other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending, stretch


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "export",
        help="write topics as CSV, Parquet or MF4, CAN frames decoded by their DBC or raw as BLF, ASC, candump, TRC",
        description="One table a topic, one more for the list a message ends in, one a CAN message; several tables become "
        "several files, OUT.<table>.csv.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("output", metavar="OUT", type=Path, help="the ending tells the format")
    stretch.add_arguments(parser)
    parser.add_argument("--raw", action="store_true", help="CAN frames as they are, also to .csv and .mf4")
    parser.add_argument("--dbc", metavar="BUS=FILE", action="append", default=[], help="DBC file of a bus; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from importlib import import_module

    from autonomy.cli.progress import watching
    from autonomy.errors import UsageError
    from autonomy.log.exporters import EXPORTERS, FORMATS
    from autonomy.log.finishing import refuse_own_input
    from autonomy.log.opening import open_recording

    suffix = arguments.output.suffix.lower()
    writers = EXPORTERS if arguments.raw else EXPORTERS | FORMATS
    if suffix not in writers:
        raise UsageError(f"log export: {arguments.output}: cannot write '{suffix}'; choose one of {', '.join(writers)}")
    refuse_own_input(arguments.output, [arguments.file], "log export")
    with open_recording(arguments.file) as reader:
        start_ns, end_ns = stretch.limits(arguments, reader)
        found = import_module(writers[suffix]).export(
            reader,
            arguments.output,
            topics=stretch.wanted_topics(arguments, [reader]),
            start_ns=start_ns,
            end_ns=end_ns,
            databases=stretch.databases(arguments),
            watch=watching("export", start_ns or reader.start_ns, end_ns or reader.end_ns),
        )
        _tell(arguments, found)
        return ending.report([reader])


def _tell(arguments: argparse.Namespace, found) -> None:
    if arguments.json:
        import json

        told = {"files": list(map(str, found.files)), "rows": found.rows, "left_out": found.left_out, "notes": found.notes}
        print(json.dumps(told))
        return
    for table, count in found.rows.items():
        print(f"  {table:<40}{count:>10} rows")
    for reason, count in found.left_out.items():
        print(f"  left out: {reason}: {count}")
    for reason, count in found.notes.items():
        print(f"  noted: {reason}: {count}")
    print(f"{len(found.files)} files: {', '.join(map(str, found.files[:3]))}{' ...' if len(found.files) > 3 else ''}")
