"""Our node beside the loop: commands only while the claim stands, a stop when another sends as us, silence without commands."""

from __future__ import annotations

import json
import threading

import can
import numpy as np
import pytest
from autonomy.runtime._loop import PERMISSION_DRIVE, PERMISSION_NONE, PERMISSION_STOP

from autonomy import config, msg
from autonomy.inputs import lane_path
from autonomy.log.reader import LogReader
from autonomy.runtime.bus_node import BusNode, node_of
from autonomy.runtime.figures import partner_lines
from autonomy.runtime.live import run
from autonomy.runtime.options import Options
from autonomy.runtime.reception import FRAME
from autonomy.runtime.transmission import Transmitter
from autonomy.runtime.trouble_codes import FIRST_SPN, trouble_codes
from autonomy.tick_period import TICK_NS
from drivers.can.commanding import command_config
from drivers.can.j1939.diagnostics import Diagnostics
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, DM1, GLOBAL, REQUEST, TRANSPORT_CONTROL, build, parse
from drivers.can.j1939.node import CLAIM_NS, NodeState
from drivers.can.j1939.transport import TRANSPORT_GROUPS
from drivers.ring import Ring
from tests.runtime.drives import Rig, SilentBus, drive

OURS = 0x27
COMMANDS = command_config.read(config.load("vehicles/demo_truck").section("command"), "demo_truck")


class Beside:
    """A node whose loop and transmitter are lists."""

    def __init__(self):
        self.said, self.permissions, self.faults = [], [], 0
        self.node = BusNode(node_of(COMMANDS), 0, self.said.extend, self.permissions.append, lambda: self.faults)

    def groups(self) -> list[int]:
        found = [parse(identifier).pgn for identifier, _ in self.said]
        self.said.clear()
        return found


def test_the_loop_may_drive_when_the_claim_has_stood():
    beside = Beside()
    assert beside.permissions == [PERMISSION_NONE] and not beside.said
    beside.node.work(10**9)
    assert beside.groups() == [ADDRESS_CLAIMED] and not beside.node.may_send()
    beside.node.work(10**9 + CLAIM_NS - 1)
    assert beside.permissions[-1] == PERMISSION_NONE
    beside.node.work(10**9 + CLAIM_NS)
    assert beside.groups() == [DM1, REQUEST] and beside.permissions[-1] == PERMISSION_DRIVE and beside.node.may_send()


def test_who_loses_the_address_neither_drives_nor_speaks():
    beside = Beside()
    beside.node.work(10**9)
    beside.node.work(2 * 10**9)
    beside.node.hear(2 * 10**9, build(6, ADDRESS_CLAIMED, OURS, GLOBAL), bytes(8))  # the smallest of all NAMEs
    beside.groups()
    beside.node.work(3 * 10**9)
    assert beside.permissions[-1] == PERMISSION_NONE and not beside.node.may_send()
    assert beside.node.node.state is NodeState.LOST and "belongs to another" in beside.node.complaints()[0]
    assert [parse(identifier).source for identifier, _ in beside.said] == [0xFE], "it says that it has no address"


def test_another_sender_with_our_address_makes_the_stack_stop():
    beside = Beside()
    beside.node.work(10**9)
    beside.node.work(2 * 10**9)
    beside.node.hear(2 * 10**9, 0x0C000027, bytes(8))  # TSC1 to the engine
    beside.node.work(2 * 10**9 + 1)
    assert beside.permissions[-1] == PERMISSION_STOP and "1 frames from it were not ours" in beside.node.complaints()[0]


def test_frames_of_others_do_not_concern_it():
    beside = Beside()
    beside.node.hear(0, 0x18FEF100, bytes(8))
    assert not beside.node._heard


def test_requests_are_answered_and_faults_are_told_as_trouble_codes():
    beside = Beside()
    beside.node.work(10**9)
    beside.node.work(2 * 10**9)
    beside.groups()
    beside.faults = 1 | 2
    beside.node.work(4 * 10**9)
    packets = [data for identifier, data in beside.said if parse(identifier).pgn in TRANSPORT_GROUPS]
    assert len(packets) == 1, "packets of a long message wait for each other"
    for step in range(1, 5):
        beside.node.work(4 * 10**9 + step * 50_000_000)
    data = b"".join(data[1:] for identifier, data in beside.said if parse(identifier).pgn == 0xEB00)[:10]
    assert [code.spn for code in Diagnostics.parse(data).codes] == [FIRST_SPN, FIRST_SPN + 1]
    beside.groups()
    beside.node.hear(0, build(6, REQUEST, 0xF9, OURS), ADDRESS_CLAIMED.to_bytes(3, "little"))
    beside.node.work(4 * 10**9 + 300_000_000)
    assert beside.groups() == [ADDRESS_CLAIMED]


def test_each_named_fault_has_its_code():
    bits = {name: bit for name, bit in msg.constants("Health").items() if name.startswith("FAULT_")}
    codes = trouble_codes(sum(bits.values()))
    assert len({code.spn for code in codes}) == len(bits) and trouble_codes(0) == ()


def test_no_command_leaves_without_an_address():
    rig = Rig.build(None, lane_path.EMPTY, active=True)
    bus = SilentBus()
    sender = Transmitter(rig.transmitter.encoder, rig.commands, -1, {0: bus}, {0: Ring(64, FRAME.size)}, may_send=lambda: False)
    command = np.zeros((), msg.dtype("Actuation"))
    command["mode"], command["time_ns"] = 1, 10**9
    rig.commands.push(command.tobytes())
    sender.send_newest()
    sender.release()
    assert not bus.frames and sender.withheld > 0
    sender.say(0, [(build(6, ADDRESS_CLAIMED, OURS, GLOBAL), bytes(8))])
    sender.send_said()
    assert [item["id"] for item in bus.frames] == [build(6, ADDRESS_CLAIMED, OURS, GLOBAL)]


