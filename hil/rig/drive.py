"""A closed-loop drive over real buses: the truck in one process, `autonomy run` in another, and the account of both.

    autonomy hil live -o runs/hil

Buses: vcan0 to vcan2 where this machine has them (`socketcan`: the transport of the vehicle), else a hub of our own (`local`),
which loses nothing; python-can's `virtual` cannot leave a process and its `udp_multicast` drops bursts.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autonomy import config as configuration
from autonomy.msg.modes import MINIMAL_RISK
from autonomy.orderly_end import orderly_end
from autonomy.output_folder import prepare
from autonomy.perception.stages import sensors_of
from autonomy.runtime import realtime
from drivers.serial.route_config import ports_of
from drivers.serial.route_config import read as read_serial
from hil.rig import DEFAULT_SCENARIO
from hil.rig.child import Child
from hil.rig.drive_verdict import judged
from hil.sensors import ORIGIN
from hil.worlds.motorway import Motorway

VEHICLE = "vehicles/demo_truck"
BUSES = 3
LOOPBACK = "127.0.0.1"
INTERFACES = Path("/sys/class/net")


def choose_bus(folder: str, child: Callable[..., Child]) -> tuple[str, list[str]]:
    """(interface, channels); `child` starts the hub where one is needed."""
    names = [f"vcan{number}" for number in range(BUSES)]
    if all((INTERFACES / name).exists() for name in names):
        return "socketcan", names
    channels = [os.path.join(folder, f"bus{number}") for number in range(BUSES)]
    child("-m", "drivers.can.local_bus", *channels).expect("ready")
    return "local", channels


def drive(output: Path, *, scenario: str = DEFAULT_SCENARIO, vehicle: str = VEHICLE, duration_s: float | None = None,
          seed: int = 0, soft: bool = True, lockstep: bool = False, clock_ppm: float = 0.0, route: str | None = None,
          cpu: int | None = None, started: Callable[[int], None] = lambda process: None,
          tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:  # fmt: skip
    """Drives; {"verdict", "exit_code", "reasons", "interface", "run", "truck", "lost", "interrupted"}. Raises UsageError,
    EnvironmentFault. Ctrl-C and SIGTERM end the drive early and in order; before it begins they are a KeyboardInterrupt.

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
    loaded = configuration.load(vehicle)
    names = [sensor.name for sensor in sensors_of(loaded)]
    numbers = free_ports(len(names))
    ports = ports_of(read_serial(loaded.sections.get("serial", {}), vehicle))
    interrupted = threading.Event()
    with tempfile.TemporaryDirectory(prefix="can-") as folder, realtime.elsewhere(cpu), contextlib.ExitStack() as children:

        def child(*words: str) -> Child:
            made = Child(*words)
            children.callback(made.end)
            return made

        interface, channels = choose_bus(folder, child)
        tell(f"bus: {interface} {', '.join(channels)}")
        where = ["-i", interface, *_each("-c", channels), *(["--lockstep"] if lockstep else []),
                 *_each("--udp", [f"{name}={LOOPBACK}:{port}" for name, port in zip(names, numbers, strict=True)]),
                 *_each("--serial", [f"{port}={folder}/{port}" for port in ports])]
        trucks = ["--config", vehicle, "--scenario", scenario, "--duration", str(duration_s), "--seed", str(seed),
                  "--clock-ppm", str(clock_ppm)]
        loops = ["--config", str(config), "--mode", "active", "-o", str(output), "--json", "--set-speed", str(world.set_speed),
                 *_each("--lane-path", [str(path)] if world.map else []), *_each("--route", [route] if route else []),
                 *_each("--cpu", [] if cpu is None else [str(cpu)]), *(["--allow-soft-realtime"] if soft else [])]  # fmt: skip
        run, account = _both(lambda: child("-m", "hil.rig.truck", *where, *trucks),
                             lambda: child("-m", "autonomy", "run", *where, *loops), started, interrupted, tell)  # fmt: skip
    run["minimal_risk_ticks"] = 0 if run["log"] is None else minimal_risk_ticks(output / "run.mcap")
    return {**judged(run, account, interface, interrupted=interrupted.is_set()), "interrupted": interrupted.is_set()}


def _both(start_truck: Callable[[], Child], start_loop: Callable[[], Child], started: Callable[[int], None],
          interrupted: threading.Event, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """The accounts of loop and truck, of a drive that both began and ended together. Ctrl-C and SIGTERM, told by `interrupted`,
    end the truck's drive; there is nothing to end in order before."""
    driving = threading.Event()

    def interrupt() -> None:
        interrupted.set()
        if not driving.is_set():
            raise KeyboardInterrupt
        truck.ask_to_end()

    with orderly_end(interrupt):
        truck = start_truck()
        truck.expect("ready")
        loop = start_loop()
        loop.hear("run: active", tell)
        started(loop.pid)
        truck.say("go")
        driving.set()
        truck.expect("driven")
        loop.ask_to_end()
        return json.loads(loop.rest()), json.loads(truck.rest())


def _each(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


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
