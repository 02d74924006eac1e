"""The truck alone on buses: it waits for a stack that runs elsewhere, and what it saw is the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from autonomy.cli.main import main
from autonomy.errors import EnvironmentFault, UsageError
from drivers.can.local_bus import Hub
from hil.rig.drive_verdict import judged_alone
from hil.rig.lone_truck import LoneTruckOptions, drive_alone, lines, write

LIDAR = "vehicles/demo_truck_lidar"
METRICS = {"collisions": 0, "out_of_lane_share": 0.0, "rolled_over": False}
WELL = {"metrics": METRICS, "scans": None, "stolen_ms": 0.0, "lateness_us": {"p50": 40.0, "p99": 300.0, "max": 900.0},
        "engaged_ticks": 1440, "abandoned_ticks": 0, "minimal_risk_ticks": 0}  # fmt: skip


@pytest.fixture
def channels(tmp_path):
    hubs = [Hub(tmp_path / f"bus{number}") for number in range(3)]
    for hub in hubs:
        hub.start()
    yield [hub.path for hub in hubs]
    for hub in hubs:
        hub.stop()
        hub.join()


def test_a_stack_in_another_process_drives_it_in_lockstep(channels, tmp_path, capsys):
    where = ["-i", "local", *(word for channel in channels for word in ("-c", channel)), "--lockstep"]
    stack = subprocess.Popen([sys.executable, "-m", "autonomy", "run", "--config", "vehicles/demo_truck", "--mode", "active",
                              "--allow-soft-realtime", "--set-speed", "22", "-o", str(tmp_path / "run"), *where],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        assert stack.stderr.readline().startswith("run: active")
        assert main(["hil", "truck", "--duration", "8", "-o", str(tmp_path), *where]) == 0
    finally:
        stack.terminate()
        stack.communicate()
    said = capsys.readouterr().out
    assert "verdict      pass" in said and "m driven" in said
    found = json.loads((tmp_path / "truck.json").read_text())
    assert found["truck"]["engaged_ticks"] > 100 and found["truck"]["metrics"]["lane_offset_max_m"] < 0.3
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().find(".//failure") is None
    assert "Nothing happened" in (tmp_path / "report.html").read_text()


def test_what_it_saw_is_told_with_its_time(tmp_path):
    metrics = METRICS | {"out_of_lane_share": 0.1, "distance_m": 320.0, "lane_offset_max_m": 0.9, "speed_kept": 0.9}
    truck = WELL | {"events": [(12_500_000_000, "out of the lane")], "took_over_ns": 10_000_000_000, "sent": 5000,
                    "received": 900, "refused": {"wrong checksum": 3, "late": 0}, "metrics": metrics}  # fmt: skip
    found = judged_alone(truck, "socketcan")
    assert "event        2.50 s after taking over: out of the lane" in lines(found)
    write(tmp_path, "scenarios/motorway.toml", found)
    shown = (tmp_path / "report.html").read_text()
    assert "2.50" in shown and "out of the lane" in shown and "wrong checksum" in shown and "320" in shown
    names = [case.get("name") for case in ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase")]
    assert names == ["2.50 s out of the lane", "verdict"]


def test_without_a_stack_it_says_where_it_listened(channels):
    with pytest.raises(EnvironmentFault, match="nothing was heard on bus 0, the command bus, within 0 s"):
        drive_alone(LoneTruckOptions("local", channels, patience_s=0.0))


def test_what_leaves_this_machine_needs_arm():
    with pytest.raises(UsageError, match="hil truck: socketcan can0 leaves this machine and may move something; give --arm"):
        drive_alone(LoneTruckOptions("socketcan", ["can0", "can1", "can2"]))
    with pytest.raises(UsageError, match=r"10\.0\.0\.5:2368 leaves this machine"):
        drive_alone(LoneTruckOptions("local", ["a", "b", "c"], LIDAR, sockets=["roof=10.0.0.5:2368"]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (LoneTruckOptions("local", ["a"]), "listens to the buses 0, 1, 2; give a channel for each"),
        (LoneTruckOptions("local", ["a", "b", "c"], LIDAR, sockets=["rof=127.0.0.1:2368"]), "--udp rof: .* known: front, roof"),
        (LoneTruckOptions("local", ["a", "b", "c"], lines=["gnss=/tmp/gnss"]), "--serial gnss: .* known: none"),
        (LoneTruckOptions("local", ["a", "b", "c"], LIDAR, sockets=["roof=nohost.invalid:2368"]), "nohost.invalid is no address"),
    ],
)
def test_what_the_vehicle_has_not_is_a_sentence(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        drive_alone(options)


def test_an_interrupted_drive_says_nothing():
    assert judged_alone(WELL, "local", interrupted=True)["reasons"] == ["interrupted"]


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ({}, "pass", ""),
        ({"metrics": {**METRICS, "collisions": 1}}, "fail", "collision"),
        ({"metrics": {**METRICS, "out_of_lane_share": 0.1}}, "fail", "out of the lane"),
        ({"metrics": {}}, "inconclusive", "the stack never took over"),
        ({"metrics": {**METRICS, "out_of_lane_share": None}}, "pass", ""),
        ({"abandoned_ticks": 1560}, "fail", "drove 1440 ticks and let go for 1560 behind them"),
        ({"minimal_risk_ticks": 300}, "inconclusive", "a minimal-risk manoeuvre of 300 ticks"),
        ({"lateness_us": {"p50": 40.0, "p99": 300.0, "max": 900_000.0}}, "inconclusive", "silent for 900 ms"),
        ({"lateness_us": {**WELL["lateness_us"], "max": 65_000.0}, "stolen_ms": 130.0}, "inconclusive", "the host took 130 ms"),
        ({"lateness_us": {"p50": 40.0, "p99": 6000.0, "max": 9000.0}}, "inconclusive", "p99 of lateness is 6.0 ms"),
        ({"scans": {"failed": 3, "lateness_us": {"p99": None}}}, "fail", "3 datagrams"),
    ],
)
def test_the_verdict(change, verdict, reason):
    found = judged_alone(WELL | change, "local")
    assert found["verdict"] == verdict and reason in "; ".join(found["reasons"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--duration", "0"], "--duration 0"), (["--patience", "-1"], "--patience -1"), (["--udp", "roof"], "--udp roof: write")],
)
def test_wrong_options_are_a_sentence(words, sentence, capsys):
    assert main(["hil", "truck", "-i", "local", "-c", "a", *words]) == 2
    assert sentence in capsys.readouterr().err
