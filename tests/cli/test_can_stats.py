"""`autonomy can stats`: figures of a small bus known by construction, and of recorded trucks."""

from __future__ import annotations

import json

import pytest

from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.stats import Statistics
from drivers.can.frame_bits import frame_bits
from tests.cli.can_logs import bus_frames, run, write_log
from tests.drivers.can.j1939.frames import can_dataframes, nmfta_frames


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / "drive.mcap")


def test_figures_of_a_known_bus(capsys, log):
    found = json.loads(run(capsys, "stats", log, "--json", "--bitrate", "500000")[0][0])
    bus = found["buses"][0]
    frames = bus_frames()
    assert (bus["frames"], bus["error_frames"], bus["remote_frames"]) == (len(frames), 1, 0)
    assert bus["duration_s"] == pytest.approx(0.9) and bus["bits"] == frame_bits(frames).sum()
    assert bus["load_mean"] == pytest.approx(bus["bits"] / 0.9 / 500_000)
    flows = {(flow["name"], flow["source"]): flow for flow in found["flows"]}
    eec1 = flows["EEC1", 0]
    assert eec1["frames"] == 10 and eec1["rate_hz"] == pytest.approx(10.0)
    assert eec1["gap_ms"] == {"min": 100.0, "mean": 100.0, "max": 100.0} and eec1["missing_share"] == 0.0
    assert flows["CCVS1", 0x31]["missing_share"] == 1.0 and flows["CCVS1", 0]["missing_share"] < 1.0
    counts = bus["transport"]["counts"]
    assert (counts["announced"], counts["completed"], counts["failed"]) == (3, 2, {"aborted": 1})
    assert {"pgn": 0xFECA, "source": 0x0B, "destination": 255, "complete": 1, "failed": {}} in bus["transport"]["sessions"]
    speeds = {item["source"]: item for item in found["signals"] if item["signal"] == "wheel_based_vehicle_speed"}
    assert (speeds[0]["ok"], speeds[0x31]["error"]) == (1, 1)


def test_tables_are_for_80_columns(capsys, log):
    lines, _ = run(capsys, "stats", log, "--signals")
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert "long messages: 3 announced, 2 complete, 1 aborted" in text
    assert "FEEC  00>F9           0  1 aborted" in text
    assert any(line.split()[:4] == ["CCVS1", "31", "wheel_based_vehicle_speed", "0"] for line in lines)
    assert any(line.startswith("123 ") for line in lines)


def test_rows_by_identifier(capsys, log):
    lines, _ = run(capsys, "stats", log, "--by", "id")
    assert any(line.startswith("0CF00400  F004  00>FF    EEC1") for line in lines)


def test_a_load_beyond_the_bus_asks_for_its_bit_rate(capsys, log):
    assert any("give its --bitrate" in line for line in run(capsys, "stats", log, "--bitrate", "1000")[0])


def test_batches_do_not_matter():
    catalogue, frames = Catalogue.from_options([]), bus_frames()
    whole, pieces = Statistics(catalogue), Statistics(catalogue)
    whole.add(frames)
    for start in range(0, len(frames), 3):
        pieces.add(frames[start : start + 3])
    for statistics in (whole, pieces):
        statistics.finish()
    assert whole.as_json({0: "can0"}, 250_000) == pieces.as_json({0: "can0"}, 250_000)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "frames", "load", "complete", "failed"),
    [
        ("LOG_TP__FCBF0606__00002058__00000001-5FAB8E54.MF4", 17674, 0.165, 40, {}),
        ("J1939_idle__11111111__00000012__00000001.MF4", 57849, 0.250, 152, {}),
        ("SampleTruckData.bin", 145278, 0.266, 391, {"aborted": 38}),
    ],
)
def test_recorded_trucks(recorded_j1939, name, frames, load, complete, failed):
    pytest.importorskip("asammdf")
    path = recorded_j1939(name)
    statistics = Statistics(Catalogue.from_options([]))
    statistics.add(nmfta_frames(path) if path.suffix == ".bin" else can_dataframes(path))
    statistics.finish()
    bus = statistics.as_json({0: "can0"}, 250_000)["buses"][0]
    counts = bus["transport"]["counts"]
    print(name, bus["frames"], f"{bus['load_mean']:.3f}", counts)
    assert (bus["frames"], counts["completed"], counts["failed"]) == (frames, complete, failed)
    assert bus["load_mean"] == pytest.approx(load, abs=0.0006)
