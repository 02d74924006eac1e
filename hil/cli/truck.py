"""`autonomy hil truck`: the truck alone on real buses, for a stack that runs elsewhere."""

from __future__ import annotations

import argparse

from hil.cli.seed import seed
from hil.rig import DEFAULT_SCENARIO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "World, truck and sensors on the given buses, sockets and lines. Drives once a stack ('autonomy run --mode active') is "
        "heard on the command bus. Exit 0 pass, 1 collision, lane left or rolled over, 5 the rig was late or nobody drove."
    )
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", default=DEFAULT_SCENARIO, help="a TOML file or a packaged name"
    )
    parser.add_argument("--config", default="vehicles/demo_truck", metavar="FILE", help="the vehicle's; default: the demo's")
    parser.add_argument("-i", "--interface", required=True, help="of CAN: socketcan, local, pcan, kvaser ...")
    parser.add_argument("-c", "--channel", dest="channels", action="append", required=True,
                        help="of the vehicle's first bus; once more for the next")  # fmt: skip
    parser.add_argument("--udp", dest="sockets", action="append", default=[], metavar="SENSOR=ADDRESS:PORT",
                        help="where a lidar's or radar's packets go")  # fmt: skip
    parser.add_argument("--serial", dest="lines", action="append", default=[], metavar="PORT=PATH",
                        help="a device, or a path that becomes a pseudo terminal for the stack")  # fmt: skip
    parser.add_argument("--duration", type=float, metavar="S", help="default: the scenario's")
    parser.add_argument("--seed", type=seed, default=0, help="of world and sensors")
    parser.add_argument("--lockstep", action="store_true", help="the truck tells the time, to 'autonomy run --lockstep'")
    parser.add_argument("--patience", type=float, default=60.0, metavar="S", help="for the stack to be heard, default 60")
    parser.add_argument("--arm", action="store_true", help="needed where something outside of this machine can hear it")
    parser.add_argument("-o", "--output", metavar="DIR", help="report.html, junit.xml and truck.json")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError, EnvironmentFault."""
    import json
    import sys
    import threading
    from pathlib import Path

    from autonomy.cli.named_places import named_places
    from autonomy.errors import UsageError
    from autonomy.orderly_end import orderly_end
    from autonomy.output_folder import prepare
    from hil.rig.lone_truck import LoneTruckOptions, drive_alone, lines, write

    if given.duration is not None and not 0.0 < given.duration <= 86400.0:
        raise UsageError(f"--duration {given.duration:g}: must be more than 0 and at most 86400 seconds")
    if not 0.0 <= given.patience <= 86400.0:
        raise UsageError(f"--patience {given.patience:g}: must lie between 0 and 86400 seconds")
    for option, texts in (("--udp", given.sockets), ("--serial", given.lines)):
        named_places(texts, option, "NAME=PLACE, such as roof=127.0.0.1:2368 or gnss=/tmp/gnss")
    options = LoneTruckOptions(given.interface, given.channels, given.config, given.scenario, given.sockets, given.lines,
                               given.duration, given.seed, given.lockstep, given.patience, given.arm)  # fmt: skip
    if given.output:
        prepare(given.output)  # not when the drive is over
    stopped = threading.Event()
    with orderly_end(stopped.set):
        found = drive_alone(options, lambda line: print(f"hil: {line}", file=sys.stderr, flush=True), is_over=stopped.is_set)
    if given.output:
        write(Path(given.output), given.scenario, found)
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]
