"""What a fault acts on in one log: channels, and for CAN which frames and which signals of them."""

from __future__ import annotations

import fnmatch
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autonomy import msg
from autonomy.errors import UsageError
from autonomy.faults.fields import GROUND_FIELDS, PRIMARY_FIELDS, SAMPLE_MESSAGES
from autonomy.faults.timeline import ARITHMETIC_KINDS, VALUE_KINDS, Fault
from drivers.can.route_config import SPELLINGS, UNITS, Route, conversion_of, read

if TYPE_CHECKING:
    from autonomy.playback.source import LogSource

BUS = re.compile(r"can(\d+)")
SENDER = re.compile(r"(.+)@([0-9A-Fa-f]{1,2})")
ARRAY_FIELD = re.compile(r"(\w+)\[(\d+)\]")
MOVING_KINDS = ("delay", "reorder", "duplicate", "clock_jump")


@dataclass(frozen=True)
class SignalSum:
    """A quantity that one or more signals of a message add up to: sum of value * scale + offset, in SI units."""

    name: str
    terms: tuple[tuple[int, float, float], ...]  # place in the message, scale, offset
    latitude: tuple[tuple[int, float, float], ...] = ()  # of `east` and `north`: what gives the latitude


@dataclass(frozen=True)
class Plan:
    """What a fault writes into the frames of one identifier."""

    message: int  # index in the codec's tables
    is_j1939: bool
    sums: tuple[SignalSum, ...] = ()
    places: tuple[int, ...] = ()  # signals to freeze, to blank or to corrupt


@dataclass
class Target:
    """Arrays by channel id. `plans` None: every frame of the CAN channels as a whole."""

    channels: np.ndarray  # bool
    is_can: np.ndarray  # bool
    hashes: np.ndarray  # uint64, from the topic's name: the same in a log with other channel numbers
    kinds: list[str | None]  # of the samples a channel carries
    plans: Plans | None
    signal: str | None = None


@dataclass
class Plans:
    """Plans by (bus, identifier), made when the first such frame comes."""

    fault: Fault
    codec: object
    routes: list[Route]
    kind: str | None
    message: str | None
    sender: int | None
    _known: dict[tuple[int, int], Plan | None] = field(default_factory=dict)

    def of(self, bus: int, identifier: int) -> Plan | None:
        """The plan for frames with this identifier (bit 31 = extended); None: the fault leaves them alone."""
        key = (bus, identifier)
        if key not in self._known:
            index = self.codec.find(identifier, bus)
            self._known[key] = self._make(bus, index, identifier & 0xFF) if index >= 0 else None
        return self._known[key]

    def messages(self) -> list:
        """Every message of the databases that source and message name."""
        return [self.codec._tables.message_list[index] for index, _ in self._candidates()]

    def signal_names(self) -> set[str]:
        return {signal.name for message in self.messages() for signal in message.signals}

    def _candidates(self):
        tables = self.codec._tables
        for index, (message, bus) in enumerate(zip(tables.message_list, tables.bus_of_message, strict=True)):
            sender = None if self.sender is None else self.sender
            if self._fits(message) and (self.kind is None or self._routes_of(bus, message, sender)):
                yield index, bus

    def _fits(self, message) -> bool:
        return self.message is None or fnmatch.fnmatchcase(message.name, self.message)

    def _routes_of(self, bus: int, message, sender: int | None) -> list[Route]:
        return [
            route for route in self.routes
            if route.bus == bus and route.kind == self.kind and fnmatch.fnmatchcase(message.name, route.message)
            and (sender is None or route.source_address in (None, sender))
        ]  # fmt: skip

    def _make(self, bus: int, index: int, sender: int) -> Plan | None:
        tables = self.codec._tables
        message = tables.message_list[index]
        if not self._fits(message) or (self.sender is not None and not (message.is_j1939 and sender == self.sender)):
            return None
        routes = self._routes_of(bus, message, sender if message.is_j1939 else None) if self.kind else []
        if self.kind and not routes:
            return None
        kind, signal = self.fault.kind, self.fault.signal
        if kind not in VALUE_KINDS and signal is None:
            return Plan(index, message.is_j1939)
        names = (signal,) if signal else PRIMARY_FIELDS.get(self.kind, ()) if kind in ARITHMETIC_KINDS else None
        if names is None:
            places = _routed_places(routes, message) if self.kind else _free_places(tables.messages[index], message)
            return Plan(index, message.is_j1939, (), places) if places else None
        sums = tuple(found for name in names if (found := _sum(name, routes, message)) is not None)
        places = tuple(dict.fromkeys(place for item in sums for place, _, _ in item.terms))
        return Plan(index, message.is_j1939, sums, places) if sums else None


