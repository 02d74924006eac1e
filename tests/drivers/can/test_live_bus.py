"""A live bus through python-can's virtual interface: frames in order, nothing lost silently, failures as a sentence."""

from __future__ import annotations

import socket

import can
import numpy as np
import pytest

from autonomy.errors import EnvironmentFault
from drivers.can import live_bus
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.live_bus import LiveBus, open_bus
from drivers.can.tables import EXTENDED


@pytest.fixture
def pair(request):
    buses = [open_bus("virtual", request.node.name) for _ in range(2)]
    yield buses
    for bus in buses:
        bus.shutdown()


def message(number: int, **fields) -> can.Message:
    return can.Message(arbitration_id=number, timestamp=1.5, **{"is_extended_id": True, "data": b"\x01\x02", **fields})


def read(bus, batches: int = 1) -> np.ndarray:
    found = LiveBus(bus, "virtual", "test").batches()
    return np.concatenate([next(found) for _ in range(batches)])


def test_frames_arrive_in_order_with_all_they_carry(pair):
    sender, receiver = pair
    sender.send(message(0x18FEF100))
    sender.send(message(0x123, is_extended_id=False, data=b""))
    sender.send(message(0x321, is_extended_id=False, is_remote_frame=True, dlc=4, data=None))
    sender.send(message(4, is_error_frame=True))
    frames = read(receiver)
    assert frames["id"].tolist() == [EXTENDED | 0x18FEF100, 0x123, 0x321, EXTENDED | 4]
    assert frames["length"].tolist() == [2, 0, 4, 2] and frames["flags"].tolist() == [0, 0, REMOTE, ERROR]
    assert frames["data"][0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert (frames["time_ns"] > 0).all()


def test_pain_10_a_burst_of_5000_frames_is_whole(pair):
    sender, receiver = pair
    for number in range(5000):
        sender.send(message(number))
    assert (read(receiver, 2)["id"] & 0x1FFFFFFF).tolist() == list(range(5000))


def test_fd_frames_are_left_out_and_counted(pair):
    sender, receiver = pair
    bus = LiveBus(receiver, "virtual", "test")
    receiver._can_protocol = sender._can_protocol = can.CanProtocol.CAN_FD
    sender.send(message(1, is_fd=True, data=bytes(64)))
    sender.send(message(2))
    assert (next(bus.batches())["id"] & 0xFF).tolist() == [2]
    assert (bus.received, bus.fd_frames) == (2, 1)


def test_a_silent_bus_gives_empty_batches(pair, monkeypatch):
    monkeypatch.setattr(live_bus, "POLL_S", 0.0)
    assert len(read(pair[1])) == 0


def test_a_failing_bus_is_a_sentence():
    class Broken:
        def recv(self, timeout):
            raise can.CanOperationError("network is down")

    with pytest.raises(EnvironmentFault, match="'socketcan' channel 'can0' failed: network is down"):
        next(LiveBus(Broken(), "socketcan", "can0").batches())


def test_what_cannot_be_opened_is_a_sentence():
    with pytest.raises(EnvironmentFault, match="'nothere'.*python-can knows .*socketcan"):
        open_bus("nothere", "can0")


def test_a_library_that_is_not_there_is_told_as_such(monkeypatch):
    def absent(**_):
        raise NameError("name 'canGetNumberOfChannels' is not defined")

    monkeypatch.setattr("can.Bus", absent)
    with pytest.raises(EnvironmentFault, match="'kvaser': the library of its maker is not installed"):
        open_bus("kvaser", "0")


def test_losses_come_from_the_counters_of_the_system(monkeypatch):
    lost = [12]
    monkeypatch.setattr(live_bus.network_link, "frames_lost", lambda name: lost[0] if name == "can7" else 0)
    bus = LiveBus(object(), "socketcan", "can7")
    lost[0] = 19
    assert bus.lost() == 7
    assert LiveBus(object(), "virtual", "can7").lost() is None


def test_losses_of_a_datagram_socket_are_told_by_the_kernel():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inner:
        inner.bind(("127.0.0.1", 0))
        owner = type("Bus", (), {"_multicast": type("Inner", (), {"_socket": inner})()})()
        assert LiveBus(owner, "udp_multicast", "239.74.163.2").lost() in (0, None)  # None where /proc tells nothing
