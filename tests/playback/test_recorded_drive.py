"""The recorded highway minute (comma2k19): what the stack must reach on it, and that it reaches it the same way every time.

Causal, on the 100 Hz output interpolated to the reference times, after 5 s, with the priors that every log gets. The
figures are printed by `autonomy replay LOG --outages at=15:end,at=20:end,...`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autonomy import replay
from autonomy.log.importers.comma2k19 import convert
from autonomy.playback import determinism, difference
from tests.estimation.ego.drives import beyond_goals

pytestmark = pytest.mark.real_data

OUTAGES = ",".join(f"at={start}:end" for start in (15, 20, 25, 30, 35, 40))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def log(data_directory, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "drive.mcap"
    convert([data_directory / "comma2k19"], path)
    return path


@pytest.fixture(scope="module")
def run(log, tmp_path_factory):
    return replay(log, output_dir=tmp_path_factory.mktemp("recorded_run"), outages=OUTAGES, report=False)


def test_position_velocity_and_heading(run):
    assert beyond_goals(run.metrics["reference"]) == {}


@pytest.mark.parametrize(("clock", "truth_s"), [("gnss_position", 0.085), ("gnss_velocity", 0.145)])
def test_the_delays_of_the_receiver(run, clock, truth_s):
    found = run.metrics["clocks"][clock]
    assert abs(found["delay_s"] - truth_s) <= 0.03
    assert abs(found["delay_s"] - truth_s) <= 2.0 * found["sigma_s"]


def test_the_scale_of_the_wheel_speed(run):
    assert abs(run.metrics["speed_scale"] - 0.9914) <= 0.003


def test_gnss_withheld(run):
    drifts = {round(item["start_s"]): item["drift_percent"] for item in run.metrics["outages"]}
    assert sorted(drifts) == [15, 20, 25, 30, 35, 40]
    assert drifts[20] <= 0.7
    assert run.metrics["outage_median_percent"] <= 0.4
    assert run.metrics["outage_max_percent"] <= 0.9


def test_the_filter_knows_how_well_it_knows(run):
    for name, aid in run.metrics["aids"].items():
        assert 0.5 <= aid["nis_per_dof"] <= 1.5, name
        assert aid["share_over_95"] <= 0.10, name
    assert run.metrics["reference"]["inside_3_sigma_share"] >= 0.99


def test_every_frame_of_the_log_is_accounted_for(run):
    counts = run.metrics["drops"]
    assert counts["imu"]["received"] == 6256 and counts["gnss"]["received"] == 579
    assert counts["wheel"]["received"] == counts["steering"]["received"] == 4974
    assert all(value == 0 for value in run.metrics["oddities"].values())


def test_the_lead_is_one_the_radar_sees(run):
    found = run.metrics["shadow"]["lead_distance_m"]
    assert found["samples"] > 1000 and found["rms"] < 0.5
    assert run.metrics["shadow"]["lead_share"] > 0.9


def test_the_preview_steers_as_the_driver_did(run):
    found = run.metrics["shadow"]["road_wheel_feedforward_rad"]
    assert found["correlation"] > 0.5


@pytest.mark.parametrize("mode", ["raw", "cuts", "frames"])
def test_bytes_cuts_and_frames_give_the_same_outputs(run, mode):
    again = replay(run.log_path, mode=mode)
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert difference.compare_result(again, run.log_path) == []


@pytest.mark.slow
def test_pain_1_twenty_fresh_processes_on_a_loaded_machine_give_the_same_bytes(log, run):
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        hashes = set()
        for repeat in range(20):
            source = run.log_path if repeat % 4 else log
            options = [f"--from={('raw', 'cuts', 'frames', 'raw')[repeat % 4]}"]
            hashes.add(determinism.run_in_fresh_process(source, options, hash_seed=repeat * 7919)["output_sha256"])
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert hashes == {run.metrics["output_sha256"]}


def test_part_of_the_drive_starts_anywhere(log):
    part = replay(log, start=30.0, end=40.0)
    assert 999 <= part.metrics["ticks"] <= 1001
    assert np.isfinite(part.topic("ego")["position"]).all()
