"""The closed loop over a bus between processes: equal from run to run in lockstep; the account on either side; the commands."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy import config as configuration
from autonomy import msg
from autonomy.cli.main import main
from autonomy.runtime.provisional_commands import CommandEncoder
from drivers.can.router import Router
from hil.rig import drive as live_drive
from hil.rig.commands import CommandReader, _acceleration
from hil.rig.drive import drive, same_from_cuts

VEHICLE = "vehicles/demo_truck"


@pytest.fixture(scope="module")
def vehicle():
    return configuration.load(VEHICLE)


@pytest.mark.slow
def test_lockstep_runs_are_equal_and_replay_from_their_cuts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(live_drive, "INTERFACES", tmp_path)  # the local bus, also where there is a vcan
    said = []
    for name in ("a", "b"):
        found = drive(tmp_path / name, duration_s=6.0, lockstep=True)
        assert (found["run"]["verdict"], found["lost"]) == ("pass", {"to_loop": 0, "to_truck": 0}), found["reasons"]
        assert found["run"]["engaged"] and found["truck"]["unusable"] == 0
        assert same_from_cuts(tmp_path / name / "run.mcap") == []
        assert main(["replay", str(tmp_path / name / "run.mcap"), "--no-report", "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["ticks"] == 600 and said[0]["output_sha256"] == said[1]["output_sha256"]


class NoBus:
    pass


def actuation(**fields) -> np.void:
    row = np.zeros((), msg.dtype("Actuation"))
    for name, value in fields.items():
        row[name] = value
    return row[()]


def heard(vehicle, row: np.void, now_s: list[float]) -> CommandReader:
    codec = Router.from_config(vehicle).codec
    reader = CommandReader(NoBus(), codec, clock=lambda: now_s[0])
    for frame in CommandEncoder(codec).frames(row):
        assert reader.take(int(frame["id"]), frame["data"][: frame["length"]].tobytes())
    return reader


@pytest.mark.parametrize(("engine", "retarder", "brake"), [(1300.0, 0.0, 0.0), (0.0, -500.0, 0.0), (0.0, -1250.0, 2.5)])
def test_what_was_commanded_is_what_the_truck_hears(vehicle, engine, retarder, brake):
    sent = actuation(mode=1, road_wheel_angle_rad=-0.0321, engine_torque_nm=engine, retarder_torque_nm=retarder,
                     brake_deceleration_mps2=brake)  # fmt: skip
    found = heard(vehicle, sent, [10.0]).actuation(vehicle.section("vehicle"), 20.0)
    assert found["mode"] == 1 and found["road_wheel_angle_rad"] == pytest.approx(-0.0321, abs=1e-6)
    assert found["engine_torque_nm"] == pytest.approx(engine, abs=13.0)  # half a percent of the reference torque
    assert found["retarder_torque_nm"] == pytest.approx(retarder, abs=6.5)
    assert found["brake_deceleration_mps2"] == pytest.approx(brake, abs=0.001)


def test_a_request_that_stops_coming_is_released(vehicle):
    now = [10.0]
    reader = heard(vehicle, actuation(mode=1, engine_torque_nm=500.0), now)
    assert reader.actuation(vehicle.section("vehicle"), 20.0) is not None
    now[0] = 10.11
    assert reader.actuation(vehicle.section("vehicle"), 20.0) is None


def test_standby_requests_nothing(vehicle):
    reader = heard(vehicle, actuation(mode=0, engine_torque_nm=500.0, brake_deceleration_mps2=3.0), [10.0])
    assert reader.actuation(vehicle.section("vehicle"), 20.0) is None
    assert {name: value for name, (value, _) in reader._newest.items() if name != "angle"} == {
        "mode": 0, "engine": 0.0, "retarder": 0.0, "brake": 0.0}  # fmt: skip


def test_a_steering_frame_with_a_wrong_checksum_is_not_heard(vehicle):
    codec = Router.from_config(vehicle).codec
    frame = CommandEncoder(codec).frames(actuation(mode=1, road_wheel_angle_rad=0.1))[-1]
    data = bytearray(frame["data"].tobytes())
    data[0] ^= 1
    assert not CommandReader(NoBus(), codec).take(int(frame["id"]), bytes(data))


def test_rolling_and_drag_slow_a_truck_that_is_not_driven(vehicle):
    table = vehicle.section("vehicle")
    expected = -(0.5 * 1.2 * table["drag_area_m2"] * 20.0**2 / table["mass_kg"] + table["rolling_resistance"] * 9.80665)
    assert _acceleration(actuation(), table, 20.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda run, truck: None, "pass"),
        (lambda run, truck: truck.update(sent=1001), "fail"),
        (lambda run, truck: truck.update(received=399), "fail"),
        (lambda run, truck: truck.update(metrics={}), "inconclusive"),
        (lambda run, truck: truck["metrics"].update(collisions=1), "fail"),
        (lambda run, truck: truck["metrics"].update(out_of_lane_share=0.1), "fail"),
        (lambda run, truck: truck["lateness_us"].update(p99=9000.0), "inconclusive"),
        (lambda run, truck: run.update(verdict="inconclusive", reasons=["missed"]), "inconclusive"),
        (lambda run, truck: run.update(verdict="fail", reasons=["lost"]), "fail"),
    ],
)
def test_a_late_rig_is_inconclusive_and_a_loss_is_a_failure(change, verdict):
    run = {"verdict": "pass", "reasons": [], "counts": {"received": 1000, "sent": 400}}
    truck = {"sent": 1000, "received": 400, "lateness_us": {"p99": 300.0}, "metrics": {"collisions": 0, "out_of_lane_share": 0.0}}
    change(run, truck)
    assert live_drive._judged(run, truck, "local")["verdict"] == verdict
