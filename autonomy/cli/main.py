"""`autonomy COMMAND ...`: one file a command, loaded only when it is called; errors become a sentence and an exit code."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from autonomy import __version__
from autonomy.cli.parser import Parser
from autonomy.errors import ENVIRONMENT, INTERNAL, USAGE, AutonomyError, StaleBuildError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

COMMANDS = {
    "run": "run the stack on live CAN buses, in shadow or in active mode",
    "replay": "run a recorded log through the stack, bit for bit",
    "test": "replay a whole corpus of logs or scenarios and sum it up",
    "perceive": "find ground, obstacles and lanes in scans of a lidar",
    "report": "draw the page of a run anew, or compare two runs field by field",
    "viz": "look at a run in Foxglove, Lichtblick, PlotJuggler or Rerun",
    "log": "convert, inspect and check logs",
    "can": "see, decode and send CAN and J1939, live and from recordings",
    "bench": "time the kernels against the libraries one would use instead",
    "calibrate": "learn mounting, delays, speed scale, lever arms and steering from a drive",
    "route": "learn a road's grade from drives, for predictive cruise control, and show it",
    "config": "show, check, compare and freeze configurations",
    "doctor": "say what is missing on this machine and how to mend it",
    "completion": "print a completion script for bash, zsh or tcsh",
    "version": "versions of the stack, its layouts and its dependencies",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
CLOSED_PIPE = 141  # as shells tell it: 128 and SIGPIPE; never 0, for nobody knows what the rest would have said
INTERRUPTED = 130  # as shells tell it: 128 and the number of the signal
ENTRY_POINT_GROUP = "autonomy.commands"  # how packages above this one (hil) add theirs: module with add_parser and run

EPILOG = (
    "exit codes: 0 pass, 1 fail or difference, 2 usage or configuration, 3 bad input, 4 environment, 5 inconclusive, "
    "70 internal defect"
)


def build_parser(name: str | None) -> tuple[argparse.ArgumentParser, ModuleType | None]:
    """The parser with the options of one command, and the command's module; of the others only their names."""
    parser = Parser(
        prog="autonomy", description="Onboard software of a highway-driving heavy truck.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"autonomy {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    module = None
    for command, text in COMMANDS.items():
        if command == name:
            module = import_module(f"autonomy.cli.{command}")
            module.add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=text, add_help=False)
    if name not in COMMANDS:
        # The list of commands shows each one's help, so `autonomy --help` loads them all; their files are light
        for point in added_commands():
            loaded = point.load()
            loaded.add_parser(subparsers)
            module = loaded if point.name == name else module
    return parser, module


def added_commands() -> EntryPoints:
    """Commands of packages above this one."""
    from importlib.metadata import entry_points  # slow to load and not needed for our own commands

    return entry_points(group=ENTRY_POINT_GROUP)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((item for item in arguments if not item.startswith("-")), None)
    parser, module = build_parser(name)
    try:
        parsed = parser.parse_args(arguments)  # ends here for --help, which has no module
        code = module.run(parsed)
        sys.stdout.flush()
        return code
    except AutonomyError as error:
        print(f"autonomy: {error}", file=sys.stderr)
        return error.exit_code
    except StaleBuildError as error:
        print(f"autonomy: {error}", file=sys.stderr)
        return ENVIRONMENT
    except BrokenPipeError:
        return _unheard(CLOSED_PIPE)
    except OSError as error:
        if error.filename is not None or error.errno not in FULL:
            return _defect()
        print(f"autonomy: stdout cannot be written: {error.strerror}", file=sys.stderr)
        return _unheard(ENVIRONMENT)
    except KeyboardInterrupt:
        print("autonomy: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except Exception:
        return _defect()


def _defect() -> int:
    import traceback

    traceback.print_exc()
    print("autonomy: this is a defect in the program, not in your input; please report it with the lines above", file=sys.stderr)
    return INTERNAL


def _unheard(code: int) -> int:
    """Lets the interpreter's own flush at its end go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    sys.exit(main())
