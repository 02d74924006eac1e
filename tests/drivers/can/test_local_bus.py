"""The local bus: whole frames, in one order, to all others; who does not read is thrown off and told."""

from __future__ import annotations

import can
import pytest

from autonomy.errors import EnvironmentFault
from drivers.can import local_bus
from drivers.can.live_bus import LiveBus, open_bus
from drivers.can.local_bus import Hub
from drivers.can.local_message_bus import packed, unpacked
from drivers.can.local_transport import LocalTransport
from drivers.can.transport import room
from tests.drivers.can.build import can_frame, can_frames

FRAMES = 3000


@pytest.fixture
def hub(tmp_path):
    hub = Hub(tmp_path / "bus")
    hub.start()
    yield hub
    hub.stop()
    hub.join()


@pytest.fixture
def nodes(hub):
    buses = [open_bus("local", hub.path) for _ in range(3)]
    yield buses
    for bus in buses:
        bus.shutdown()


@pytest.mark.parametrize(
    "fields",
    [
        {"arbitration_id": 0x18FEF100, "data": b"\1\2\3"},
        {"arbitration_id": 0x123, "is_extended_id": False},
        {"arbitration_id": 0x321, "is_extended_id": False, "is_remote_frame": True, "dlc": 5},
        {"arbitration_id": 4, "is_error_frame": True, "data": bytes(8)},
        {"arbitration_id": 5, "is_fd": True, "bitrate_switch": True, "error_state_indicator": True, "data": bytes(range(64))},
    ],
)
def test_a_message_keeps_all_it_carries(fields):
    message = can.Message(**fields)
    assert unpacked(packed(message)).equals(message, timestamp_delta=None, check_channel=False)


def test_frames_reach_all_others_whole_and_in_one_order(nodes):
    for number in range(FRAMES):
        nodes[number % 2].send(can.Message(arbitration_id=number), timeout=1.0)
    heard = [nodes[2].recv(5.0).arbitration_id for _ in range(FRAMES)]
    assert sorted(heard) == list(range(FRAMES))
    for sender in (0, 1):
        own = [number for number in heard if number % 2 == sender]
        assert own == sorted(own)
    assert nodes[2].recv(0.0) is None
    assert [nodes[0].recv(5.0).arbitration_id for _ in range(FRAMES // 2)] == list(range(1, FRAMES, 2))  # nothing of its own


def test_who_had_connected_before_a_frame_was_sent_gets_it(hub):
    for _ in range(50):  # the hub may find the knocking and the frame at once
        sender, *others = (LocalTransport(hub.path) for _ in range(4))
        sender.send(can_frames(can_frame(0x123, b"")), 1.0)
        rows = room(8)
        assert [other.receive(*rows, 20.0) for other in others] == [(1, 0)] * 3
        for node in (sender, *others):
            node.close()


def test_it_is_a_live_bus_like_any_other(nodes):
    nodes[0].send(can.Message(arbitration_id=7, data=b"x"))
    frames = next(LiveBus(nodes[1], "local", "bus").batches())
    assert frames["id"].tolist() == [7 | 1 << 31] and frames["time_ns"][0] > 1_600_000_000 * 10**9 and frames["flags"][0] == 0


def test_who_does_not_read_is_thrown_off_and_told(hub, nodes, monkeypatch):
    monkeypatch.setattr(local_bus, "MOST_WAITING", 8)
    sent = 0
    while not hub.thrown_off and sent < 200_000:
        nodes[0].send(can.Message(arbitration_id=sent), timeout=1.0)
        nodes[1].recv(0.0)
        sent += 1
    assert hub.thrown_off >= 1
    with pytest.raises(can.CanOperationError, match="did not read"):
        for _ in range(sent + 1):
            nodes[2].recv(1.0)


def test_who_sends_what_is_no_frame_is_thrown_off_alone(hub):
    odd, sender, other = local_bus.connected(hub.path), LocalTransport(hub.path), LocalTransport(hub.path)
    odd.setblocking(True)
    odd.send(bytes(10))
    assert odd.recv(100) == b"", "the hub hung up"
    sender.send(can_frames(can_frame(0x123, b"")), 1.0)
    assert other.receive(*room(8), 20.0) == (1, 0)
    for node in (odd, sender, other):
        node.close()


def test_without_a_hub_it_is_a_sentence(tmp_path):
    with pytest.raises(EnvironmentFault, match="'local': no hub answers at"):
        open_bus("local", str(tmp_path / "nobody"))
    with pytest.raises(EnvironmentFault, match="no local bus at"):
        Hub(tmp_path / ("long" * 40))


def test_a_hub_that_ends_is_told(tmp_path):
    hub = Hub(tmp_path / "bus")
    hub.start()
    bus = open_bus("local", hub.path)
    while not hub._nodes:
        pass
    hub.stop()
    hub.join()
    with pytest.raises(can.CanOperationError):
        for _ in range(2):
            bus.recv(1.0)
    bus.shutdown()
