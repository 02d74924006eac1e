"""Raw CAN frames into samples of the input frame, as a vehicle file's [can] table says (see route_config.py).

    router = Router.from_config(config, databases)      # databases: {bus: DBC text, path or Database}, may be empty
    router.route(frames, inputs)                        # arrays of CanFrame and of one InputFrame
    router.counts()                                     # {"0:CCVS1>wheel": {received, used, unusable, inactive}}

The replay and live loops call `route_frame` of ext/drivers/can/_router.pxd with the same tables.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from autonomy import msg
from autonomy.config import Config, directory
from drivers.can import _router
from drivers.can.codec import Codec
from drivers.can.database import Database, DatabaseError, load, parse
from drivers.can.route_config import (
    KINDS,
    REQUIRED_FIELDS,
    Bus,
    CanConfig,
    Field,
    Guard,
    Route,
    RouteError,
    conversion_of,
    examine,
    read,
)

__all__ = ["RouteError", "Router"]

MAX_ROUTES, MAX_COMBINES, MAX_PARTS, MAX_MAPPINGS, SAMPLE_BYTES = (
    _router.LIMITS[name] for name in ("routes", "combines", "parts", "mappings", "sample_bytes")
)
MAX_GUARDS = _router.LIMITS["guards"]
TERM_ROW = np.dtype([("scale", "f8"), ("offset", "f8"), ("signal", "i4"), ("padding", "u4")])
FIELD_ROW = np.dtype([
    ("constant", "f8"), ("otherwise", "f8"), ("mapping_from", "f8", (MAX_MAPPINGS,)), ("mapping_to", "f8", (MAX_MAPPINGS,)),
    ("first_term", "u4"), ("term_count", "u2"), ("offset", "u2"), ("type", "u1"), ("is_required", "u1"),
    ("mapping_count", "u1"), ("is_identifier", "u1"), ("padding", "u1", (4,)),
])  # fmt: skip
ROUTE_ROW = np.dtype([
    ("delay_ns", "i8"), ("max_age_ns", "i8"), ("condition_value", "f8"), ("mounting_x_m", "f8"), ("mounting_y_m", "f8"),
    ("condition_signal", "i4"), ("next", "i4"),
    ("first_field", "u4"), ("field_count", "u2"), ("source_offset", "u2"), ("source_address", "i2"), ("kind", "u1"),
    ("combine", "i1"), ("part", "u1"), ("emits", "u1"), ("source_is_sender", "u1"), ("required_parts", "u1"),
])  # fmt: skip
GUARD_ROW = np.dtype([("message", "i4"), ("source_address", "i2"), ("source", "u2")])
FIELD_TYPES = {"float64": 0, "uint8": 1, "uint16": 2, "uint32": 3, "int64": 4}
HEADER_FIELDS = ("valid_time_ns", "received_time_ns", "source", "validity", "padding")
NOT_TOLD = {"driveline_engaged": 255, "shift_in_progress": 255, "fix_type": 255, "satellites": 255}


class Router(_router.Router):
    """Routes of one vehicle over the databases of its buses."""

    def __new__(cls, config: CanConfig, databases: Mapping[int, Database], path: str = "vehicle file",
                own: tuple[int, int] = (-1, 0)):  # fmt: skip
        """`own`: (address, bus) that we send with; an address below zero is none."""
        codec = Codec(databases)
        build = _Build(codec, path)
        for route in config.route:
            build.add(route)
        for guard in config.guard:
            build.guard(guard)
        self = super().__new__(cls, codec, build.arrays(), build.names, own)
        self.codec, self.config = codec, config
        return self

    def only(self, kind: str) -> Router:
        """A router of the routes to one kind alone."""
        routes = [route for route in self.config.route if route.kind == kind]
        return type(self)(msgspec.structs.replace(self.config, route=routes), self.codec.databases)

    def listens_to(self, frames: np.ndarray) -> np.ndarray:
        """bool (n,): frames (dtype CanFrame) whose message has a route."""
        keys, places = np.unique(frames[["bus", "id"]], return_inverse=True)
        found = [self.codec.find(int(key["id"]), int(key["bus"])) for key in keys]
        return np.array([self.arrays["first_route"][index] >= 0 if index >= 0 else False for index in found], bool)[places]

    @classmethod
    def from_config(cls, config, databases: Mapping[int, str | Path | Database] | None = None) -> Router:
        """From an autonomy.config.Config; a bus missing in `databases` takes its `dbc` file.

        Raises RouteError and DatabaseError with a sentence. A configuration without [can] routes nothing.
        """
        typed = read(config.sections.get("can", {}), str(config.path))
        given = databases or {}
        found = {item.bus: _database(item, given.get(item.bus), config) for item in typed.bus}
        command = config.sections.get("command", {})
        own = int(command.get("source_address", -1)), int(command.get("bus", 0))
        return cls(typed, found, str(config.path), own)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the databases, a sentence each."""
        return self.codec.problems


