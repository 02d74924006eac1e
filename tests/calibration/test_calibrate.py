"""`autonomy calibrate`: from a log to a configuration that a vehicle file can include."""

from __future__ import annotations

import json
import math
import tomllib

import pytest

from autonomy import config, replay
from autonomy.calibration import drive, sensors, steering
from autonomy.calibration.page import render
from autonomy.calibration.result import Calibration
from autonomy.cli.main import main
from autonomy.errors import BadInputError
from autonomy.log.writer import LogWriter
from tests.playback.conftest import VEHICLE, small_log  # noqa: F401


def test_a_log_without_inertial_samples_is_refused(tmp_path):
    with LogWriter(tmp_path / "a.mcap", {"vehicle": VEHICLE}) as writer:
        from tests.playback.conftest import drive as made

        writer.write_merged({"/in/wheel": made()["/in/wheel"]})
    with pytest.raises(BadInputError, match="the ego filter never started"):
        drive.run(tmp_path / "a.mcap")


def test_four_seconds_teach_nothing_of_the_steering(small_log, capsys):  # noqa: F811
    code = main(["calibrate", str(small_log), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code in (0, 5) and found["schema"] == "autonomy.calibration/1"
    assert any("steering: needs 20 s" in note for note in found["notes"])
    assert code == (0 if any(row["is_used"] for row in found["quantities"]) else 5)


def test_the_demonstration_is_learned_as_it_was_made(tmp_path, capsys):
    from hil import drive as demonstration

    log = demonstration.record(tmp_path / "drive.mcap", duration_s=60.0, seed=3)
    assert main(["calibrate", str(log), "-o", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "calibration.toml" in out and "speed scale" in out
    learned = tomllib.loads((tmp_path / "out" / "calibration.toml").read_text())
    assert 0.97 < learned["ego"].get("speed_scale", 1.0) < 1.03
    vehicle = tmp_path / "truck.toml"
    vehicle.write_text(f'include = ["{config.find("vehicles/demo_truck")}", "out/calibration.toml"]\n')
    again = replay(log, vehicle)
    assert again.verdict == "pass" and math.isfinite(again.metrics["reference"]["position_rms_m"])


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
