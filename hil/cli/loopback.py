"""`autonomy hil loopback`: how long the rig's own buses, sockets and lines take from one end to the other."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Sends numbered messages from one end to the other and prints the latency of each link and what was lost."
    )
    parser.add_argument("-i", "--interface", help="of CAN: socketcan, local, process, virtual, pcan ...")
    parser.add_argument("-c", "--channel", dest="channels", action="append", default=[],
                        help="two nodes on it; given twice: from the first to the second, which are wired together")  # fmt: skip
    parser.add_argument("--udp", action="store_true", help="a UDP socket of this machine")
    parser.add_argument("--pty", action="store_true", help="a pseudo terminal")
    parser.add_argument("-n", "--count", type=int, default=1000, metavar="N", help="messages, default 1000")
    parser.add_argument("--period", type=float, default=1.0, metavar="MS", help="between them, default 1")
    parser.add_argument("--arm", action="store_true", help="needed for a bus that leaves this machine")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """Exit code 1 when a message was lost. Raises UsageError, EnvironmentFault."""
    import json
    import sys

    from autonomy.errors import UsageError
    from hil.rig.loopback import LoopbackOptions, lines, loopback

    if not 1 <= given.count <= 1_000_000:
        raise UsageError(f"--count {given.count}: give 1 to 1000000")
    if not 0.0 <= given.period <= 10_000.0:
        raise UsageError(f"--period {given.period:g}: give 0 to 10000 milliseconds")
    found = loopback(
        LoopbackOptions(given.interface, given.channels, given.udp, given.pty, given.count, given.period / 1e3, given.arm),
        tell=lambda line: print(f"hil: {line}", file=sys.stderr, flush=True),
    )
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]