def bind(fault: Fault, where: str, source: LogSource) -> Target:
    """Finds what a fault means in a log. Raises UsageError when it means nothing there."""
    topics = {number: channel.topic for number, channel in source.reader.channels.items()}
    buses = {number: name for number, topic in topics.items() if (name := _bus_name(topic)) is not None}
    is_list = {number: topic[4:] for number, topic in topics.items() if topic.startswith("/in/") and topic[4:] in SAMPLE_MESSAGES}
    chosen, kind, message = _choose(fault, where, topics, buses, is_list, source)
    if fault.message is not None:
        if message is not None and message != fault.message:
            raise UsageError(f"{where}: message = '{fault.message}' and source = '{message}' name two messages; give the bus as source")
        message = fault.message
        chosen = {number for number in chosen if number in buses}
        if not chosen:
            raise UsageError(f"{where}: message = '{message}' narrows CAN only, and '{fault.source}' has no CAN frames in this log")
    plans = _plans(fault, where, kind, message, source) if chosen & buses.keys() else None
    _check(fault, where, chosen, kind, topics, buses, is_list, plans, source)
    size = max(topics, default=0) + 1
    target = Target(np.zeros(size, bool), np.zeros(size, bool), np.zeros(size, np.uint64), [None] * size, plans, fault.signal)
    if plans is not None and kind is None and message is None and fault.signal is None and fault.kind not in VALUE_KINDS:
        target.plans = None
    for number in chosen:
        target.channels[number] = True
        target.is_can[number] = number in buses
        target.hashes[number] = zlib.crc32(topics[number].encode())
        target.kinds[number] = is_list.get(number)
    return target


def sample_field(dtype: np.dtype, name: str) -> tuple[str, int | None] | None:
    """(field, index in it or None) of a float field such as `x` or `left[0]`; None when there is none of that name."""
    found = ARRAY_FIELD.fullmatch(name)
    base, index = (found[1], int(found[2])) if found else (name, None)
    if base not in dtype.names or dtype.fields[base][0].base.kind != "f":
        return None
    shape = dtype.fields[base][0].shape
    if (index is None) != (shape == ()) or (index is not None and index >= shape[0]):
        return None
    return base, index


def _choose(fault, where, topics, buses, is_list, source) -> tuple[set[int], str | None, str | None]:
    """(channels, kind of sample or None, message or None) that `source` stands for."""
    name = fault.source
    if name in SAMPLE_MESSAGES:
        routed = any(route.kind == name for route in _routes(source))
        return {n for n, kind in is_list.items() if kind == name} | (set(buses) if routed else set()), name, None
    if BUS.fullmatch(name):
        return {number for number, bus in buses.items() if bus == name}, None, None
    if name.startswith("/"):
        chosen = {number for number, topic in topics.items() if topic == name}
        if chosen and not (chosen <= is_list.keys() or name.startswith("/raw/")):
            raise UsageError(f"{where}: source = '{name}' is no input of the stack; use a topic /raw/... or /in/<kind of sample>")
        return chosen, is_list.get(next(iter(chosen), -1)), None
    devices = {number for number, topic in topics.items() if topic.startswith("/raw/") and topic.rsplit("/", 1)[1] == name}
    if devices:
        return devices, None, None
    plain = SENDER.fullmatch(name)[1] if SENDER.fullmatch(name) else name
    if any(message.name == plain for message in source.router.codec._tables.message_list):
        return set(buses), None, name
    raise UsageError(
        f"{where}: source = '{name}' is not known; use a kind of sample ({', '.join(SAMPLE_MESSAGES)}), a bus "
        f"({', '.join(sorted(set(buses.values()))) or 'none in this log'}), a topic, a device or a CAN message"
    )


def _plans(fault: Fault, where: str, kind: str | None, message: str | None, source: LogSource) -> Plans:
    sender = None
    if message is not None and (found := SENDER.fullmatch(message)):
        message, sender = found[1], int(found[2], 16)
    plans = Plans(fault, source.router.codec, _routes(source), kind, message, sender)
    if message is not None and not plans.messages():
        names = sorted(item.name for item in source.router.codec._tables.message_list)
        close = [name for name in names if message[:3].lower() in name.lower()][:8] or names[:8]
        feeding = f" feeds {kind} samples" if kind else " is in the databases"
        raise UsageError(f"{where}: message = '{message}': no such message{feeding}; there are {', '.join(close) or 'none'}")
    return plans


