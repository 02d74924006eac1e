"""`autonomy hil live`: the truck on CAN buses in a process of its own, `autonomy run` in another."""

from __future__ import annotations

import argparse

from hil.cli.seed import seed
from hil.rig import DEFAULT_SCENARIO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", default=DEFAULT_SCENARIO, help="a TOML file or a packaged name"
    )
    parser.add_argument("--config", default="vehicles/demo_truck", metavar="FILE",
                        help="the vehicle's, whose lidars and radars send on UDP; default vehicles/demo_truck")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="DIR", default="runs/hil", help="default: runs/hil")
    parser.add_argument("--duration", type=float, metavar="S", help="default: the scenario's")
    parser.add_argument("--seed", type=seed, default=0, help="of world and sensors")
    parser.add_argument("--lockstep", action="store_true", help="the truck tells the time over the bus: the same bytes each time")
    parser.add_argument("--route", metavar="FILE", help="of 'autonomy route learn': with predictive cruise control on it")
    parser.add_argument("--truck-clock-ppm", type=float, default=0.0, metavar="PPM",
                        help="how much slower the truck's clock runs than the stack's: its frames come at every phase of the "
                             "loop's period; default 0")  # fmt: skip
    parser.add_argument("--cpu", type=int, metavar="N", help="the loop has this processor for itself, the truck too keeps off")
    parser.add_argument("--hard-realtime", action="store_true", help="refuse where the machine gives no real time")
    parser.add_argument("--json", action="store_true", help="the account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """Drives, replays the log from its cuts, writes the report, prints the account; the verdict's exit code. Raises UsageError,
    EnvironmentFault."""
    import json
    import sys
    from pathlib import Path

    from autonomy.errors import FAIL, EnvironmentFault, UsageError
    from hil.rig.drive import drive, lines, same_from_cuts
    from hil.rig.drive_page import write_drive, write_undriven

    output = Path(given.output)
    if given.duration is not None and not 0.0 < given.duration <= 86400.0:
        raise UsageError(f"--duration {given.duration:g}: must be more than 0 and at most 86400 seconds")
    if not abs(given.truck_clock_ppm) <= 10_000.0:
        raise UsageError(f"--truck-clock-ppm {given.truck_clock_ppm:g}: must lie between -10000 and 10000")
    try:
        found = drive(
            output, scenario=given.scenario, vehicle=given.config, duration_s=given.duration, seed=given.seed,
            soft=not given.hard_realtime,
            lockstep=given.lockstep, clock_ppm=given.truck_clock_ppm, route=given.route, cpu=given.cpu,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
    except EnvironmentFault as fault:
        write_undriven(output, str(fault))
        raise
    has_log = found["run"]["log"] is not None  # else the recorder failed, which is the verdict
    differences = same_from_cuts(output / "run.mcap") if has_log else []
    if differences:
        found["verdict"], found["exit_code"] = "fail", FAIL
        found["reasons"].append(f"the replay from the cuts differs, first in {differences[0]}")
    found["replay_equal"] = not differences if has_log else None
    write_drive(output, given.scenario, found)
    if given.json:
        print(json.dumps(found))
    else:
        *shown, verdict = lines(found)
        replayed = {True: "equal, bit for bit", False: "DIFFERENT", None: "no log"}[found["replay_equal"]]
        print("\n".join([*shown, f"replay       from the cuts: {replayed}", verdict]))
    return found["exit_code"]
