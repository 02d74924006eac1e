"""Numbers and names as people write them."""

from __future__ import annotations

import math
from typing import Any

from autonomy.report.scale import MINUS

UNKNOWN = "\N{EN DASH}"
NARROW = "\N{NARROW NO-BREAK SPACE}"

AIDS = {
    "gnss_position": "GNSS position",
    "gnss_velocity": "GNSS velocity",
    "wheel_speed": "Wheel speed",
    "non_holonomic": "No side slip",
    "zero_velocity": "Standstill: no velocity",
    "zero_rate": "Standstill: no rotation",
    "gravity": "Gravity at rest",
    "odometry": "Lidar odometry",
}

INPUTS = {
    "imu": "Inertial unit",
    "wheel": "Wheel speeds",
    "shaft": "Shaft speed",
    "steering": "Steering angle",
    "gnss": "GNSS",
    "radar": "Radar targets",
    "lane": "Lane observations",
    "obstacle": "Obstacles",
    "odometry": "Lidar odometry",
    "driver": "Driver's pedals",
    "object": "Outside tracks",
    "signal": "Vehicle signals",
    "lane_path": "Lane path",
}

CLOCKS = {"gnss_position": "GNSS position", "gnss_velocity": "GNSS velocity", "wheel": "Wheel speed"}


def is_number(value: Any) -> bool:
    """False for None, NaN, infinities and anything that is no number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def known(figures: dict[str, Any] | None) -> dict[str, Any]:
    """A group of figures, or an empty one when none of them is known."""
    return figures if figures and any(is_number(value) for value in figures.values()) else {}


def number(value: Any, unit: str = "", digits: int = 3, decimals: int | None = None) -> str:
    """A value with its unit, to `digits` significant digits (or fixed `decimals`); a dash for what is not known."""
    if not is_number(value):
        return UNKNOWN
    if decimals is None:
        decimals = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
        decimals = min(decimals, 9)
    text = f"{value:,.{decimals}f}".replace(",", NARROW).replace("-", MINUS)
    return f"{text} {unit}" if unit else text


def whole(value: Any) -> str:
    return number(value, decimals=0)


def counted(count: int, thing: str) -> str:
    """`1 log`, `2 logs`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def percent(share: Any, digits: int = 3) -> str:
    """A share 0..1 in per cent."""
    if not is_number(share):
        return UNKNOWN
    value = 100.0 * share
    return number(value, "%", decimals=0 if value in (0.0, 100.0) else 2 if value > 99.0 or value < 1.0 else 1)


def degrees(radians: Any, digits: int = 3) -> str:
    return number(math.degrees(radians), "\N{DEGREE SIGN}", digits) if is_number(radians) else UNKNOWN


def duration(seconds: Any) -> str:
    """`59.9 s`, `12 min 05 s` or `2 h 03 min`."""
    if not is_number(seconds):
        return UNKNOWN
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def short_hash(value: Any) -> str:
    return value[:12] if isinstance(value, str) and value else UNKNOWN


def plain(name: str) -> str:
    """A field name as words: `late_records` becomes `Late records`."""
    words = str(name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def shown(value: Any) -> str:
    """Any value of a field or of a run, short enough for a table's cell."""
    if isinstance(value, list):
        inner = ", ".join(f"{item:.4g}" if isinstance(item, float) else shown(item) for item in value[:3])
        return f"[{inner}{', ...' if len(value) > 3 else ''}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and len(value) == 64:
        return short_hash(value)
    return UNKNOWN if value is None else str(value)
