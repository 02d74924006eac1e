"""How every command ends: mistakes in one sentence, output nobody reads, output that finds no room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autonomy.cli.main import CLOSED_PIPE, main
from tests.cli.can_logs import write_log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / "drive.mcap")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["log", "cut", "-o", "e.mcap", "--topics", "/raw/can/0", "x.mcap"], "put the file before"),
        (["log", "cat"], "required: FILE"),
        (["replay", "x.mcap", "--nonsense"], "--nonsense"),
        (["log", "nothing"], "invalid choice: 'nothing'"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line(capsys, arguments, sentence):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert sentence in told and "--help" in told and len(told.splitlines()) == 1


def test_words_may_stand_on_both_sides_of_options(capsys, log):
    assert main(["log", "check", log, "--json", log]) == 0
    assert capsys.readouterr().out.count('"path"') == 2


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "autonomy", *arguments]


@pytest.mark.parametrize("arguments", [["log", "cat"], ["can", "dump"], ["can", "stats", "--json"]])
def test_a_full_disk_behind_stdout_is_told(log, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(_command(*arguments, log), stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert done.returncode == 4 and "No space left" in done.stderr and "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_pass(tmp_path, log):
    """The verdict is the last thing said: who stops listening has not heard it."""
    names = " ".join([str(log)] * 200)
    script = f"{' '.join(_command('log', 'info'))} {names} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == CLOSED_PIPE and not done.stderr


def test_one_bad_file_does_not_keep_the_others_from_their_turn(capsys, tmp_path, log):
    (tmp_path / "empty.mcap").write_bytes(b"")
    for action in ("info", "check"):
        assert main(["log", action, str(tmp_path / "empty.mcap"), log]) == 3
        printed = capsys.readouterr()
        assert "drive.mcap" in printed.out and "empty.mcap" in printed.err
