"""Frames over the kernel's own CAN: whole, in order, counted; what is lost is told exactly."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import can
import numpy as np
import pytest

from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.live_bus import LiveBus, open_bus
from drivers.can.tables import EXTENDED

pytestmark = pytest.mark.socketcan
ROOT = Path(__file__).parents[2]
FRAME_BYTES = 16  # of a classic frame as the shaper counts it: struct can_frame


@pytest.fixture
def pair(vcan):
    buses = [open_bus("socketcan", vcan[0]) for _ in range(2)]
    yield buses
    for bus in buses:
        bus.shutdown()


def message(number: int, **fields) -> can.Message:
    return can.Message(arbitration_id=number, **{"data": number.to_bytes(8, "little"), **fields})


def read(live: LiveBus, count: int) -> np.ndarray:
    found, silent = [], 0
    for frames in live.batches():
        found.append(frames.copy())
        silent = 0 if len(frames) else silent + 1
        if sum(map(len, found)) >= count or silent > 10:
            return np.concatenate(found)
    raise AssertionError


def test_frames_of_all_kinds_arrive_in_order_with_all_they_carry(pair):
    sender, receiver = pair
    sent = [
        message(0x18FEF100),
        message(0x123, is_extended_id=False, data=b""),
        message(0x321, is_extended_id=False, is_remote_frame=True, dlc=4, data=None),
        message(0x7FF, is_extended_id=False),
    ]
    for item in sent:
        sender.send(item)
    frames = read(LiveBus(receiver, "socketcan", "vcan0"), len(sent))
    assert frames["id"].tolist() == [EXTENDED | 0x18FEF100, 0x123, 0x321, 0x7FF]
    assert frames["length"].tolist() == [8, 0, 4, 8] and (frames["flags"] & REMOTE).tolist() == [0, 0, REMOTE, 0]
    assert (np.diff(frames["time_ns"]) >= 0).all() and abs(int(frames["time_ns"][0]) - time.time_ns()) < 60 * 10**9


def test_error_frames_are_marked(pair):
    sender, receiver = pair
    sender.send(can.Message(arbitration_id=0x40, is_error_frame=True, is_extended_id=False, data=bytes(8)))
    sender.send(message(5))
    frames = read(LiveBus(receiver, "socketcan", "vcan0"), 2)
    assert (frames["flags"] & ERROR).tolist() == [ERROR, 0]


def test_fd_frames_cross_and_are_told_where_they_are_left_out(vcan):
    sender, receiver = (can.Bus(interface="socketcan", channel=vcan[1], fd=True) for _ in range(2))
    data = bytes(range(64))
    sender.send(can.Message(arbitration_id=0x1ABCDEF0, is_fd=True, bitrate_switch=True, data=data))
    heard = receiver.recv(1.0)
    assert heard.is_fd and heard.bitrate_switch and bytes(heard.data) == data
    sender.send(can.Message(arbitration_id=1, is_fd=True, data=data))
    sender.send(message(2))
    live = LiveBus(receiver, "socketcan", vcan[1])
    assert (read(live, 1)["id"] & 0xFF).tolist() == [2] and (live.received, live.fd_frames) == (2, 1)
    for bus in (sender, receiver):
        bus.shutdown()


def test_pain_10_a_burst_of_16000_frames_is_whole_and_in_order(pair):
    sender, receiver = pair
    live = LiveBus(receiver, "socketcan", "vcan0")
    for number in range(16_000):
        sender.send(message(number))
    frames = read(live, 16_000)
    assert (frames["id"] & 0x1FFFFFFF).tolist() == list(range(16_000)) and live.lost() == 0


def test_pain_10_forced_loss_is_counted_exactly(pair):
    sender, receiver = pair
    receiver.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    live = LiveBus(receiver, "socketcan", "vcan0")
    for number in range(2000):
        sender.send(message(number))
    frames = read(live, 2000)
    assert 0 < len(frames) < 2000 and len(frames) + live.lost() == 2000


def test_a_bus_of_250_kbit_holds_its_rate_and_keeps_every_frame(shaped):
    channel = shaped("tbf", "rate", "250kbit", "burst", "400", "limit", "1000000")
    sender, receiver = (open_bus("socketcan", channel) for _ in range(2))
    live = LiveBus(receiver, "socketcan", channel)
    count, began = 1000, time.monotonic()
    for number in range(count):
        sender.send(message(number), timeout=5.0)
    frames = read(live, count)
    assert time.monotonic() - began > 0.8 * count * FRAME_BYTES * 8 / 250_000
    assert (frames["id"] & 0x1FFFFFFF).tolist() == list(range(count)) and live.lost() == 0
    for bus in (sender, receiver):
        bus.shutdown()


def test_loss_on_the_way_is_seen_by_the_numbers_of_the_frames(shaped):
    channel = shaped("netem", "loss", "20%", "limit", "100000")
    sender, receiver = (open_bus("socketcan", channel) for _ in range(2))
    for number in range(1000):
        sender.send(message(number), timeout=5.0)
    numbers = read(LiveBus(receiver, "socketcan", channel), 1000)["id"] & 0x1FFFFFFF
    assert 600 < len(numbers) < 950 and (np.diff(numbers.astype(np.int64)) > 0).all()
    for bus in (sender, receiver):
        bus.shutdown()


def test_delay_on_the_way_keeps_every_frame_in_order_and_shows_in_their_times(shaped):
    channel = shaped("netem", "delay", "200ms", "limit", "100000")
    sender, receiver = (open_bus("socketcan", channel) for _ in range(2))
    began_ns = time.time_ns()
    for number in range(500):
        sender.send(message(number), timeout=5.0)
    frames = read(LiveBus(receiver, "socketcan", channel), 500)
    assert (frames["id"] & 0x1FFFFFFF).tolist() == list(range(500))
    assert int(frames["time_ns"][0]) - began_ns > 190_000_000, "its clock ticks every 10 ms"
    for bus in (sender, receiver):
        bus.shutdown()


def test_can_dump_shows_the_live_bus(pair):
    dump = subprocess.Popen(
        [sys.executable, "-m", "autonomy", "can", "dump", "-i", "socketcan", "-c", "vcan0", "--json", "-n", "3"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    number = 0
    while dump.poll() is None and number < 3000:
        pair[0].send(message(number & 0xFF))
        time.sleep(0.01)
        number += 1
    said, notes = dump.communicate()
    lines = [json.loads(line) for line in said.splitlines()]
    assert dump.returncode == 0 and len(lines) == 3, notes
    first = lines[0]["id"]
    assert [line["id"] for line in lines] == [first, first + 1, first + 2] and lines[0]["data"] == f"{first:02x}" + 14 * "0"