def complaints(config: Config, databases: Mapping[int, str | Path | Database] | None = None) -> tuple[list[str], list[str]]:
    """(everything for which `Router.from_config` would refuse the configuration, what is odd in the databases)."""
    path = str(config.path)
    typed, problems = examine(config.sections.get("can", {}), path)
    found: dict[int, Database] = {}
    for item in typed.bus:
        try:
            found[item.bus] = _database(item, (databases or {}).get(item.bus), config)
        except (RouteError, DatabaseError) as error:
            problems.append(str(error))
    codec = Codec(found)
    build = _Build(codec, path)
    for route in typed.route:
        if route.bus in found:
            try:
                build.add(route)
            except RouteError as error:
                problems.append(str(error))
    for guard in typed.guard:
        if guard.bus in found:
            try:
                build.guard(guard)
            except RouteError as error:
                problems.append(str(error))
    if not problems:
        try:
            build.arrays()
        except RouteError as error:
            problems.append(str(error))
    return problems, list(codec.problems)


def _database(bus: Bus, given: str | Path | Database | None, config: Config) -> Database:
    if isinstance(given, Database):
        return given
    if isinstance(given, Path):
        return load(given, bus.j1939)
    if given is not None:
        return parse(given, f"DBC of bus {bus.bus} carried by the log", bus.j1939)
    path = config.locate("can", "bus", bus.dbc)
    if path is None:
        raise RouteError(
            f"{config.origin('can', 'bus')}: [[can.bus]] dbc = '{bus.dbc}' of bus {bus.bus} is neither beside this file nor "
            f"among the packaged configurations ({directory()}), and the log carries none; put the file there"
        )
    return load(path, bus.j1939)


