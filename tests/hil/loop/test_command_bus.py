"""At the level bytes the commands are frames: encoded, arbitrated, withheld without an address, decoded, obeyed, recorded."""

import numpy as np
import pytest

import hil
from autonomy import Stack, msg, replay
from autonomy.errors import UsageError
from autonomy.log.reader import LogReader
from drivers.can.commanding import command_config
from drivers.can.commanding.command_decoder import CommandDecoder
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.j1939 import identifier as j1939
from drivers.can.router import Router
from hil.sensors import Bytes, Messages
from hil.worlds.motorway import Motorway

BEND = [{"length_m": 300.0}, {"length_m": 100.0, "radius_m": 800.0}, {"length_m": 800.0, "radius_m": 800.0}]
SCENARIO = {"ego": {"plant": "plants/eu_4x2_40t"}, "set_speed_mps": 20.0, "road": {"segments": BEND}}
TSC1, XBR, STEERING, OURS = 0x0000, 0x0400, 0xFF10, 0x27


class Watched(Motorway):
    """Keeps what it was asked to do."""

    def reset(self, seed, scenario=None):
        self.asked = []
        return super().reset(seed, scenario)

    def step(self, actuation, dt_s):
        self.asked.append(actuation.copy())
        return super().step(actuation, dt_s)


def faulted(kind: str, value: int, start_s: float = 6.0) -> dict:
    return {"schema": "autonomy.faults/1", "fault": [{"source": "truck", "kind": kind, "value": value, "start_s": start_s}]}


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    stack, world = Stack.from_config("vehicles/demo_truck"), Watched(SCENARIO)
    result = hil.run(world, stack, Bytes(stack.config, 2), 9.0, 2, None, tmp_path_factory.mktemp("bus"), report=True)
    with LogReader(result.log_path) as reader:
        frames = reader.read_topic("/raw/can/0")
    return result, world, frames


def groups(frames: np.ndarray) -> np.ndarray:
    return np.array([j1939.parse(int(identifier)).pgn for identifier in frames["id"]])


def test_what_is_sent_is_in_the_log_with_its_direction_and_its_rates(driven):
    result, _, frames = driven
    sent = frames[frames["flags"] & TRANSMITTED != 0]
    assert set((sent["id"] & 0xFF).tolist()) == {OURS} and not (frames["flags"][(frames["id"] & 0xFF) == 0] & TRANSMITTED).any()
    group, to = groups(sent), np.array([j1939.parse(int(identifier)).destination for identifier in sent["id"]])
    for wanted, period_ms in (((group == TSC1) & (to == 0), 10), ((group == TSC1) & (to == 0x10), 50), (group == XBR, 20),
                              (group == STEERING, 10), (group == j1939.DM1, 1000)):  # fmt: skip
        times = sent["time_ns"][wanted]
        assert np.median(np.diff(times)) == pytest.approx(period_ms * 1e6, abs=2e6)
    assert j1939.parse(int(sent["id"][0])).pgn == j1939.ADDRESS_CLAIMED and (np.diff(sent["time_ns"]) > 0).all()
    counters = sent["data"][(group == TSC1) & (to == 0)][:, 7] & 0xF
    assert set(np.diff(counters.astype(int)) % 8) == {1}
    modes = sent["data"][(group == TSC1) & (to == 0)][:, 0] & 3
    assert modes[:-3].all() and not modes[-3:].any(), "released behind the last tick"
    bus = result.metrics["command_bus"]
    assert bus["sent"] == len(sent) and 0.05 < bus["sent_load"] < 0.4 and bus["refused"] == {}
    assert "Command bus" in result.report_path.read_text() and "TSC1" in result.report_path.read_text()


def test_the_truck_does_what_its_controllers_decoded_and_no_more(driven):
    result, world, frames = driven
    actuation = result.topic("actuation")
    driving = actuation["mode"] == 1
    asked = np.array(world.asked)[driving]
    stack = Stack.from_config("vehicles/demo_truck")
    table = stack.config.section("command")
    assert driving.sum() > 300
    np.testing.assert_allclose(asked["road_wheel_angle_rad"], actuation["road_wheel_angle_rad"][driving], atol=1e-6)
    positive = np.maximum(actuation["engine_torque_nm"][driving], 0.0)
    step = table["engine"]["reference_torque_nm"] / 100.0
    np.testing.assert_allclose(np.maximum(asked["engine_torque_nm"], 0.0), positive, atol=0.51 * step)
    assert not (asked["engine_torque_nm"] == actuation["engine_torque_nm"][driving]).all(), "whole per cent, as TSC1 has it"
    assert not asked["acceleration_mps2"].any(), "no such request is on the bus"
    decoder = CommandDecoder(command_config.read(table, "demo_truck"), Router.from_config(stack.config).codec)
    last = int(result.topic("vehicle")["time_ns"][-1])
    decoder.take(frames[(frames["flags"] & TRANSMITTED != 0) & (frames["time_ns"] < last + 9_000_000)])
    assert decoder.actuation(last)["road_wheel_angle_rad"] == world.asked[-1]["road_wheel_angle_rad"]


