"""What the column importer knows of each kind of stream: its topic, message, fields, their quantities and units.

Field names are those of the .msg, with or without the unit at their end; elements of arrays are named one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from autonomy.physics import STANDARD_GRAVITY_MPS2

# Factor to the unit the field is kept in, the first of each table. Source of the constants: SI brochure, 9th edition,
# and NIST SP 811 appendix B (international mile, knot and foot).
UNITS: dict[str, dict[str, float]] = {
    "acceleration": {"m/s2": 1.0, "m/s^2": 1.0, "g": STANDARD_GRAVITY_MPS2, "mg": 1e-3 * STANDARD_GRAVITY_MPS2, "cm/s2": 0.01},
    "angular_rate": {"rad/s": 1.0, "deg/s": math.pi / 180, "mrad/s": 1e-3, "mdeg/s": math.pi / 180e3, "deg/h": math.pi / 648e3},
    "angle": {"rad": 1.0, "deg": math.pi / 180, "mrad": 1e-3},
    "angle_deg": {"deg": 1.0, "rad": 180 / math.pi, "1e-7deg": 1e-7},
    "speed": {"m/s": 1.0, "km/h": 1 / 3.6, "kph": 1 / 3.6, "mph": 0.44704, "kn": 1852 / 3600, "knots": 1852 / 3600,
              "cm/s": 0.01, "mm/s": 1e-3, "ft/s": 0.3048},
    "length": {"m": 1.0, "cm": 0.01, "mm": 1e-3, "km": 1e3, "ft": 0.3048},
    "curvature": {"1/m": 1.0, "1/km": 1e-3},
    "curvature_rate": {"1/m2": 1.0, "1/m^2": 1.0},
    "number": {"1": 1.0},
    "time": {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9},
}  # fmt: skip
UNIT_SUFFIXES = {
    "acceleration": ("_mps2",), "angular_rate": ("_radps",), "angle": ("_rad",), "angle_deg": ("_deg",), "speed": ("_mps",),
    "length": ("_m",), "curvature": ("_1pm",), "curvature_rate": (), "number": (), "time": ("_ns",),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    target: str  # field of the sample, or a name of its own (see `columns.py`)
    quantity: str
    element: int | None = None  # of an array


@dataclass(frozen=True)
class Kind:
    topic: str
    message: str
    sample: str
    fields: dict[str, Field]
    required: tuple[str, ...]  # all must be mapped and finite
    any_of: tuple[str, ...] = ()  # at least one must be mapped, and finite in each row
    frames: dict[str, tuple[str, ...]] | None = None  # required fields by frame


def _plain(quantities: dict[str, str]) -> dict[str, Field]:
    """'a b': quantity -> Fields; a bare name that ends in a unit is found without it too."""
    return {name: Field(name, quantity) for names, quantity in quantities.items() for name in names.split()}


def _elements(name: str, suffixes: tuple[str, ...], quantities: tuple[str, ...]) -> dict[str, Field]:
    return {
        f"{name}_{suffix}": Field(name, quantity, number)
        for number, (suffix, quantity) in enumerate(zip(suffixes, quantities, strict=True))
    }


_COMMON = {"received_time_ns": Field("received_time_ns", "time")}
_IMU = _plain({
    "acceleration_x acceleration_y acceleration_z": "acceleration",
    "angular_rate_x angular_rate_y angular_rate_z": "angular_rate",
})  # fmt: skip
_POSITION = {f"position_{axis}": Field(f"position_{axis}", "length") for axis in "xyz"}
_VELOCITY = {f"velocity_{axis}": Field(f"velocity_{axis}", "speed") for axis in "xyz"}
_PLACE = _plain({
    "latitude_deg longitude_deg": "angle_deg",
    "altitude_m": "length",
    "velocity_east velocity_north velocity_up": "speed",
}) | _POSITION | _VELOCITY  # fmt: skip
_GNSS = _PLACE | _plain({
    "utc_time_ns": "time",
    "speed speed_sigma": "speed",
    "course_deg course_sigma_deg": "angle_deg",
    "position_sigma altitude_sigma": "length",
    "fix_type satellites": "number",
})  # fmt: skip
_WHEEL = _plain({"vehicle_speed front_left front_right rear_left rear_right": "speed"})
_RADAR = _plain({"x y x_sigma y_sigma": "length", "range_rate": "speed", "target_id is_new": "number"})
_COEFFICIENTS = ("c0", "c1", "c2", "c3"), ("length", "number", "curvature", "curvature_rate")
_LANE = _plain({"left_range_m right_range_m": "length", "left_quality right_quality left_type right_type": "number"})
for _name in ("left", "right", "left_sigma", "right_sigma"):
    _LANE |= _elements(_name, *_COEFFICIENTS)
_REFERENCE = _PLACE | _elements("orientation", ("w", "x", "y", "z"), ("number",) * 4)
_REFERENCE |= _plain({"yaw pitch roll": "angle", "heading_deg": "angle_deg"})
_FRAMES = {
    "lla": ("latitude_deg", "longitude_deg"),
    "enu": ("position_x", "position_y"),
    "ecef": ("position_x", "position_y", "position_z"),
}

KINDS: dict[str, Kind] = {
    "imu": Kind("/in/imu", "ImuInput", "ImuSample", _IMU | _COMMON, tuple(_IMU)),
    "gnss": Kind("/in/gnss", "GnssInput", "GnssSample", _GNSS | _COMMON, (), frames=_FRAMES),
    "wheel_speed": Kind("/in/wheel", "WheelInput", "WheelSample", _WHEEL | _COMMON, (), any_of=tuple(_WHEEL)),
    "speed": Kind("/in/wheel", "WheelInput", "WheelSample",
                  {"vehicle_speed": Field("vehicle_speed", "speed"), "speed": Field("vehicle_speed", "speed")} | _COMMON,
                  (), any_of=("vehicle_speed", "speed")),
    "steering": Kind("/in/steering", "SteeringInput", "SteeringSample",
                     _plain({"steering_wheel_angle": "angle", "steering_wheel_rate": "angular_rate"}) | _COMMON,
                     ("steering_wheel_angle",)),
    "radar": Kind("/in/radar", "RadarInput", "RadarPoint", _RADAR | _COMMON, ("x", "y")),
    "lead": Kind("/in/radar", "RadarInput", "RadarPoint", _RADAR | _COMMON, ("x",)),
    "lane": Kind("/in/lane", "LaneInput", "LaneSample", _LANE | _COMMON, (), any_of=("left_c0", "right_c0")),
    "reference_pose": Kind("/ref/pose", "ReferencePose", "ReferencePose", _REFERENCE, (), frames=_FRAMES),
}  # fmt: skip


def find_field(kind: Kind, name: str) -> tuple[str, Field] | None:
    """The field a name means: as it is written, or with its unit left out or added."""
    for key, item in kind.fields.items():
        names = {key}
        for suffix in UNIT_SUFFIXES[item.quantity]:
            names |= {key + suffix, key.removesuffix(suffix)}
        if name in names:
            return key, item
    return None
