"""A truck that is other than its vehicle file says, calibrated from a drive of its own: values, store, page, and the next run."""

from __future__ import annotations

import json

import pytest

from autonomy import config
from autonomy.calibration import truck
from autonomy.cli.main import main

NEEDED = ("steering dead time", "steering lag", "steering play", "wheel radius", "mass", "rolling resistance")


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    from hil.suites._calibration_drive import Case, record

    folder = tmp_path_factory.mktemp("drive")
    return folder / "output.mcap", record(Case("plants/eu_4x2_40t", 204, 200.0), folder)


@pytest.mark.slow
def test_values_are_within_three_sigma_and_the_stack_takes_them(driven, tmp_path, capsys):
    log, truth = driven
    assert main(["calibrate", str(log), "-o", str(tmp_path), "--trailer", "box", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["quantities"]}
    for name in NEEDED:
        assert abs(rows[name]["value"] - truth[name]) <= 3.0 * rows[name]["sigma"], name
    assert rows["steering dead time"]["is_used"] and not rows["mass"]["is_used"]
    made = config.load(tmp_path / "calibration.toml")
    assert made.sections["vehicle"]["steering_delay_s"] == rows["steering dead time"]["value"]
    if any("box" in note for note in found["notes"]):  # too few bends for the trailer's wheelbase
        assert not made.sections["truck"]["stored_trailer"]
    else:
        assert made.sections["trailers"]["names"] == ["box"] and len(made.sections["truck"]["stored_trailer"]) == 1
    page = (tmp_path / "calibration.html").read_text()
    assert "from the commands sent" in page and "from the forces" in page
    assert main(["config", "check", str(tmp_path / "calibration.toml")]) == 0
    assert main(["replay", str(log), "--config", str(tmp_path / "calibration.toml"), "--json"]) == 0


def test_a_name_without_a_place_to_write_is_told(tmp_path, capsys):
    assert main(["calibrate", str(tmp_path / "no.mcap"), "--trailer", "box"]) == 2
    assert "say with -o" in capsys.readouterr().err


def test_the_trailers_axles_move_together():
    vehicle = config.load("vehicles/demo_truck")
    from autonomy.parameters import load_parameters

    moved = truck.trailer_geometry(load_parameters(vehicle)["vehicle"], 8.2)
    assert moved["vehicle.trailer_axle_x_m"] == pytest.approx([6.9, 8.2, 9.5, 0.0])
