import json
import sys
from types import ModuleType

import pytest

from autonomy.cli.main import main
from hil.cli import suite


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
