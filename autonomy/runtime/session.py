"""All that is open while the loop runs: buses, lines, receivers, sender, our J1939 node; started in order, watched, ended."""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault, UsageError
from autonomy.orderly_end import orderly_end
from autonomy.runtime import realtime
from autonomy.runtime._bare_loop import bare_lateness
from autonomy.runtime._journal import PIECE_ROW
from autonomy.runtime._loop import Loop
from autonomy.runtime.bus_node import HEARD, BusNode, node_of
from autonomy.runtime.bus_watch import BusWatch
from autonomy.runtime.clock_watch import ClockWatch, watch_of
from autonomy.runtime.journal import JournalRings
from autonomy.runtime.lockstep import Lockstep, LockstepReceiver
from autonomy.runtime.options import ACTIVE, Options
from autonomy.runtime.predictive_cruise import PredictiveCruise
from autonomy.runtime.reception import FRAME, Heard, Receiver, receiver_of
from autonomy.runtime.recorder import Recorder
from autonomy.runtime.scan_sensors import ScanSensors
from autonomy.runtime.serial_reception import SerialReceiver
from autonomy.runtime.service import Service
from autonomy.runtime.shared_histograms import SharedHistograms
from autonomy.runtime.standby import Standby
from autonomy.runtime.telemetry import Telemetry
from autonomy.runtime.transmission import Transmitter
from autonomy.stack import Stack
from autonomy.stolen_time import StolenTime
from autonomy.tick_period import TICK_NS
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.j1939.partners import Partners
from drivers.can.router import Router
from drivers.can.transport import Transport, open_transport
from drivers.ring import Ring
from drivers.serial.live_port import LivePort
from drivers.serial.route_config import PREFIX
from drivers.serial.router import SerialRouter

__all__ = ["Session"]

ARRIVAL_SLOTS = 1 << 14  # frames a bus: eight seconds at 2 000 frames/s
SENT_SLOTS = 1 << 10
PIECE_SLOTS = 1 << 10  # a line: a second of the fastest
COMMAND_SLOTS = 1 << 4
ENGAGE_AFTER_S = 5.0  # as hil.loop.closed_loop: the ego filter's start
# The loop's priority, of all threads that take the interpreter's lock: the sender is one, so whoever holds the lock must not wait
# for a processor behind anything that the sender would not wait for (priority ceiling)
INTERPRETER_BELOW = 5
SWITCH_INTERVAL_S = 5e-4  # between Python threads: sender, serial lines and node share one interpreter
FIRST_TICK_POLL_S = 2e-3
HISTOGRAMS_EVERY_S = 1.0
JOIN_S = 5.0
FOREVER_NS = 1 << 62


