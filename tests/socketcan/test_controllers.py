"""Our transport on CAN controllers with the kernel's own driver for them: bit timing, error states, bus-off and restart."""

from __future__ import annotations

import json
import subprocess

import pytest

from autonomy.errors import EnvironmentFault
from drivers.can.interface_kind import kind_of
from drivers.can.socketcan import BusOffGuard, SocketCan, restart
from drivers.can.transport import room
from tests.drivers.can.build import can_frame, can_frames
from tests.socketcan.controllers import (  # noqa: F401 - fixtures among them
    BUS_OFF,  # fmt: skip
    ERROR_PASSIVE,
    ERROR_WARNING,
    WARNING,
    cable,
    controllers,
    happens,
    set_up,
)

pytestmark = pytest.mark.controller
CLOCK_HZ = 8_000_000  # of an SJA1000 on a Kvaser PCIcan
MARK = can_frame(0x123, b"\xca\xfe\xf0\x0d\x01\x02\x03\x04")


def link(name: str) -> dict:
    (found,) = json.loads(subprocess.run(["ip", "-d", "-j", "link", "show", name], check=True, capture_output=True).stdout)
    return found["linkinfo"]["info_data"]


@pytest.fixture
def pair(controllers):  # noqa: F811
    nodes = [SocketCan(name) for name in controllers]
    yield nodes
    for node in nodes:
        node.close()


def heard(node: SocketCan) -> list[int]:
    """Identifiers of what comes until nothing comes any more."""
    classic, fd = room(64)
    found: list[int] = []
    while count := node.receive(classic, fd, 0.5)[0]:
        found += classic["id"][:count].tolist()
    return found


@pytest.mark.parametrize("bit_rate", [125_000, 250_000, 500_000, 1_000_000])
def test_the_kernel_finds_the_bit_timing_of_the_rates_of_vehicles(controllers, bit_rate):  # noqa: F811
    set_up("can0", "bitrate", str(bit_rate))
    timing, limits = link("can0")["bittiming"], link("can0")["bittiming_const"]
    quanta = 1 + timing["prop_seg"] + timing["phase_seg1"] + timing["phase_seg2"]
    assert timing["bitrate"] == bit_rate and timing["brp"] * quanta * bit_rate == CLOCK_HZ
    assert limits["name"] == "sja1000" and 0.75 <= float(timing["sample_point"]) <= 0.875


def test_a_rate_that_the_clock_cannot_give_is_refused(controllers):  # noqa: F811
    subprocess.run(["ip", "link", "set", "can0", "down"], check=True)
    done = subprocess.run(["ip", "link", "set", "can0", "type", "can", "bitrate", "3000"], capture_output=True)
    assert done.returncode != 0


def test_a_controller_is_no_virtual_bus_and_has_no_fd(pair):
    assert kind_of("can0") == "can" and not pair[0].has_fd
    assert link("can0")["state"] == "ERROR-ACTIVE" and link("can0")["berr_counter"] == {"tx": 0, "rx": 0}


def test_bus_off_is_seen_and_the_guard_brings_the_controller_back(pair):
    sender, receiver = pair
    sender.send(can_frames(MARK), 1.0)
    assert heard(receiver) == [0x123]
    happens(MARK, BUS_OFF, ERROR_WARNING)
    sender.send(can_frames(can_frame(0x100, b"\x55" * 8)), 1.0)  # its interrupt
    heard(sender)
    assert sender.controller.state == "bus off" and sender.controller.bus_offs == 1 and link("can0")["state"] == "BUS-OFF"
    assert sender.send(can_frames(MARK), 0.1) == 0, "not taken, and not thrown away either"
    happens(can_frame(0x100, b"\x55" * 8), 0, 0)
    guard = BusOffGuard("can0")
    assert guard.look(sender.controller, 0.0) and guard.restarts == 1
    heard(sender), heard(receiver)
    assert sender.controller.restarts == 1 and sender.controller.state == "error active"
    assert sender.send(can_frames(MARK), 1.0) == 1 and heard(receiver)[-1] == 0x123


def test_a_controller_that_is_not_off_the_bus_is_not_restarted(controllers):  # noqa: F811
    with pytest.raises(EnvironmentFault, match="'can0' cannot be restarted"):
        restart("can0")


def test_error_states_are_followed(pair):
    sender, _ = pair
    sender.send(can_frames(MARK), 1.0)
    for status, interrupt, state in ((WARNING, ERROR_WARNING, "warning"), (WARNING, ERROR_PASSIVE, "passive"),
                                     (0, ERROR_WARNING, "active")):  # fmt: skip
        happens(MARK, status, interrupt)
        sender.send(can_frames(MARK), 1.0)
        heard(sender)
        assert sender.controller.state == f"error {state}" and link("can0")["state"] == f"ERROR-{state.upper()}"
    assert sender.controller.error_frames >= 3 and sender.controller.bus_offs == 0


def test_a_controller_that_is_down_says_what_to_do(pair):
    subprocess.run(["ip", "link", "set", "can0", "down"], check=True)
    with pytest.raises(EnvironmentFault, match="it is down: ip link set can0 up type can bitrate 250000"):
        pair[0].send(can_frames(MARK), 0.1)
