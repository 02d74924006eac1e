"""A controller off the bus: restarted, told once; a bus that refuses frames for a moment costs frames, for good the run."""

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime import transmission
from autonomy.runtime.bus_watch import BusWatch
from autonomy.runtime.transmission import Transmitter
from drivers.can.socketcan import BusOffGuard, ControllerState
from drivers.can.transport import rows_of


class Bus:
    channel = "can0"

    def __init__(self):
        self.controller, self.takes = ControllerState(), True

    def send(self, frames, timeout_s=0.0):
        return len(frames) if self.takes else 0


class Ring:
    def push_many(self, rows):
        return len(rows)


def test_a_controller_off_the_bus_is_restarted_and_told_once():
    restarted, bus = [], Bus()
    watch = BusWatch({0: bus, 1: object()}, lambda channel: BusOffGuard(channel, restart=restarted.append))
    assert watch.look(0.0) == []
    bus.controller.state = "bus off"
    assert watch.look(1.0) == ["bus 0: its controller went off the bus; it is restarted"] and restarted == ["can0"]
    assert watch.look(1.05) == [] and restarted == ["can0"]
    bus.controller.state = "error active"
    assert watch.look(1.2) == ["bus 0: its controller is back"]


def test_who_may_not_restart_it_says_so_once():
    def refuse(channel):
        raise EnvironmentFault("not allowed")

    bus = Bus()
    bus.controller.state = "bus off"
    watch = BusWatch({0: bus}, lambda channel: BusOffGuard(channel, restart=refuse))
    assert watch.look(1.0)[-1] == "not allowed" and watch.look(20.0) == []


def test_a_bus_that_is_short_for_a_moment_costs_frames_and_for_good_the_run(monkeypatch):
    now = [0]
    monkeypatch.setattr(transmission.time, "monotonic_ns", lambda: now[0])
    bus, frames = Bus(), rows_of([(0x18FF0000, bytes(8))])
    frames["bus"] = 0
    sender = Transmitter(None, None, -1, {0: bus}, {0: Ring()}, 0)
    bus.takes = False
    for time_ns in range(0, transmission.PATIENCE_NS, 10_000_000):
        now[0] = time_ns
        sender._send(np.array(frames), None)
    assert sender.error is None and sender.failed == 200 and sender.sent == 0
    bus.takes = True
    sender._send(np.array(frames), None)
    bus.takes = False
    for time_ns in range(now[0], now[0] + transmission.PATIENCE_NS + 20_000_000, 10_000_000):
        now[0] = time_ns
        sender._send(np.array(frames), None)
    assert "for 2 s" in sender.error