class _Build:
    """Collects the rows of all routes."""

    def __init__(self, codec: Codec, path: str) -> None:
        self.codec, self.tables, self.path = codec, codec._tables, path
        self.names: list[str] = []
        self.routes: list[tuple] = []
        self.fields: list[tuple] = []
        self.terms: list[tuple] = []
        self.templates: list[np.ndarray] = []
        self.first_route = np.full(len(self.tables.messages) + 1, -1, np.int32)
        self.last_route: dict[int, int] = {}
        self.guard_of = np.full(len(self.tables.messages) + 1, -1, np.int32)
        self.guards: list[tuple] = []
        self.combines: dict[str, list[tuple[int, Route]]] = {}

    def add(self, route: Route) -> None:
        """One row per message the route's name or pattern fits."""
        where = f"{self.path}: [[can.route]] {route.message} > {route.kind}"
        indices = [
            index for index, message in enumerate(self.tables.message_list)
            if self.tables.bus_of_message[index] == route.bus and fnmatch.fnmatchcase(message.name, route.message)
        ]  # fmt: skip
        if not indices:
            raise RouteError(f"{where}: no message '{route.message}' in {self.codec.databases[route.bus].name}; check the name")
        if route.combine is not None and len(indices) > 1:
            raise RouteError(f"{where}: combine = '{route.combine}' needs one message, the pattern fits {len(indices)}")
        for index in indices:
            self._add_message(route, index, where)

    def guard(self, guard: Guard) -> None:
        where = f"{self.path}: [[can.guard]] {guard.message}"
        try:
            index = self.codec.index(guard.message, guard.bus)
        except KeyError as error:
            raise RouteError(f"{where}: {error.args[0]}") from None
        message = self.tables.message_list[index]
        if guard.source_address is not None and (not message.is_j1939 or not 0 <= guard.source_address <= 255):
            raise RouteError(f"{where}: source_address = {guard.source_address}: J1939 messages have one within 0..255")
        if len(self.guards) >= MAX_GUARDS or self.guard_of[index] >= 0:
            raise RouteError(f"{where}: at most {MAX_GUARDS} guards, one a message")
        try:
            if guard.checksum is not None:
                self.codec.protect(guard.message, checksum=guard.checksum, kind=guard.checksum_kind, counter=guard.counter,
                                   bus=guard.bus)  # fmt: skip
            elif guard.counter is not None:
                self.codec.count(guard.message, counter=guard.counter, bus=guard.bus)
        except (KeyError, ValueError) as error:
            raise RouteError(f"{where}: {error.args[0]}") from None
        self.guard_of[index] = len(self.guards)
        sender = -1 if guard.source_address is None else guard.source_address
        self.guards.append((index, sender, guard.source if sender < 0 else sender))

    def arrays(self) -> dict[str, np.ndarray]:
        rows = np.array(self.routes, ROUTE_ROW)
        part_routes = np.full(MAX_COMBINES * MAX_PARTS, -1, np.int32)
        for place, (name, parts) in enumerate(self.combines.items()):
            emitters = [route for _, route in parts if route.emit]
            if len(emitters) != 1 or len({route.kind for _, route in parts}) != 1:
                raise RouteError(
                    f"{self.path}: combine = '{name}' needs one kind and one route with emit = true, the last to come"
                )
            required = 0
            for part, (number, _) in enumerate(parts):
                part_routes[place * MAX_PARTS + part] = number
                required |= self._has_required(rows[number]) << part
            rows["required_parts"][[number for number, route in parts if route.emit]] = required
        return {
            "first_route": self.first_route, "routes": rows, "fields": np.array(self.fields, FIELD_ROW),
            "terms": np.array(self.terms, TERM_ROW), "part_routes": part_routes,
            "guard_of": self.guard_of, "guards": np.array(self.guards, GUARD_ROW),
            "templates": np.concatenate(self.templates) if self.templates else np.zeros(0, np.uint8),
        }  # fmt: skip

    def _has_required(self, row: np.void) -> bool:
        first = int(row["first_field"])
        return any(field[FIELD_ROW.names.index("is_required")] for field in self.fields[first : first + int(row["field_count"])])

    def _add_message(self, route: Route, index: int, where: str) -> None:
        message = self.tables.message_list[index]
        number = len(self.routes)
        if number >= MAX_ROUTES:
            raise RouteError(f"{where}: more than {MAX_ROUTES} routes in one vehicle; remove some")
        if route.source_address is not None and not message.is_j1939:
            raise RouteError(f"{where}: source_address = {route.source_address} on a message that is not J1939; remove it")
        if route.source is None and not message.is_j1939:
            raise RouteError(f"{where}: source is missing; give this sensor a number within 0..65535")
        layout = msg.dtype(KINDS[route.kind])
        first_field = len(self.fields)
        for name, field in route.fields.items():
            self._add_field(route, name, field if isinstance(field, list) else [field], index, layout, where)
        for name in REQUIRED_FIELDS[route.kind]:
            if name not in route.fields and route.combine is None:
                raise RouteError(f"{where}: fields.{name} is missing; a {route.kind} sample is of no use without it")
        condition, condition_value = -1, 0.0
        if route.valid_when is not None:
            condition, condition_value = self._signal(index, route.valid_when.signal, where), route.valid_when.equals
        combine, part = self._part(route, number, where)
        self.routes.append((
            round(route.delay_s * 1e9), round(route.max_age_s * 1e9), condition_value, route.mounting_x_m, route.mounting_y_m,
            condition, -1, first_field,
            len(self.fields) - first_field, layout.fields["source"][1],
            -1 if route.source_address is None else route.source_address, list(KINDS).index(route.kind) + 1,
            combine, part, route.emit, route.source is None, 0,
        ))  # fmt: skip
        self.templates.append(_template(route, layout, where))
        sender = "" if route.source_address is None else f"@{route.source_address:02X}"
        self.names.append(self._unique(f"{route.bus}:{message.name}{sender}>{route.signal or route.kind}"))
        if index in self.last_route:
            previous = self.last_route[index]
            place = ROUTE_ROW.names.index("next")
            self.routes[previous] = (*self.routes[previous][:place], number, *self.routes[previous][place + 1 :])
        else:
            self.first_route[index] = number
        self.last_route[index] = number

    def _unique(self, name: str) -> str:
        return name if name not in self.names else f"{name}#{sum(other.split('#')[0] == name for other in self.names) + 1}"

    def _part(self, route: Route, number: int, where: str) -> tuple[int, int]:
        if route.combine is None:
            return -1, 0
        parts = self.combines.setdefault(route.combine, [])
        if len(self.combines) > MAX_COMBINES or len(parts) >= MAX_PARTS:
            raise RouteError(f"{where}: combine = '{route.combine}': at most {MAX_COMBINES} of {MAX_PARTS} parts each")
        parts.append((number, route))
        return list(self.combines).index(route.combine), len(parts) - 1

    def _add_field(self, route: Route, name: str, items: list[Field], index: int, layout: np.dtype, where: str) -> None:
        where = f"{where}: fields.{name}"
        places = _places(layout)
        if name not in places:
            raise RouteError(f"{where}: {KINDS[route.kind]} has no such field to fill; known: {', '.join(places)}")
        type_name, offset = places[name]
        first = items[0]
        if len(items) > 1 and any(item.identifier or item.map for item in items):
            raise RouteError(f"{where}: identifier and map stand alone, they cannot be added")
        constant = sum(item.constant for item in items if item.constant is not None)
        first_term = len(self.terms)
        for item in items:
            if item.signal is not None:
                row = self._signal(index, item.signal, where)
                signal = self.tables.message_list[index].signals[self.tables.message_list[index].place(item.signal)]
                # A code is no quantity: a map takes the number as it is in the DBC
                factor = 1.0 if first.map else conversion_of(name, item.unit, signal.unit, where)
                self.terms.append((item.scale * factor, item.offset * factor, row, 0))
        pairs = self._pairs(first, where)
        required = first.required if first.required is not None else name in REQUIRED_FIELDS[route.kind]
        self.fields.append((
            constant, first.otherwise, [pair[0] for pair in pairs] + [0.0] * (MAX_MAPPINGS - len(pairs)),
            [pair[1] for pair in pairs] + [0.0] * (MAX_MAPPINGS - len(pairs)), first_term, len(self.terms) - first_term,
            offset, FIELD_TYPES[type_name], required, len(pairs), first.identifier,
            [0] * 4,
        ))  # fmt: skip

    def _signal(self, index: int, name: str, where: str) -> int:
        message = self.tables.message_list[index]
        try:
            return int(self.tables.messages[index]["first_signal"]) + message.place(name)
        except KeyError:
            known = ", ".join(signal.name for signal in message.signals)
            raise RouteError(f"{where}: signal = '{name}' is not in message {message.name}; it has {known}") from None

    @staticmethod
    def _pairs(field: Field, where: str) -> list[tuple[float, float]]:
        pairs = list((field.map or {}).items())
        if len(pairs) > MAX_MAPPINGS:
            raise RouteError(f"{where}: map has {len(pairs)} entries; at most {MAX_MAPPINGS}, the rest by otherwise")
        try:
            return [(float(key), float(value)) for key, value in pairs]
        except ValueError:
            raise RouteError(f"{where}: map = {field.map} must translate numbers to numbers") from None


