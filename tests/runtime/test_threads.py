"""The threads around the loop, with buses that are no buses: stamps, counts, failures; and the loop while the GIL is kept."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from autonomy import msg
from autonomy.errors import EnvironmentFault
from autonomy.inputs import lane_path
from autonomy.runtime import reception
from autonomy.runtime.reception import FRAME, Heard, Receiver
from autonomy.runtime.transmission import Transmitter
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.tables import EXTENDED
from drivers.ring import Ring
from tests.drivers.can.build import can_frame, can_frames
from tests.runtime.drives import PERIOD_NS, Rig, SilentBus

PATIENCE = 50_000_000  # turns of the waiting loop


class Scripted:
    """A transport that has these frames, then fails."""

    def __init__(self, *frames, fd: int = 0, stamps_arrival: bool = False):
        self.frames, self.fd, self.stamps_arrival = [can_frames(*frames)], fd, stamps_arrival

    def receive(self, classic, fd, timeout_s):
        if not self.frames:
            raise EnvironmentFault("network is down")
        rows = self.frames.pop(0)
        classic[: len(rows)] = rows
        return len(rows), self.fd


def received(ring: Ring) -> np.ndarray:
    rows = np.zeros(64, msg.dtype("CanFrame"))
    return rows[: ring.pop_many(rows)]


def test_frames_reach_the_ring_with_all_they_carry_and_a_failing_bus_is_told():
    ring = Ring(64, FRAME.size)
    given = [can_frame(EXTENDED | 0x18FEF100, b"\1\2"), can_frame(EXTENDED | 0x18FEF100, b"", flags=REMOTE),
             can_frame(EXTENDED | 0x18FEF100, b"\1\2", flags=ERROR), can_frame(0x123, b"\1\2")]  # fmt: skip
    heard = Heard({0xFEF1})
    receiver = Receiver(Scripted(*given, fd=1), 3, ring, heard=heard)
    receiver.run()
    rows = received(ring)
    assert rows["id"].tolist() == [EXTENDED | 0x18FEF100] * 3 + [0x123]
    assert rows["flags"].tolist() == [0, REMOTE, ERROR, 0] and rows["length"].tolist() == [2, 0, 2, 2]
    assert rows["bus"].tolist() == [3] * 4 and rows["data"][0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert (receiver.received, receiver.fd_frames, receiver.error) == (4, 1, "network is down")
    assert heard.frames() == [(int(rows["time_ns"][0]), 0x18FEF100, b"\1\2")], "extended data frames only"


def test_the_age_a_transport_tells_is_taken_off(monkeypatch):
    monkeypatch.setattr(reception.time, "monotonic_ns", lambda: 50_000_000_000)
    monkeypatch.setattr(reception.time, "time_ns", lambda: 1_700_000_000_000_000_000)

    def stamps(*ages_ns, last_ns=0, stamps_arrival=True):
        ring = Ring(8, FRAME.size)
        frames = [can_frame(1, b"", time_ns=1_700_000_000_000_000_000 - age) for age in ages_ns]
        receiver = Receiver(Scripted(*frames, stamps_arrival=stamps_arrival), 0, ring)
        receiver._stamping.stamped(np.zeros((1, FRAME.size), np.uint8), last_ns, 0)
        receiver.turn(0.0)
        return received(ring)["time_ns"].tolist(), receiver.clock_steps

    assert stamps(3_000_000) == ([49_997_000_000], 0)
    assert stamps(3_000_000, 10_000_000, 0) == ([49_997_000_000, 49_997_000_000, 50_000_000_000], 0)  # never back
    assert stamps(10_000_000, last_ns=49_998_000_000) == ([49_998_000_000], 0)
    assert stamps(10**12, 2_000_000, -(10**6)) == ([50_000_000_000] * 3, 2)  # the wall clock was set
    assert stamps(10**12, stamps_arrival=False) == ([50_000_000_000], 0)


def transmitter(bus) -> tuple[Transmitter, Ring, Ring]:
    commands, sent = Ring(8, msg.dtype("Actuation").itemsize), Ring(8, FRAME.size)

    class Encoder:
        def frames(self, actuation):
            rows = np.zeros(1, msg.dtype("CanFrame"))
            rows["id"], rows["length"] = EXTENDED | 0x0CFF1027, 8
            rows["data"][0, 0] = round(float(actuation["engine_torque_nm"]))
            return rows

    return Transmitter(Encoder(), commands, -1, {0: bus}, {0: sent}), commands, sent


def command(torque: float) -> bytes:
    row = np.zeros((), msg.dtype("Actuation"))
    row["engine_torque_nm"], row["time_ns"] = torque, round(torque / 10.0)
    return row.tobytes()


def test_the_newest_command_goes_out_and_comes_back_as_transmitted():
    bus = SilentBus()
    sender, commands, sent = transmitter(bus)
    told = []
    sender.responded = lambda tick_time_ns, sent_ns: told.append((tick_time_ns, sent_ns))
    for torque in (10.0, 20.0, 30.0):
        commands.push(command(torque))
    sender.send_newest()
    sender.send_newest()
    assert [tick for tick, _ in told] == [1, 2, 3] and len({sent for _, sent in told}) == 1  # the newest knows what they knew
    assert [row["data"][0] for row in bus.frames] == [30] and (sender.sent, sender.superseded) == (1, 2)
    rows = received(sent)
    assert rows["flags"].tolist() == [1] and rows["data"][0, 0] == 30 and rows["time_ns"][0] > 0
    assert sender.latency_us.sum() == 1


def test_a_command_the_bus_does_not_take_is_counted_and_not_logged_as_sent():
    class Full:
        def send(self, frames, timeout_s):
            return 0

    class Down:
        def send(self, frames, timeout_s):
            raise EnvironmentFault("network is down")

    for bus, reason in ((Full(), None), (Down(), "network is down")):  # full for long: tests/runtime/test_bus_watch.py
        sender, commands, sent = transmitter(bus)
        commands.push(command(1.0))
        sender.send_newest()
        assert (sender.sent, sender.failed, sender.error) == (0, 1, reason) and len(received(sent)) == 0


@pytest.mark.slow
def test_the_loop_needs_no_gil():
    """Ten ticks in real time while this thread keeps the interpreter to itself."""
    rig = Rig.build(None, lane_path.EMPTY)
    first = (time.monotonic_ns() // PERIOD_NS + 5) * PERIOD_NS
    worker = threading.Thread(target=rig.loop.run, args=(first, first + 10 * PERIOD_NS), daemon=True)
    interval, turns = sys.getswitchinterval(), 0
    worker.start()
    sys.setswitchinterval(1e6)
    try:
        while rig.loop.tick_index + rig.loop.counts()["missed"] < 10 and turns < PATIENCE:
            turns += 1
    finally:
        sys.setswitchinterval(interval)
    worker.join()
    assert turns < PATIENCE, "the loop stood still while the GIL was kept elsewhere"
