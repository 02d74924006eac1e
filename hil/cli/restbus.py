"""`autonomy hil restbus`: the cyclic messages of controllers that are missing on the bench, at their rates."""

from __future__ import annotations

import argparse

from hil.cli.play import source_address


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Sends what missing controllers would: messages, rates and values of a TOML file, on absolute deadlines."
    parser.add_argument("file", metavar="TOML", help="senders, messages, periods and values, see docs/rig.md")
    parser.add_argument("-i", "--interface", required=True, help="of CAN: socketcan, local, pcan ...")
    parser.add_argument("-c", "--channel", dest="channels", action="append", required=True, help="of bus 0; once more for bus 1")
    parser.add_argument("--dbc", dest="databases", action="append", default=[], metavar="FILE", help="more messages")
    parser.add_argument("--dut-sa", dest="device_addresses", type=source_address, action="append", default=[], metavar="SA",
                        help="source address (hexadecimal) of the device under test, which is not to be sent for")  # fmt: skip
    parser.add_argument(
        "--for", dest="for_s", type=float, metavar="S", help="end after so many seconds; default: Ctrl-C or SIGTERM"
    )
    parser.add_argument(
        "--late-limit", type=float, default=1.0, metavar="MS", help="p99 of lateness: inconclusive beyond, default 1"
    )
    parser.add_argument("--arm", action="store_true", help="needed where something outside of this machine can hear it")
    parser.add_argument("--junit", metavar="FILE", help="verdict as JUnit XML")
    parser.add_argument("--json", action="store_true", help="the account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError, DatabaseError, EnvironmentFault."""
    import json
    import sys
    from pathlib import Path

    from autonomy.errors import UsageError
    from autonomy.output_folder import prepare
    from hil.rig.junit import write
    from hil.rig.play_figures import table_lines
    from hil.rig.restbus import RestBusOptions, restbus

    if given.for_s is not None and not 0.0 < given.for_s < 1e9:
        raise UsageError(f"--for {given.for_s:g}: give more than 0 seconds")
    if not 0.0 < given.late_limit <= 60_000.0:
        raise UsageError(f"--late-limit {given.late_limit:g}: give milliseconds above 0, at most 60000")
    options = RestBusOptions(given.file, given.interface, given.channels, given.databases, given.device_addresses, given.for_s,
                             given.arm, late_limit_s=given.late_limit / 1e3)  # fmt: skip
    if given.junit:
        prepare(Path(given.junit).parent)  # not when all has been sent
    found = restbus(options, tell=lambda line: print(f"hil: {line}", file=sys.stderr, flush=True))
    if given.junit:
        write(given.junit, "restbus", found)
    print(json.dumps(found) if given.json else "\n".join(table_lines(found)))
    return found["exit_code"]
