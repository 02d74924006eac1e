"""Where recorded streams go: CAN channels, serial devices, UDP addresses; and whether that is real, so that it needs --arm.

-i local -c a -c b               the recording's buses in order: the first to a, the second to b
--map 2=a, --map 3:1=b           bus 2 of every recording to a, bus 1 of the third one to b; 'none' leaves a bus out
--serial gnss=pty                the line /raw/serial/gnss to a new pseudo terminal, or to a device
--udp lidar=127.0.0.1:2368       the datagrams /raw/udp/lidar to an address; without a port to the recorded one
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field

from autonomy.cli.named_places import named_places
from autonomy.errors import UsageError
from drivers.can.interface_kind import is_virtual
from hil.rig.recorded import CAN, SERIAL, UDP, Stream

__all__ = ["Plan", "Target", "Wishes", "assign"]

NONE, PTY = "none", "pty"
NOT_MAPPED = "bus not mapped"
NO_TARGET = {SERIAL: "no --serial for it", UDP: "no --udp for it"}


@dataclass(frozen=True)
class Target:
    """`name`: the channel, the device, the address; `port` of UDP, 0 = as recorded."""

    kind: str
    name: str
    interface: str = ""
    port: int = 0

    @property
    def is_real(self) -> bool:
        """Whether something outside of this machine may hear it."""
        if self.kind == CAN:
            return not is_virtual(self.interface, self.name)
        if self.kind == SERIAL:
            return self.name != PTY and not self.name.startswith("/dev/pts/")
        return not ipaddress.ip_address(socket.gethostbyname(self.name)).is_loopback

    def __str__(self) -> str:
        if self.kind == CAN:
            return f"{self.interface} {self.name}"
        return self.name if self.kind == SERIAL or not self.port else f"{self.name}:{self.port}"


@dataclass
class Wishes:
    """The options as they were given."""

    interface: str | None = None
    channels: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """`targets` {(number of the recording, stream): Target}, `left_out` {(number, stream): why}."""

    targets: dict[tuple[int, Stream], Target] = field(default_factory=dict)
    left_out: dict[tuple[int, Stream], str] = field(default_factory=dict)

    def used(self) -> list[Target]:
        return list(dict.fromkeys(self.targets.values()))


def assign(recordings: list[list[Stream]], wishes: Wishes) -> Plan:
    """Streams of the recordings, in the order of the command line, to targets. Raises UsageError."""
    plan = Plan()
    _assign_buses(recordings, wishes, plan)
    for kind, texts, option, make in ((SERIAL, wishes.lines, "--serial", _line), (UDP, wishes.addresses, "--udp", _address)):
        wanted = named_places(texts, option)
        known = {stream.name for streams in recordings for stream in streams if stream.kind == kind}
        if unknown := sorted(set(wanted) - known):
            there = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{option} {unknown[0]}=...: the recording has no such {kind} stream; there are {there}")
        made = {name: make(place, option) for name, place in wanted.items()}
        for number, streams in enumerate(recordings):
            for stream in streams:
                if stream.kind == kind and stream.name in made:
                    plan.targets[number, stream] = made[stream.name]
                elif stream.kind == kind:
                    plan.left_out[number, stream] = NO_TARGET[kind]
    if not plan.targets:
        found = ", ".join(sorted({f"{stream.kind} {stream.name}" for streams in recordings for stream in streams}))
        raise UsageError(f"hil play: nothing has a place to go; the recording has {found}: give -i INTERFACE -c CHANNEL, "
                         "--serial PORT=DEVICE or --udp SENSOR=ADDRESS")  # fmt: skip
    return plan


def _assign_buses(recordings: list[list[Stream]], wishes: Wishes, plan: Plan) -> None:
    buses = [(number, stream) for number, streams in enumerate(recordings) for stream in streams if stream.kind == CAN]
    if not wishes.channels:
        if wishes.maps:
            raise UsageError(f"--map {wishes.maps[0]}: name the channel with -i INTERFACE -c CHANNEL too")
        plan.left_out.update(dict.fromkeys(buses, "no -i and -c for it"))
        return
    if wishes.interface is None:
        raise UsageError(f"-c {wishes.channels[0]}: of which interface? give -i, such as -i socketcan")
    wanted = _maps(wishes, len(recordings))
    channels = iter(wishes.channels)
    for number, stream in buses:
        mine = {bus: channel for (of, bus), channel in wanted.items() if of in (None, number)}
        if mine:
            channel = wanted.get((number, stream.name), wanted.get((None, stream.name), NONE))
        else:
            channel = next(channels, None)
            if channel is None:
                named = ", ".join(f"{of + 1}:{bus.name}" if len(recordings) > 1 else bus.name for of, bus in buses)
                raise UsageError(f"{len(buses)} recorded buses ({named}) and {len(wishes.channels)} channels: give each a -c, or "
                                 f"say what goes where, such as --map {buses[0][1].name}={wishes.channels[0]}; what is not "
                                 "mapped stays out")  # fmt: skip
        if channel == NONE:
            plan.left_out[number, stream] = NOT_MAPPED
        else:
            plan.targets[number, stream] = Target(CAN, channel, wishes.interface)
    known = {(None, stream.name) for _, stream in buses} | {(number, stream.name) for number, stream in buses}
    if unknown := [key for key in wanted if key not in known]:
        there = ", ".join(sorted({stream.name for _, stream in buses})) or "none"
        raise UsageError(f"--map {unknown[0][1]}=...: no such bus is recorded; there are {there}")
    taken = {target.name for target in plan.targets.values()}
    if buses and not wanted and (surplus := [channel for channel in wishes.channels if channel not in taken]):
        raise UsageError(f"-c {surplus[0]}: no recorded bus is left for it; leave it out, or say with --map which goes there")


def _maps(wishes: Wishes, count: int) -> dict[tuple[int | None, str], str]:
    found: dict[tuple[int | None, str], str] = {}
    for text in wishes.maps:
        ((place, channel),) = named_places([text], "--map", "BUS=CHANNEL, such as --map 0=can0").items()
        number, separator, bus = place.rpartition(":")
        if channel not in (*wishes.channels, NONE):
            raise UsageError(f"--map {text}: no channel {channel}; given with -c: {', '.join(wishes.channels)}")
        if separator and not (number.isdecimal() and 1 <= int(number) <= count):
            raise UsageError(f"--map {text}: recording {number} is not within 1..{count}")
        key = (int(number) - 1 if separator else None, bus.removeprefix("can"))
        if key in found:
            raise UsageError(f"--map {place}=...: given more than once; each bus goes to one channel")
        found[key] = channel
    return found


def _line(device: str, option: str) -> Target:
    return Target(SERIAL, device)


def _address(place: str, option: str) -> Target:
    host, separator, port = place.rpartition(":")
    if not separator:
        host, port = place, "0"
    if not port.isdecimal() or not 0 <= int(port) <= 65535 or (separator and not int(port)):
        raise UsageError(f"{option} {place}: port {port} is not within 1..65535; write ADDRESS:PORT")
    try:
        socket.gethostbyname(host)
    except OSError as error:
        raise UsageError(f"{option} {place}: no such address: {error}") from None
    return Target(UDP, host, port=int(port))
