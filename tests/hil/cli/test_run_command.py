import json

import pytest

from autonomy.errors import UsageError
from hil.cli import drive
from tests.hil.cli.test_suite_command import Point

SCENARIO = """
set_speed_mps = 20.0
duration_s = 6.5
[road]
segments = [{ length_m = 900 }]
[[traffic]]
gap_m = 70
speed_mps = 20.0
"""
WORLD = '''
from hil.worlds.curved_road import CurvedRoad
from autonomy import config

class Outside(CurvedRoad):
    def __init__(self):
        super().__init__(config.load("vehicles/demo_truck").section("vehicle"))
'''


@pytest.fixture
def main(monkeypatch):
    from autonomy.cli import main

    monkeypatch.setattr("autonomy.cli.main.added_commands", lambda: [Point()])
    return main.main


def test_a_scenario_is_driven_recorded_and_told(main, tmp_path, capsys):
    (tmp_path / "road.toml").write_text(SCENARIO)
    options = ["--level", "perfect", "-o", str(tmp_path / "run"), "--junit", str(tmp_path / "junit.xml"), "--json"]
    assert main(["hil", "run", str(tmp_path / "road.toml"), *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "pass" and found["ticks"] == 650 and found["set_speed_mps"] == 20.0
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"output.mcap", "result.json", "report.html", "truth.npz"}
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "nearest corner" in capsys.readouterr().out


def test_a_world_from_outside_is_found(main, tmp_path, monkeypatch, capsys):
    (tmp_path / "outside_world.py").write_text(WORLD)
    monkeypatch.chdir(tmp_path)
    assert main(["hil", "run", "--world", "outside_world:Outside", "--duration", "1", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["world"] == "Outside"


def test_the_list_names_the_packaged_scenarios(main, capsys):
    assert main(["hil", "run", "--list"]) == 0
    assert "motorway" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "sentence"), [
    ("hil.world", "write package.module:Class"), ("no_such:World", "a module that Python finds"), ("hil.world:No", "has no No"),
    ("json:JSONDecoder", "no method reset and no step"), ("tests.hil.cli.test_run_command:Demanding", "argument: 'road'"),
])  # fmt: skip
def test_worlds_that_are_not_there(name, sentence):
    with pytest.raises(UsageError, match=sentence):
        drive.make_world(name)


class Demanding:
    def __init__(self, road):
        self.road = road

    def reset(self, seed, scenario=None): ...
    def step(self, actuation, dt_s): ...
    def close(self): ...


def test_the_small_world_needs_nothing():
    assert drive.make_world("hil.worlds.curved_road:CurvedRoad").set_speed == 22.0


@pytest.mark.parametrize("options", [("--duration", "0"), ("--set-speed", "-5"), ("--set-speed", "nan"), ("--set-speed", "500")])
def test_wrong_numbers_are_usage(main, options):
    assert main(["hil", "run", *options]) == 2


@pytest.mark.parametrize(("plant", "override", "sentence"), [
    ("plants/eu_4x2_40t", '"steering.play" = -1', "ego.overrides: [steering] play = -1: must not be below zero"),
    ("plants/eu_4x2_40t", '"steering.delay_s" = 50', "ego.overrides: [steering] delay_s = 50.0: must lie in"),
    ("plants/eu_4x2_40t", '"steering.slack" = 1', "ego.overrides steering.slack: no such key in"),
    ("kinematic", "slack = 1", "ego.overrides slack: no key of [vehicle] of vehicles/demo_truck, whose keys"),
    ("kinematic", 'mass_kg = "much"', "ego.overrides mass_kg = 'much': needs a number"),
    ("plants/none", "", "'plants/none': neither a file nor one of the packaged ones (plants/common, plants/eu_4x2_40t"),
])  # fmt: skip
def test_a_wrong_plant_is_told_by_its_place_before_anything_is_said_to_drive(main, tmp_path, capsys, plant, override, sentence):
    path = tmp_path / "road.toml"
    path.write_text(f'{SCENARIO}[ego]\nplant = "{plant}"\n[ego.overrides]\n{override}\n')
    assert main(["hil", "run", str(path)]) == 2
    told = capsys.readouterr().err
    assert sentence in told and "driving" not in told and "--set" not in told
    assert "overrides" not in sentence or f"{path}: ego.overrides" in told


def test_faults_that_are_not_there_are_told_before_anything_is_said_to_drive(main, capsys):
    assert main(["hil", "run", "--faults", "nope.toml"]) == 2
    told = capsys.readouterr().err
    assert "no fault timeline 'nope.toml'" in told and "driving" not in told


@pytest.mark.parametrize("action", ["run", "live"])
@pytest.mark.parametrize("seed", ["-1", "1.5"])
def test_wrong_seeds_are_usage(main, capsys, action, seed):
    assert main(["hil", action, "--seed", seed]) == 2
    assert "whole number from 0 on" in capsys.readouterr().err
