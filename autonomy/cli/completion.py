"""`autonomy completion bash | zsh | tcsh`: a script that completes commands, actions, options and files."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "tcsh")


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "completion",
        help="print a completion script for a shell",
        description="bash: autonomy completion bash > ~/.local/share/bash-completion/completions/autonomy",
    )
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace) -> int:
    """Prints the script; returns its exit code. Raises EnvironmentFault without the package that writes it."""
    from autonomy.errors import PASS, MissingPackage

    try:
        import shtab
    except ImportError as error:
        raise MissingPackage("completion", "shtab", "replay") from error
    print(shtab.complete(whole_parser(), arguments.shell))
    return PASS


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the options of every command."""
    from importlib import import_module

    from autonomy.cli.main import COMMANDS, added_commands
    from autonomy.cli.parser import Parser

    parser = Parser(prog="autonomy")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for module in [import_module(f"autonomy.cli.{name}") for name in COMMANDS] + [point.load() for point in added_commands()]:
        module.add_parser(subparsers)
    return parser
