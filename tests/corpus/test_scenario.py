"""Scenario folders and lists: what runs, with what, judged how."""

from __future__ import annotations

import json

import pytest

from autonomy.cli.main import main
from autonomy.corpus import conditions, results, scenario, selection
from autonomy.errors import BadInputError, UsageError

METRICS = {
    "ticks": 100,
    "verdict": "pass",
    "reference": None,
    "outage_max_percent": 0.4,
    "aids": {"gnss_position": {"nis_per_dof": 1.1}},
}


def folder(tmp_path, corpus, name: str, text: str, file: str = "scenario.toml"):
    here = tmp_path / "scenarios" / name
    here.mkdir(parents=True)
    (here / "drive.mcap").symlink_to(corpus / "a.mcap")
    (here / file).write_text(text)
    return here


def test_a_folder_of_scenarios_runs_each_as_it_says(tmp_path, corpus, capsys):
    folder(tmp_path, corpus, "good", 'log = "drive.mcap"\nend_s = 0.5\nconditions = ["ticks <= 51"]\n')
    folder(tmp_path, corpus, "sub/bad", 'log = "drive.mcap"\nconditions = ["ticks <= 51"]\n[set]\n"vehicle.mass_kg" = 1800.0\n')
    folder(tmp_path, corpus, "yaml", "log: drive.mcap\nfaults: gnss_drop\nconditions:\n  - ticks >= 100\n", "scenario.yaml")
    code = main(["test", str(tmp_path / "scenarios"), "-o", str(tmp_path / "out"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1 and told["counts"] == {"error": 0, "fail": 1, "inconclusive": 0, "pass": 2}
    _, rows = results.read(tmp_path / "out")
    assert {name: row["verdict"] for name, row in rows.items()} == {"good": "pass", "sub/bad": "fail", "yaml": "pass"}
    assert rows["good"]["ticks"] == 50 and rows["good"]["config_hash"] != rows["sub/bad"]["config_hash"]


def test_a_list_names_logs_and_scenarios(tmp_path, corpus):
    folder(tmp_path, corpus, "one", 'log = "drive.mcap"\n')
    listed = tmp_path / "list.txt"
    listed.write_text(f"# logs\n{corpus}/a.mcap  # the first\n\nscenarios/one\n")
    names = {case.name for case in selection.select(listed, {}, ())}
    assert names == {"scenarios/one", f"{corpus}/a".lstrip("/")}
    listed.write_text("nothing.mcap\n")
    with pytest.raises(BadInputError, match="line 1: nothing.mcap"):
        selection.select(listed, {}, ())


def test_options_of_the_command_fill_what_a_scenario_leaves_open(tmp_path, corpus):
    here = folder(tmp_path, corpus, "one", 'log = "drive.mcap"\noutages = "at=1:end"\n[set]\n"vehicle.mass_kg" = 1800.0\n')
    (case,) = selection.select(here, {"outages": "at=2:end", "end": 3.0, "overrides": {"vehicle.mass_kg": 1.0}}, ())
    assert case.name == "one" and case.options["outages"] == "at=1:end" and case.options["end"] == 3.0
    assert case.options["overrides"] == {"vehicle.mass_kg": 1.0}  # the command line wins, as everywhere


@pytest.mark.parametrize(
    "text, said",
    [
        ('log = "drive.mcap"\nspeed = 3\n', "unknown key 'speed'"),
        ("description = 'x'\n", "lacks log"),
        ('log = "other.mcap"\n', "does not exist"),
        ('log = "drive.mcap"\nend_s = -1\n', "end_s = -1"),
        ('log = "drive.mcap"\nconditions = "ticks > 1"\n', "list of texts"),
        ('log = "drive.mcap"\nconditions = ["ticks about 1"]\n', "ticks about 1"),
        ('log = "drive.mcap"\nschema = "other/1"\n', "schema"),
        ("log = ", "not valid TOML"),
    ],
)
def test_mistakes_in_a_scenario_name_file_and_key(tmp_path, corpus, text, said):
    here = folder(tmp_path, corpus, "one", text)
    with pytest.raises(UsageError, match=said) as caught:
        scenario.load(here / "scenario.toml", "one")
    assert "scenario.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text, outcome",
    [
        ("ticks == 100", "pass"),
        ("ticks<100", "fail"),
        ("verdict != error", "pass"),
        ("aids.gnss_position.nis_per_dof <= 1.5", "pass"),
        ("reference.position_rms_m <= 0.45", "unknown"),
        ("outage_maximum_percent <= 1", "unknown"),
        ("verdict == 3", "unknown"),
    ],
)
def test_conditions(text, outcome):
    assert conditions.parse(text, "here").judge(METRICS)["outcome"] == outcome


def test_a_misspelt_figure_names_the_nearest():
    assert "outage_max_percent" in conditions.parse("outage_maximum_percent <= 1", "here").judge(METRICS)["detail"]
