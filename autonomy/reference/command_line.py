"""The page of commands and options, from the parsers themselves.

Commands that packages above this one add are those that `pyproject.toml` names, not whatever is installed here.
"""

from __future__ import annotations

import argparse
import tomllib
from importlib import import_module
from pathlib import Path

from autonomy.cli.main import COMMANDS, ENTRY_POINT_GROUP
from autonomy.cli.parser import Parser
from autonomy.reference.markdown import plain, table

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def page() -> str:
    parts = [_INTRODUCTION]
    for name, (parser, text) in parsers().items():
        parts += _command(f"autonomy {name}", parser, text, level=2)
    return "\n".join(parts)


def parsers() -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """Name -> parser and one-line help of every command, in the order of `autonomy --help`."""
    added = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"][ENTRY_POINT_GROUP]
    subparsers = Parser(prog="autonomy").add_subparsers()
    for module in [f"autonomy.cli.{name}" for name in COMMANDS] + list(added.values()):
        import_module(module).add_parser(subparsers)
    return _children(subparsers)


def _children(subparsers: argparse._SubParsersAction) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    helps = {action.dest: action.help or "" for action in subparsers._choices_actions}
    return {name: (parser, helps.get(name, "")) for name, parser in subparsers.choices.items()}


def _command(title: str, parser: argparse.ArgumentParser, text: str, level: int) -> list[str]:
    actions = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    below = next((action for action in actions if isinstance(action, argparse._SubParsersAction)), None)
    actions = [action for action in actions if action is not below and not isinstance(action, argparse._HelpAction)]
    parts = [f"{'#' * level} {title}", "", plain(_sentence(text))]
    if parser.description and parser.description.rstrip(".") != text.rstrip("."):
        parts[-1] += " " + plain(_sentence(" ".join(parser.description.split())))
    parts.append("")
    if below is None:
        parts += ["```", _usage(title, actions), "```", ""]
    if rows := [_row(parser, action) for action in actions if action.help]:
        parts.append(table(("option", "meaning"), rows))
    if below is not None:
        for name, (child, child_text) in _children(below).items():
            parts += _command(f"{title} {name}", child, child_text, level + 1)
    return parts


def _usage(title: str, actions: list[argparse.Action]) -> str:
    needed = [_signature(action) for action in actions if not action.option_strings or action.required]
    return " ".join([title, *needed] + ["[options]"] * (len(needed) < len(actions)))


def _signature(action: argparse.Action) -> str:
    """How one argument is written: `-o DIR`, `FILE ...`."""
    if action.nargs == 0:
        return action.option_strings[0]
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else None
    fallback = action.dest.upper() if action.option_strings else action.dest
    value = action.metavar or choices or fallback
    if action.nargs in ("+", "*"):
        value = f"[{value} ...]" if action.nargs == "*" else f"{value} ..."
    elif action.nargs == "?":
        value = f"[{value}]"
    return f"{action.option_strings[0]} {value}" if action.option_strings else value


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    others = "".join(f", `{name}`" for name in action.option_strings[1:])
    meaning = action.help % {**vars(action), "prog": parser.prog}
    if action.choices and action.metavar:
        meaning += f" ({', '.join(map(str, action.choices))})"
    has_default = action.default not in (None, False, [], argparse.SUPPRESS) and action.nargs != 0
    if has_default and "default" not in meaning:
        meaning += f"; default {action.default}"
    return f"`{_signature(action)}`{others}", plain(meaning)


def _sentence(text: str) -> str:
    text = text.rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


_INTRODUCTION = """# Command line

`autonomy COMMAND --help` prints the same. Results go to stdout, everything else to stderr; `--json` puts one JSON object there
instead of a table. Times (`--start`, `--end`, `--duration`) are seconds from the log's first record.
[Exit codes](exit-codes.md) mean the same everywhere.
"""
