"""A configuration reviewed, compared and frozen, as the command line does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import config
from autonomy.cli.main import main
from autonomy.config_review import differences, freeze, review
from autonomy.perception.stages import sensors_of
from autonomy.runtime.scan_sensors import sockets_asked_for

TRUCK = "vehicles/demo_truck"


def written(folder: Path, text: str) -> Path:
    path = folder / "vehicle.toml"
    path.write_text(f'include = ["{config.find(TRUCK)}"]\n{text}')
    return path


def test_the_packaged_truck_is_good():
    found = review(config.load(TRUCK))
    assert found.problems == [] and found.notes == []


@pytest.mark.parametrize(
    "text, words",
    [
        ("[vehicle]\nmass_kg = 'heavy'", ["[vehicle] mass_kg = 'heavy': not a number"]),
        ("[vehicle]\nmas_kg = 1.0", ["[vehicle] has no key 'mas_kg'"]),
        ("[ego]\nmounting = [0.0]\n[lane]\nx = 1", ["[ego] mounting = [0.0]: needs 2 numbers", "[lane] has no key 'x'"]),
        ("[brakes]\nx = 1", ["section [brakes] is unknown"]),
        ("[replay]\nspeed = 1", ["[replay] has no key 'speed'"]),
        ('[can]\nroute = []\n[[can.bus]]\nbus = 0\ndbc = "none.dbc"', ["dbc = 'none.dbc' of bus 0 is neither beside this file"]),
        ("[lateral]\ngain_speed_mps = [1.0]", ["gain_speed_mps"]),
    ],
)
def test_each_problem_is_a_sentence_of_its_own(tmp_path, text, words):
    found = review(config.load(written(tmp_path, text))).problems
    for word in words:
        assert any(word in sentence and "vehicle.toml" in sentence for sentence in found), found


def test_sensors_that_share_a_udp_port_are_told_by_the_check_and_can_still_be_parted_in_a_run():
    lidar = {"name": "roof", "model": "XT32", "source": 30, "x_m": 5.0, "height_m": 3.2, "port": 42102}
    loaded = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [lidar, {**lidar, "name": "left", "source": 32}]})
    found = review(loaded).problems
    assert len(found) == 2 and all(sentence.startswith("vehicles/demo_truck_lidar: ") for sentence in found)
    assert "[[lidar.sensor]] (left): port = 42102 is that of the lidar roof too; give each sensor a UDP port" in found[0]
    assert "[[radar.sensor]] (front): port = 42102 is that of the lidar roof too" in found[1]
    given = {"roof": "127.0.0.1:2368", "left": "2370"}
    assert len(set(sockets_asked_for(given, sensors_of(loaded), "x").values())) == 3


def test_all_problems_are_told_at_once(tmp_path):
    text = """[vehicle]
mas_kg = 1.0
wheelbase_m = "long"
mass_kg = -1.0
[replay]
set_speed_mps = "fast"
path_origin = [1.0]
[can]
route = [{bus = 0, message = "CCVS1", kind = "wheel", fields = {}, colour = 1},
 {bus = 9, message = "X", kind = "wheel", fields = {}},
 {bus = 0, message = "NONE", kind = "wheel", fields = {}}]
