"""`autonomy hil soak`: the closed loop in real time for hours, in parts."""

from __future__ import annotations

import argparse

from hil.rig import DEFAULT_SCENARIO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", default=DEFAULT_SCENARIO, help="a TOML file or a packaged name"
    )
    parser.add_argument("-o", "--output", metavar="DIR", default="runs/soak",
                        help="goes on with what is in it; default: runs/soak")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=3600.0, metavar="S", help="in all; default 3600")
    parser.add_argument("--part", type=float, default=600.0, metavar="S", help="each part, a fresh stack; default 600")
    parser.add_argument("--fresh", action="store_true", help="forget the parts that were driven before")
    parser.add_argument("--cpu", type=int, metavar="N", help="the loop has this processor for itself, the truck too keeps off")
    parser.add_argument("--hard-realtime", action="store_true", help="refuse where the machine gives no real time")
    parser.add_argument("--json", action="store_true", help="the account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """Drives what is missing; the verdict's exit code. Raises UsageError, EnvironmentFault."""
    import json
    import sys
    from pathlib import Path

    from autonomy.errors import UsageError
    from hil.rig.soak import lines, soak
    from hil.worlds import scenario

    for name, value in (("seconds", given.seconds), ("part", given.part)):
        if not 10.0 <= value <= 1e6:
            raise UsageError(f"--{name} {value:g}: give 10 to 1000000 seconds")
    scenario.load(given.scenario)  # what is wrong with it is known before the first part
    found = soak(
        Path(given.output), scenario=given.scenario, seconds=given.seconds, part_s=given.part, soft=not given.hard_realtime,
        fresh=given.fresh, cpu=given.cpu, tell=lambda line: print(line, file=sys.stderr, flush=True),
    )  # fmt: skip
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]
