"""The page of parameters: keys, units and meaning from the `.msg` files, values and their sources from `configs/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

from autonomy import config, parameter_limits
from autonomy.msg import definitions
from autonomy.msg.definitions import Field
from autonomy.reference.markdown import plain, table
from autonomy.reference.messages import comment_above

VEHICLE = "vehicles/demo_truck"
HEADER = ("key", "type", "allowed", "unit, meaning", "value", "source")
_KEY = re.compile(r"^(\w+)\s*=[^#]*#\s*(.*)$")


def page() -> str:
    parts, vehicle = [_INTRODUCTION], config.load(VEHICLE)
    for section in definitions.load("Parameters").fields:
        message = definitions.load(section.type)
        fields = [item for item in message.fields if not item.name.startswith("padding")]
        parts += [f"## [{section.name}]", "", comment_above(message.text), ""]
        parts.append(table(HEADER, [_row(vehicle, section.name, item) for item in fields]))
    return "\n".join(parts)


def allowed(item: Field) -> str:
    """What a value may be, as `autonomy.parameters` checks it."""
    if item.type not in definitions.PRIMITIVE_SIZES:
        return f"[{item.type}](messages.md#{item.type.lower()})"
    if "int" in item.type:
        limits = np.iinfo(item.type)
        return f"{limits.min} to {limits.max}"
    if item.name in parameter_limits.SIGNED:
        return "any"
    low = ">= 0" if item.name in parameter_limits.MAY_BE_ZERO else "> 0"
    if item.name in parameter_limits.AT_LEAST:
        low = f">= {parameter_limits.AT_LEAST[item.name]:.4g}"
    most = parameter_limits.AT_MOST.get(item.name)
    return low if most is None else f"{low}, <= {most:.4g}"


def _row(vehicle: config.Config, section: str, item: Field) -> tuple[str, ...]:
    kind = item.type + (f"[{item.length}]" if item.kind == "array" else "")
    key, meaning = f"`{item.name}`", plain(item.comment)
    source = _sources(Path(vehicle.origin(section, item.name))).get((section, item.name), "")
    value = vehicle.section(section)[item.name]
    if isinstance(value, list) and item.type not in definitions.PRIMITIVE_SIZES:
        kind, shown = f"up to {item.length} tables", f"{len(value)} tables"
    elif isinstance(value, dict):
        kind, shown = "table", ", ".join(f"`{name} = {number}`" for name, number in value.items())
    else:
        shown = f"`{value}`"
    return key, kind, allowed(item), meaning, shown, plain(source)


@cache
def _sources(path: Path) -> dict[tuple[str, str], str]:
    """(section, key) -> the comment behind the value in a TOML file."""
    found, section = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]").split("]")[0]
        elif match := _KEY.match(line):
            found[section, match[1]] = match[2].strip()
    return found


_INTRODUCTION = """# Configuration

Every key of the parameter sections. All are required, no other is accepted; packaged files give them, a vehicle file that
includes these overrides them ([how](../configuration.md)). *value* is that of `vehicles/demo_truck`, *source* the comment beside
it with its [mark of certainty](../conventions.md#marks-of-certainty). Numbers must be finite. A word stands for the constant of
its message that ends so: `kind = "wheel"` is KIND_WHEEL.

`autonomy config show NAME` prints the values in force. The sections `[can]` and `[replay]` are no parameters of the tick:
[routes](../configuration.md#the-can-table-routes), [files and sections](../configuration.md#files-and-sections).
"""
