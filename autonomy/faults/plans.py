"""Which CAN frames a fault acts on, and which signals of them in which unit: one plan an identifier."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

import numpy as np

from autonomy.faults.fields import GROUND_FIELDS, PRIMARY_FIELDS
from autonomy.faults.timeline import ARITHMETIC_KINDS, VALUE_KINDS, Fault
from drivers.can.codec import Codec
from drivers.can.route_config import SPELLINGS, UNITS, Route, conversion_of


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
    condition: tuple[int, float] | None = None  # place and value of the signal that says there is something to report


@dataclass
class Plans:
    """Plans by (bus, identifier), made when the first such frame comes."""

    fault: Fault
    codec: Codec
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
            if self._fits(message) and (self.kind is None or self._routes_of(bus, message, self.sender)):
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
        sums = tuple(sorted(sums, key=lambda item: len(item.terms)))  # what stands for itself before what is made of it
        places = tuple(dict.fromkeys(place for item in sums for place, _, _ in item.terms))
        return Plan(index, message.is_j1939, sums, places, _condition(routes, message)) if sums else None


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


def _condition(routes: list[Route], message) -> tuple[int, float] | None:
    for route in routes:
        if route.valid_when is not None:
            return message.place(route.valid_when.signal), route.valid_when.equals
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
