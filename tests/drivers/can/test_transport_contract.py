"""What every CAN transport promises, one suite for all: `_process_bus`, `_socketcan`, the local bus, python-can's.

SocketCAN runs in the kernel of `make socketcan`, and on controllers in the machine of `make controllers`.
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy.errors import EnvironmentFault
from drivers.can.frame_flags import REMOTE
from drivers.can.local_bus import Hub
from drivers.can.transport import CAN_FD_FRAME, Transport, open_transport, room
from tests.drivers.can.build import EXTENDED, can_frame, can_frames
from tests.drivers.can.slcan_adapters import SlcanAdapters
from tests.socketcan.conftest import vcan  # noqa: F401 - a fixture
from tests.socketcan.controllers import cable  # noqa: F401 - a fixture

INTERFACES = ["process", "virtual", "local", "udp_multicast", "slcan", pytest.param("socketcan", marks=pytest.mark.socketcan),
              pytest.param("controller", marks=pytest.mark.controller)]  # fmt: skip
PATIENCE_S = 2.0
BURST = 1000
KERNELS = ("socketcan", "controller")
names = itertools.count()


@pytest.fixture(params=INTERFACES)
def interface(request) -> str:
    if request.param == "udp_multicast":
        pytest.importorskip("msgpack", reason="python-can's udp_multicast needs msgpack")
    return request.param


@pytest.fixture
def adapters(monkeypatch):
    monkeypatch.setenv("CAN_CONFIG", '{"sleep_after_open": 0}')  # python-can gives an adapter 2 s to wake up
    made = SlcanAdapters(3)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def channel(interface, tmp_path, request) -> str | SlcanAdapters:
    """A bus that nobody else is on."""
    number = next(names)
    if interface == "slcan":
        return request.getfixturevalue("adapters")
    if interface == "local":
        hub = Hub(tmp_path / "bus")
        hub.start()
        request.addfinalizer(lambda: (hub.stop(), hub.join()))
        return hub.path
    if interface == "socketcan":
        return request.getfixturevalue("vcan")[0]
    if interface == "controller":
        return request.getfixturevalue("cable")[0]
    return {"process": f"contract {number}", "virtual": f"contract {number}", "udp_multicast": f"239.74.163.{10 + number % 200}"}[
        interface
    ]


@pytest.fixture
def bus(interface, channel):
    """A way to more nodes on the bus, each of which hears what is sent from now on."""
    with contextlib.ExitStack() as stack:
        nodes: list[Transport] = []

        def node() -> Transport:
            if interface == "controller":  # by turns on both ends of the cable
                made = open_transport("socketcan", ("can0", "can1")[len(nodes) % 2])
            elif interface == "slcan":
                made = open_transport(interface, channel.ports[len(nodes)])
                channel.wait_until_open(len(nodes) + 1)
            else:
                made = open_transport(interface, channel)
            stack.callback(made.close)
            # It is on the bus when it hears, which a hub's thread decides; a socket of the kernel hears from the first moment
            for other in nodes if interface not in (*KERNELS, "slcan") else []:
                while not sum(made.receive(*room(1), 0.01)):
                    other.send(can_frames(can_frame(0, b"")))
            for each in [*nodes, made]:
                drain(each)
            nodes.append(made)
            return made

        yield node


def drain(node: Transport) -> None:
    while sum(node.receive(*room(64), 0.05)):
        pass


def heard(node: Transport, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Waits for `count` frames of both kinds together, or until none comes any more."""
    found: list[np.ndarray] = []
    found_fd: list[np.ndarray] = []
    while sum(map(len, found)) + sum(map(len, found_fd)) < count:
        classic, fd = room(64)
        taken, taken_fd = node.receive(classic, fd, PATIENCE_S)
        if not taken + taken_fd:
            break
        found.append(classic[:taken])
        found_fd.append(fd[:taken_fd])
    return np.concatenate([*found, room(0)[0]]), np.concatenate([*found_fd, room(0)[1]])


def numbered(count: int) -> np.ndarray:
    return can_frames(*(can_frame(EXTENDED | number, number.to_bytes(8, "little")) for number in range(count)))


def contents(frames: np.ndarray) -> list[tuple]:
    return [(int(row["id"]), int(row["length"]), int(row["flags"]), row["data"].tobytes()) for row in frames]


def fd_frame(identifier: int, data: bytes, flags: int = 0) -> np.ndarray:
    rows = np.zeros(1, CAN_FD_FRAME)
    rows["id"], rows["length"], rows["flags"] = identifier, len(data), flags
    rows["data"][0, : len(data)] = np.frombuffer(data, np.uint8)
    return rows


