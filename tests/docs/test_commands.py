"""Every command printed in the documentation is one that the command line takes."""

from __future__ import annotations

import argparse
import re
import tomllib
from importlib import import_module

import pytest

from autonomy.cli.main import COMMANDS, ENTRY_POINT_GROUP
from tests.docs.pages import DOCS, ROOT, commands, first_column, pages


@pytest.fixture(scope="module")
def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, those that other packages add included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {name: f"autonomy.cli.{name}" for name in COMMANDS} | project["entry-points"][ENTRY_POINT_GROUP]
    subparsers = argparse.ArgumentParser(exit_on_error=False).add_subparsers()
    for module in modules.values():
        import_module(module).add_parser(subparsers)
    return dict(subparsers.choices)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_printed_commands_parse(page, parsers):
    for name, *arguments in commands(page):
        assert name in parsers, f"{page.name}: there is no command 'autonomy {name}'"
        try:
            parsers[name].parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{page.name}: 'autonomy {name} {' '.join(arguments)}' is not understood")


def test_the_replay_page_names_every_option(parsers):
    told = set(first_column(DOCS / "replay.md", "## Options"))
    told = {re.split(r"[ =]", option)[0] for option in told}
    known = {option for action in parsers["replay"]._actions for option in action.option_strings} - {"-h", "--help"}
    assert told == known
