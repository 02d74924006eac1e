"""The threads around the loop, with buses that are no buses: stamps, counts, failures; and the loop while the GIL is kept."""

from __future__ import annotations

import struct
import sys
import threading
import time

import can
import numpy as np
import pytest

from autonomy import msg
from autonomy.inputs import lane_path
from autonomy.runtime import reception
from autonomy.runtime.reception import FRAME, Receiver
from autonomy.runtime.transmission import Transmitter
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.tables import EXTENDED
from drivers.ring import Ring
from tests.runtime.drives import PERIOD_NS, Rig, SilentBus

PATIENCE = 50_000_000  # turns of the waiting loop


class Scripted:
    """A bus that has these messages, then fails."""

    def __init__(self, *messages):
        self.messages = list(messages)

    def recv(self, timeout):
        if not self.messages:
            raise can.CanOperationError("network is down")
        return self.messages.pop(0)


def message(timestamp=0.0, **fields) -> can.Message:
    return can.Message(timestamp=timestamp, **{"arbitration_id": 0x18FEF100, "data": b"\1\2", **fields})


def received(ring: Ring) -> np.ndarray:
    rows = np.zeros(64, msg.dtype("CanFrame"))
    return rows[: ring.pop_many(rows)]


def test_frames_reach_the_ring_with_all_they_carry_and_a_failing_bus_is_told():
    ring = Ring(64, FRAME.size)
    receiver = Receiver(
        Scripted(message(), message(is_remote_frame=True, dlc=4, data=None), message(is_error_frame=True), None,
                 message(is_extended_id=False, arbitration_id=0x123), message(is_fd=True, data=bytes(64))), "virtual", 3, ring,
    )  # fmt: skip
    receiver.run()
    rows = received(ring)
    assert rows["id"].tolist() == [EXTENDED | 0x18FEF100] * 3 + [0x123]
    assert rows["flags"].tolist() == [0, REMOTE, ERROR, 0] and rows["length"].tolist() == [2, 4, 2, 2]
    assert rows["bus"].tolist() == [3] * 4 and rows["data"][0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert (receiver.received, receiver.fd_frames, receiver.error) == (4, 1, "network is down")


def test_an_echo_mark_of_another_program_on_this_machine_is_no_echo_of_ours():
    ring = Ring(2, FRAME.size)
    Receiver(Scripted(message(is_rx=False)), "socketcan", 0, ring).run()
    assert received(ring)["flags"].tolist() == [0]


def test_the_age_a_transport_tells_is_taken_off(monkeypatch):
    monkeypatch.setattr(reception.time, "monotonic_ns", lambda: 50_000_000_000)
    monkeypatch.setattr(reception.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    receiver = Receiver(None, "socketcan", 0, None)

    def stamp(timestamp_s):
        return struct.unpack_from("<q", receiver.packed(message(timestamp_s)))[0]

    assert stamp(1_699_999_999.997) == 49_997_000_000
    assert stamp(1_699_999_999.990) == 49_997_000_000  # never back
    assert stamp(1_700_000_000.0) == 50_000_000_000 and receiver.clock_steps == 0
    receiver._last_ns = 0
    assert stamp(1_699_000_000.0) == 50_000_000_000 and receiver.clock_steps == 1  # the wall clock was set
    assert Receiver(None, "virtual", 0, None)._time_ns(1.0) == 50_000_000_000


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
    row["engine_torque_nm"] = torque
    return row.tobytes()


def test_the_newest_command_goes_out_and_comes_back_as_transmitted():
    bus = SilentBus()
    sender, commands, sent = transmitter(bus)
    for torque in (10.0, 20.0, 30.0):
        commands.push(command(torque))
    sender.send_newest()
    sender.send_newest()
    assert [item.data[0] for item in bus.messages] == [30] and (sender.sent, sender.superseded) == (1, 2)
    rows = received(sent)
    assert rows["flags"].tolist() == [1] and rows["data"][0, 0] == 30 and rows["time_ns"][0] > 0
    assert sender.latency_us.sum() == 1


def test_a_command_the_bus_does_not_take_is_counted_and_not_logged_as_sent():
    class Full:
        def send(self, message, timeout):
            raise can.CanOperationError("no buffer space available")

    sender, commands, sent = transmitter(Full())
    commands.push(command(1.0))
    sender.send_newest()
    assert (sender.sent, sender.failed, sender.error) == (0, 1, "no buffer space available") and len(received(sent)) == 0


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
