"""`autonomy demo`: a small truck drives a curved road for a minute; its raw bytes are replayed through the stack."""

from __future__ import annotations

import argparse
import json
import sys

DEFAULT_OUTPUT = "runs/latest"
DRIVE_LOG = "drive.mcap"


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="drive a small truck for a minute, replay its raw bytes, write a report",
        description="Needs no data and no root. Writes drive.mcap (the recorded bytes), output.mcap, report.html and junit.xml.",
    )
    parser.add_argument("-o", "--output", metavar="DIR", default=DEFAULT_OUTPUT, help=f"default: {DEFAULT_OUTPUT}")
    parser.add_argument("--duration", type=float, default=60.0, metavar="S", help="length of the drive, default 60 s")
    parser.add_argument("--seed", type=int, default=0, help="of the sensors' noise; the same seed gives the same bytes")
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from autonomy import replay
    from autonomy.errors import UsageError
    from autonomy.report.junit import write_junit
    from autonomy.report.summary import replay_lines
    from hil import drive

    if not 1.0 <= arguments.duration <= 3600.0:
        raise UsageError(f"--duration {arguments.duration:g}: must lie between 1 and 3600 seconds")
    directory = Path(arguments.output)
    print(f"driving {arguments.duration:g} s ...", file=sys.stderr)
    log = drive.record(directory / DRIVE_LOG, duration_s=arguments.duration, seed=arguments.seed)
    print("replaying the recorded bytes ...", file=sys.stderr)
    outages = f"at={arguments.duration / 2:g}:{arguments.duration / 3:g}"
    result = replay(log, output_dir=directory, outages=outages)
    write_junit(directory / "junit.xml", result.metrics)
    if arguments.json:
        json.dump(result.metrics, sys.stdout, allow_nan=False)
        print()
    else:
        print("\n".join(replay_lines(result.metrics)))
    return result.exit_code
