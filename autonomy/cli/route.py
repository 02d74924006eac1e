"""`autonomy route ACTION`: learns from drives what predictive cruise control needs to know of a road, and shows it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("route", help="learn a road's grade from drives, for predictive cruise control, and show it")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    learn = actions.add_parser(
        "learn",
        help="a route from recorded drives",
        description="The way is that of the first drive, or of --onto; each drive's grades are weighed by their sigma. Drives "
        "are logs with outputs, or folders of 'autonomy run', 'replay' and 'hil run'.",
    )
    learn.add_argument("logs", metavar="LOG", nargs="+", type=Path)
    learn.add_argument("-o", "--output", metavar="ROUTE", type=Path, required=True, help="file to write")
    learn.add_argument("--onto", metavar="ROUTE", type=Path, help="adds to what this file knows, and keeps its way")
    learn.add_argument("--json", action="store_true", help="one JSON object on stdout")
    show = actions.add_parser("show", help="what a route's file knows")
    show.add_argument("route", metavar="ROUTE", type=Path)
    show.add_argument("-o", "--output", metavar="PAGE", type=Path, help="draw grade, height and way: PAGE.html")
    show.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises UsageError, BadInputError, LogError, EnvironmentFault."""
    return (_learn if arguments.action == "learn" else _show)(arguments)


def _learn(arguments: argparse.Namespace) -> int:
    from autonomy.cli.log import ending
    from autonomy.errors import BadInputError
    from autonomy.log.opening import open_recording
    from autonomy.output_folder import writing
    from autonomy.planning.recorded_drive import log_of, outputs_of
    from autonomy.planning.route_figures import figures_of
    from autonomy.planning.route_grade import restore
    from autonomy.planning.route_learning import drive_of, road_of, teach

    route = None if arguments.onto is None else restore(arguments.onto)
    drives, code = [], 0
    for given in arguments.logs:
        with open_recording(log_of(given)) as reader:
            drive = drive_of(outputs_of(reader))
            code = max(code, ending.report([reader]))
        try:
            route = road_of(drive) if route is None else route
        except BadInputError as error:
            raise BadInputError(f"{given}: {error}; give another drive first") from None
        taught = teach(route, drive)
        if not taught.on_m:
            raise BadInputError(f"{given}: drove nothing of the route that {arguments.onto or arguments.logs[0]} lays in its "
                                "direction; leave it out")  # fmt: skip
        drives.append({"log": str(given)} | taught._asdict())
        print(f"autonomy: {given}: {taught.on_m / 1e3:.1f} km on the route, {taught.off_m / 1e3:.1f} km beside it or against it",
              file=sys.stderr)  # fmt: skip
    with writing(arguments.output):
        route.save(arguments.output)
    _tell({"route": str(arguments.output), "drives": drives} | figures_of(route), arguments.json)
    return code


def _show(arguments: argparse.Namespace) -> int:
    from autonomy.errors import PASS, UsageError
    from autonomy.output_folder import writing
    from autonomy.planning.route_figures import figures_of
    from autonomy.planning.route_grade import restore

    if arguments.output is not None and arguments.output.suffix != ".html":
        raise UsageError(f"-o {arguments.output}: must end in .html")
    route = restore(arguments.route)
    if arguments.output is not None:
        from autonomy.report.route_page import render

        with writing(arguments.output):
            arguments.output.write_text(render(arguments.route.name, route), encoding="utf-8")
    _tell({"route": str(arguments.route)} | figures_of(route), arguments.json)
    return PASS


def _tell(told: dict, as_json: bool) -> None:
    from autonomy.planning.route_figures import lines

    print(json.dumps(told, allow_nan=False) if as_json else "\n".join(lines(told)))
