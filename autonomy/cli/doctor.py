"""`autonomy doctor`: what works on this machine, what does not, and how to mend it."""

from __future__ import annotations

import argparse
import json

EQUIPMENT = {
    "rt": "real time, with a trial of a second",
    "can": "CAN interfaces",
    "serial": "serial lines",
    "time": "clocks and UTC",
    "lidar": "who sends lidar packets, for a second",
}


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("doctor", help="say what is missing on this machine and how to mend it")
    for name, what in EQUIPMENT.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"also: {what}")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; returns 0, or 4 when something necessary is missing."""
    from autonomy import diagnosis, equipment
    from autonomy.errors import ENVIRONMENT, PASS

    examine = {"rt": equipment.real_time, "can": equipment.can, "serial": equipment.serial, "time": equipment.clocks,
               "lidar": equipment.lidar}  # fmt: skip
    findings = diagnosis.examine()
    for name in EQUIPMENT:
        if getattr(arguments, name):
            findings += examine[name]()
    if arguments.json:
        print(json.dumps({"findings": [finding._asdict() for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.state:<8} {finding.what:<20} {finding.found}")
            if finding.remedy:
                print(f"{'':<30}{finding.remedy}")
    return ENVIRONMENT if any(finding.state == diagnosis.FAILED for finding in findings) else PASS
