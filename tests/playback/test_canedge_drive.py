"""The recorded drive of 40 km (CANedge with CANmod.gps): raw CAN bytes to estimates, with the priors of every other log.

`autonomy replay LOG --outages duration=60,every=30,from=240,min_speed=12` and `autonomy log sync LOG` print the figures.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autonomy import replay
from autonomy.cli.main import main
from autonomy.log import clocks
from autonomy.log.importers.canedge import convert
from autonomy.log.reader import LogReader

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

OUTAGES = "duration=60,every=30,from=240,min_speed=12"


@pytest.fixture(scope="module")
def log(data_directory, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("canedge") / "drive.mcap"
    convert([data_directory / "canedge"], path)
    return path


@pytest.fixture(scope="module")
def run(log):
    return replay(log, outages=OUTAGES, report=False)


def test_the_session_becomes_one_log_that_knows_its_vehicle(log, data_directory, tmp_path):
    with LogReader(log) as reader:
        assert reader.counts == {"/raw/can/1": 33_710, "/raw/can/2": 258_387}
        assert reader.start_ns == 1_627_274_455_012_500_000
        assert {"can/1.dbc", "can/2.dbc"} <= set(reader.attachments)
    files = sorted((data_directory / "canedge").glob("*.MF4"))
    assert main(["log", "convert", *map(str, files), str(tmp_path / "again.mcap")]) == 0
    assert main(["log", "diff", str(log), str(tmp_path / "again.mcap")]) == 0


def test_gnss_withheld_for_a_minute(run):
    """All of the receiver's fields: position, speed, heading. Speed above 12 m/s throughout leaves 48 starts of 71."""
    drifts = [item["drift_percent"] for item in run.metrics["outages"]]
    print("\n" + "\n".join(f"{item['start_s']:7.1f} s {item['drift_m']:6.2f} m {item['drift_percent']:5.2f} %"
                           for item in run.metrics["outages"]))  # fmt: skip
    assert len(drifts) == 48 and run.metrics["outage_reference"] == "receiver"
    assert run.metrics["outage_median_percent"] <= 0.55
    assert run.metrics["outage_p90_percent"] <= 1.0
    assert run.metrics["outage_max_percent"] <= 2.0


def test_the_filter_knows_how_well_it_knows(run):
    for name, aid in run.metrics["aids"].items():
        print(f"\n{name} {aid}")
        assert aid["share_over_95"] <= 0.10, name
    for name in ("gnss_position", "gnss_velocity", "wheel_speed"):
        assert 0.5 <= run.metrics["aids"][name]["nis_per_dof"] <= 1.5, name
    # A quiet car on good roads: side slip and rest are better than the priors say, never worse
    for name in ("non_holonomic", "zero_velocity", "zero_rate", "gravity"):
        assert run.metrics["aids"][name]["nis_per_dof"] <= 1.5, name


def test_what_the_drive_teaches(run):
    """Against the IMU, whose own way is long: fixes and speed late by 0.18 s, OBD2 early by as much (by their accelerations)."""
    found = run.metrics["clocks"]
    assert abs(found["gnss_velocity"]["delay_s"] - 0.18) <= 0.03
    assert abs(found["gnss_position"]["delay_s"] - 0.18) <= 0.06
    assert abs(found["wheel"]["delay_s"] + 0.18) <= 0.03
    ego = run.topic("ego")
    assert abs(np.degrees(ego["mounting"][-1, 2]) + 8.4) <= 1.0
    assert abs(np.degrees(ego["gyro_bias"][-1, 2]) - 0.39) <= 0.05
    assert ego["resets"][-1] <= 3


def test_every_part_of_the_log_is_accounted_for(run):
    drops = run.metrics["drops"]
    assert drops["gnss"]["received"] == 2272 and drops["gnss"]["unusable"] == 111  # before the first fix
    assert drops["wheel"]["received"] == 4785
    assert drops["imu"]["received"] > 240_000


def test_pain_8_the_log_clock_against_gnss_time(log, tmp_path, capsys):
    """Fast by 78 +- 6 ppm; after 120 s a following clock is right to 15 ms, also 120 s after the last fix."""
    synced = tmp_path / "synced.mcap"
    assert main(["log", "sync", str(log), "-o", str(synced), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    gnss = told["sources"]["gnss"]
    assert abs(gnss["rate_ppm"] - 78.0) <= 6.0
    assert gnss["residual_ms"] <= 15.0 and gnss["following_ms"] <= 15.0 and gnss["holdover_ms"] <= 15.0
    assert abs(gnss["offset_s"] - 4.47) <= 0.05 and gnss["jumps"] == []
    assert told["time_scales"] == {"gps_minus_utc_s": 18, "tai_minus_utc_s": 37}
    assert abs(told["sources"]["gnss_velocity"]["delay_s"] - 0.18) <= 0.03
    with LogReader(log) as before, LogReader(synced) as after:
        assert after.counts == before.counts
        table = clocks.correction(after)
    assert table.to_source_ns(np.array([gnss["end_ns"]]))[0] == pytest.approx(gnss["end_ns"] - gnss["offset_s"] * 1e9, abs=1e3)
    assert main(["log", "sync", str(log), "--no-delays"]) == 0
    assert "rate ppm" in capsys.readouterr().out


def test_replay_tells_offset_and_rate(run):
    found = run.metrics["clocks"]
    assert abs(found["gnss_position"]["rate_ppm"] - 78.0) <= 6.0 and abs(found["gnss_position"]["offset_s"] - 4.48) <= 0.05
    assert found["wheel"]["rate_ppm"] is None
