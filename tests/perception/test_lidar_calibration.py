"""Calibration files that a vehicle file names: found, told when they are none, and the same bytes for a whole run."""

import json

import numpy as np
import pytest

from autonomy import config
from autonomy.config_review import freeze, review
from autonomy.errors import BadInputError, UsageError
from autonomy.perception.lidar_calibration import attachments, model_of
from autonomy.perception.stages import sensors_of, stages_of
from drivers.lidar.model import model
from tests.drivers.lidar.test_calibration import lasers, metadata, yaml_of

VEHICLE = """include = ["vehicles/demo_truck"]
[[lidar.sensor]]
name = "roof"
model = "VLP-16"
source = 30
x_m = 5.0
height_m = 3.2
calibration = "units/roof.yaml"
"""


@pytest.fixture
def truck(tmp_path):
    """The vehicle file; the unit's lasers are half a degree higher than the manual has them."""
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "roof.yaml").write_text(yaml_of(lasers()))
    (tmp_path / "truck.toml").write_text(VEHICLE)
    return tmp_path / "truck.toml"


def test_a_lidar_is_decoded_with_the_file_beside_the_vehicles(truck):
    (stage,) = stages_of(config.load(truck)).values()
    raised = np.array(stage.decoder.model.beams.elevation_deg) - model("VLP-16").beams.elevation_deg
    np.testing.assert_allclose(raised, 0.5, atol=1e-6)
    assert review(config.load(truck)).problems == []


def test_a_file_that_changes_while_a_run_uses_it_changes_nothing(truck):
    loaded = config.load(truck)
    (sensor,) = sensors_of(loaded)
    before = model_of(sensor, loaded)
    (truck.parent / "units" / "roof.yaml").write_text("lasers: none")
    assert model_of(sensor, loaded) == before
    assert attachments(loaded) == {"lidar/roof.yaml": yaml_of(lasers()).encode()}


def test_a_log_brings_its_file_with_it(truck, tmp_path):
    loaded = config.load(truck)
    (sensor,) = sensors_of(loaded)
    text, files, before = loaded.to_json(), attachments(loaded), model_of(sensor, loaded)
    (truck.parent / "units" / "roof.yaml").unlink()
    assert model_of(sensor, config.Config.from_json(text, files=files)) == before
    without = config.Config.from_json(text)
    assert attachments(without) == {}
    with pytest.raises(UsageError, match="calibration = 'units/roof.yaml': there is no such file"):
        stages_of(without)


def test_a_file_that_is_none_is_told_by_vehicle_sensor_and_file(truck):
    (truck.parent / "units" / "roof.yaml").write_text("lasers: none")
    with pytest.raises(BadInputError, match=r"truck.toml: .*\(roof\): calibration = 'units/roof.yaml': .*no list of lasers"):
        stages_of(config.load(truck))
    (problem,) = review(config.load(truck)).problems
    assert "no list of lasers" in problem


@pytest.mark.parametrize("mode", ["512x10", "512x20"])
def test_an_ouster_turns_as_its_file_says(truck, mode):
    told = metadata("LEGACY", False) | {"beam_altitude_angles": [1.0] * 64, "beam_azimuth_angles": [0.0] * 64, "lidar_mode": mode}
    (truck.parent / "units" / "roof.json").write_text(json.dumps(told))
    truck.write_text(VEHICLE.replace("roof.yaml", "roof.json").replace("VLP-16", "OS1-64"))
    loaded = config.load(truck)
    if mode == "512x10":
        assert model_of(*sensors_of(loaded), loaded).azimuth_units == 512
        return
    with pytest.raises(UsageError, match="has it turn with 20 Hz, and rate_hz = 10"):
        model_of(*sensors_of(loaded), loaded)


def test_a_file_with_a_name_that_no_disk_has_is_told(truck):
    truck.write_text(VEHICLE.replace("units/roof", "x" * 300))
    with pytest.raises(UsageError, match=r"cannot be read: File name too long"):
        stages_of(config.load(truck))


def test_a_frozen_vehicle_has_its_file_beside_it(truck, tmp_path):
    loaded = config.load(truck)
    found = freeze(loaded, tmp_path / "site" / "truck.toml")
    copy = tmp_path / "site" / "units" / "roof.yaml"
    assert not found.missing and copy in found.files and copy.read_text() == yaml_of(lasers())
    again = config.load(tmp_path / "site" / "truck.toml")
    assert again.sha256 == loaded.sha256 and attachments(again) == attachments(loaded)


def test_freezing_writes_no_file_outside_its_folder(truck, tmp_path):
    loaded = config.load(truck)
    for name in ("../roof.yaml", str(tmp_path / "elsewhere.yaml")):
        sections = loaded.sections | {"lidar": {"sensor": [{"name": "roof", "calibration": name}]}}
        kept = config.Config(loaded.path, sections, loaded.origins, {"lidar/roof.yaml": b"x"})
        found = freeze(kept, tmp_path / "site" / "truck.toml")
        (told,) = [sentence for sentence in found.missing if "calibration" in sentence]
        assert "was not copied" in told and not (tmp_path / name).exists() and not (tmp_path / "roof.yaml").exists()


def test_freezing_does_not_write_over_another_file(truck, tmp_path):
    (tmp_path / "site" / "units").mkdir(parents=True)
    (tmp_path / "site" / "units" / "roof.yaml").write_text("mine")
    with pytest.raises(UsageError, match="freeze into another folder"):
        freeze(config.load(truck), tmp_path / "site" / "truck.toml")
    assert (tmp_path / "site" / "units" / "roof.yaml").read_text() == "mine"
