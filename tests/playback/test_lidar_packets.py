"""Replays from packets: with the calibration file that the drive had, and of captures that know ports alone."""

from __future__ import annotations

import numpy as np
import pytest

import hil
from autonomy import Stack, replay
from autonomy.errors import UsageError
from autonomy.log.cutting import cut
from autonomy.log.merging import merge
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from hil.sensors import Bytes
from hil.worlds.motorway import Motorway
from tests.drivers.lidar.test_calibration import lasers, yaml_of

LIDAR = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.25, "cut_azimuth_rad": 3.14159265,
         "gives": ["obstacle", "lane"]}  # fmt: skip
RAW = ["/raw/can/*", "/raw/serial/*", "/parameters", "/cut", "/in/frame", "/ref/*"]
SECONDS, SEED = 1.5, 4


def driven(folder, calibration: dict):
    stack = Stack.from_config("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR | calibration], "radar.sensor": []})
    return hil.run(Motorway(), stack, Bytes(stack.config, SEED), SECONDS, SEED, None, folder, report=False)


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """A drive whose lidar has a calibration file that is gone since; and what it was."""
    folder = tmp_path_factory.mktemp("unit")
    text = yaml_of(lasers(dist_correction=0.3))
    (folder / "roof.yaml").write_text(text)
    found = driven(folder / "drive", {"calibration": str(folder / "roof.yaml")})
    (folder / "roof.yaml").unlink()
    return found, text.encode()


def test_a_drive_with_a_calibrated_lidar_replays_to_the_same_bytes_without_the_file(unit, tmp_path):
    drive, text = unit
    with LogReader(drive.log_path) as log:
        assert log.attachment("lidar/roof.yaml") == text
    again = replay(drive.log_path, mode="packets", output_dir=tmp_path, report=False)
    told = again.metrics["perception"]
    assert again.metrics["output_sha256"] == drive.metrics["output_sha256"]
    assert told["different"] == 0 and told["equal"] >= told["scans"] >= 10 and told["without_partner"] <= 2
    with LogReader(tmp_path / "output.mcap") as log:
        assert log.attachment("lidar/roof.yaml") == text
    assert replay(drive.log_path, report=False).metrics["output_sha256"] == drive.metrics["output_sha256"]


def test_without_its_calibration_a_lidar_sees_something_else(unit):
    drive, _ = unit
    plain = {"lidar.sensor": [LIDAR], "radar.sensor": []}
    assert replay(drive.log_path, overrides=plain, mode="packets", report=False).metrics["perception"]["different"] > 5


def test_a_calibration_that_neither_log_nor_disk_has_is_told(unit):
    drive, _ = unit
    other = {"lidar.sensor": [LIDAR | {"calibration": "gone.csv"}], "radar.sensor": []}
    with pytest.raises(UsageError, match=r"\(roof\): calibration = 'gone.csv': there is no such file"):
        replay(drive.log_path, overrides=other, mode="packets", report=False)


def test_packets_of_a_capture_are_those_of_the_sensor_with_that_port(unit, tmp_path):
    drive, _ = unit
    with LogReader(drive.log_path) as log:
        cut(log, tmp_path / "rest.mcap", topics=RAW)
        cut(log, tmp_path / "named.mcap", topics=[*RAW, "/raw/udp/*"])
        rows = list(log.messages("/raw/udp/roof"))
    with LogWriter(tmp_path / "capture.mcap") as capture:
        for time_ns, row in rows:
            capture.write_batch("/raw/udp/2368", np.array([time_ns]), np.array([row]))
    with LogReader(tmp_path / "rest.mcap") as rest, LogReader(tmp_path / "capture.mcap") as capture:
        merge([rest, capture], tmp_path / "merged.mcap")
    named, of_port = (replay(tmp_path / f"{name}.mcap", mode="packets", report=False).metrics for name in ("named", "merged"))
    assert of_port["perception"] == named["perception"] and of_port["perception"]["scans"] >= 10
    assert of_port["output_sha256"] == named["output_sha256"]
