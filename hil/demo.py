"""`autonomy demo`: the stack drives a truck along a motorway in closed loop over the buses' bytes; the log is replayed.

A minute and more at 40 t with curves, a climb, a car that cuts in, a tunnel without GNSS, a breakdown on the hard shoulder with
its driver beside it, and a queue that stands; seen by lidar, radar and camera. The recorded bytes, the lidar's packets among
them, must lead the replay to the same outputs, byte for byte.
"""

from __future__ import annotations

import argparse
import sys

from hil.cli.seed import seed

DEFAULT_OUTPUT = "runs/latest"
DRIVE_LOG = "drive.mcap"
CONFIG, SCENARIO, FAULTS = "vehicles/demo_truck_lidar", "motorway_lidar", "gnss_tunnel"
DURATION_S = 105.0


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="let the stack drive a truck in closed loop, replay its raw bytes, write a report",
        description="Needs no data and no root. Writes drive.mcap (the drive as it was recorded, 3.5 MB a second), "
        "output.mcap (its replay), report.html and junit.xml.",
    )
    parser.add_argument("-o", "--output", metavar="DIR", default=DEFAULT_OUTPUT, help=f"default: {DEFAULT_OUTPUT}")
    parser.add_argument("--duration", type=float, default=DURATION_S, metavar="S", help=f"of the drive, default {DURATION_S:g} s")
    parser.add_argument("--seed", type=seed, default=0, help="of traffic and sensors; the same seed gives the same bytes")
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    import hil
    from autonomy import Stack, replay
    from autonomy.cli.outcome import tell
    from autonomy.errors import UsageError
    from autonomy.report.junit import write_junit
    from autonomy.report.page import write_report
    from hil.sensors import Bytes
    from hil.worlds.motorway import Motorway

    if not 1.0 <= arguments.duration <= 3600.0:
        raise UsageError(f"--duration {arguments.duration:g}: must lie between 1 and 3600 seconds")
    directory = Path(arguments.output)
    stack = Stack.from_config(CONFIG)
    print(f"driving {arguments.duration:g} s of motorway in closed loop ...", file=sys.stderr)
    drive = hil.run(Motorway(SCENARIO), stack, Bytes(stack.config, arguments.seed), arguments.duration, arguments.seed, FAULTS,
                    directory, log_name=DRIVE_LOG, report=False)  # fmt: skip
    print("replaying the recorded bytes ...", file=sys.stderr)
    result = replay(drive.log_path, output_dir=directory, mode="packets", report=False)
    equal = result.metrics["output_sha256"] == drive.metrics["output_sha256"] and not result.metrics["perception"]["different"]
    result.metrics |= {key: value for key, value in drive.metrics.items() if key not in result.metrics}
    result.metrics |= {"faults": drive.metrics["faults"], "replay_equal": equal}
    result.verdict, result.exit_code = (drive.verdict, drive.exit_code) if equal else ("fail", 1)
    result.metrics |= {"verdict": result.verdict, "exit_code": result.exit_code}
    result.truth = drive.truth
    result.metrics["report"] = str(write_report(directory, result, result.tick_times))
    result.save(directory)
    write_junit(directory / "junit.xml", result.metrics)
    tell(result.metrics, arguments.json)
    return result.exit_code
