"""Our own SocketCAN (`_socketcan`) where there is one: bursts, exact loss, back-pressure, states, stamps, and the rig on it."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np
import pytest

from autonomy.errors import EnvironmentFault
from autonomy.runtime.reception import FRAME, Receiver
from drivers.can.frame_flags import ERROR, TRANSMITTED
from drivers.can.interface_kind import is_virtual, kind_of
from drivers.can.socketcan import SocketCan
from drivers.can.transport import room
from drivers.ring import Ring
from hil.rig.play import Options, play
from hil.rig.targets import Wishes
from tests.drivers.can.build import EXTENDED, can_frame, can_frames
from tests.hil.rig import logs

pytestmark = pytest.mark.socketcan


@pytest.fixture
def pair(vcan):
    nodes = SocketCan(vcan[0]), SocketCan(vcan[0])
    yield nodes
    for node in nodes:
        node.close()


def numbered(count: int) -> np.ndarray:
    rows = np.zeros(count, room(0)[0].dtype)
    rows["id"], rows["length"] = EXTENDED | 0x18FF0000, 8
    rows["data"] = np.arange(count, dtype="<u8").view(np.uint8).reshape(count, 8)
    return rows


def numbers(node: SocketCan, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        classic, fd = room(512)
        taken, _ = node.receive(classic, fd, 0.5)
        if not taken:
            break
        found += np.ascontiguousarray(classic["data"][:taken]).view("<u8").reshape(-1).tolist()
    return found


def test_pain_10_a_burst_of_16000_frames_is_whole_and_in_order(pair):
    sender, receiver = pair
    assert sender.send(numbered(16_000), 5.0) == 16_000
    assert numbers(receiver, 16_000) == list(range(16_000)) and receiver.lost() == 0


def test_pain_10_forced_loss_is_counted_exactly_and_told_with_the_next_frame(vcan):
    sender, receiver = SocketCan(vcan[0]), SocketCan(vcan[0], receive_buffer_bytes=8192)
    sender.send(numbered(2000), 5.0)
    found = numbers(receiver, 2000)
    assert 0 < len(found) < 2000 and len(found) + receiver.lost() == 2000
    sender.send(numbered(1), 5.0)
    assert numbers(receiver, 1) == [0] and receiver.lost_before_last() == receiver.lost()
    sender.close(), receiver.close()


def test_pain_10_what_the_kernel_drops_in_front_of_all_sockets_is_counted_too(shaped, backlog):
    channel = shaped("netem", "delay", "100ms", "limit", "1000")  # frames that waited come together
    sender, receiver = SocketCan(channel), SocketCan(channel)
    backlog(0)
    sender.send(numbered(200), 5.0)
    found = numbers(receiver, 200)
    assert 0 < len(found) < 200 and len(found) + receiver.lost() == 200
    sender.close(), receiver.close()


def test_pain_4_the_loop_gets_the_stamp_of_arrival_however_late_its_receiver_is(pair):
    sender, receiver = pair
    ring = Ring(8, FRAME.size)
    before = time.monotonic_ns()
    sender.send(numbered(1))
    after = time.monotonic_ns()
    deadline = after + 30_000_000
    while time.monotonic_ns() < deadline:
        pass  # the thread that reads is late
    Receiver(receiver, 0, ring).turn(1.0)
    stamp = int(np.frombuffer(ring.pop(), np.int64)[0])
    assert before - 5_000_000 <= stamp <= after + 5_000_000


def test_where_a_controller_tells_no_time_of_its_own_the_kernels_is_taken_and_told(vcan):
    sender, receiver = SocketCan(vcan[0]), SocketCan(vcan[0], hardware_stamps=True)
    before = time.time_ns()
    sender.send(numbered(3))
    classic, fd = room(8)
    assert receiver.receive(classic, fd, 5.0)[0] == 3 and receiver.clock.startswith("the kernel's time of reception")
    assert (classic["time_ns"][:3] >= before - 10_000_000).all() and not receiver.stamps_arrival
    sender.close(), receiver.close()


def test_one_thread_sends_while_another_one_receives(vcan):
    """Each node does both at once, and each hears the other's frames as they were."""
    nodes = SocketCan(vcan[0]), SocketCan(vcan[0])
    frames = numbered(20_000)
    senders = [threading.Thread(target=lambda node=node: [node.send(frames[n : n + 50], 5.0) for n in range(0, 20_000, 50)])
               for node in nodes]  # fmt: skip
    for thread in senders:
        thread.start()
    heard: dict[SocketCan, list[int]] = {node: [] for node in nodes}
    while any(len(found) < len(frames) for found in heard.values()):
        before = sum(map(len, heard.values()))
        for node, found in heard.items():
            found += numbers(node, min(500, len(frames) - len(found)))
        assert sum(map(len, heard.values())) > before, [node.lost() for node in nodes]
    for thread in senders:
        thread.join()
    assert all(found == list(range(20_000)) for found in heard.values()) and not any(node.lost() for node in nodes)
    for node in nodes:
        node.close()


