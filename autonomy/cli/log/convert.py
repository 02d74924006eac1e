"""`autonomy log convert`: recordings of others as one MCAP log."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from autonomy.cli.log import stretch


def add_parser(actions) -> None:
    parser = actions.add_parser("convert", help="write recordings of others as one MCAP log")
    parser.add_argument("paths", nargs="+", metavar="SRC... OUT.mcap", help="recordings, and last the log to write")
    parser.add_argument("--map", metavar="FILE", type=Path, help="mapping.toml that tells what each column is")
    parser.add_argument("--dbc", metavar="BUS=FILE", action="append", default=[], help="DBC file of a bus; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import BAD_INPUT, PASS, LogError, UsageError
    from autonomy.log.importers import canedge, comma2k19

    *sources, output = [Path(path) for path in arguments.paths]
    if output.suffix != ".mcap":
        raise UsageError(f"log convert: the last path is the log to write and must end in .mcap, not '{output}'")
    if not sources and arguments.map is None:
        raise UsageError("log convert: give at least one recording before the log to write")
    for source in sources:
        if not source.exists():
            raise LogError(f"{source} does not exist; give the recording to convert")
    print(f"converting {', '.join(map(str, sources)) or arguments.map} to {output} ...", file=sys.stderr)
    if arguments.map is not None:
        from autonomy.log.importers import columns

        if arguments.dbc:
            raise UsageError("log convert: --dbc tells the lengths of raw CAN frames and has no meaning with --map")
        result = columns.convert(arguments.map, sources, output)
    elif all(comma2k19.recognises(source) for source in sources):
        result = comma2k19.convert(sources, output, stretch.databases(arguments))
    else:
        from functools import partial

        from autonomy.cli.progress import watching
        from autonomy.log.importers import recording

        importer = canedge if all(canedge.recognises(source) for source in sources) else recording
        result = importer.convert(sources, output, stretch.databases(arguments), watching=partial(watching, "convert"))
    code = BAD_INPUT if result.problems else PASS
    for problem in result.problems:
        print(f"autonomy: {problem}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(result.as_json()))
        return code
    seconds = (result.end_ns - result.start_ns) / 1e9 if result.start_ns is not None else 0.0
    print(f"{output} from {result.format}, {seconds:.3f} s")
    for topic, count in result.messages.items():
        print(f"  {topic:<24}{count:>10}")
    for title, counts in (("unused", result.unused), ("noted", result.notes)):
        for reason, count in counts.items():
            if count:
                print(f"  {title}: {reason}: {count}")
    return code
