"""The [serial] table of a vehicle file: what the bytes of a serial port are and what samples they give.

    [[serial.port]]
    port = "gnss"                          # the topic /raw/serial/gnss
    protocol = "ubx"                       # or "nmea", "mtdata2"
    kinds = ["gnss"]                       # also "imu" (ubx: ESF-MEAS; all that mtdata2 has)
    source = 1
    baud = 115200                          # of the line; the same in every entry of a port
    device = "/dev/serial/by-id/usb-..."   # for live runs; the same in every entry, or in one; --serial gnss=DEVICE wins
    delay_s = 0.08                         # of the measurement against its last byte
    sentences = ["GGA", "RMC", "GST"]      # nmea: those that make an epoch, which goes out with the last of them
    axes = ["x", "y", "z"]                 # imu: the sensor's axes that point forward, left, up, such as "-y"

A port may have several entries, each with kinds, source and delay of its own.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from autonomy.errors import UsageError
from drivers.typed_table import convert

__all__ = ["PREFIX", "Port", "SerialConfig", "SerialError", "axis_numbers", "devices_of", "ports_of", "read"]

PREFIX = "/raw/serial/"
PROTOCOL_KINDS = {"ubx": ("gnss", "imu"), "nmea": ("gnss",), "mtdata2": ("imu",)}
SENTENCES = ("GGA", "RMC", "VTG", "GST")
AXIS = re.compile(r"(-?)([xyz])")
MOST_ENTRIES = 8


class SerialError(UsageError, ValueError):
    """A wrong [serial] table; the sentence names file, key and value."""


class Port(msgspec.Struct, forbid_unknown_fields=True):
    port: str
    protocol: str
    source: int
    baud: int = 115200
    device: str = ""
    kinds: list[str] = msgspec.field(default_factory=lambda: ["gnss"])
    delay_s: float = 0.0
    sentences: list[str] = msgspec.field(default_factory=lambda: ["GGA", "RMC"])
    axes: list[str] = msgspec.field(default_factory=lambda: ["x", "y", "z"])


class SerialConfig(msgspec.Struct, forbid_unknown_fields=True):
    port: list[Port] = []


def read(table: dict[str, Any], path: str) -> SerialConfig:
    """The typed [serial] table of the file `path`. Raises SerialError."""
    config = convert(table, SerialConfig, f"{path}: [serial]", SerialError)
    if len(config.port) > MOST_ENTRIES:
        raise SerialError(f"{path}: [serial] has {len(config.port)} [[serial.port]] entries; at most {MOST_ENTRIES}")
    taken: set[tuple[str, str, int]] = set()
    baud: dict[str, int] = {}
    devices: dict[str, str] = {}
    for place, item in enumerate(config.port):
        where = f"{path}: [[serial.port]] number {place + 1} ({item.port})"
        _check(item, where)
        if baud.setdefault(item.port, item.baud) != item.baud:
            raise SerialError(
                f"{where}: baud = {item.baud}, but another entry of this port says {baud[item.port]}; a line has one"
            )
        if item.device and devices.setdefault(item.port, item.device) != item.device:
            raise SerialError(f"{where}: device = '{item.device}', but another entry of this port says '{devices[item.port]}'")
        for kind in item.kinds:
            if (item.port, kind, item.source) in taken:
                raise SerialError(f"{where}: gives {kind} samples of source {item.source} a second time; remove one entry")
            taken.add((item.port, kind, item.source))
    return config


def ports_of(config: SerialConfig, kind: str | None = None) -> list[str]:
    """Names of the ports, each once; with `kind`, of those that give such samples."""
    return list(dict.fromkeys(item.port for item in config.port if kind is None or kind in item.kinds))


def devices_of(config: SerialConfig) -> dict[str, str]:
    """The device of each port, "" where none is named."""
    found = dict.fromkeys(ports_of(config), "")
    return found | {item.port: item.device for item in config.port if item.device}


def axis_numbers(axes: list[str]) -> list[int]:
    """1, 2, 3 for x, y, z, negative against the axis."""
    return [("xyz".index(axis[-1]) + 1) * (-1 if axis[0] == "-" else 1) for axis in axes]


def _check(item: Port, where: str) -> None:
    if not item.port or "/" in item.port or any(character.isspace() for character in item.port):
        raise SerialError(f"{where}: port = '{item.port}' must be a name without slash or space, as in {PREFIX}gnss")
    if item.protocol not in PROTOCOL_KINDS:
        raise SerialError(f"{where}: protocol = '{item.protocol}' is not known; use one of {', '.join(PROTOCOL_KINDS)}")
    known = PROTOCOL_KINDS[item.protocol]
    if not item.kinds or len(set(item.kinds)) < len(item.kinds) or not set(item.kinds) <= set(known):
        raise SerialError(f"{where}: kinds = {item.kinds}; {item.protocol} gives {' and '.join(known)}, name each once")
    if not 0 <= item.source <= 65535:
        raise SerialError(f"{where}: source = {item.source} is not within 0..65535")
    if not 300 <= item.baud <= 4_000_000:
        raise SerialError(f"{where}: baud = {item.baud} is not within 300..4000000")
    if not -10.0 <= item.delay_s <= 10.0:
        raise SerialError(f"{where}: delay_s = {item.delay_s} is not a delay in seconds within 10 s")
    if not set(item.sentences) <= set(SENTENCES) or len(set(item.sentences)) < len(item.sentences):
        raise SerialError(f"{where}: sentences = {item.sentences}; name some of {', '.join(SENTENCES)}, each once")
    if item.protocol == "nmea" and not {"GGA", "RMC"} & set(item.sentences):
        raise SerialError(f"{where}: sentences = {item.sentences} tell no position; name GGA or RMC")
    if not all(AXIS.fullmatch(axis) for axis in item.axes) or sorted(axis[-1] for axis in item.axes) != ["x", "y", "z"]:
        raise SerialError(f'{where}: axes = {item.axes} must name x, y and z once, "-" before one that points the other way')
    if _handedness(axis_numbers(item.axes)) < 0:
        raise SerialError(f"{where}: axes = {item.axes} are left-handed: forward, left, up is not; turn one of them round")


def _handedness(axes: list[int]) -> int:
    a, b, c = (abs(axis) for axis in axes)
    even = 1 if (a, b, c) in ((1, 2, 3), (2, 3, 1), (3, 1, 2)) else -1
    return even * (1 if axes[0] * axes[1] * axes[2] > 0 else -1)
