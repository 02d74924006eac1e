"""The [command] table of a vehicle file: which controller is asked for what, how often and in whose manner.

    [command]
    bus = 0
    source_address = 0x27                  # ours, claimed with [command.name]
    [command.engine]                       # TSC1; also [command.engine_brake] and [command.retarder]
    address = 0x00
    period_s = 0.01
    reference_torque_nm = 2600.0           # 100 %, as EC1 (SPN 544) or RC tell it
    torque_ratio = 1.0                     # of the controller's shaft over the crank, as Actuation counts torque
    control = "torque"                     # or "limit"
    checksum = "3 bit"                     # "4 bit", "none": what this controller checks
    [command.brake]                        # XBR
    [command.gearbox]                      # TC1: out of gear and back. Needs [cruise] roll_deceleration
    [command.steering]                     # plugin = "simulated" or a supplier's
    [command.lights]                       # what left, right and hazard are on this truck

A controller that is not named is not asked: its share of the work is then nobody's, so an active run refuses to begin
without engine, brake and steering (`CommandConfig.missing`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from autonomy.errors import UsageError
from drivers.can.j1939.address import Name
from drivers.steering.installed import load as load_steering
from drivers.typed_table import convert

__all__ = [
    "Brake", "CommandConfig", "CommandError", "Gearbox", "Lights", "NodeName", "Steering", "Torque", "own_name", "read",
]  # fmt: skip

TORQUES = ("engine", "engine_brake", "retarder")
ON_HIGHWAY = 1  # industry group
CHECKSUMS = ("3 bit", "4 bit", "none")
CONTROLS = {"torque": 2, "limit": 3}  # SPN 695, override control mode [V]; the limit mode only caps a torque [M]


class CommandError(UsageError, ValueError):
    """A wrong [command] table; the sentence names file, key and value."""


class Torque(msgspec.Struct, forbid_unknown_fields=True):
    """One TSC1."""

    address: int
    reference_torque_nm: float
    period_s: float = 0.01  # [V] 10 ms to the engine, 50 ms to the retarder
    torque_ratio: float = 1.0
    control: str = "torque"
    checksum: str = "3 bit"
    priority: int = 0  # SPN 897, 0 highest [V]
    purpose: int = 1  # SPN 3350, P2 cruise control [M]


class Brake(msgspec.Struct, forbid_unknown_fields=True):
    """XBR."""

    address: int = 0x0B  # [V]
    period_s: float = 0.02  # [M] 20 ms; 40 ms [V] of one public project
    endurance_mode: int = 2  # SPN 2914: 2 = endurance brakes may help [V]
    priority: int = 0  # SPN 2915, 0 highest [V]


class Gearbox(msgspec.Struct, forbid_unknown_fields=True):
    """TC1: its driveline opened and closed; which gear is the gearbox's own choice."""

    address: int = 0x03  # [V]
    period_s: float = 0.05  # [M]


class Steering(msgspec.Struct, forbid_unknown_fields=True):
    plugin: str = "simulated"
    period_s: float = 0.01
    options: dict[str, Any] = {}


class Lights(msgspec.Struct, forbid_unknown_fields=True):
    """A message of the DBC and its signal values: every maker has its own."""

    message: str
    left: dict[str, float]
    right: dict[str, float]
    hazards: dict[str, float]
    off: dict[str, float]
    period_s: float = 0.1
    address: int | None = None


class NodeName(msgspec.Struct, forbid_unknown_fields=True):
    """Our NAME (SAE J1939-81); `manufacturer` is assigned by SAE, 0 is nobody's."""

    identity: int = 1
    manufacturer: int = 0
    function: int = 127  # vehicle system without a function of its own; industry group on-highway [M]
    arbitrary_address: bool = False


class CommandConfig(msgspec.Struct, forbid_unknown_fields=True):
    bus: int
    source_address: int
    name: NodeName = msgspec.field(default_factory=NodeName)
    engine: Torque | None = None
    engine_brake: Torque | None = None  # Actuation's engine torque below zero: a retarder of its own on the bus
    retarder: Torque | None = None
    brake: Brake | None = None
    gearbox: Gearbox | None = None
    steering: Steering | None = None
    lights: Lights | None = None
    release_frames: int = 3  # [D] one is enough by the standard, three survive a lost one

    @property
    def missing(self) -> list[str]:
        """What cannot be driven without."""
        return [name for name in ("engine", "brake", "steering") if getattr(self, name) is None]

    def torques(self) -> dict[str, Torque]:
        """Who is asked by TSC1."""
        return {name: part for name in TORQUES if (part := getattr(self, name)) is not None}


def read(table: dict[str, Any], path: str) -> CommandConfig:
    """The typed [command] table of the file `path`. Raises CommandError, also for a steering plugin that is not installed."""
    config = convert(table, CommandConfig, f"{path}: [command]", CommandError)
    _within(path, "bus", config.bus, 0, 255)
    _within(path, "source_address", config.source_address, 0, 253)
    _within(path, "release_frames", config.release_frames, 1, 100)
    for part in (*TORQUES, "brake", "gearbox", "steering", "lights"):
        section = getattr(config, part)
        if section is None:
            continue
        _within(path, f"{part}.period_s", section.period_s, 0.005, 1.0)
        for name, most in (("address", 253), ("priority", 3), ("purpose", 31), ("endurance_mode", 2)):
            if getattr(section, name, None) is not None:
                _within(path, f"{part}.{name}", getattr(section, name), 0, most)
        if isinstance(section, Torque):
            _check_torque(path, part, section)
    addresses: dict[int, str] = {}
    for name, part in config.torques().items():
        other = addresses.setdefault(part.address, name)
        if other != name:
            raise CommandError(f"{path}: [command] {name}.address = {part.address}: [command.{other}] has it already, "
                               "and a TSC1 tells its partner by the address alone")  # fmt: skip
    if config.steering is not None:
        try:
            load_steering(config.steering.plugin, config.source_address, config.steering.options)
        except UsageError as error:
            raise CommandError(f"{path}: {error}") from None
    return config


def own_name(config: CommandConfig) -> Name:
    """As we claim our address."""
    name = config.name
    return Name(name.identity, name.manufacturer, 0, 0, name.function, 0, 0, ON_HIGHWAY, name.arbitrary_address)


def _check_torque(path: str, part: str, section: Torque) -> None:
    _within(path, f"{part}.reference_torque_nm", section.reference_torque_nm, 1.0, 100_000.0)
    _within(path, f"{part}.torque_ratio", section.torque_ratio, 0.01, 100.0)
    for name, known in (("control", tuple(CONTROLS)), ("checksum", CHECKSUMS)):
        if getattr(section, name) not in known:
            raise CommandError(f"{path}: [command.{part}] {name} = '{getattr(section, name)}': choose one of {', '.join(known)}")


def _within(path: str, key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise CommandError(f"{path}: [command] {key} = {value:g}: must lie within {low:g}..{high:g}")
