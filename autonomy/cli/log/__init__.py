"""`autonomy log ACTION`: one file an action, loaded without anything heavy."""

from __future__ import annotations

import argparse

from autonomy.cli.log import cat, check, convert, cut, diff, export, info, merge, recover, sort, sync

ACTIONS = {
    "info": info,
    "check": check,
    "cat": cat,
    "cut": cut,
    "merge": merge,
    "sort": sort,
    "convert": convert,
    "export": export,
    "recover": recover,
    "diff": diff,
    "sync": sync,
}  # fmt: skip


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("log", help="inspect, cut, merge, convert, export, repair and compare logs")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for module in ACTIONS.values():
        module.add_parser(actions)


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises AutonomyError."""
    return ACTIONS[arguments.action].run(arguments)
