"""The tutorial from its first command to its last, in an empty folder: exit codes and what it says they print."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout

import pytest

from autonomy.cli import main as command_line
from autonomy.cli.parser import Parser
from autonomy.errors import FAIL, PASS
from hil import demo
from tests.docs.pages import DOCS

TUTORIAL = DOCS / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"$ . .venv/bin/activate"}  # belongs to an installation
FINDS_A_DIFFERENCE = re.compile(r"^\$ autonomy (\w+ diff|report) ")
NARROW_SPACE = "\u202f"  # groups the digits of printed numbers
INSTEAD = {"$ make demo": "$ autonomy demo"}  # the rest of it is the build


def steps(console: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines it shows below."""
    found: list[tuple[str, list[str]]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def pattern(shown: list[str]) -> re.Pattern:
    """`...` stands for any text in a line, on a line of its own for any lines."""
    lines = ["(?:.*\n)*?" if line == "..." else r".*".join(map(re.escape, line.split("..."))) + "\n" for line in shown]
    return re.compile("".join(lines))


class Terminal:
    """Takes command after command; remembers the last exit code, as a shell does."""

    def __init__(self):
        self.exit_code = 0

    def take(self, line: str) -> str:
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            self.exit_code = command_line.main(shlex.split(line)[2:])
        return printed.getvalue().replace(NARROW_SPACE, " ")


@pytest.mark.slow
def test_every_command_prints_what_the_tutorial_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("autonomy.cli.progress.PLAIN_STEP_S", float("inf"))
    parser, names = command_line.build_parser, {"__name__": "tutorial"}
    monkeypatch.setattr(command_line, "build_parser", lambda name: parser_of_demo() if name == "demo" else parser(name))
    terminal = Terminal()
    for language, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if language == "toml":
            (tmp_path / text.splitlines()[0].removeprefix("# ")).write_text(text)
        elif language == "python":
            exec(compile(text, "tutorial.md", "exec"), names)
        for line, shown in steps(text) if language == "console" else []:
            if line in NOT_RUN:
                continue
            if line == "$ echo $?":
                assert shown == [str(terminal.exit_code)]
                continue
            assert line in INSTEAD or line.startswith("$ autonomy "), f"nobody runs '{line}'"
            printed = terminal.take(INSTEAD.get(line, line))
            assert pattern(shown).fullmatch(printed), f"{line}\nprinted:\n{printed}\nthe tutorial shows:\n" + "\n".join(shown)
            assert terminal.exit_code == (FAIL if FINDS_A_DIFFERENCE.search(line) else PASS), line
    assert names["ego"].dtype.names


def parser_of_demo():
    """`demo` is a command of the installed package; here it is there without an installation too."""
    parser = Parser(prog="autonomy")
    demo.add_parser(parser.add_subparsers())
    return parser, demo


def test_dots_stand_for_text_and_for_lines():
    assert pattern(["a ... c", "...", "d"]).fullmatch("a b c\nx\ny\nd\n")
    assert not pattern(["a ... c", "d"]).fullmatch("a b c\nx\nd\n")
    assert not pattern(["...", "d"]).fullmatch("a\nd\ne\n")
