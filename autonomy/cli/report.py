"""`autonomy report RUN` draws a run's page anew; `autonomy report A B` holds two runs against each other."""

from __future__ import annotations

import argparse
import json
import sys


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "report",
        help="draw the page of a run anew, or compare two runs field by field",
        description="With one run: writes its report.html anew. With two: compares them; exit 0 the same, 1 a difference, "
        "3 a run ends early, 5 nothing in common.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="one or two folders of 'autonomy replay -o', or their output.mcap")
    parser.add_argument("-o", "--output", metavar="DIR", help="folder of the page; default: the run's own, or none for two runs")
    parser.add_argument("--tolerance", metavar="TOML", help="how far fields and figures may lie apart; default: not at all")
    parser.add_argument(
        "--ignore-fields", nargs="+", default=[], metavar="FIELD", help="leave out e.g. ego.position, 'plan.*' or tracks"
    )
    parser.add_argument("--junit", metavar="FILE", help="write the verdict as JUnit XML, a case a topic and a figure")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import UsageError

    if len(arguments.runs) > 2:
        raise UsageError(f"report: give one run or two, not {len(arguments.runs)}")
    if len(arguments.runs) == 1 and (arguments.tolerance or arguments.ignore_fields):
        raise UsageError("report: --tolerance and --ignore-fields have a meaning with two runs only")
    return _draw(arguments) if len(arguments.runs) == 1 else _compare(arguments)


def _draw(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from autonomy.cli.outcome import tell
    from autonomy.playback import stored
    from autonomy.report.junit import write_junit
    from autonomy.report.page import write_report

    result = stored.load(arguments.runs[0])
    directory = Path(arguments.output) if arguments.output else result.log_path.parent
    result.metrics["report"] = str(write_report(directory, result, result.tick_times))
    if arguments.junit:
        write_junit(Path(arguments.junit), result.metrics)
    tell(result.metrics, arguments.json)
    return result.exit_code


def _compare(arguments: argparse.Namespace) -> int:
    from autonomy.playback import tolerance
    from autonomy.report.comparison import page
    from autonomy.report.comparison.comparison import compare
    from autonomy.report.comparison.summary import lines

    limits = tolerance.load(arguments.tolerance) if arguments.tolerance else tolerance.Tolerances()
    found = compare(*arguments.runs, limits.ignoring(arguments.ignore_fields))
    told = found.as_json()
    if arguments.output:
        told["report"] = str(page.write_page(arguments.output, found))
    if arguments.junit:
        page.write_junit(arguments.junit, found)
    if arguments.json:
        json.dump(told, sys.stdout, allow_nan=False)
        print()
    else:
        print("\n".join(lines(found, told["report"])))
    return found.exit_code