def test_the_log_replays_to_the_same_bytes_and_sends_nothing(driven, tmp_path):
    result, _, frames = driven
    again = replay(result.log_path, output_dir=tmp_path, report=False)
    assert again.metrics["output_sha256"] == result.metrics["output_sha256"]
    assert again.metrics["oddities"]["cut_mismatches"] == 0 and again.metrics["oddities"]["unsorted"] == 0
    with LogReader(tmp_path / "output.mcap") as reader:
        np.testing.assert_array_equal(reader.read_topic("/raw/can/0"), frames)


def test_without_a_claim_that_stands_nothing_is_commanded():
    stack = Stack.from_config("vehicles/demo_truck")
    from hil.loop import command_bus

    class Deaf(command_bus.CommandBus):
        """Another device with a smaller NAME takes our address."""

        def arrive(self, time_ns):
            self.node.hear(time_ns, j1939.build(6, j1939.ADDRESS_CLAIMED, OURS), bytes(8))
            return super().arrive(time_ns)

    world = Watched(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hil.loop.closed_loop.CommandBus", Deaf)
        result = hil.run(world, stack, Bytes(stack.config, 2), 6.5, 2)
    assert result.verdict == "inconclusive" and not result.topic("actuation")["mode"].any()
    assert not any(row["mode"] for row in world.asked)
    assert result.metrics["command_bus"]["node"]["state"] == "lost"


def test_the_partners_are_asked_who_they_are_and_what_the_combination_weighs(driven):
    result, _, _ = driven
    known = {item["address"]: item for item in result.metrics["command_bus"]["partners"]}
    assert known[0]["vehicle"] == "AUTONOMYDEMOTRUCK" and known[11]["weight_kg"] == 40_000.0
    assert all(known[address]["component"].startswith("SIM") for address in (0, 3, 11, 15, 16))
    assert all(item["lamps"] == [] for item in known.values())


def test_a_partners_red_lamp_is_heard_in_several_packets_told_and_acted_upon(tmp_path):
    stack = Stack.from_config("vehicles/demo_truck")
    result = hil.run(Motorway(SCENARIO), stack, Bytes(stack.config, 2), 8.0, 2, faulted("stop_lamp", 11), tmp_path)
    partner = next(item for item in result.metrics["command_bus"]["partners"] if item["address"] == 11)
    assert partner["lamps"] == ["red stop on"] and [code["spn"] for code in partner["codes"]] == [1087, 1088]
    assert any("red stop on" in item["text"] for item in result.metrics["command_bus"]["news"])
    words, faults = msg.constants("FaultRow"), result.topic("faults")
    row = stack.parameters["faults"]["row"]["fault"].tolist().index(words["FAULT_PARTNER_STOP"])
    assert faults["status"][-1][row] >= 4 and faults["action"][-1] == words["ACTION_HAND_OVER"]
    assert "red stop on" in result.report_path.read_text()
    assert replay(result.log_path, report=False).metrics["output_sha256"] == result.metrics["output_sha256"]


def test_a_partners_amber_lamp_is_told_and_nothing_more():
    stack = Stack.from_config("vehicles/demo_truck")
    result = hil.run(Motorway(SCENARIO), stack, Bytes(stack.config, 2), 8.0, 2, faulted("warning_lamp", 0))
    words, faults = msg.constants("FaultRow"), result.topic("faults")
    row = stack.parameters["faults"]["row"]["fault"].tolist().index(words["FAULT_PARTNER_WARNING"])
    assert faults["status"][-1][row] >= 4 and faults["action"][-1] == words["ACTION_TELL"]


def test_a_lamp_needs_a_bus():
    stack = Stack.from_config("vehicles/demo_truck")
    with pytest.raises(UsageError, match="level bytes"):
        hil.run(Motorway(SCENARIO), stack, Messages(stack.config, 2), 1.0, 2, faulted("stop_lamp", 11))


def test_a_map_is_given_to_the_stack_only_where_the_scenario_has_one():
    stack = Stack.from_config("vehicles/demo_truck")
    labels = [hil.run(Motorway(SCENARIO | extra), stack, Bytes(stack.config, 2), 0.1, 2).metrics["path"]
              for extra in ({}, {"map": True})]  # fmt: skip
    assert labels == ["none", "the middle of the lane"]


def test_a_plant_that_takes_an_acceleration_drives_without_a_bus():
    stack = Stack.from_config("vehicles/demo_truck")
    kinematic = {"road": SCENARIO["road"]}
    assert hil.run(Motorway(kinematic), stack, Bytes(stack.config, 2), 0.1, 2).metrics["command_bus"] is None
