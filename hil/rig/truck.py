"""The truck on the bus: world and sensors in real time, commands from the frames it hears.

    python -m hil.rig.truck --config vehicles/demo_truck -i socketcan -c vcan0 -c vcan1 --duration 20

Says `ready` when its buses are open, waits for a line on standard input, drives, says `driven`, listens on until standard
input closes, and prints its account as one JSON object. So that both sides can account for each frame. SIGTERM ends the drive
early.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from autonomy import config as configuration
from autonomy.errors import AutonomyError, EnvironmentFault, UsageError
from autonomy.msg import dtype
from autonomy.msg.modes import MINIMAL_RISK
from autonomy.orderly_end import orderly_end
from autonomy.playback.json_values import without_nan
from autonomy.runtime import realtime
from autonomy.runtime.lockstep import DONE_ID, PATIENCE_S, SYNC_ID, time_frame, time_frames, time_of
from autonomy.runtime.serial_reception import HEAD
from autonomy.stolen_time import StolenTime
from autonomy.tick_period import TICK_NS, TICK_S
from drivers.can.commanding.command_config import read as read_commands
from drivers.can.router import Router
from drivers.can.transport import Transport, open_transport, room, rows_of
from drivers.serial.route_config import PREFIX
from drivers.serial.route_config import read as read_serial
from drivers.udp.receiver import place_of
from hil.loop.metrics import RunMetrics
from hil.rig import DEFAULT_SCENARIO
from hil.rig.commands import BATCH, CommandReader
from hil.rig.controllers import Controllers
from hil.rig.drive_events import TruckEvents
from hil.rig.scan_output import PacedScans, SteppedScans
from hil.rig.serial_end import Line, is_device
from hil.sensors import Bytes
from hil.worlds.motorway import Motorway
from hil.worlds.scenario import KINEMATIC

PRIORITY = 60  # SCHED_FIFO where it is allowed: below the loop under test
SEND_TIMEOUT_S = 0.1
SWITCH_INTERVAL_S = 5e-4  # between Python threads: what looks and hears must not hold up a step
SCAN_LEAD_NS = 3 * TICK_NS  # [C] a turn of 64 beams takes 6 to 16 ms to compute; each packet is sent at its own moment
CAN_FRAME = dtype("CanFrame")
NOWHERE: Mapping[str, tuple[str, int]] = MappingProxyType({})
NO_LINES: Mapping[str, Line] = MappingProxyType({})


class Truck:
    """`step()` is one tick of 10 ms: commands in, motion, sensor frames out, packets of lidars and radars behind them.

    `addresses`: by the sensor's name, where its packets go; `lines`: by the port's name, the end of ours.
    """

    def __init__(self, config, world, buses: dict[int, Transport], seed: int = 0, lockstep: bool = False,
                 addresses: Mapping[str, tuple[str, int]] = NOWHERE, lines: Mapping[str, Line] = NO_LINES):  # fmt: skip
        self.vehicle = config.section("vehicle")
        self.world = world
        self.sensors = Bytes(config, seed, scan_lead_ns=0 if lockstep else SCAN_LEAD_NS)
        if missing := [line.port for line in self.sensors.lines if line.port not in lines]:
            raise UsageError(f"{config.path}: the serial port '{missing[0]}' goes nowhere; name a path that becomes a pseudo "
                             f"terminal: --serial {missing[0]}=/tmp/{missing[0]}")  # fmt: skip
        if lockstep and self.sensors.lines:
            raise UsageError(f"--lockstep: {config.path} has serial ports, whose bytes carry no rig's time; use one without")
        self.lines = {PREFIX + line.port: lines[line.port] for line in self.sensors.lines}
        self.buses = buses
        self.stolen = StolenTime()
        commands = read_commands(config.section("command"), config.path)
        clock_ns = (lambda: self.truth.time_ns) if lockstep else time.monotonic_ns
        self.truth = world.reset(seed)
        self.sensors.look_at(world)
        places = _places(self.sensors, addresses, str(config.path))
        self.scans = (SteppedScans if lockstep else PacedScans)(places, self.sensors.scan) if places else None
        self.command_bus = commands.bus
        self.commands = CommandReader(buses[commands.bus], commands, Router.from_config(config).codec, clock_ns,
                                      Controllers(commands, self.truth.ego.mass))  # fmt: skip
        self.metrics = RunMetrics(self.vehicle, world.set_speed)
        self.events, self._clock_ns = TruckEvents(self.metrics), clock_ns
        self.sent = self.sent_bytes = self.engaged_ticks = self.abandoned_ticks = self.minimal_risk_ticks = 0

    def step(self) -> None:
        actuation = self.commands.actuation()
        if actuation is not None:
            self.engaged_ticks += 1
            self.minimal_risk_ticks += actuation["mode"] == MINIMAL_RISK
            self.metrics(self.truth)
            self.events.look(self._clock_ns())
        else:
            self.abandoned_ticks += self.engaged_ticks > 0
        self.truth = self.world.step(actuation, TICK_S)
        told = self.sensors.speak(self.truth)
        frames = np.frombuffer(b"".join(record.data for record in told if record.channel not in self.lines), CAN_FRAME)
        for number, bus in self.buses.items():
            self._send(bus, frames[frames["bus"] == number])
        self._send(self.buses[self.command_bus], rows_of(self.commands.answers()))
        for record in told:
            if record.channel in self.lines:
                self._write(self.lines[record.channel], record.data[HEAD.size :])
        if self.scans is not None:
            self.scans.look(self.truth)

    def _write(self, line: Line, data: bytes) -> None:
        if not line.write(data):
            raise EnvironmentFault(f"the serial line {line.place} did not take {len(data)} bytes of the truck at once")
        self.sent_bytes += len(data)

    def close(self) -> None:
        for item in (*self.buses.values(), *self.lines.values()):
            item.close()

    def close_scans(self) -> None:
        """Behind the last packet."""
        if self.scans is not None:
            self.scans.close()

    def _send(self, bus: Transport, frames: np.ndarray) -> None:
        taken = bus.send(frames, SEND_TIMEOUT_S)
        self.sent += taken
        if taken < len(frames):
            raise EnvironmentFault(f"a bus took {taken} of {len(frames)} frames of the truck within {SEND_TIMEOUT_S:g} s")


def _places(sensors: Bytes, addresses: Mapping[str, tuple[str, int]], config: str) -> dict[str, tuple[str, int]]:
    """By topic, in the order of the vehicle file, lidars first. Raises UsageError."""
    scanners = [*sensors.lidars, *sensors.radars]
    if missing := [sensor for sensor in scanners if sensor.name not in addresses]:
        raise UsageError(f"{config}: the {missing[0].kind} '{missing[0].name}' sends on UDP; say where to: "
                         f"--udp {missing[0].name}=127.0.0.1:{missing[0].port}")  # fmt: skip
    return {sensor.topic: addresses[sensor.name] for sensor in scanners}


def drive_in_lockstep(truck: Truck, duration_s: float, patience_s: float = PATIENCE_S,
                      is_over: Callable[[], bool] = lambda: False) -> np.ndarray:  # fmt: skip
    """Steps as soon as the stack has answered; nothing is late. Raises EnvironmentFault when it does not answer."""
    rows = room(BATCH)
    for _ in range(round(duration_s / TICK_S)):
        truck.step()
        time_ns = truck.truth.time_ns
        if truck.scans is not None:
            truck.buses[0].send(truck.scans.told(), PATIENCE_S)
        for bus in truck.buses.values():
            bus.send(time_frame(SYNC_ID, time_ns), PATIENCE_S)
        answered = False
        while not answered:
            count, _ = truck.buses[0].receive(*rows, patience_s)
            if not count:
                raise EnvironmentFault(f"the stack did not answer the time {time_ns} within {patience_s:g} s")
            frames = rows[0][:count]
            done = time_frames(frames, DONE_ID)
            answered = any(time_of(frames[place]) == time_ns for place in done)
            truck.commands.hear(np.delete(frames, done))
        if is_over():
            break
    return np.zeros(1, np.int64)


def drive(truck: Truck, duration_s: float, clock_ppm: float = 0.0,
          is_over: Callable[[], bool] = lambda: False) -> np.ndarray:  # fmt: skip
    """Steps on absolute deadlines; how late each began, int64 ns. `clock_ppm`: how much slower its quartz is than ours."""
    late = np.zeros(round(duration_s / TICK_S), np.int64)
    scale = 1.0 + clock_ppm / 1e6
    first_ns, period_ns = time.monotonic_ns() + TICK_NS, TICK_NS * scale
    if truck.scans is not None:
        truck.scans.begin(first_ns, truck.truth.time_ns + TICK_NS, scale)  # a tick's truth leaves where it begins
    for tick in range(len(late)):
        due_ns = first_ns + round(tick * period_ns)
        wait_ns = due_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        late[tick] = time.monotonic_ns() - due_ns
        truck.step()
        if is_over():
            return late[: tick + 1]
    return late


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hil.rig.truck", description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="vehicles/demo_truck")
    parser.add_argument(
        "--scenario", default=DEFAULT_SCENARIO, help=f"a TOML file or a packaged name; default {DEFAULT_SCENARIO}"
    )
    parser.add_argument("-i", "--interface", required=True)
    parser.add_argument("-c", "--channel", dest="channels", action="append", required=True)
    parser.add_argument("--udp", dest="sockets", action="append", default=[], metavar="SENSOR=ADDRESS:PORT")
    parser.add_argument("--serial", dest="lines", action="append", default=[], metavar="PORT=PATH")
    parser.add_argument("--duration", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lockstep", action="store_true")
    parser.add_argument("--clock-ppm", type=float, default=0.0, help="how much slower the truck's clock runs than this machine's")
    given = parser.parse_args(arguments)
    try:
        return _driven(given)
    except AutonomyError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _driven(given: argparse.Namespace) -> int:
    truck = prepared(given.config, given.scenario, given.interface, given.channels, given.sockets, given.lines, given.seed,
                     given.lockstep)  # fmt: skip
    stopped = threading.Event()
    with orderly_end(stopped.set):
        print("ready", flush=True)
        if not given.lockstep:
            truck.commands.start()
        if not sys.stdin.readline():
            raise EnvironmentFault("whoever started the truck is gone")
        if given.lockstep:
            late_ns = drive_in_lockstep(truck, given.duration, is_over=stopped.is_set)
        else:
            late_ns = drive(truck, given.duration, given.clock_ppm, is_over=stopped.is_set)
        truck.close_scans()
        print("driven", flush=True)
        sys.stdin.read()
        if given.lockstep:
            truck.commands.drain()
        else:
            truck.commands.stop()
            truck.commands.join()
    truck.close()
    print(json.dumps(account(truck, late_ns)), flush=True)
    return 0


def prepared(config: str, scenario: str, interface: str, channels: list[str], sockets: list[str], lines: list[str], seed: int,
             lockstep: bool) -> Truck:  # fmt: skip
    """A truck with its buses, sockets ("SENSOR=ADDRESS:PORT") and lines ("PORT=PATH") open, in a real-time thread where that is
    allowed and asked for. Raises UsageError, EnvironmentFault."""
    buses = {number: open_transport(interface, channel) for number, channel in enumerate(channels)}
    world = Motorway(scenario)
    if world.scenario.ego.plant == KINEMATIC:
        raise UsageError(f"{scenario}: the kinematic plant takes an acceleration, which is on no bus; name a plant in [ego]")
    addresses = {name: place_of(name, place) for name, _, place in (text.partition("=") for text in sockets)}
    loaded = configuration.load(config)
    bauds = {item.port: item.baud for item in read_serial(loaded.sections.get("serial", {}), config).port}
    ends = {name: Line(path, bauds.get(name, 0), makes_terminal=not is_device(path))
            for name, _, path in (text.partition("=") for text in lines)}  # fmt: skip
    truck = Truck(loaded, world, buses, seed, lockstep, addresses, ends)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if not lockstep:  # not before it is there: building it keeps a processor for a second
        realtime.raise_priority(PRIORITY)
    return truck


def account(truck: Truck, late_ns: np.ndarray) -> dict[str, Any]:
    """What the truck sent, heard and saw; `late_ns` of its steps."""
    p50, p99 = np.percentile(late_ns, [50, 99]) / 1e3
    return {
        "sent": truck.sent,
        "sent_bytes": truck.sent_bytes,
        "received": truck.commands.received,
        "refused": truck.commands.refused,
        "engaged_ticks": truck.engaged_ticks,
        "abandoned_ticks": truck.abandoned_ticks,  # of those behind the first one that the stack drove
        "minimal_risk_ticks": int(truck.minimal_risk_ticks),
        "lateness_us": {"p50": p50, "p99": p99, "max": float(late_ns.max()) / 1e3},
        "stolen_ms": truck.stolen.milliseconds(),
        "scans": None if truck.scans is None else truck.scans.account(),
        "took_over_ns": truck.events.first_ns,
        "events": truck.events.found,
        "metrics": without_nan(truck.metrics.as_dict()) if truck.metrics.rows else {},
    }


if __name__ == "__main__":
    sys.exit(main())
