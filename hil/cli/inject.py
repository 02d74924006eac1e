"""`autonomy hil inject`: the fault timeline on live buses, between the device under test and the rest of the truck."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Passes CAN frames between two channels of each bus with the faults of a timeline in them; kills, hangs, floods and "
        "unplugs as it says. A fault that found nothing to do makes the run inconclusive."
    )
    parser.add_argument("timeline", metavar="TOML", help="fault timeline, a file or a packaged name (docs/faults.md)")
    parser.add_argument(
        "--config", default="vehicles/demo_truck", metavar="FILE", help="which frames carry what; default vehicles/demo_truck"
    )
    parser.add_argument("-i", "--interface", required=True, help="of CAN: socketcan, local, pcan ...")
    parser.add_argument("--between", dest="pairs", action="append", required=True, metavar="A,B",
                        help="channels of bus 0: the rest of the truck, the device under test; once more for bus 1")  # fmt: skip
    parser.add_argument("--process", dest="processes", action="append", default=[], metavar="NAME=PID",
                        help="a process that faults may kill or stop")  # fmt: skip
    parser.add_argument("--relay", dest="relays", action="append", default=[], metavar="NAME=PLUGIN[:OPTION]",
                        help="a switch that 'unplug' opens: simulated, or an installed plugin")  # fmt: skip
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds; default: Ctrl-C")
    parser.add_argument("--arm", action="store_true", help="needed where something outside of this machine can hear it")
    parser.add_argument("-o", "--output", metavar="DIR", help="write report.html, junit.xml and result.json there")
    parser.add_argument("--json", action="store_true", help="steps and account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError, EnvironmentFault."""
    import json
    import signal
    import sys
    import threading
    from pathlib import Path

    from autonomy.errors import UsageError
    from hil.rig.inject import InjectOptions, inject, lines
    from hil.rig.relays import load
    from hil.rig.step_report import write_steps

    pairs = [tuple(text.split(",")) for text in given.pairs]
    wrong = [text for text, pair in zip(given.pairs, pairs, strict=True) if len(pair) != 2 or not all(pair) or pair[0] == pair[1]]
    if wrong:
        raise UsageError(f"--between {wrong[0]}: write A,B with the two channels of a bus")
    if given.duration is not None and not 0.0 < given.duration < 1e9:
        raise UsageError(f"--duration {given.duration:g}: give more than 0 seconds")
    options = InjectOptions(given.timeline, given.config, given.interface, pairs, given.duration,
                            dict(_process(text) for text in given.processes),
                            dict(load(text) for text in given.relays), given.arm)  # fmt: skip
    stopped = threading.Event()
    before = [signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        found = inject(options, lambda line: print(f"hil: {line}", file=sys.stderr, flush=True), ended=stopped.is_set)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    if given.output:
        write_steps(Path(given.output), given.timeline, found)
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]


def _process(text: str) -> tuple[str, int]:
    from autonomy.errors import UsageError

    name, _, number = text.partition("=")
    if not name or not number.isdecimal() or int(number) < 2:
        raise UsageError(f"--process {text}: write NAME=PID, such as stack=4711")
    return name, int(number)
