"""A closed-loop drive over real buses: the truck in one process, `autonomy run` in another, and the account of both.

    autonomy hil live -o runs/hil

Buses: vcan0 to vcan2 where this machine has them (`socketcan`: the transport of the vehicle), else a hub of our own (`local`),
which loses nothing; python-can's `virtual` cannot leave a process and its `udp_multicast` drops bursts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autonomy import config as configuration
from autonomy.errors import EnvironmentFault
from autonomy.msg.modes import MINIMAL_RISK
from autonomy.output_folder import prepare
from autonomy.perception.stages import sensors_of
from autonomy.runtime import realtime
from drivers.serial.route_config import ports_of
from drivers.serial.route_config import read as read_serial
from hil.rig import DEFAULT_SCENARIO
from hil.rig.drive_verdict import judged
from hil.sensors import ORIGIN
from hil.worlds.motorway import Motorway

VEHICLE = "vehicles/demo_truck"
BUSES = 3
LOOPBACK = "127.0.0.1"
INTERFACES = Path("/sys/class/net")
START_TIMEOUT_S = 60.0


def choose_bus(folder: str) -> tuple[str, list[str], subprocess.Popen | None]:
    """(interface, channels, the hub's process where one is needed)."""
    names = [f"vcan{number}" for number in range(BUSES)]
    if all((INTERFACES / name).exists() for name in names):
        return "socketcan", names, None
    channels = [os.path.join(folder, f"bus{number}") for number in range(BUSES)]
    hub = _start("-m", "drivers.can.local_bus", *channels, stderr=subprocess.DEVNULL)
    _expect(hub, "ready")
    return "local", channels, hub


def drive(output: Path, *, scenario: str = DEFAULT_SCENARIO, vehicle: str = VEHICLE, duration_s: float | None = None,
          seed: int = 0, soft: bool = True, lockstep: bool = False, clock_ppm: float = 0.0, route: str | None = None,
          cpu: int | None = None, started: Callable[[int], None] = lambda process: None,
          tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:  # fmt: skip
    """Drives; {"verdict", "exit_code", "reasons", "interface", "run", "truck", "lost"}. Raises UsageError, EnvironmentFault.

    `vehicle`: its file; its lidars and radars send on UDP, its serial ports become pseudo terminals. `duration_s` None: the
    scenario's. `soft`: also on a machine without real time. `clock_ppm`: how much slower the truck's clock runs, so that its
    frames come at every phase of the loop's period. `route`: of `autonomy run --route`. `cpu`: of its loop, and
    nobody else's. `started` hears the process of `autonomy run`. What both sides wrote is in `output`.
    """
    world = Motorway(scenario)
    world.reset(seed)
    prepare(output)
    config, path = output / "truck.toml", output / "lane_path.csv"
    config.write_text(f"include = ['{configuration.find(vehicle).resolve()}']\n[replay]\npath_origin = {list(ORIGIN)}\n")
    if world.map:
        path.write_text("x_m,y_m\n" + "".join(f"{x:.3f},{y:.3f}\n" for x, y, _ in world.lane_path()))
    duration_s = world.duration_s if duration_s is None else duration_s
    step = ["--lockstep"] if lockstep else []
    loaded = configuration.load(vehicle)
    names = [sensor.name for sensor in sensors_of(loaded)]
    ports = ports_of(read_serial(loaded.sections.get("serial", {}), vehicle))
    sockets = [word for name, port in zip(names, free_ports(len(names)), strict=True)
               for word in ("--udp", f"{name}={LOOPBACK}:{port}")]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="can-") as folder, realtime.elsewhere(cpu):
        interface, channels, hub = choose_bus(folder)
        tell(f"bus: {interface} {', '.join(channels)}")
        where = ["-i", interface, *(word for channel in channels for word in ("-c", channel)), *step, *sockets,
                 *(word for port in ports for word in ("--serial", f"{port}={folder}/{port}"))]
        truck = loop = None
        try:
            truck = _start("-m", "hil.rig.truck", "--config", vehicle, "--scenario", scenario, *where,
                           "--duration", str(duration_s), "--seed", str(seed), "--clock-ppm", str(clock_ppm))  # fmt: skip
            _expect(truck, "ready")
            words = ["--config", str(config), "--mode", "active", "-o", str(output), "--json",
                     *(["--lane-path", str(path)] if world.map else []), *(["--route", route] if route else []),
                     *(["--cpu", str(cpu)] if cpu is not None else []),
                     "--set-speed", str(world.set_speed), *(["--allow-soft-realtime"] if soft else [])]  # fmt: skip
            loop = _start("-m", "autonomy", "run", *where, *words, stderr=subprocess.PIPE)
            line = loop.stderr.readline()
            if not line.startswith("run: active"):
                said = (line + loop.stderr.read()).strip() or "nothing"
                raise EnvironmentFault(f"autonomy run ended with {loop.wait(START_TIMEOUT_S)} before it ran and said: {said}")
            tell(line.strip())
            complaints = _Complaints(loop.stderr)
            started(loop.pid)
            truck.stdin.write("go\n")
            truck.stdin.flush()
            _expect(truck, "driven")
            loop.send_signal(signal.SIGTERM)
            said = loop.stdout.read()
            if loop.wait(START_TIMEOUT_S) is None or not said.strip():
                raise EnvironmentFault(complaints.said() or f"autonomy run ended with exit code {loop.returncode}")
            run = json.loads(said)
            account = json.loads(truck.communicate(timeout=START_TIMEOUT_S)[0])
        finally:
            for process in (loop, truck, hub):
                if process is not None and process.poll() is None:
                    process.terminate()
                    process.wait()
    run["minimal_risk_ticks"] = minimal_risk_ticks(output / "run.mcap")
    return judged(run, account, interface)


class _Complaints(threading.Thread):
    """What a process says on stderr: read as it comes, for a full pipe would hold it up."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self._stream, self._lines = stream, []
        self.start()

    def run(self) -> None:
        self._lines.extend(self._stream)

    def said(self) -> str:
        self.join(START_TIMEOUT_S)
        return "".join(self._lines).strip()


def lines(found: dict[str, Any]) -> list[str]:
    """The account for a terminal."""
    from autonomy.runtime import figures

    truck = found["truck"]
    shown = figures.lines(found["run"])[:-1] + [
        f"bus          {found['interface']}: truck sent {truck['sent']}, {found['lost']['to_loop']} lost; "
        f"loop sent {found['run']['counts']['sent']}, {found['lost']['to_truck']} lost",
    ]  # fmt: skip
    if truck.get("sent_bytes"):
        shown.append(f"lines        truck sent {truck['sent_bytes']} bytes, {found['lost']['serial_bytes']} lost")
    if truck.get("scans"):
        shown.append(f"packets      {found['lost']['datagrams']} of the truck's lost")
    return [*shown, *truck_lines(truck), verdict_line(found)]


def truck_lines(truck: dict[str, Any]) -> list[str]:
    """The truck's side of the account."""
    late, metrics = truck["lateness_us"], truck["metrics"]
    shown = [f"truck        lateness p50 {late['p50']:.0f}, p99 {late['p99']:.0f}, max {late['max']:.0f} us"]
    if scans := truck.get("scans"):
        late = scans["lateness_us"]
        times = "" if late["p50"] is None else f"; lateness p50 {late['p50']}, p99 {late['p99']}, max {late['max']:.0f} us"
        shown.append(f"scans        {scans['sent']} packets sent{times}")
    if metrics:
        shown.append(
            f"drive        {metrics['distance_m']:.0f} m driven, lane offset {metrics['lane_offset_max_m']:.2f} m at most, "
            f"{metrics['collisions']} collisions, speed kept {metrics['speed_kept']:.2f}"
        )
    return shown


def verdict_line(found: dict[str, Any]) -> str:
    return f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")


def minimal_risk_ticks(log: Path) -> int:
    """Of the drive's outputs: ticks in which the stack brought the truck to a stop."""
    from autonomy.playback.stored import load

    return int((load(log).topic("actuation")["mode"] == MINIMAL_RISK).sum())


def same_from_cuts(log: Path) -> list[Any]:
    """Where a replay of the log from its cuts says something else than the loop did; nothing when they are equal."""
    from autonomy.playback.difference import compare_result
    from autonomy.playback.replay import replay

    return compare_result(replay(log, mode="cuts", report=False), log)


def free_ports(count: int) -> list[int]:
    """UDP ports of this machine that nobody has."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for node in nodes:
            node.bind((LOOPBACK, 0))
        return [node.getsockname()[1] for node in nodes]


def _start(*words: str, stderr=None) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)


def _expect(process: subprocess.Popen, word: str) -> None:
    line = process.stdout.readline().strip()
    if line != word:
        process.wait(START_TIMEOUT_S)
        name = " ".join(process.args[1:3])
        raise EnvironmentFault(f"{name} said '{line}' instead of '{word}' (exit code {process.returncode})")