def _places(layout: np.dtype) -> dict[str, tuple[str, int]]:
    """{field: (type, offset)} of what a route can fill; the elements of an array are `name_c0`, `name_c1`, ..."""
    places = {}
    for name in layout.names:
        if name in HEADER_FIELDS:
            continue
        item, offset = layout.fields[name][:2]
        if not item.shape:
            places[name] = item.name, offset
            continue
        for element in range(item.shape[0]):
            places[f"{name}_c{element}"] = item.base.name, offset + element * item.base.itemsize
    return places


def _template(route: Route, layout: np.dtype, where: str) -> np.ndarray:
    """A sample before its fields are written: NaN, not told, the source."""
    sample = np.zeros(1, layout)
    for name in layout.names:
        if layout.fields[name][0].base.kind == "f":
            sample[name] = np.nan
        elif name in NOT_TOLD:
            sample[name] = NOT_TOLD[name]
    sample["source"] = route.source or 0
    if route.kind == "signal":
        numbers = msg.constants("SignalSample")
        if route.signal not in numbers:
            raise RouteError(f"{where}: signal = '{route.signal}' is none of SignalSample's {', '.join(numbers)}")
        sample["signal"] = numbers[route.signal]
    padded = np.zeros(SAMPLE_BYTES, np.uint8)
    padded[: layout.itemsize] = sample.view(np.uint8)
    return padded