def test_frames_of_all_kinds_arrive_as_they_were(bus, interface):
    sender, receiver = bus(), bus()
    frames = can_frames(
        can_frame(EXTENDED | 0x1FFFFFFF, bytes(range(8))), can_frame(0x7FF, b"\xff"), can_frame(0, b""),
        can_frame(EXTENDED, b"abc"), can_frame(EXTENDED | 0x18EA0027, b"", flags=REMOTE),
    )  # fmt: skip
    frames[4]["length"] = 0 if interface == "controller" else 3  # qemu's is one frame behind ever after a longer one
    assert sender.send(frames, PATIENCE_S) == len(frames)
    found, _ = heard(receiver, len(frames))
    assert contents(found) == contents(frames)


def test_fd_frames_arrive_beside_the_others(bus):
    sender, receiver = bus(), bus()
    if not sender.has_fd:
        pytest.skip("this interface is not opened for CAN FD")
    long, short = fd_frame(EXTENDED | 0x18FF0000, bytes(range(64)), 8), fd_frame(0x123, b"12345", 16)
    assert (
        sender.send(long, PATIENCE_S) == 1 and sender.send(numbered(1), PATIENCE_S) == 1 and sender.send(short, PATIENCE_S) == 1
    )
    classic, fd = heard(receiver, 3)
    assert contents(classic) == contents(numbered(1)) and contents(fd) == contents(np.concatenate([long, short]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 0x7FF), st.binary(max_size=8)), max_size=20))
def test_any_frames_arrive_in_their_order(nodes, made):
    sender, receiver = nodes
    frames = can_frames(*(can_frame((EXTENDED if wide else 0) | identifier, data) for wide, identifier, data in made))
    assert sender.send(frames, PATIENCE_S) == len(frames)
    assert contents(heard(receiver, len(frames))[0]) == contents(frames)


@pytest.fixture
def nodes(bus) -> tuple[Transport, Transport]:
    return bus(), bus()


def test_a_burst_is_whole_or_its_loss_is_told(bus):
    sender, receiver = bus(), bus()
    sent = sender.send(numbered(BURST), PATIENCE_S)
    found, _ = heard(receiver, BURST)
    numbers = [int.from_bytes(row["data"].tobytes(), "little") for row in found]
    lost = receiver.lost()
    assert sent == BURST and numbers == sorted(set(numbers))
    assert len(numbers) == BURST if lost is None else len(numbers) + lost == BURST


def test_all_others_hear_a_node_and_it_hears_itself_only_where_it_says_so(bus):
    sender, *receivers = bus(), bus(), bus()
    sender.send(numbered(5), PATIENCE_S)
    assert [contents(heard(node, 5)[0]) for node in receivers] == [contents(numbered(5))] * 2
    assert sender.receive(*room(8), 0.01) == ((5, 0) if sender.hears_itself else (0, 0))


def test_times_do_not_run_back_and_are_there(bus):
    sender, receiver = bus(), bus()
    sender.send(numbered(50), PATIENCE_S)
    found, _ = heard(receiver, 50)
    assert (np.diff(found["time_ns"]) >= 0).all() and found["time_ns"][0] > 0 and receiver.clock


def test_a_silent_bus_gives_nothing_and_comes_back(bus):
    node = bus()
    assert node.receive(*room(4), 0.0) == (0, 0) and node.receive(*room(4), 0.01) == (0, 0)


def test_frames_for_which_there_is_no_room_wait(bus):
    sender, receiver = bus(), bus()
    sender.send(numbered(10), PATIENCE_S)
    found = [heard_one for _ in range(10) for heard_one in contents(take_one(receiver))]
    assert found == contents(numbered(10))


def take_one(node: Transport) -> np.ndarray:
    classic, fd = room(1)
    count, _ = node.receive(classic, fd, PATIENCE_S)
    return classic[:count]


def test_nothing_to_send_is_nothing_sent(bus):
    assert bus().send(room(0)[0]) == 0


def test_a_closed_bus_says_so(bus):
    node = bus()
    node.close()
    with pytest.raises(EnvironmentFault):
        node.send(numbered(1))
    with pytest.raises(EnvironmentFault):
        node.receive(*room(1), 0.0)
    node.close()


@pytest.mark.parametrize("interface", ["local", pytest.param("socketcan", marks=pytest.mark.socketcan)])
def test_a_channel_that_is_not_there_is_one_sentence(interface):
    with pytest.raises(EnvironmentFault, match=f"cannot open channel 'nix7' of CAN interface '{interface}'"):
        open_transport(interface, "nix7")


def test_without_can_in_the_kernel_that_is_said():
    if Path("/proc/net/can").exists():
        pytest.skip("this kernel has CAN")
    with pytest.raises(EnvironmentFault, match="this kernel has no CAN"):
        open_transport("socketcan", "lo")
