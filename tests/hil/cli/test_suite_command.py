import json
import sys
from types import ModuleType

import pytest

from autonomy import recordings
from autonomy.cli.main import main
from hil.cli import suite
from hil.suites._recordings import missing


def row(met, value=1.0):
    return {"figure": "peak offset", "value": value, "unit": "m", "aim": "<= 0.35", "met": met}


@pytest.fixture
def suites(monkeypatch):
    """Two suites: one that meets its aims and says how it was called, one that does not."""
    calls = []

    def rows(*, quick, jobs, output):
        calls.append((quick, jobs, output))
        return [row(True), row(None, None)]

    for name, function in (("easy", rows), ("hard", lambda **_: [row(True), row(False)])):
        module = ModuleType(name)
        module.TITLE, module.rows = f"the {name} one", function
        monkeypatch.setitem(sys.modules, f"hil.suites.{name}", module)
    monkeypatch.setattr(suite, "_names", lambda: ["easy", "hard"])
    monkeypatch.setattr("autonomy.cli.main.added_commands", lambda: [Point()])
    return calls


class Point:
    name = "hil"

    def load(self):
        import hil.cli

        return hil.cli


def test_a_missed_aim_is_exit_code_1(suites, capsys):
    assert main(["hil", "suite", "easy"]) == 0
    assert main(["hil", "suite"]) == 1
    table = capsys.readouterr().out
    assert "NO" in table and "<= 0.35" in table


def test_figures_without_their_recordings_are_inconclusive(suites, monkeypatch, capsys):
    module = ModuleType("far")
    module.TITLE, module.rows = "the far one", lambda **_: [row(True), missing("gap behind traces", "drive_cycles")]
    monkeypatch.setitem(sys.modules, "hil.suites.far", module)
    monkeypatch.setattr(suite, "_names", lambda: ["far", "hard"])
    assert main(["hil", "suite", "far"]) == 5
    told = capsys.readouterr().err
    assert "far: not measured: gap behind traces: set AUTONOMY_DATA to the folder that holds drive_cycles" in told
    assert main(["hil", "suite", "far", "hard"]) == 1


@pytest.mark.parametrize("told", [None, "", "/nowhere"])
def test_recordings_are_looked_for_where_the_variable_says_and_nowhere_else(monkeypatch, told):
    if told is None:
        monkeypatch.delenv("AUTONOMY_DATA", raising=False)
    else:
        monkeypatch.setenv("AUTONOMY_DATA", told)
    assert recordings.find("drive_cycles") is None


def test_options_reach_the_suite(suites, tmp_path):
    assert main(["hil", "suite", "easy", "--quick", "-j", "2", "-o", str(tmp_path)]) == 0
    assert suites == [(True, 2, tmp_path / "easy")] and (tmp_path / "easy").is_dir()


def test_a_folder_that_cannot_be_made_is_of_the_machine(suites, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["hil", "suite", "easy", "-o", str(tmp_path / "file")]) == 4
    assert "cannot be written" in capsys.readouterr().err and suites == []


def test_json_is_one_list(suites, capsys):
    assert main(["hil", "suite", "hard", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [found["met"] for found in rows] == [True, False] and rows[0]["suite"] == "hard"


def test_unknown_names_and_wrong_numbers_are_usage(suites, capsys):
    assert main(["hil", "suite", "soft"]) == 2
    assert "easy, hard" in capsys.readouterr().err
    assert main(["hil", "suite", "easy", "-j", "0"]) == 2


def test_the_list_runs_nothing(suites, capsys):
    assert main(["hil", "suite", "--list"]) == 0
    assert "the easy one" in capsys.readouterr().out and suites == []
