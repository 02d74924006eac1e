"""The fields of a message one by one: what printing, comparing and exporting have in common.

Names are paths, `position[0]` or `items[3].x`; padding is left out. The list a message may end in stands apart, for
only its first `count` elements mean anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from autonomy.msg import definitions

PADDING = "padding"


@cache
def list_field(message: str) -> str | None:
    """The name of the list a message ends in, None without one."""
    field = definitions.load(message).fields[-1]
    return field.name if field.kind == "list" else None


@cache
def is_payload(message: str) -> bool:
    """Whether the list a message ends in is bytes, such as a datagram."""
    field = definitions.load(message).fields[-1]
    return field.kind == "list" and field.type == "uint8"


def names(dtype: np.dtype) -> list[str]:
    return [name for name in dtype.names if PADDING not in name]


def columns(rows: np.ndarray, leave_out: str | None = None, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """(path, values (n,)) of every number in rows (n,) of a structured dtype, without the field `leave_out`."""
    for name in names(rows.dtype):
        if name != leave_out:
            yield from column(rows[name], f"{prefix}{name}")


def as_object(row: np.void, listed: str | None = None) -> dict[str, Any]:
    """One message as plain Python values; of the list field `listed` only the elements in use, bytes as hexadecimal."""
    found: dict[str, Any] = {}
    for name in names(row.dtype):
        value = row[name]
        if name == listed:
            value = value[: min(int(row["count"]), len(value))]
        found[name] = value.tobytes().hex() if name == listed and value.dtype == np.uint8 else _plain(value)
    return found


def column(values: np.ndarray, path: str) -> Iterator[tuple[str, np.ndarray]]:
    """(path, values (n,)) of every number in an array (n, ...)."""
    if values.ndim > 1:
        for index in range(values.shape[1]):
            yield from column(values[:, index], f"{path}[{index}]")
    elif values.dtype.names:
        yield from columns(values, prefix=f"{path}.")
    else:
        yield path, values


def _plain(value) -> Any:
    if value.dtype.names is None:
        return value.tolist()
    if value.ndim:
        return [_plain(item) for item in value]
    return {name: _plain(value[name]) for name in names(value.dtype)}
