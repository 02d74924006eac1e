"""What the actions that write one log from others share: -o, --json, and the words at the end."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="OUT.mcap", type=Path, required=True, help="the log to write")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def check_output(arguments: argparse.Namespace, inputs: list[Path]) -> None:
    """Raises UsageError when the output is no MCAP log or one of the inputs."""
    from autonomy.errors import UsageError
    from autonomy.log.finishing import refuse_own_input

    command = f"log {arguments.action}"
    if arguments.output.suffix != ".mcap":
        raise UsageError(f"{command}: -o {arguments.output}: must end in .mcap; 'autonomy log export' writes other formats")
    refuse_own_input(arguments.output, inputs, command)


def tell(arguments: argparse.Namespace, copied, **more) -> None:
    """Prints what was written."""
    for problem in copied.problems:
        print(f"autonomy: {problem}", file=sys.stderr)
    rows = {
        "path": str(arguments.output),
        "messages": copied.messages,
        "start_ns": copied.start_ns,
        "end_ns": copied.end_ns,
        **({"repeated": copied.repeated} if copied.repeated else {}),
        **more,
    }
    if arguments.json:
        print(json.dumps(rows))
        return
    length = (copied.end_ns - copied.start_ns) / 1e9 if copied.start_ns is not None else 0.0
    print(f"{arguments.output}: {sum(copied.messages.values())} messages, {length:.3f} s")
    for topic, count in copied.messages.items():
        again = f"  {copied.repeated[topic]} from before the cut" if topic in copied.repeated else ""
        print(f"  {topic:<24}{count:>10}{again}")