"""
    found = review(config.load(written(tmp_path, text))).problems
    for words in ("no key 'mas_kg'", "wheelbase_m = 'long': not a number", "mass_kg = -1.0: must be", "set_speed_mps = 'fast'",
                  "path_origin = [1.0]: needs 3", "route[0]", "number 2 (X): bus = 9", "no message 'NONE'"):  # fmt: skip
        assert sum(words in sentence for sentence in found) == 1, (words, found)
    assert len(found) == 8


def test_an_include_that_is_missing_says_where_it_was_looked_for_and_what_to_do(tmp_path, capsys):
    path = tmp_path / "vehicle.toml"
    path.write_text('include = ["nowhere.toml"]')
    assert main(["config", "check", str(path)]) == 2
    out = capsys.readouterr().out
    assert f"no {tmp_path / 'nowhere.toml'}" in out and "put the file there, or correct or remove the name" in out


def test_a_packaged_name_can_be_included_from_anywhere(tmp_path):
    (tmp_path / "mine.toml").write_text('include = ["vehicles/demo_truck"]\n[vehicle]\nmass_kg = 30000.0\n')
    assert config.load(tmp_path / "mine.toml").sha256 == config.load(TRUCK, {"vehicle.mass_kg": 30000.0}).sha256


def test_check_tells_problems_and_leaves_with_2(tmp_path, capsys):
    path = written(tmp_path, "[vehicle]\nmass_kg = 'heavy'\n[brakes]\nx = 1")
    assert main(["config", "check", TRUCK, str(path)]) == 2
    out = capsys.readouterr().out
    assert f"{TRUCK}: good" in out and f"{path}: 2 problems" in out
    assert main(["config", "check", "--json", TRUCK]) == 0
    assert json.loads(capsys.readouterr().out) == {"configs": [{"config": TRUCK, "problems": [], "notes": []}]}


def test_a_difference_names_both_values_and_their_files(tmp_path, capsys):
    path = written(tmp_path, "[vehicle]\nmass_kg = 18000.0")
    assert main(["config", "diff", TRUCK, str(path)]) == 1
    out = capsys.readouterr().out
    assert "vehicle.mass_kg" in out and "- 40000.0" in out and "+ 18000.0" in out and str(path) in out and "1 difference" in out
    assert main(["config", "diff", TRUCK, TRUCK]) == 0


def test_a_route_added_in_front_is_the_only_difference():
    base = config.load(TRUCK)
    route = {"bus": 0, "message": "EEC1", "kind": "signal", "signal": "ENGINE_SPEED", "source_address": 17, "fields": {}}
    can = {**base.sections["can"], "route": [route, *base.sections["can"]["route"]]}
    found = differences(base, config.Config(base.path, {**base.sections, "can": can}, base.origins))
    assert [item.name for item in found] == ["can.route[0 EEC1 17 signal ENGINE_SPEED]"] and found[0].a is None


def test_a_frozen_configuration_is_whole_and_has_the_same_hash(tmp_path, capsys):
    frozen = tmp_path / "new" / "truck.toml"
    assert main(["config", "freeze", TRUCK, "--set", "vehicle.mass_kg=30000.0", "-o", str(frozen)]) == 0
    loaded = config.load(frozen)
    assert loaded.sha256 == config.load(TRUCK, {"vehicle.mass_kg": 30000.0}).sha256
    assert review(loaded).problems == [] and (tmp_path / "new" / "j1939.dbc").is_file()
    text = frozen.read_text()
    assert "\ninclude" not in text and "mass_kg = 30000.0  # --set" in text and "# ego\n" in text


VALUES = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=20))
TABLES = st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=8), VALUES | st.lists(VALUES, max_size=4), max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["vehicle", "ego", "lane"]), TABLES, min_size=1))
def test_freezing_keeps_every_value(tmp_path_factory, sections):
    path = tmp_path_factory.mktemp("frozen") / "a.toml"
    original = config.Config("a", sections)
    freeze(original, path)
    assert config.load(path).sha256 == original.sha256


def test_the_configuration_of_a_run_is_that_of_its_log(tmp_path, capsys):
    from autonomy import replay
    from hil import drive

    log = drive.record(tmp_path / "drive.mcap", duration_s=2.0, seed=1)
    replay(log, output_dir=tmp_path, report=False)
    assert main(["config", "diff", str(tmp_path / "output.mcap"), TRUCK]) == 0
    assert main(["config", "check", str(tmp_path / "output.mcap")]) == 0


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    from autonomy import replay
    from hil import drive

    folder = tmp_path_factory.mktemp("run")
    replay(drive.record(folder / "drive.mcap", duration_s=2.0, seed=1), output_dir=folder, report=False)
    return folder


def test_a_run_is_frozen_with_the_databases_that_its_log_carries(run_folder, tmp_path, monkeypatch, capsys):
    frozen = tmp_path / "site" / "truck.toml"
    monkeypatch.setattr("autonomy.config.directory", lambda: tmp_path)  # a machine without the packaged files
    assert main(["config", "freeze", str(run_folder / "output.mcap"), "-o", str(frozen)]) == 0
    assert (frozen.parent / "j1939.dbc").is_file() and (frozen.parent / "sensors" / "demo_sensors.dbc").is_file()
    assert main(["config", "check", str(frozen)]) == 0
    assert capsys.readouterr().err == ""


def test_a_missing_database_is_told_when_freezing(tmp_path, capsys):
    assert main(["config", "freeze", "vehicles/toyota_rav4_comma2k19", "-o", str(tmp_path / "car.toml")]) == 0
    told = capsys.readouterr().err
    assert ".dbc' of bus" in told and "is not to be found" in told


def test_freezing_does_not_write_over_another_database(tmp_path, capsys):
    (tmp_path / "j1939.dbc").write_text("mine")
    assert main(["config", "freeze", TRUCK, "-o", str(tmp_path / "truck.toml")]) == 2
    assert "freeze into another folder" in capsys.readouterr().err
    assert (tmp_path / "j1939.dbc").read_text() == "mine" and not (tmp_path / "truck.toml").exists()


def test_runs_are_compared_by_their_folders(run_folder, capsys):
    assert main(["config", "diff", str(run_folder), TRUCK]) == 0
    assert main(["config", "diff", str(run_folder), str(run_folder)]) == 0


def test_a_wrong_lidar_is_told_with_the_rest():
    found = review(config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [{"name": "roof"}]})).problems
    assert len(found) == 1 and "[lidar]" in found[0] and "model" in found[0]
    assert not review(config.load("vehicles/demo_truck_lidar")).problems
