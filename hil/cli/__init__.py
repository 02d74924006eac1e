"""`autonomy hil run | live | suite | play`: the stack in closed loop, the runs behind a figure, recordings on real buses."""

from __future__ import annotations

import argparse
from importlib import import_module

ACTIONS = {
    "run": "drive a scenario in closed loop, write its log and report",
    "live": "drive 'autonomy run' over CAN buses: the truck in a process of its own",
    "truck": "put the truck alone onto real buses, for a stack that runs elsewhere",
    "soak": "drive 'live' for hours, in parts that go on where they stopped: memory, lateness, losses",
    "suite": "print the figures of closed-loop suites against their aims",
    "play": "play recorded logs onto CAN buses, serial lines and UDP sockets at their times",
    "record": "record the bytes of CAN buses, serial lines and UDP sockets",
    "loopback": "measure the rig's own latency from one end of a bus, socket or line to the other",
    "restbus": "send the cyclic messages of controllers that are missing",
    "inject": "put the faults of a timeline into live buses, between the device under test and the rest",
}
MODULES = {"run": "hil.cli.drive", "live": "hil.cli.live", "truck": "hil.cli.truck", "soak": "hil.cli.soak",
           "suite": "hil.cli.suite", "play": "hil.cli.play", "record": "hil.cli.record", "loopback": "hil.cli.loopback",
           "restbus": "hil.cli.restbus", "inject": "hil.cli.inject"}  # fmt: skip


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "hil", help="drive the stack in closed loop, play logs onto buses", description="The stack in closed loop, and the rig."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in ACTIONS.items():
        import_module(MODULES[name]).add_arguments(actions.add_parser(name, help=text))


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises UsageError, EnvironmentFault."""
    return import_module(MODULES[arguments.action]).execute(arguments)