class Session:
    """Everything that is open while the loop runs."""

    def __init__(self, options: Options, stack: Stack, router: Router, encoder: CommandEncoder | None, path: np.ndarray,
                 set_speed: float, rings: JournalRings, serial: SerialRouter, devices: dict[str, str],
                 sensors: ScanSensors, cruise: PredictiveCruise, telemetry: Telemetry, recorder: Recorder,
                 histograms: SharedHistograms):  # fmt: skip
        self.options, self.devices, self.sensors, self.cruise, self.telemetry = options, devices, sensors, cruise, telemetry
        self._recorder, self._histograms, self._histograms_at_s = recorder, histograms, 0.0
        self.findings: list[realtime.Finding] = []
        self.stolen = StolenTime()
        self.service, self.clocks = Service(), ClockWatch({})
        self.buses: dict[int, Transport] = {}
        self.event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.transmitter: Transmitter | None = None
        self.node: BusNode | None = None
        self.receivers: list[Receiver] = []
        self.lines: list[SerialReceiver] = []
        self.lost: dict[int, int] = {}
        self.not_armed: str | None = None
        self.tell: Callable[[str], None] = lambda line: None
        self._marks = rings.marks
        self.page_faults = 0
        self.interrupted = False
        self.loop: Loop | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        try:
            for number, channel in enumerate(options.channels):
                self.buses[number] = open_transport(options.interface, channel)
            for name, device in devices.items():
                port = LivePort(device, next(item.baud for item in serial.config.port if item.port == name))
                port.open()
                self.lines.append(SerialReceiver(port, name, Ring(PIECE_SLOTS, PIECE_ROW.itemsize),
                                                 options.priority - INTERPRETER_BELOW))  # fmt: skip
            self.clocks = watch_of(options, serial, self.lines)
        except (EnvironmentFault, UsageError):
            self.close()
            raise
        arrivals = {number: Ring(ARRIVAL_SLOTS, FRAME.size) for number in self.buses}
        sent = {number: Ring(SENT_SLOTS, FRAME.size) for number in self.buses}
        commands = None
        if encoder is not None:
            commands = Ring(COMMAND_SLOTS, msg.dtype("Actuation").itemsize)
            self.transmitter = Transmitter(encoder, commands, self.event, self.buses, sent,
                                           options.priority - INTERPRETER_BELOW)  # fmt: skip
        synced: queue.Queue = queue.Queue()
        self.heard, self.command_bus = Heard(HEARD), int(stack.config.sections.get("command", {}).get("bus", 0))
        for number, bus in self.buses.items():
            heard = self.heard if number == self.command_bus else None
            here = bus, number, arrivals[number]
            self.receivers.append(LockstepReceiver(*here, synced, heard) if options.lockstep
                                  else receiver_of(*here, options.priority, INTERPRETER_BELOW, heard))  # fmt: skip
        in_order = sorted(self.buses, key=str)  # as topics are sorted
        buses = [ring for number in in_order for ring in (arrivals[number], sent[number])]
        engage_tick = round(ENGAGE_AFTER_S * 1e9 / TICK_NS) if commands is not None else None
        self.loop = Loop(stack.core, router, path, buses, rings.frames, rings.ticks, commands=commands,
                         command_event=self.event, set_speed_mps=set_speed,
                         engage_tick=engage_tick, serial=serial, pieces=rings.pieces,
                         lines=[(line.ring, serial.entry_of(PREFIX + line.port_name)) for line in self.lines],
                         found=sensors.found + cruise.found, lists=rings.lists, states=sensors.states,
                         outputs=cruise.outputs + telemetry.outputs)  # fmt: skip
        self.standby = None if engage_tick is None else Standby(self.loop, engage_tick)
        if self.transmitter is not None:
            self.transmitter.responded = self.loop.responded
        self.partners = self._stand_on_the_bus(encoder) if encoder is not None else Partners()
        self.lockstep = None
        if options.lockstep:
            self.lockstep = Lockstep(self.loop, self.buses, self.transmitter, self.node, synced, rings.ticks,
                                     sensors.take, cruise.turn)  # fmt: skip

    def _stand_on_the_bus(self, encoder: CommandEncoder) -> Partners:
        """Our node on the command bus; without its leave no command goes out, and the loop does not drive."""
        bus = encoder.config.bus
        self.node = BusNode(node_of(encoder.config), bus, lambda frames: self.transmitter.say(bus, frames), self.loop.permit,
                            lambda: self.loop.faults, encoder.send_from,
                            lambda line: self.tell(f"bus {bus}: {line}"), self.heard)  # fmt: skip
        self.transmitter.may_send = self.node.may_send
        return self.node.partners

    def _overhear(self) -> list[str]:
        """In shadow we have no place on the bus and ask nothing, and hear what partners say all the same."""
        if self.node is not None:
            return []
        return [f"bus {self.command_bus}: {line}" for frame in self.heard.frames() for line in self.partners.hear(*frame)]

    def drive(self, tell: Callable[[str], None]) -> None:
        """Starts the threads and waits for the end."""
        self.tell = tell
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread = threading.Thread(target=self._loop if self.lockstep is None else self._step, name="loop", daemon=True)
        sender = self.transmitter if self.lockstep is None else None  # in lockstep the loop's thread sends itself
        watch = BusWatch(self.buses)
        try:
            with orderly_end(self._interrupt, self._mark):
                for thread in (*self.receivers, *self.lines, sender, self._thread):
                    if thread is not None:
                        thread.start()
                self._started.wait()
                if self.lockstep is None:
                    realtime.raise_priority(self.options.priority - INTERPRETER_BELOW)  # the node's thread takes it over
                if self.node is not None and self.lockstep is None and self.not_armed is None:
                    self.node.start()  # not before: a stack that is not armed has no place on the bus
                if self.not_armed is None:
                    self._wait_for_the_first_tick()
                    tell(f"{self.options.mode}: the loop runs on {self.options.interface} {', '.join(self.options.channels)}")
                    tell(f"sensors: {'; '.join(self._sensors())}")
                    if route := self.cruise.described():
                        tell(f"route: {route}")
                    if place := self.telemetry.described():
                        tell(f"telemetry: {place}")
                    if self.lockstep is not None:
                        tell("lockstep: waiting for the rig to tell the time")
                    self.service.ready(f"{self.options.mode} on {', '.join(self.options.channels)}")
                while self._thread.is_alive() and not self.interrupted:
                    self._thread.join(0.1)
                    self.service.alive(self.loop.tick_index)
                    self.clocks.look()
                    standby = self.standby.look() if self.standby is not None else []
                    beside = [line for part in (self.sensors, self.cruise, self.telemetry) for line in part.look()]
                    beside += self._look_at_the_recorder()
                    for line in (*beside, *standby, *self._overhear(), *watch.look(time.monotonic())):
                        tell(line)
                    self._put_histograms()
                    if self._errors():
                        self._stop()
        finally:
            self.service.stopping("closing the log")
            self._stop()
            self._thread.join(JOIN_S)
            realtime.leave()
            sys.setswitchinterval(before)
        if self.not_armed is not None:
            raise EnvironmentFault(self.not_armed)

    def _look_at_the_recorder(self) -> list[str]:
        lines = self._recorder.look()
        if lines and self.lockstep is not None:
            self.lockstep.is_recorded = False
        return lines

    def _wait_for_the_first_tick(self) -> None:
        """Ready is who has said something; in lockstep the rig waits for us before it gives the first time."""
        while self.lockstep is None and not self.loop.tick_index and self._thread.is_alive():
            self._thread.join(FIRST_TICK_POLL_S)

    def _sensors(self) -> list[str]:
        """What is listened to, and of each kind that there is none."""
        lines = [f"serial line {line.port_name} on {line.port.device}" +
                 ("" if line.port.has_low_latency else ", whose driver knows no low-latency mode") for line in self.lines]
        lines = lines or ["no serial line"]
        buses = [f"{channel} as bus {number}" for number, channel in enumerate(self.options.channels)]
        without = [] if self.cruise.described() else ["no route, so no predictive cruise control"]
        return [", ".join(buses), *lines, *(self.sensors.described() or ["no lidar, no radar on UDP"]), *without]

    def _interrupt(self) -> None:
        self.interrupted = True
        self._stop()

    def _stop(self) -> None:
        self.loop.stop()
        if self.lockstep is not None:
            self.lockstep.stop()

    def _mark(self) -> None:
        """An event told from outside; in lockstep at the last tick, for the rig's clock is not ours."""
        now_ns = int(self.loop.output["tick_time_ns"]) if self.options.lockstep else time.monotonic_ns()
        self._marks.push(now_ns.to_bytes(8, "little"))

    def _step(self) -> None:
        """The loop thread in lockstep."""
        self._started.set()
        self.lockstep.run(None if self.options.duration_s is None else round(self.options.duration_s * 1e9))
        if self.lockstep.error and not self.loop.tick_index:
            self.not_armed = self.lockstep.error

    def _loop(self) -> None:
        """The loop thread."""
        options = self.options
        try:
            self.findings = realtime.enter(options.priority, options.cpu)
            late_ns = bare_lateness(_grid_after(time.monotonic_ns()), realtime.TRIAL_TICKS, realtime.TRIAL_PERIOD_NS)
            self.findings.append(realtime.lateness(late_ns))
            bad = [finding for finding in self.findings if not finding.good]
            if options.mode == ACTIVE and bad and not options.allow_soft:
                self.not_armed = "run --mode active: not armed, because " + "; ".join(
                    f"{finding.what}: {finding.found} ({finding.remedy})" for finding in bad
                ) + ". --allow-soft-realtime arms all the same, for the bench"  # fmt: skip
                return
            first_ns = _grid_after(time.monotonic_ns())
            end_ns = FOREVER_NS if options.duration_s is None else first_ns + round(options.duration_s * 1e9)
        finally:
            self._started.set()
        faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        self.loop.run(first_ns, end_ns)
        self.page_faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - faults

    def _errors(self) -> list[str]:
        told = [f"bus {receiver.number}: {receiver.error}" for receiver in self.receivers if receiver.error]
        if self.transmitter is not None and self.transmitter.error:
            told.append(f"sending: {self.transmitter.error}")
        if self.lockstep is not None and self.lockstep.error:
            told.append(self.lockstep.error)
        return told

    def complaints(self) -> list[str]:
        away = [f"serial port {line.port_name} is gone since it was unplugged" for line in self.lines if line.was_away_at_the_end]
        beside = self.sensors.complaints() + self.cruise.complaints()
        return self._errors() + away + beside + (self.node.complaints() if self.node is not None else [])

    def close(self) -> None:
        """Threads first, then buses: nobody uses a closed one."""
        workers = [*self.receivers, *self.lines, *(worker for worker in (self.node, self.transmitter) if worker is not None)]
        for worker in workers:
            worker.stop()
        for worker in workers:
            if worker.is_alive():
                worker.join(JOIN_S)
        for line in self.lines:
            line.port.close()  # of a thread that never ran
        if self.transmitter is not None and self.not_armed is None:
            self.transmitter.release()
        for number, bus in self.buses.items():
            with contextlib.suppress(EnvironmentFault):  # of a bus that has failed, which is told already
                self.lost[number] = bus.lost() or 0
            bus.close()
        os.close(self.event)
        self._put_histograms(at_the_end=True)
        self.clocks.close()
        self.service.close()

    def _put_histograms(self, at_the_end: bool = False) -> None:
        """Once a second, for the logs; in lockstep the rig's clock is not ours, and there are none."""
        if self.loop is None or self.options.lockstep or not at_the_end and time.monotonic() < self._histograms_at_s:
            return
        self._histograms_at_s = time.monotonic() + HISTOGRAMS_EVERY_S
        sent = {} if self.transmitter is None else {"latency": self.transmitter.latency_us}
        self._histograms.put({name: counts for name, (counts, _) in self.loop.histograms().items()} | sent)


def _grid_after(time_ns: int) -> int:
    """The next point of the grid."""
    return (time_ns // TICK_NS + 1) * TICK_NS