@pytest.mark.parametrize(("permission", "mode"), [(PERMISSION_NONE, 0), (PERMISSION_DRIVE, 1), (PERMISSION_STOP, 2)])
def test_what_the_loop_makes_of_the_permission(permission, mode, tmp_path):
    """An engaged stack drives on, stops within its lane, or hands back at once."""
    rig, outputs = drive(tmp_path / "run.mcap", ticks=430, active=True, engage_tick=400)
    assert outputs["actuation"]["mode"][-1] == 1
    rig.loop.permit(permission)
    output = rig.step(int(outputs["tick_time_ns"][-1]) + TICK_NS)
    assert output["actuation"]["mode"] == mode and rig.loop.engaged == (permission != PERMISSION_NONE)


def test_shadow_and_what_is_not_armed_send_nothing_on_the_bus(tmp_path):
    """A listener on every bus hears not one frame, though it asks for the address."""
    channels = [f"shadow-{place}" for place in range(3)]
    listeners = [can.Bus(interface="virtual", channel=name) for name in channels]
    options = Options("vehicles/demo_truck", "virtual", channels, duration_s=0.5, output=tmp_path, priority=0)
    for name in ("shadow", "active"):
        listener, heard = listeners[0], []
        listener.send(can.Message(arbitration_id=build(6, REQUEST, 0xF9, GLOBAL) & 0x1FFFFFFF, data=b"\x00\xee\x00"))
        options.mode = name
        if name == "shadow":
            found = run(options)
            assert found["counts"]["ticks"] > 10 and found["counts"]["sent"] == 0 and found["node"] is None
            with LogReader(tmp_path / "run.mcap") as log:
                histograms = json.loads(log.attachment("histograms.json"))
            assert set(histograms) == {"lateness_us", "work_us", "response_us"} and histograms["response_us"] == []
            assert sum(count for _, count in histograms["work_us"]) == found["counts"]["ticks"]
        else:
            with pytest.raises(Exception, match="not armed"):
                run(options)
        heard = [message for bus in listeners for message in iter(lambda bus=bus: bus.recv(0.0), None)]
        assert not heard, name
    for bus in listeners:
        bus.shutdown()
    assert threading.active_count() < 20


@pytest.mark.slow
def test_an_active_run_claims_its_address_first(tmp_path):
    channels = [f"active-{place}" for place in range(3)]
    with can.Bus(interface="virtual", channel=channels[0]) as listener:
        found = run(Options("vehicles/demo_truck", "virtual", channels, mode="active", duration_s=1.0, output=tmp_path,
                            priority=0, allow_soft=True))  # fmt: skip
        heard = list(iter(lambda: listener.recv(0.0), None))
    assert parse(heard[0].arbitration_id).pgn == ADDRESS_CLAIMED and found["node"]["state"] == "claimed"
    assert any(_is_dm1(message) for message in heard[1:])
    assert found["counts"]["sent"] == len(heard) and found["counts"]["withheld"] == 0


def _is_dm1(message: can.Message) -> bool:
    """As one frame, or announced as a long message."""
    group = parse(message.arbitration_id).pgn
    return group == DM1 or (group == TRANSPORT_CONTROL and int.from_bytes(message.data[5:8], "little") == DM1)


def test_a_node_that_may_move_tells_who_encodes_and_drives_on():
    table = config.load("vehicles/demo_truck").section("command") | {"name": {"arbitrary_address": True}}
    said, moved, lines, permissions = [], [], [], []
    movable = node_of(command_config.read(table, "demo_truck"))
    node = BusNode(movable, 0, said.extend, permissions.append, lambda: 0, moved.append, lines.append)
    node.work(10**9)
    node.work(2 * 10**9)
    node.hear(2 * 10**9, build(6, ADDRESS_CLAIMED, OURS, GLOBAL), bytes(8))
    node.work(2 * 10**9 + 1)
    assert moved == [128] and permissions[-1] == PERMISSION_NONE and "0x80" in lines[0]
    node.work(3 * 10**9)
    assert permissions[-1] == PERMISSION_DRIVE and node.complaints() == []


def test_what_a_partner_tells_is_said_once_and_in_the_figures():
    lines = []
    node = BusNode(node_of(COMMANDS), 0, lambda frames: None, lambda permission: None, lambda: 0, tell=lines.append)
    for second in range(3):
        node.hear(second * 10**9, build(6, DM1, 0x00), bytes([0x10, 0xFF, 100, 0, 1, 1, 0xFF, 0xFF]))
        node.work(second * 10**9)
    assert len(lines) == 1 and "engine 1: red stop on; SPN 100 FMI 1" in lines[0]
    assert node.partners.as_json()[0]["lamps"] == ["red stop on"]
    assert "told red stop on, SPN 100 FMI 1" in partner_lines(node.partners.as_json())[0]


def test_in_shadow_partners_are_heard_and_not_asked(tmp_path):
    channels, lines = [f"ears-{place}" for place in range(3)], []
    with can.Bus(interface="virtual", channel=channels[0]) as engine:

        def tell(line):
            lines.append(line)
            if len(lines) == 1:  # the loop runs
                engine.send(can.Message(arbitration_id=0x18FECA00, data=bytes([0x10, 0xFF, 100, 0, 1, 1, 0xFF, 0xFF])))

        options = Options("vehicles/demo_truck", "virtual", channels, duration_s=0.5, output=tmp_path, priority=0)
        found = run(options, tell)
        assert engine.recv(0.0) is None
    assert found["partners"][0]["lamps"] == ["red stop on"] and any("engine 1: red stop on; SPN 100" in line for line in lines)
