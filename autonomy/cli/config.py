"""`autonomy config show`: a configuration with all it includes, each value with the file it came from."""

from __future__ import annotations

import argparse
import json
import sys


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("config", help="show a configuration with all it includes")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print every value and where it comes from")
    show.add_argument("config", help="a file or the name of a packaged configuration, e.g. vehicles/demo_truck")
    show.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one value")
    show.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.config import load, parse_override
    from autonomy.parameters import load_parameters

    config = load(arguments.config, dict(parse_override(text) for text in arguments.overrides))
    load_parameters(config)  # says what is wrong before it shows anything
    if arguments.json:
        json.dump({"config_hash": config.sha256, "calibration_hash": config.calibration_sha256, **config.sections}, sys.stdout)
        print()
        return 0
    for section, table in config.sections.items():
        if isinstance(table, dict):
            print(f"[{section}]")
            for key, value in table.items():
                if not isinstance(value, (dict, list)) or (
                    isinstance(value, list) and not any(isinstance(v, dict) for v in value)
                ):
                    print(f"{key} = {value}    # {config.origin(section, key)}")
    print(f"# config_hash {config.sha256}")
    return 0