def _check(fault, where, chosen, kind, topics, buses, is_list, plans, source) -> None:
    """Raises UsageError where the fault could do nothing, or not what it says."""
    present = sorted({*is_list.values(), *buses.values(), *(topic for topic in topics.values() if topic.startswith("/raw/"))})
    if not chosen or (chosen <= buses.keys() and kind and not plans.messages()):
        raise UsageError(f"{where}: source = '{fault.source}' is not in this log; it has {', '.join(present) or 'no input'}")
    if source.mode == "frames":
        if fault.kind in MOVING_KINDS:
            raise UsageError(f"{where}: kind = '{fault.kind}' cannot be done to logged frames, which belong to their tick; use --from raw")
        if chosen <= buses.keys():
            raise UsageError(f"{where}: source = '{fault.source}' is raw CAN, which a replay from frames does not read; use --from raw")
    bytes_only = [topics[number] for number in sorted(chosen) if number not in buses and number not in is_list]
    if bytes_only and (fault.kind in VALUE_KINDS or fault.signal is not None):
        raise UsageError(f"{where}: kind = '{fault.kind}' needs decoded values, {bytes_only[0]} carries plain bytes; "
                         "use drop, delay, duplicate, reorder, corrupt or clock_jump")  # fmt: skip
    if fault.kind in ARITHMETIC_KINDS and fault.signal is None:
        if kind is None:
            raise UsageError(f"{where}: signal is missing; {fault.kind} on '{fault.source}' needs the signal it acts on")
        if kind == "gnss" and fault.kind == "scale":
            raise UsageError(f"{where}: signal is missing; a position cannot be scaled, name a field such as speed")
    if fault.signal is not None:
        known = plans.signal_names() if plans is not None else set()
        if kind is not None:
            dtype = msg.dtype(SAMPLE_MESSAGES[kind])
            if sample_field(dtype, fault.signal) or (kind == "gnss" and fault.signal in GROUND_FIELDS):
                return
            known |= {name for name in dtype.names if dtype.fields[name][0].base.kind == "f"}
        if fault.signal not in known:
            shown = ", ".join(sorted(known)[:24]) or "none"
            raise UsageError(f"{where}: signal = '{fault.signal}' is not known for '{fault.message or fault.source}'; known are {shown}")


def _routes(source: LogSource) -> list[Route]:
    return read(source.config.sections.get("can", {}), str(source.config.path)).route


def _bus_name(topic: str) -> str | None:
    if not topic.startswith("/raw/can/"):
        return None
    name = topic.removeprefix("/raw/can/")
    return f"can{name}" if name.isdigit() else name


def _terms(routes: list[Route], message, name: str) -> tuple[tuple[int, float, float], ...]:
    """What the routes say a sample's field is made of, translated codes left out."""
    for route in routes:
        value = route.fields.get(name)
        items = value if isinstance(value, list) else [value] if value is not None else []
        terms = []
        for item in items:
            if item.signal is not None and not item.map:
                place = message.place(item.signal)
                factor = conversion_of(name, item.unit, message.signals[place].unit, route.message)
                terms.append((place, item.scale * factor, item.offset * factor))
        if terms:
            return tuple(terms)
    return ()


def _sum(name: str, routes: list[Route], message) -> SignalSum | None:
    if name in GROUND_FIELDS:
        latitude = _terms(routes, message, "latitude_deg")
        terms = _terms(routes, message, "longitude_deg" if name == "east" else "latitude_deg")
        return SignalSum(name, terms, latitude) if terms and latitude else None
    terms = _terms(routes, message, name)
    if terms:
        return SignalSum(name, terms)
    for place, signal in enumerate(message.signals):
        if signal.name == name:
            unit = SPELLINGS.get(signal.unit.strip(), signal.unit.strip())
            return SignalSum(name, ((place, UNITS.get(unit, ("", 1.0))[1], 0.0),))
    return None


def _routed_places(routes: list[Route], message) -> tuple[int, ...]:
    names = [
        item.signal for route in routes for value in route.fields.values()
        for item in (value if isinstance(value, list) else [value]) if item.signal is not None
    ]  # fmt: skip
    return tuple(dict.fromkeys(message.place(name) for name in names))


def _free_places(row: np.void, message) -> tuple[int, ...]:
    """Every signal but counter, checksum and selectors of multiplexed ones."""
    selectors = {signal.multiplexer for signal in message.signals}
    kept = {int(row["checksum_signal"]), int(row["counter_signal"])}
    return tuple(place for place, signal in enumerate(message.signals) if place not in kept and signal.name not in selectors)
