"""The router stated plainly, on dictionaries; tests hold ext/drivers/can/_router.pyx to it.

For each route of a frame's message: the condition is looked at, every field is the sum of its signals in the field's
unit, a sample without a required field or without any is dropped. Parts of a combined sample are kept until the last one
sends them out, if they are young enough. Guards are not among this: tests/drivers/can/test_guard.py holds the kernel to them.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from typing import Any

from numpy.polynomial import Polynomial

from drivers.can import codec_twin
from drivers.can.database import Database, Message
from drivers.can.route_config import REQUIRED_FIELDS, CanConfig, Field, Route, conversion_of
from drivers.can.tables import pgn_of

NOT_MEASUREMENTS = 1 | 2 | 4  # own echo, error frame, remote request


class RouterTwin:
    """`route(frame)` gives the samples of one frame as (kind, fields that have a value, valid and received time)."""

    def __init__(self, config: CanConfig, databases: Mapping[int, Database]) -> None:
        self.config, self.databases = config, databases
        self.parts: dict[str, dict[int, tuple[int, dict[str, float]]]] = {}  # combine: {route: (time, fields)}

    def route(self, frame) -> list[tuple[str, dict[str, float], int, int]]:
        """`frame`: an element of an array of CanFrame."""
        message = _message(self.databases.get(int(frame["bus"])), int(frame["id"]))
        if message is None or int(frame["flags"]) & NOT_MEASUREMENTS:
            return []
        values, validity = codec_twin.decode(message, frame["data"][: min(int(frame["length"]), 8)].tobytes())
        signals = {
            signal.name: value if code == codec_twin.OK else math.nan
            for signal, value, code in zip(message.signals, values, validity, strict=True)
        }
        samples = []
        for number, route in enumerate(self.config.route):
            is_meant = route.bus == frame["bus"] and fnmatch.fnmatchcase(message.name, route.message)
            if is_meant and route.source_address in (None, int(frame["id"]) & 0xFF):
                fields = self._sample(number, route, message, signals, frame)
                if fields is not None:
                    time_ns = int(frame["time_ns"])
                    samples.append((route.kind, fields, time_ns - round(route.delay_s * 1e9), time_ns))
        return samples

    def _sample(self, number: int, route: Route, message: Message, signals: dict, frame) -> dict[str, float] | None:
        if route.valid_when is not None and signals[route.valid_when.signal] != route.valid_when.equals:
            return None
        found = {name: _value(name, _items(field), message, signals, frame) for name, field in route.fields.items()}
        fields = {name: value for name, value in found.items() if not math.isnan(value)}
        from_signals = [name for name, field in route.fields.items() if any(item.signal for item in _items(field))]
        lacks = any(name not in fields for name in _required(route)) or (
            bool(from_signals) and not any(name in fields for name in from_signals)
        )
        if route.combine is None:
            return None if lacks else _moved(route, fields)
        now_ns = int(frame["time_ns"])
        parts = self.parts.setdefault(route.combine, {})
        for other, (time_ns, _) in list(parts.items()):
            if not 0 <= now_ns - time_ns <= round(route.max_age_s * 1e9):
                del parts[other]
        if not route.emit:
            if not lacks:
                parts[number] = (now_ns, fields)
            return None
        self.parts[route.combine] = {}
        whole = {name: value for _, part in parts.values() for name, value in part.items()} | fields
        wanted = [name for other in self.config.route if other.combine == route.combine for name in _required(other)]
        return None if any(name not in whole for name in wanted) or (lacks and not parts) else _moved(route, whole)


def _moved(route: Route, fields: dict[str, float]) -> dict[str, float]:
    """Lines of a lane, from polynomials about the camera's place to ones about the reference point."""
    if route.kind != "lane":
        return fields
    moved, x = dict(fields), route.mounting_x_m
    for line in ("left", "right", "left_second", "right_second"):
        names = [f"{line}_c{power}" for power in range(4)]
        shape = Polynomial([fields.get(name, math.nan) for name in names])(Polynomial([-x, 1.0])).coef
        moved |= dict(zip(names, shape + [route.mounting_y_m, 0.0, 0.0, 0.0], strict=True))
        moved[f"{line}_range_m"] = fields.get(f"{line}_range_m", math.nan) + x
    for side in ("left_sigma", "right_sigma"):
        moved[f"{side}_c0"] = math.hypot(fields.get(f"{side}_c0", math.nan), x * fields.get(f"{side}_c1", math.nan))
    return {name: value for name, value in moved.items() if not math.isnan(value)}


def _items(field: Field | list[Field]) -> list[Field]:
    return field if isinstance(field, list) else [field]


def _required(route: Route) -> list[str]:
    told = {name: _items(field)[0].required for name, field in route.fields.items()}
    return [
        name for name, is_required in told.items() if is_required or (is_required is None and name in REQUIRED_FIELDS[route.kind])
    ]


def _value(name: str, items: list[Field], message: Message, signals: dict, frame) -> float:
    if items[0].identifier:
        return float(int(frame["id"]) & 0x1FFFFFFF)
    total = sum(item.constant for item in items if item.constant is not None)
    for item in items:
        if item.signal is not None:
            unit = message.signals[message.place(item.signal)].unit
            factor = 1.0 if items[0].map else conversion_of(name, item.unit, unit, name)
            total += signals[item.signal] * (item.scale * factor) + item.offset * factor
    if items[0].map and not math.isnan(total):
        return {float(key): value for key, value in items[0].map.items()}.get(total, items[0].otherwise)
    return float(total)


def _message(database: Database | None, identifier: int) -> Message | None:
    best: Any = None
    for message in database.messages if database is not None else ():
        if message.identifier == identifier and not message.is_j1939:
            return message
        if message.is_j1939 and identifier >> 31 and pgn_of(identifier) == pgn_of(message.identifier):
            best = best or message
    return best
