"""The truck alone on real buses, for a stack that runs elsewhere: on this machine, or on a truck's computer beside the rig.

    autonomy hil truck -i socketcan -c can0 -c can1 -c can2 --arm

It drives once the stack is heard on the command bus; what it saw of the stack is the verdict.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import config as configuration
from autonomy.errors import EnvironmentFault, UsageError
from autonomy.output_folder import prepare, writing
from autonomy.perception.stages import sensors_of
from autonomy.report.junit import Case, write_cases
from autonomy.report.verdict import FAIL
from autonomy.runtime.options import check_channels
from drivers.serial.route_config import ports_of
from drivers.serial.route_config import read as read_serial
from drivers.udp.receiver import place_of
from hil.rig import DEFAULT_SCENARIO
from hil.rig.drive import truck_lines, verdict_line
from hil.rig.drive_verdict import judged_alone
from hil.rig.junit import OUTCOMES
from hil.rig.lone_truck_page import after_taking_over, page
from hil.rig.recorded import CAN, SERIAL, UDP
from hil.rig.serial_end import is_device
from hil.rig.targets import Target
from hil.rig.truck import Truck, account, drive, drive_in_lockstep, prepared

__all__ = ["LoneTruckOptions", "drive_alone", "lines", "write"]

POLL_S = 0.02


@dataclass
class LoneTruckOptions:
    """`sockets`: "SENSOR=ADDRESS:PORT"; `lines`: "PORT=PATH"; `duration_s` None: the scenario's; `patience_s`: for the stack to
    be heard."""

    interface: str
    channels: list[str]
    vehicle: str = "vehicles/demo_truck"
    scenario: str = DEFAULT_SCENARIO
    sockets: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    duration_s: float | None = None
    seed: int = 0
    lockstep: bool = False
    patience_s: float = 60.0
    arm: bool = False


def drive_alone(options: LoneTruckOptions, tell: Callable[[str], None] = lambda line: None, *,
                is_over: Callable[[], bool] = lambda: False) -> dict[str, Any]:  # fmt: skip
    """{"verdict", "exit_code", "reasons", "interface", "truck"}, until the duration is over or `is_over`.

    Raises UsageError, EnvironmentFault: also when no stack is heard.
    """
    _check(options)
    if (real := _real(options)) and not options.arm:
        raise UsageError(f"hil truck: {real} leaves this machine and may move something; give --arm")
    truck = prepared(options.vehicle, options.scenario, options.interface, options.channels, options.sockets, options.lines,
                     options.seed, options.lockstep)  # fmt: skip
    duration_s = truck.world.duration_s if options.duration_s is None else options.duration_s
    try:
        if options.lockstep:
            tell("in lockstep: the stack is waited for")
            late_ns = drive_in_lockstep(truck, duration_s, options.patience_s, is_over)
            truck.commands.drain()
        else:
            truck.commands.start()
            try:
                _wait_for_the_stack(truck, options.patience_s, tell, is_over)
                late_ns = np.zeros(1, np.int64) if is_over() else drive(truck, duration_s, is_over=is_over)
            finally:
                truck.commands.stop()
                truck.commands.join()
        truck.close_scans()
        return judged_alone(account(truck, late_ns), options.interface, interrupted=is_over())
    finally:
        truck.close()


def _wait_for_the_stack(truck: Truck, patience_s: float, tell: Callable[[str], None], is_over: Callable[[], bool]) -> None:
    """Until its first frame, an address claim as a rule. Raises EnvironmentFault."""
    tell(f"waiting for the stack on bus {truck.command_bus}, its command bus")
    until_s = time.monotonic() + patience_s
    while not truck.commands.received and not is_over():
        if time.monotonic() > until_s:
            raise EnvironmentFault(f"hil truck: nothing was heard on bus {truck.command_bus}, the command bus, within "
                                   f"{patience_s:g} s; does 'autonomy run --mode active' run on these buses?")  # fmt: skip
        time.sleep(POLL_S)
    if not is_over():
        tell("the stack is there: driving")


def _check(options: LoneTruckOptions) -> None:
    """Raises UsageError: a bus of the vehicle's without a channel, a sensor or port that it has not, a place that is none."""
    loaded = configuration.load(options.vehicle)
    check_channels(options.vehicle, loaded.sections, options.interface, options.channels)
    sensors = {sensor.name for sensor in sensors_of(loaded)}
    ports = set(ports_of(read_serial(loaded.sections.get("serial", {}), options.vehicle)))
    for option, known, texts in (("udp", sensors, options.sockets), ("serial", ports, options.lines)):
        for name, _, _ in (text.partition("=") for text in texts):
            if name not in known:
                raise UsageError(f"--{option} {name}: {options.vehicle} has none of that name; known: "
                                 f"{', '.join(sorted(known)) or 'none'}")  # fmt: skip
    for name, _, place in (text.partition("=") for text in options.sockets):
        address, port = place_of(name, place)
        try:
            socket.getaddrinfo(address, port, socket.AF_INET)
        except OSError as error:
            raise UsageError(f"--udp {name}={place}: {address} is no address: {error.strerror}") from None


def _real(options: LoneTruckOptions) -> str | None:
    """What leaves this machine."""
    for channel in options.channels:
        if (target := Target(CAN, channel, options.interface)).is_real:
            return str(target)
    for name, _, path in (text.partition("=") for text in options.lines):
        if is_device(path) and (target := Target(SERIAL, path)).is_real:
            return f"{name} on {target}"
    for text in options.sockets:
        name, _, place = text.partition("=")
        address, port = place_of(name, place)
        if (target := Target(UDP, address, port=port)).is_real:
            return str(target)
    return None


def lines(found: dict[str, Any]) -> list[str]:
    """The account for a terminal."""
    truck = found["truck"]
    refused = ", ".join(f"{count} {reason}" for reason, count in truck["refused"].items() if count)
    return [f"bus          {found['interface']}: {truck['sent']} frames sent, {truck['received']} heard on the command bus"
            + (f", not obeyed: {refused}" if refused else ""),
            *truck_lines(truck),
            *(f"event        {after_s:.2f} s after taking over: {what}" for after_s, what in after_taking_over(truck)),
            verdict_line(found)]  # fmt: skip


def write(folder: Path, name: str, found: dict[str, Any]) -> None:
    """report.html, junit.xml and truck.json. Raises EnvironmentFault."""
    prepare(folder)
    with writing(folder):
        (folder / "report.html").write_text(page(name, found), encoding="utf-8")
        (folder / "truck.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    told = [Case("hil.truck", f"{after_s:.2f} s {what}", FAIL, "seen by the truck")
            for after_s, what in after_taking_over(found["truck"])]  # fmt: skip
    told.append(Case("hil.truck", "verdict", OUTCOMES[found["verdict"]], "; ".join(found["reasons"]) or "nothing amiss"))
    write_cases(folder / "junit.xml", "autonomy hil truck", told, {"verdict": found["verdict"], "interface": found["interface"]})
