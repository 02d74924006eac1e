"""Faults in a whole replay: repeatable, recorded as they were, and felt by the filter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autonomy import msg, replay
from autonomy.log.importers import comma2k19
from tests.playback.conftest import drive, write

MIXED = """
schema = "autonomy.faults/1"
[[fault]]
source = "gnss"
kind = "delay"
start_s = 1.0
end_s = 2.5
value = 0.33
[[fault]]
source = "wheel"
kind = "noise"
value = 0.2
probability = 0.8
seed = 4
[[fault]]
source = "imu"
kind = "reorder"
value = 0.02
start_s = 2.0
[[fault]]
source = "imu"
kind = "duplicate"
probability = 0.1
[[fault]]
source = "gnss"
kind = "clock_jump"
start_s = 3.0
end_s = 3.3
value = -0.4
[[fault]]
source = "wheel"
kind = "drop"
probability = 0.2
seed = 1
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("log") / "small.mcap", drive())


def command(log: Path, faults: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """`autonomy replay LOG --faults FAULTS` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "autonomy", "replay", str(log), "--faults", str(faults), *options],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_faulted_run_is_recorded_as_it_was(log, tmp_path):
    (tmp_path / "faults.toml").write_text(MIXED)
    run = replay(log, faults=tmp_path / "faults.toml", output_dir=tmp_path / "run", report=False)
    assert run.metrics["output_sha256"] != replay(log).metrics["output_sha256"]
    counts = [fault["records"] for fault in run.metrics["faults"]]
    assert [fault["kind"] for fault in run.metrics["faults"]] == ["delay", "noise", "reorder", "duplicate", "clock_jump", "drop"]
    assert counts[0]["touched"] == 15 and counts[3]["added"] > 0 and 0 < counts[5]["dropped"] < counts[5]["matched"]
    for mode in ("raw", "cuts", "frames"):
        assert replay(run.log_path, mode=mode).metrics["output_sha256"] == run.metrics["output_sha256"]


def test_hash_seeds_do_not_matter(log, tmp_path):
    (tmp_path / "faults.toml").write_text(MIXED)
    runs = [command(log, tmp_path / "faults.toml", "--json", "--no-report", PYTHONHASHSEED=seed) for seed in ("0", "4242")]
    first, second = (json.loads(done.stdout) for done in runs)
    assert first["output_sha256"] == second["output_sha256"] and first["faults"] == second["faults"]


def test_a_wrong_timeline_ends_with_a_sentence_and_exit_code_2(log, tmp_path):
    (tmp_path / "faults.toml").write_text('schema = "autonomy.faults/1"\n[[fault]]\nsource = "radar"\nkind = "drop"\n')
    done = command(log, tmp_path / "faults.toml")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "fault 1: source = 'radar' is not in this log" in done.stderr


@pytest.fixture(scope="module")
def highway(data_directory, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("comma2k19") / "log.mcap"
    comma2k19.convert([data_directory / "comma2k19"], path)
    return path


@pytest.mark.real_data
def test_without_gnss_its_age_grows_and_the_filter_dead_reckons(highway):
    first, second, clean = replay(highway, faults="gnss_drop"), replay(highway, faults="gnss_drop"), replay(highway)
    assert first.metrics["output_sha256"] == second.metrics["output_sha256"] != clean.metrics["output_sha256"]
    vehicle, ego = first.topic("vehicle"), first.topic("ego")
    seconds = (ego["time_ns"] - ego["time_ns"][0]) / 1e9
    before, late, after = (int(np.searchsorted(seconds, at)) for at in (19.5, 39.5, 41.0))
    assert vehicle["gnss_age_s"][before] < 0.5 and vehicle["gnss_age_s"][after] < 0.5
    assert 19.0 < vehicle["gnss_age_s"][late] < 20.0
    dropped = (seconds > 20.5) & (seconds < 39.5)
    assert (np.diff(vehicle["gnss_age_s"][dropped]) > 0).all()
    reckoning = ego["status"] & msg.constants("EgoState")["STATUS_DEAD_RECKONING"] != 0
    assert reckoning[late] and not reckoning[before] and not reckoning[-1]
    # The position drifts a little, and the filter knows that it may
    assert ego["sigma"][late, 0] > 1.5 * ego["sigma"][before, 0]
    gap = np.linalg.norm(ego["position"][late] - clean.topic("ego")["position"][late])
    distance = float(np.trapezoid(ego["speed"][dropped], seconds[dropped]))
    assert 0.1 < gap < 0.03 * distance


@pytest.mark.real_data
def test_the_gyro_bias_is_found(highway):
    biased, clean = replay(highway, faults="yaw_rate_bias").topic("ego"), replay(highway).topic("ego")
    change = biased["gyro_bias"][-1] - clean["gyro_bias"][-1]
    assert change[2] == pytest.approx(0.0175, abs=0.004)


@pytest.mark.real_data
def test_frozen_wheel_speeds_stay_what_they_were(highway):
    ego = replay(highway, faults="wheel_speed_frozen")
    vehicle = ego.topic("vehicle")
    seconds = (ego.topic("ego")["time_ns"] - ego.topic("ego")["time_ns"][0]) / 1e9
    frozen = vehicle["speed"][(seconds > 20.1) & (seconds < 29.9)]
    assert np.ptp(frozen) == 0.0 and np.ptp(vehicle["speed"][seconds > 31]) > 0.0
