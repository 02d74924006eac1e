"""Every command printed in the documentation is one that the command line takes."""

from __future__ import annotations

import argparse
import re

import pytest

from autonomy.reference import command_line
from tests.docs.pages import DOCS, commands, first_column, pages, title


@pytest.fixture(scope="module")
def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, those that other packages add included."""
    return {name: parser for name, (parser, _) in command_line.parsers().items()}


@pytest.mark.parametrize("page", pages(), ids=title)
def test_printed_commands_parse(page, parsers):
    for name, *arguments in commands(page):
        assert name in parsers, f"{title(page)}: there is no command 'autonomy {name}'"
        try:
            parsers[name].parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{title(page)}: 'autonomy {name} {' '.join(arguments)}' is not understood")


def test_the_replay_page_names_every_option(parsers):
    told = set(first_column(DOCS / "replay.md", "## Options"))
    told = {re.split(r"[ =]", option)[0] for option in told}
    known = {option for action in parsers["replay"]._actions for option in action.option_strings} - {"-h", "--help"}
    assert told == known
