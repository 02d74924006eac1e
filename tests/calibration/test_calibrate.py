"""`autonomy calibrate`: from a log to a configuration that a vehicle file can include."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from autonomy import config, replay
from autonomy.calibration import drive, sensors, steering
from autonomy.calibration.page import render
from autonomy.calibration.result import Calibration
from autonomy.cli.calibrate import _prepare
from autonomy.cli.main import main
from autonomy.errors import BadInputError, UsageError
from autonomy.log.writer import LogWriter
from tests.playback.conftest import VEHICLE, small_log  # noqa: F401


def test_a_log_without_inertial_samples_is_refused(tmp_path):
    with LogWriter(tmp_path / "a.mcap", {"vehicle": VEHICLE}) as writer:
        from tests.playback.conftest import drive as made

        writer.write_merged({"/in/wheel": made()["/in/wheel"]})
    with pytest.raises(BadInputError, match="the ego filter never started"):
        drive.run(tmp_path / "a.mcap")


def test_four_seconds_teach_nothing(small_log, capsys):  # noqa: F811
    assert main(["calibrate", str(small_log), "--json"]) == 5
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "autonomy.calibration/1" and not found["overrides"]
    assert any("steering: needs 20 s" in note for note in found["notes"])
    assert all(row["note"] == "the drive is shorter than 20 s" for row in found["quantities"])


def test_the_folder_of_a_run_is_taken_as_its_log(small_log, tmp_path, capsys):  # noqa: F811
    (tmp_path / "drive.mcap").write_bytes(small_log.read_bytes())
    assert main(["calibrate", str(tmp_path), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["log"] == str(tmp_path / "drive.mcap")


def test_the_demonstration_is_learned_as_it_was_made(tmp_path, capsys):
    from hil import drive as demonstration

    log = demonstration.record(tmp_path / "drive.mcap", duration_s=60.0, seed=3)
    assert main(["calibrate", str(log), "-o", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "calibration.toml" in out and "speed scale" in out
    learned = tomllib.loads((tmp_path / "out" / "calibration.toml").read_text())
    assert 0.97 < learned["ego"].get("speed_scale", 1.0) < 1.03
    calibrated = config.load(tmp_path / "out" / "calibration.toml")
    assert calibrated.sections["ego"]["speed_scale"] == learned["ego"]["speed_scale"]
    assert calibrated.sections["can"] == config.load("vehicles/demo_truck").sections["can"]
    again = replay(log, tmp_path / "out" / "calibration.toml")
    assert again.verdict == "pass" and math.isfinite(again.metrics["reference"]["position_rms_m"])


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    from hil import drive as made

    return made.record(tmp_path_factory.mktemp("drive") / "drive.mcap", duration_s=30.0, seed=3)


def test_the_how_to_leads_to_a_vehicle_with_the_learned_values(demonstration, tmp_path, monkeypatch, capsys):
    """docs/how-to/set-up-a-vehicle.md, from the frozen vehicle to the run with the calibrated one."""
    monkeypatch.chdir(tmp_path)
    assert main(["config", "freeze", "vehicles/demo_truck", "-o", "site/my_truck.toml"]) == 0
    assert main(["config", "check", "site/my_truck.toml", "--log", str(demonstration)]) == 0
    assert main(["calibrate", str(demonstration), "--config", "site/my_truck.toml", "-o", "runs/calibration"]) == 0
    calibrated = "runs/calibration/calibration.toml"
    assert main(["config", "check", calibrated]) == 0
    capsys.readouterr()
    assert main(["config", "diff", "site/my_truck.toml", calibrated, "--json"]) == 1
    changed = {item["name"]: item["b"] for item in json.loads(capsys.readouterr().out)["differences"]}
    assert "ego.speed_scale" in changed and all(name.startswith(("ego.", "vehicle.")) for name in changed)
    assert main(["replay", str(demonstration), "--config", calibrated, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config_hash"] == config.load(calibrated).sha256
    # on top of what was learned, a second time
    assert main(["calibrate", str(demonstration), "--config", calibrated, "-o", "runs/again"]) in (0, 5)
    with pytest.raises(UsageError, match="would write over"):
        _prepare(tmp_path / "runs" / "calibration", calibrated)


def test_a_drive_that_carries_its_vehicle_is_calibrated_with_a_copy_of_it(demonstration, tmp_path):
    replay(demonstration, output_dir=tmp_path / "run", report=False, overrides={"vehicle.mass_kg": 30000.0})
    assert main(["calibrate", str(tmp_path / "run" / "output.mcap"), "-o", str(tmp_path / "out")]) == 0
    calibrated = config.load(tmp_path / "out" / "calibration.toml")
    assert calibrated.sections["vehicle"]["mass_kg"] == 30000.0
    assert (tmp_path / "out" / "vehicle.toml").is_file() and (tmp_path / "out" / "j1939.dbc").is_file()


def test_a_folder_that_cannot_be_made_is_told_before_the_passes(demonstration, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sensors, "calibrate", None)
    assert main(["calibrate", str(demonstration), "-o", str(tmp_path / "file")]) == 4
    assert "cannot be written" in capsys.readouterr().err


def test_an_antenna_within_two_sigmas_of_its_configured_place_is_not_written():
    passes = [drive.CalibrationDrive(None, np.array([0.0, 60.0]), None, 0.0, 0, {}, {"antenna_from_imu_m": [0.0, 0.0, 0.5]})]
    found = [
        sensors.Quantity("antenna ahead of the IMU", "m", 0.09, 0.34, 0.0, "antenna_from_imu_m", 0),
        sensors.Quantity("antenna left of the IMU", "m", 0.9, 0.3, 0.0, "antenna_from_imu_m", 1),
    ]
    calibration = Calibration(Path("a.mcap"), sensors.SensorCalibration(found, passes), "none")
    assert calibration.overrides() == {"ego.antenna_from_imu_m": [0.0, 0.9, 0.5]}
    assert [(row.is_used, row.note) for row in calibration.rows()] == [(False, "not told from the configured place"), (True, "")]


@pytest.mark.real_data
def test_the_recorded_minute_gives_ratio_delays_and_scale(data_directory, tmp_path):
    from autonomy.log.importers.comma2k19 import convert

    log = tmp_path / "drive.mcap"
    convert([data_directory / "comma2k19"], log)
    found = sensors.calibrate(log, None, {}, lambda text: None)
    vehicle = found.passes[-1].vehicle
    calibration = Calibration(
        log, found, steering.fit(found.passes[-1].motion, vehicle["wheelbase_m"], vehicle["understeer_gradient"])
    )
    rows = {row.name: row for row in calibration.rows()}
    for name, truth, least in (
        ("steering ratio", 16.88, 0.0), ("GNSS position delay", 0.085, 0.0), ("GNSS velocity delay", 0.145, 0.0),
        ("speed scale", 0.9914, 0.003),
    ):  # fmt: skip
        assert abs(rows[name].value - truth) <= 2.0 * rows[name].sigma + least, name
        assert rows[name].is_used
    assert not rows["understeer gradient"].is_used
    page = render(calibration)
    assert page.count("<svg") >= 9 and "steering ratio" in page