def test_pain_11_a_full_transmit_queue_is_waited_for_and_nothing_is_lost(shaped):
    channel = shaped("tbf", "rate", "500kbit", "burst", "400", "limit", "1600")
    sender, receiver = SocketCan(channel), SocketCan(channel)
    assert sender.send(numbered(1000), 30.0) == 1000 and sender.waits > 0
    assert numbers(receiver, 1000) == list(range(1000))
    sender.close(), receiver.close()


def test_pain_11_what_the_queue_does_not_take_in_time_is_told(shaped):
    channel = shaped("tbf", "rate", "50kbit", "burst", "400", "limit", "1600")
    sender = SocketCan(channel)
    assert 0 < sender.send(numbered(1000), 0.01) < 1000
    sender.close()


def test_pain_12_bus_off_and_restart_are_seen(pair):
    sender, receiver = pair
    for kind in (0x40, 0x100):
        sender.send(can_frames(can_frame(kind, bytes(8), flags=ERROR)), 1.0)
    classic, fd = room(8)
    while receiver.controller.restarts == 0:
        assert receiver.receive(classic, fd, 1.0) != (0, 0)
    assert receiver.controller.bus_offs == 1 and receiver.controller.state == "error active"


def test_own_frames_come_back_marked_where_asked_for(vcan):
    node = SocketCan(vcan[0], own=True)
    node.send(numbered(3), 1.0)
    classic, fd = room(8)
    count, _ = node.receive(classic, fd, 1.0)
    assert classic["flags"][:count].tolist() == [TRANSMITTED] * 3 and node.hears_itself
    node.close()


def test_pain_4_a_frame_is_stamped_when_it_came_not_when_it_was_read(pair):
    sender, receiver = pair
    sender.send(numbered(1), 1.0)
    after_ns = time.time_ns()
    while time.time_ns() < after_ns + 30_000_000:
        pass  # the reader is late
    classic, fd = room(1)
    receiver.receive(classic, fd, 1.0)
    assert (
        int(classic["time_ns"][0]) <= after_ns + 5_000_000 and receiver.clock == "the kernel's time of reception, CLOCK_REALTIME"
    )


def test_an_interface_that_is_down_says_what_to_do(vcan):
    node = SocketCan(vcan[1])
    subprocess.run(["ip", "link", "set", vcan[1], "down"], check=True)
    try:
        with pytest.raises(EnvironmentFault, match="it is down: ip link set vcan1 up"):
            node.send(numbered(1), 0.1)
    finally:
        subprocess.run(["ip", "link", "set", vcan[1], "up"], check=True)
        node.close()


def test_the_kernel_tells_which_interfaces_are_memory(vcan):
    assert kind_of(vcan[0]) == "vcan" and is_virtual("socketcan", vcan[0]) and not is_virtual("socketcan", "lo")


def test_the_rig_plays_onto_it_with_every_record_accounted_for(vcan, tmp_path):
    listeners = [SocketCan(name) for name in vcan[:2]]
    wishes = Wishes("socketcan", list(vcan[:2]))
    log = logs.write_log(tmp_path / "drive.mcap", 400)
    found = play(Options([log], wishes, no_device=True, rate=20.0, late_limit_s=60.0))
    counts = found["counts"]
    assert counts["sent"] == 480 and counts["failed"] == 0 and counts["read"] == 560
    classic, fd = room(1024)
    assert listeners[0].receive(classic, fd, 1.0) == (400, 0)
    assert [int.from_bytes(row["data"][:4].tobytes(), "little") for row in classic[:400]] == list(range(400))
    assert listeners[1].receive(classic, fd, 1.0) == (40, 40)
    for node in listeners:
        node.close()


def test_eight_buses_of_1000_frames_a_second_lose_nothing(vcan):
    """Ten seconds' worth on each of eight buses, a hundredth of a second at a time."""
    names = [f"vcan{number}" for number in range(20, 28)]
    for name in names:
        subprocess.run(["ip", "link", "add", name, "type", "vcan"], check=True)
        subprocess.run(["ip", "link", "set", name, "txqueuelen", "1000", "up"], check=True)
    pairs = [(SocketCan(name), SocketCan(name)) for name in names]
    heard: list[list[int]] = [[] for _ in names]
    frames, (classic, fd) = numbered(10_000), room(1024)
    for first in range(0, 10_000, 10):
        for sender, _ in pairs:
            assert sender.send(frames[first : first + 10], 5.0) == 10
        for (_, receiver), found in zip(pairs, heard, strict=True):
            count, _ = receiver.receive(classic, fd, 1.0)
            found += np.ascontiguousarray(classic["data"][:count]).view("<u8").reshape(-1).tolist()
    for (sender, receiver), found in zip(pairs, heard, strict=True):
        found += numbers(receiver, 10_000 - len(found))
        assert found == list(range(10_000)) and receiver.lost() == 0
        sender.close(), receiver.close()
    for name in names:
        subprocess.run(["ip", "link", "del", name], check=True)
