"""What `autonomy run` was asked for, held against what the vehicle's configuration needs before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autonomy.errors import UsageError
from autonomy.perception.stages import sensors_of
from autonomy.runtime import realtime
from autonomy.runtime.scan_sensors import sockets_asked_for
from autonomy.runtime.segments import AFTER_S
from drivers.can.commanding import command_config
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.interface_kind import same_twice
from drivers.serial.route_config import devices_of

if TYPE_CHECKING:
    from autonomy.stack import Stack
    from drivers.can.router import Router
    from drivers.serial.router import SerialRouter

SHADOW, ACTIVE = "shadow", "active"


@dataclass
class Options:
    """What `autonomy run` was asked for. `channels`: the n-th is bus n. `devices`: of serial ports, by their name, `sockets`: of
    lidars and radars, "[ADDRESS:]PORT". `route_file`: of `autonomy route learn`, None = no predictive cruise control. `pulses`:
    below /sys/class/pps, `ptp`: NAME[:SCALE] of a PTP clock. `segment_s`: of a log's files, None = one file; `before_s` and
    `after_s`: of snapshots around events, None = without. `durable`: the log waits for the disk."""

    config: str
    interface: str
    channels: list[str]
    mode: str = SHADOW
    duration_s: float | None = None
    output: Path = Path("runs/live")
    overrides: dict[str, Any] = field(default_factory=dict)
    path_file: str | None = None
    route_file: str | None = None
    set_speed_mps: float | None = None
    allow_soft: bool = False
    priority: int = realtime.PRIORITY
    cpu: int | None = None
    lockstep: bool = False
    devices: dict[str, str] = field(default_factory=dict)
    sockets: dict[str, str] = field(default_factory=dict)
    pulses: str | None = None
    ptp: str | None = None
    telemetry: tuple[str, int] | None = None  # address and port of the live view
    segment_s: float | None = None
    before_s: float | None = None
    after_s: float = AFTER_S
    events_only: bool = False
    durable: bool = False


def check_channels(name: str, sections: Mapping[str, Any], interface: str, channels: list[str]) -> None:
    """Raises UsageError when a bus of the vehicle `name` has no channel, or not one of its own."""
    wanted = [int(bus["bus"]) for bus in sections.get("can", {}).get("bus", [])]
    if missing := [bus for bus in wanted if bus >= len(channels)]:
        raise UsageError(f"--channel: {name} listens to the buses {', '.join(map(str, wanted))}; give a channel for each, in "
                         f"this order (none for bus {missing[0]})")  # fmt: skip
    if wanted and len(channels) > max(wanted) + 1:
        raise UsageError(f"--channel {channels[max(wanted) + 1]}: {name} has only the buses {', '.join(map(str, wanted))}, this "
                         f"would be bus {max(wanted) + 1}; leave it out")  # fmt: skip
    if twice := same_twice(interface, channels):
        raise UsageError(f"--channel {twice}: given for more than one bus; each bus has a channel of its own")


def devices_asked_for(options: Options, serial: SerialRouter) -> dict[str, str]:
    """What to open for each serial port, in the order of their topics. Raises UsageError."""
    known = devices_of(serial.config)
    if unknown := sorted(set(options.devices) - set(known)):
        raise UsageError(f"--serial {unknown[0]}: {options.config} has no serial port of that name; known: "
                         f"{', '.join(known) or 'none'}")  # fmt: skip
    if known and options.lockstep:
        raise UsageError(f"--lockstep: {options.config} reads serial ports, whose bytes carry no rig's time; "
                         "use a vehicle without")  # fmt: skip
    devices = {name: options.devices.get(name) or known[name] for name in sorted(known)}
    if missing := [name for name, device in devices.items() if not device]:
        raise UsageError(f"--serial: {options.config} reads the serial port '{missing[0]}'; say where it is: "
                         f"--serial {missing[0]}=/dev/serial/by-id/...")  # fmt: skip
    return devices


def telemetry_place(text: str) -> tuple[str, int]:
    """(address, port) of `--telemetry [ADDRESS:]PORT`, this machine's own where none is given. Raises UsageError."""
    address, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) <= 65535:
        raise UsageError(f"--telemetry {text}: write PORT or ADDRESS:PORT, such as 8765")
    return address or "127.0.0.1", int(port)


def scan_sockets(options: Options, stack: Stack) -> dict[str, tuple[str, int]]:
    """Where to listen for each lidar and radar on UDP: (address, port). Raises UsageError."""
    return sockets_asked_for(options.sockets, sensors_of(stack.config), options.config)


def encoder_of(options: Options, stack: Stack, router: Router) -> CommandEncoder:
    """For active mode, when the vehicle's file says all that a truck cannot be driven without. Raises UsageError, ConfigError."""
    if "command" not in stack.config.sections:
        raise UsageError(f"run --mode active: {stack.config.path} has no [command] table: nobody is there to be commanded")
    commanded = command_config.read(stack.config.section("command"), stack.config.path)
    if commanded.missing:
        raise UsageError(f"run --mode active: {stack.config.path}: [command] lacks {', '.join(commanded.missing)}; "
                         "a truck cannot be driven without")  # fmt: skip
    for part, section, key in (("engine_brake", "longitudinal", "engine_brake_torque_maximum_nm"),
                               ("retarder", "vehicle", "retarder_torque_maximum_nm"),
                               ("gearbox", "cruise", "roll_deceleration")):  # fmt: skip
        expected = float(stack.config.section(section)[key])
        if expected > 0.0 and getattr(commanded, part) is None:
            raise UsageError(f"run --mode active: {stack.config.path}: [{section}] {key} = {expected:g}, and no [command.{part}] "
                             "says who gives it; add that or set it to 0")  # fmt: skip
    if commanded.bus >= len(options.channels):
        raise UsageError(f"--channel: commands of {options.config} go to bus {commanded.bus}; give a channel for it")
    return CommandEncoder(commanded, router.codec)
