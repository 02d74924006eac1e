"""The closed loop over a bus between processes: equal from run to run in lockstep; the account on either side; the commands."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from autonomy import config as configuration
from autonomy import msg
from autonomy.cli.main import main
from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from drivers.can.commanding import command_config
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.router import Router
from hil.rig.commands import CommandReader
from hil.rig.drive import drive, same_from_cuts
from hil.rig.drive_page import write_drive
from hil.rig.drive_verdict import judged

VEHICLE = "vehicles/demo_truck"
NOW_NS = 5_000_000_000


@pytest.mark.slow
@pytest.mark.parametrize(("vehicle", "scenario"), [(VEHICLE, "motorway"), ("vehicles/demo_truck_lidar", "motorway_lidar")])
def test_pain_14_lockstep_runs_are_equal_and_replay_from_their_cuts(vehicle, scenario, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("hil.rig.drive.INTERFACES", tmp_path)  # the local bus, also where there is a vcan
    said = []
    for name in ("a", "b"):
        found = drive(tmp_path / name, scenario=scenario, vehicle=vehicle, duration_s=6.0, lockstep=True)
        assert found["run"]["verdict"] == "pass" and not any(found["lost"].values()), found["reasons"]
        assert found["run"]["engaged"] and not found["truck"]["refused"]
        assert same_from_cuts(tmp_path / name / "run.mcap") == []
        assert main(["replay", str(tmp_path / name / "run.mcap"), "--no-report", "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["ticks"] == 600 and said[0]["output_sha256"] == said[1]["output_sha256"]


@pytest.mark.slow
def test_the_loop_gets_the_processor_that_all_others_keep_off(tmp_path, monkeypatch):
    """It was refused: the stack looked at what it was given, and that processor was kept from it, too."""
    monkeypatch.setattr("hil.rig.drive.INTERFACES", tmp_path)
    found = drive(tmp_path / "a", duration_s=1.0, lockstep=True, cpu=realtime.processors()[-1])
    assert found["run"]["counts"]["ticks"] == 100


@pytest.mark.slow
def test_pain_15_a_recorder_that_dies_costs_the_log_and_not_the_drive(tmp_path, monkeypatch):
    """The truck drives on, it is told as it happens, and every figure but the log's is there."""
    monkeypatch.setattr("hil.rig.drive.INTERFACES", tmp_path)

    def kill(loop: int) -> None:
        for child in Path(f"/proc/{loop}/task/{loop}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    found = drive(tmp_path / "a", duration_s=8.0, lockstep=True, started=kill)
    assert found["run"]["log"] is None and found["run"]["engaged"] and found["truck"]["engaged_ticks"] > 200
    assert found["verdict"] == "fail" and "recorder's process died" in found["reasons"][0]
    found["replay_equal"] = None
    write_drive(tmp_path / "a", "motorway", found)
    assert "recorder" in (tmp_path / "a" / "report.html").read_text()


def test_a_folder_that_cannot_be_made_is_of_the_machine(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        drive(tmp_path / "file")


class OneShot:
    """A bus that has these frames."""

    def __init__(self, rows: np.ndarray):
        self.rows = rows

    def receive(self, classic, fd, timeout_s):
        count, classic[: len(self.rows)] = len(self.rows), self.rows
        self.rows = self.rows[:0]
        return count, 0


def heard(now_ns: list[int], *, spoil: int = 0, **fields) -> CommandReader:
    """What a truck heard of one actuation; `spoil` is xored into the first byte of each frame."""
    vehicle = configuration.load(VEHICLE)
    codec = Router.from_config(vehicle).codec
    commands = command_config.read(vehicle.section("command"), VEHICLE)
    row = np.zeros((), msg.dtype("Actuation"))
    for name, value in fields.items():
        row[name] = value
    frames = CommandEncoder(commands, codec).frames(row[()])
    frames["data"][:, 0] ^= spoil
    reader = CommandReader(OneShot(frames), commands, codec, clock_ns=lambda: now_ns[0])
    reader.drain()
    assert reader.received == len(frames)
    return reader


@pytest.mark.parametrize(
    ("engine", "retarder", "brake"), [(1300.0, 0.0, 0.0), (-600.0, 0.0, 0.0), (0.0, -500.0, 0.0), (0.0, -1250.0, 2.5)]
)
def test_what_was_commanded_is_what_the_truck_hears(engine, retarder, brake):
    found = heard([NOW_NS], mode=1, road_wheel_angle_rad=-0.0321, engine_torque_nm=engine, retarder_torque_nm=retarder,
                  brake_deceleration_mps2=brake).actuation()  # fmt: skip
    assert found["mode"] == 1 and found["road_wheel_angle_rad"] == pytest.approx(-0.0321, abs=1e-4)
    assert found["engine_torque_nm"] == pytest.approx(engine, abs=13.0)  # half a percent of the reference torque
    assert found["retarder_torque_nm"] == pytest.approx(retarder, abs=16.5)
    assert found["brake_deceleration_mps2"] == pytest.approx(brake, abs=0.001)


def test_a_request_that_stops_coming_is_released():
    now_ns = [NOW_NS]
    reader = heard(now_ns, mode=1, engine_torque_nm=500.0)
    assert reader.actuation() is not None
    now_ns[0] += 400_000_000
    assert reader.actuation() is None


def test_standby_asks_for_nothing():
    reader = heard([NOW_NS], mode=0, engine_torque_nm=500.0, brake_deceleration_mps2=3.0)
    assert reader.received == 0 and reader.actuation() is None


def test_spoilt_frames_are_heard_and_refused():
    reader = heard([NOW_NS], mode=1, spoil=1, road_wheel_angle_rad=0.1, engine_torque_nm=500.0)
    assert reader.actuation() is None and reader.refused


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda run, truck: None, "pass"),
        (lambda run, truck: truck.update(sent=1001), "fail"),
        (lambda run, truck: truck.update(received=399), "fail"),
        (lambda run, truck: truck["scans"].update(sent=901), "fail"),
        (lambda run, truck: truck["scans"].update(failed=1), "fail"),
        (lambda run, truck: truck["scans"].update(lateness_us={"p99": 3000}), "inconclusive"),
        (lambda run, truck: truck.update(scans=None), "pass"),
        (lambda run, truck: truck.update(sent_bytes=5000), "pass"),
        (lambda run, truck: truck.update(sent_bytes=5001), "fail"),
        (lambda run, truck: truck.update(metrics={}), "inconclusive"),
        (lambda run, truck: truck["metrics"].update(collisions=1), "fail"),
        (lambda run, truck: truck["metrics"].update(out_of_lane_share=0.1), "fail"),
        (lambda run, truck: truck["metrics"].update(rolled_over=True), "fail"),
        (lambda run, truck: truck["lateness_us"].update(p99=9000.0), "inconclusive"),
        (lambda run, truck: run.update(minimal_risk_ticks=900), "fail"),
        (lambda run, truck: (run.update(minimal_risk_ticks=900), truck["lateness_us"].update(max=97_000.0)), "inconclusive"),
        (lambda run, truck: run.update(verdict="inconclusive", reasons=["missed"]), "inconclusive"),
        (lambda run, truck: run.update(verdict="fail", reasons=["lost"]), "fail"),
    ],
)
def test_pain_14_a_late_rig_is_inconclusive_and_a_loss_is_a_failure(change, verdict):
    run = {"verdict": "pass", "reasons": [], "minimal_risk_ticks": 0,
           "counts": {"received": 1000, "sent": 400, "datagrams": 900, "serial_bytes": 5000}}  # fmt: skip
    truck = {"sent": 1000, "received": 400, "lateness_us": {"p99": 300.0, "max": 2000.0}, "stolen_ms": 0.0,
             "scans": {"sent": 900, "failed": 0, "lateness_us": {"p99": 90}},
             "metrics": {"collisions": 0, "out_of_lane_share": 0.0, "rolled_over": False}}  # fmt: skip
    change(run, truck)
    assert judged(run, truck, "local")["verdict"] == verdict
    ended = judged(run, truck, "local", interrupted=True)
    assert ended["verdict"] == ("fail" if verdict == "fail" else "inconclusive")
