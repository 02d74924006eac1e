"""The [can] table of a vehicle file: which signal of which message becomes which field of which sample.

    [[can.bus]]
    bus = 0
    dbc = "j1939.dbc"                      # beside the vehicle file or in configs/; a log may carry its own
    [[can.route]]
    bus = 0
    message = "CCVS1"                      # or a pattern such as "TRACK_A_*"
    source_address = 0                     # J1939 only: this sender; omitted = any
    kind = "wheel"
    source = 3                             # omitted on J1939: the sender's address
    delay_s = 0.07                         # of the measurement against the frame
    valid_when = { signal = "VALID", equals = 1 }
    fields.vehicle_speed = { signal = "wheel_based_vehicle_speed", unit = "km/h" }

    [[can.guard]]                          # a message that is checked before it is used (docs/faults.md)
    bus = 0
    message = "EEC1"
    source_address = 0                     # J1939: the only one who may send it with values
    counter = "counter"                    # rolling counter and checksum, where it has them
    checksum = "checksum"
    checksum_kind = "crc8_j1850"

A field is a signal (unit, scale, offset: `(value * scale + offset)` in `unit`, the DBC's unit when none is given), a
list of signals that are added, `{constant = 3}` or `{identifier = true}`. `map = {1 = 2}` and `otherwise` translate
codes. `required = true` makes the sample unusable without this field. Parts of one sample in several messages share
`combine = "name"`; the one with `emit = true` sends it out, parts older than `max_age_s` are left out. Lines of a lane are
polynomials about the camera: `mounting_x_m`, `mounting_y_m` of the route that emits bring them to the vehicle's reference point.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from autonomy.errors import UsageError
from autonomy.physics import STANDARD_GRAVITY_MPS2
from drivers.typed_table import convert

__all__ = ["KINDS", "CanConfig", "RouteError", "conversion_of", "read"]

# Order of the lists in InputFrame, as in ext/autonomy/inputs/_append.pxd; the message of one sample of each
KINDS = {
    "imu": "ImuSample", "wheel": "WheelSample", "shaft": "ShaftSample", "steering": "SteeringSample", "gnss": "GnssSample",
    "radar": "RadarPoint", "lane": "LaneSample", "obstacle": "ObstacleSample", "odometry": "OdometrySample",
    "driver": "DriverSample", "object": "ObjectSample", "signal": "SignalSample", "lane_path": "LanePoint",
    "cruise": "CruisePlan",
}  # fmt: skip
ROUTABLE_KINDS = ("imu", "wheel", "shaft", "steering", "gnss", "radar", "lane", "driver", "object", "signal")

# Unit: (dimension, factor to SI). rad/deg by pi, inch-based ones by their legal definitions.
UNITS = {
    "m": ("length", 1.0), "km": ("length", 1e3), "cm": ("length", 1e-2), "mm": ("length", 1e-3), "ft": ("length", 0.3048),
    "m/s": ("speed", 1.0), "km/h": ("speed", 1 / 3.6), "mph": ("speed", 0.44704), "kn": ("speed", 1852 / 3600),
    "m/s2": ("acceleration", 1.0), "g": ("acceleration", STANDARD_GRAVITY_MPS2),
    "mg": ("acceleration", 1e-3 * STANDARD_GRAVITY_MPS2),
    "rad": ("angle", 1.0), "deg": ("angle", math.pi / 180),
    "rad/s": ("angular rate", 1.0), "deg/s": ("angular rate", math.pi / 180), "rpm": ("angular rate", 2 * math.pi / 60),
    "Nm": ("torque", 1.0), "Pa": ("pressure", 1.0), "kPa": ("pressure", 1e3), "bar": ("pressure", 1e5),
    "kg": ("mass", 1.0), "t": ("mass", 1e3), "1": ("number", 1.0), "%": ("number", 1e-2),
    "degC": ("temperature", 1.0),
    "1/m": ("curvature", 1.0), "1/km": ("curvature", 1e-3), "1/m2": ("curvature rate", 1.0),
    "s": ("time", 1.0), "ms": ("time", 1e-3), "us": ("time", 1e-6), "ns": ("time", 1e-9),
}  # fmt: skip
SPELLINGS = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "kph": "km/h", "KPH": "km/h", "N m": "Nm", "N·m": "Nm", "degrees": "deg", "°": "deg",
    "°/s": "deg/s", "knots": "kn", "r/min": "rpm", "percent": "%", "°C": "degC", "meters": "m",
    "": "1", "1/m^2": "1/m2", "1/m²": "1/m2",
}  # fmt: skip

# Arrays of LaneSample, element by element: left_c0 .. right_second_c3, left_sigma_c0 .. right_sigma_c3
LINES = ("left", "right", "left_second", "right_second", "left_sigma", "right_sigma")
FIELD_DIMENSIONS = {
    "speed": ("vehicle_speed", "front_left", "front_right", "rear_left", "rear_right", "velocity_east", "velocity_north",
              "velocity_up", "speed", "speed_sigma", "range_rate", "set_speed", "velocity_x", "velocity_y"),
    "acceleration": ("acceleration_x", "acceleration_y", "acceleration_z"),
    "angular rate": ("angular_rate_x", "angular_rate_y", "angular_rate_z", "shaft_speed", "steering_wheel_rate"),
    "angle": ("steering_wheel_angle", "latitude_deg", "longitude_deg", "course_deg", "course_sigma_deg", "yaw"),
    "length": ("altitude_m", "position_sigma", "altitude_sigma", "x", "y", "x_sigma", "y_sigma", "length", "width",
               *(f"{line}_c0" for line in LINES), "left_range_m", "right_range_m", "left_second_range_m", "right_second_range_m"),
    "torque": ("steering_torque",),
    "time": ("utc_time_ns",),
    "curvature": tuple(f"{line}_c2" for line in LINES), "curvature rate": tuple(f"{line}_c3" for line in LINES),
}  # fmt: skip
DIMENSION_OF = {field: dimension for dimension, fields in FIELD_DIMENSIONS.items() for field in fields}

# Without these a sample says nothing
REQUIRED_FIELDS = {
    "imu": ("acceleration_x", "acceleration_y", "acceleration_z", "angular_rate_x", "angular_rate_y", "angular_rate_z"),
    "shaft": ("shaft_speed",), "steering": ("steering_wheel_angle",), "radar": ("x", "y", "range_rate"),
    "object": ("x", "y"), "signal": ("value",), "wheel": (), "gnss": (), "driver": (), "lane": (),
}  # fmt: skip


class RouteError(UsageError, ValueError):
    """A wrong [can] table; the sentence names file, key and value."""


class Bus(msgspec.Struct, forbid_unknown_fields=True):
    bus: int
    dbc: str
    j1939: bool | None = None  # None = as the DBC's VFrameFormat says


class Field(msgspec.Struct, forbid_unknown_fields=True):
    signal: str | None = None
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    constant: float | None = None
    identifier: bool = False
    required: bool | None = None
    map: dict[str, float] | None = None
    otherwise: float = 0.0


class Condition(msgspec.Struct, forbid_unknown_fields=True):
    signal: str
    equals: float


class Route(msgspec.Struct, forbid_unknown_fields=True):
    bus: int
    message: str
    kind: str
    fields: dict[str, Field | list[Field]]
    source: int | None = None
    source_address: int | None = None
    delay_s: float = 0.0
    valid_when: Condition | None = None
    signal: str | None = None  # kind "signal": a constant of SignalSample, e.g. "YAW_RATE"
    combine: str | None = None
    emit: bool = False
    max_age_s: float = 0.1
    mounting_x_m: float = 0.0
    mounting_y_m: float = 0.0


class Guard(msgspec.Struct, forbid_unknown_fields=True):
    bus: int
    message: str
    source_address: int | None = None
    source: int = 0  # in what is told of it, where the message has no address
    counter: str | None = None
    checksum: str | None = None
    checksum_kind: str = "crc8_j1850"


class CanConfig(msgspec.Struct, forbid_unknown_fields=True):
    bus: list[Bus] = []
    route: list[Route] = []
    guard: list[Guard] = []


def read(table: dict[str, Any], path: str) -> CanConfig:
    """The typed [can] table of the file `path`. Raises RouteError."""
    config, problems = examine(table, path)
    if problems:
        raise RouteError(problems[0])
    return config


def examine(table: dict[str, Any], path: str) -> tuple[CanConfig, list[str]]:
    """The entries that are as they must be, and a sentence for everything that is not."""
    if not isinstance(table, dict):
        return CanConfig(), [f"{path}: [can] is no table; write [[can.bus]] and [[can.route]]"]
    problems = [f"{path}: [can] has no key '{key}'; known: bus, route, guard" for key in table
                if key not in ("bus", "route", "guard")]  # fmt: skip
    buses = _converted(table, "bus", Bus, path, problems)
    numbers = [item.bus for _, item in buses]
    problems += [
        f"{path}: [[can.bus]] bus = {number}: give each bus one number within 0..255"
        for number in dict.fromkeys(numbers) if not 0 <= number <= 255 or numbers.count(number) > 1
    ]  # fmt: skip
    routes = []
    for place, route in _converted(table, "route", Route, path, problems):
        try:
            _check(route, f"{path}: [[can.route]] number {place + 1} ({route.message})", numbers)
            routes.append(route)
        except RouteError as error:
            problems.append(str(error))
    guards = []
    for place, guard in _converted(table, "guard", Guard, path, problems):
        if guard.bus in numbers:
            guards.append(guard)
        else:
            where = f"{path}: [[can.guard]] number {place + 1} ({guard.message})"
            problems.append(f"{where}: bus = {guard.bus} has no [[can.bus]] entry")
    return CanConfig([item for _, item in buses if 0 <= item.bus <= 255], routes, guards), problems


def _converted(table: dict[str, Any], key: str, kind: type, path: str, problems: list[str]) -> list[tuple[int, Any]]:
    """(place, entry) of the list `key`; what is wrong is added to `problems`."""
    entries = table.get(key, [])
    if not isinstance(entries, list):
        problems.append(f"{path}: [can] {key} = {entries!r}: write [[can.{key}]], one table an entry")
        return []
    found = []
    for place, entry in enumerate(entries):
        try:
            found.append((place, convert(entry, kind, f"{path}: [can]", RouteError, f"{key}[{place}]")))
        except RouteError as error:
            problems.append(str(error))
    return found


def conversion_of(field: str, unit: str | None, dbc_unit: str, where: str) -> float:
    """Factor from the signal's unit to the field's. Raises RouteError for an unknown unit or a wrong dimension."""
    name = unit if unit is not None else dbc_unit
    name = SPELLINGS.get(name.strip(), name.strip())
    if unit is None and name not in UNITS:
        raise RouteError(f"{where}: the DBC's unit '{dbc_unit}' is not known; add unit = one of {', '.join(UNITS)}")
    if unit is not None and name not in UNITS:
        raise RouteError(f"{where}: unit = '{unit}' is not known; use one of {', '.join(UNITS)}")
    dimension, factor = UNITS[name]
    wanted = DIMENSION_OF.get(field)
    if unit is None and not dbc_unit.strip():
        return 1.0  # the DBC names no unit: taken as SI
    if wanted is not None and dimension != wanted:
        raise RouteError(f"{where}: unit = '{name}' is a {dimension}, {field} is a {wanted}; give another unit")
    if field.endswith("_deg"):
        return factor * (180 / math.pi) if name != "deg" else 1.0
    if field.endswith("_ns"):
        return factor * 1e9
    return factor


def _check(route: Route, where: str, buses: list[int]) -> None:
    if route.bus not in buses:
        raise RouteError(f"{where}: bus = {route.bus} has no [[can.bus]] entry; known: {', '.join(map(str, buses)) or 'none'}")
    if route.kind not in ROUTABLE_KINDS:
        raise RouteError(f"{where}: kind = '{route.kind}' cannot be routed; use one of {', '.join(ROUTABLE_KINDS)}")
    for key, value, top in (("source", route.source, 65535), ("source_address", route.source_address, 255)):
        if value is not None and not 0 <= value <= top:
            raise RouteError(f"{where}: {key} = {value} is not within 0..{top}")
    if not -10.0 <= route.delay_s <= 10.0:
        raise RouteError(f"{where}: delay_s = {route.delay_s} is not a delay in seconds within 10 s")
    for key, value in (("mounting_x_m", route.mounting_x_m), ("mounting_y_m", route.mounting_y_m)):
        if not -30.0 <= value <= 30.0:
            raise RouteError(f"{where}: {key} = {value} is not a place on a vehicle, within 30 m of its reference point")
        if value and route.kind != "lane":
            raise RouteError(f"{where}: {key} goes with kind = 'lane'; shift the fields of a {route.kind} sample by offset")
    if not 0.0 < route.max_age_s <= 3600.0:
        raise RouteError(f"{where}: max_age_s = {route.max_age_s} is not an age in seconds within 3600 s")
    if (route.kind == "signal") != (route.signal is not None):
        raise RouteError(f"{where}: signal = \"NAME\" of SignalSample goes with kind = 'signal', and only with it")
    if route.emit and route.combine is None:
        raise RouteError(f'{where}: emit = true needs combine = "name"')
    for name, field in route.fields.items():
        for item in field if isinstance(field, list) else [field]:
            given = (item.signal is not None) + (item.constant is not None) + item.identifier
            if given != 1:
                raise RouteError(f"{where}: fields.{name} needs one of signal, constant or identifier = true")
            if not (math.isfinite(item.scale) and math.isfinite(item.offset)):
                raise RouteError(f"{where}: fields.{name} has scale {item.scale} and offset {item.offset}; both must be finite")
