"""Receiving with and without the interpreter gives the same: rows, order, times, what concerns a node; and a bus that fails."""

from __future__ import annotations

import socket
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from autonomy.runtime._reception import Heard
from drivers.can._local_source import LocalSource
from hypothesis import given
from hypothesis import strategies as st

from autonomy import msg
from autonomy.runtime.reception import FRAME, PumpedReceiver, Receiver, receiver_of
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.j1939.identifier import parse
from drivers.can.live_bus import LOCAL
from drivers.can.local_bus import Hub
from drivers.can.tables import EXTENDED
from drivers.can.transport import open_transport
from drivers.ring import Ring
from tests.drivers.can.build import can_frame, can_frames

GROUPS = {0xEE00, 0xFECA, 0xEA00}
OURS = 0x27
TURNS = 50_000_000  # of the waiting loop


@pytest.fixture
def channel(tmp_path):
    hub = Hub(tmp_path / "bus")
    hub.start()
    yield str(tmp_path / "bus")
    hub.stop()
    hub.join()


def rows_of(ring: Ring) -> np.ndarray:
    rows = np.zeros(ring.slots, msg.dtype("CanFrame"))
    return rows[: ring.pop_many(rows)]


def take(receiver: Receiver, count: int) -> None:
    while receiver.received + receiver.fd_frames < count:
        before = receiver.received + receiver.fd_frames
        receiver.turn(20.0)
        assert receiver.received + receiver.fd_frames > before, "the rest never came"


def test_pain_5_both_ways_of_receiving_give_the_same_rows(channel):
    sender, first, second = (open_transport(LOCAL, channel) for _ in range(3))
    rings, heards = [Ring(1 << 10, FRAME.size) for _ in range(2)], [Heard(GROUPS, OURS) for _ in range(2)]
    receivers = [Receiver(first, 2, rings[0], heard=heards[0]), receiver_of(second, 2, rings[1], heard=heards[1])]
    assert isinstance(receivers[1], PumpedReceiver)
    sent = can_frames(*(can_frame(EXTENDED | 0x18000000 | (0xFEC8 + n % 5) << 8 | OURS + n % 3, bytes([n % 256] * (n % 9)))
                        for n in range(700)))  # fmt: skip
    assert sender.send(sent, 1.0) == 700 and sender.send(np.zeros(3, msg.dtype("CanFdFrame")), 1.0) == 3
    for receiver in receivers:
        take(receiver, 703)
    python, pumped = (rows_of(ring) for ring in rings)
    for name in ("id", "bus", "length", "flags", "data"):
        assert np.array_equal(python[name], pumped[name])
    assert np.array_equal(python["id"], sent["id"]) and (pumped["bus"] == 2).all()
    assert (np.diff(pumped["time_ns"]) >= 0).all() and abs(int(pumped["time_ns"][-1]) - time.monotonic_ns()) < 60e9
    assert [receiver.fd_frames for receiver in receivers] == [3, 3] and not receivers[1].clock_steps
    told = [[frame[1:] for frame in heard.frames()] for heard in heards]
    assert told[0] == told[1] and len(told[0]) > 200
    for transport in (sender, first, second):
        transport.close()


FRAMES = st.tuples(st.integers(0, (1 << 29) - 1), st.booleans(), st.sampled_from([0, ERROR, REMOTE]), st.binary(max_size=8))


@given(st.lists(FRAMES, max_size=40), st.integers(-1, 255))
def test_a_node_hears_what_concerns_it_and_nothing_else(given_frames, address):
    heard = Heard(GROUPS, address)
    rows = can_frames(*(can_frame(EXTENDED * extended | (identifier if extended else identifier & 0x7FF), data, flags=flags)
                        for identifier, extended, flags, data in given_frames))  # fmt: skip
    heard.put(rows.view(np.uint8).reshape(len(rows), FRAME.size))
    expected = [(identifier, data) for identifier, extended, flags, data in given_frames if extended and not flags
                and (parse(identifier).pgn in GROUPS or parse(identifier).source == address)]  # fmt: skip
    assert [(identifier, data) for _, identifier, data in heard.frames()] == expected
    assert heard.frames() == []


def test_a_node_hears_the_groups_it_names():
    heard = Heard(GROUPS)
    claims = can_frames(can_frame(EXTENDED | 0x18EEFF00, b"\1"), can_frame(EXTENDED | 0x18FECA00, b"\2"),
                        can_frame(EXTENDED | 0x18EA2700, b"\3"), can_frame(EXTENDED | 0x0CF00400, b"\4"))  # fmt: skip
    heard.put(claims.view(np.uint8).reshape(len(claims), FRAME.size))
    assert [data for _, _, data in heard.frames()] == [b"\1", b"\2", b"\3"]
    with pytest.raises(ValueError, match="32 at most"):
        Heard(range(33))


def test_the_pump_runs_while_the_interpreter_is_kept_busy():
    sender, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ring = Ring(1 << 10, FRAME.size)
    receiver = receiver_of(SimpleNamespace(source=LocalSource(end.fileno()), stamps_arrival=True), 0, ring)
    receiver.start()
    frame = can_frame(1, b"").tobytes()
    sender.send(frame)
    for _ in range(TURNS):  # the thread is in the pump from there on
        if len(ring):
            break
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(60.0)  # nobody else gets the interpreter
        for _ in range(200):
            sender.send(frame)
        for _ in range(TURNS):
            if len(ring) > 200:
                break
        assert len(ring) == 201
    finally:
        sys.setswitchinterval(before)
        receiver.stop()
        receiver.join()
    assert receiver.received == 201 and receiver.error is None
    sender.close()
    end.close()


def test_a_bus_that_fails_is_told_by_the_pump_too(tmp_path):
    hub = Hub(tmp_path / "bus")
    hub.start()
    transport = open_transport(LOCAL, str(tmp_path / "bus"))
    receiver = receiver_of(transport, 0, Ring(8, FRAME.size))
    thread = threading.Thread(target=receiver.run)
    thread.start()
    hub.stop()
    hub.join()
    thread.join()
    assert "the hub has gone" in receiver.error
    transport.close()
