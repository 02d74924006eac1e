"""Random content for any message."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.msg import definitions

LOGGABLE = [name for name in definitions.names() if definitions.load(name).is_loggable]


def random_message(name: str, generator: np.random.Generator, count: int | None = None) -> np.ndarray:
    """A message (0-d array) with every field filled; lists hold `count` elements (random when None), zero behind them."""
    value = np.zeros((), msg.dtype(name))
    fill(value, name, generator, count)
    return value


def fill(value, name: str, generator: np.random.Generator, count: int | None) -> None:
    for item in definitions.load(name).fields:
        used = item.length
        if item.kind == "list":
            used = int(generator.integers(0, item.length + 1)) if count is None else min(count, item.length)
            value["count"] = used
        if item.type not in definitions.PRIMITIVE_SIZES:
            targets = [value[item.name]] if item.kind == "scalar" else [value[item.name][index] for index in range(used)]
            for target in targets:
                fill(target, item.type, generator, count)
        elif item.kind == "scalar":
            value[item.name] = numbers(item.type, generator, 1)[0]
        else:
            value[item.name][:used] = numbers(item.type, generator, used)


def numbers(kind: str, generator: np.random.Generator, count: int) -> np.ndarray:
    if kind.startswith("float"):
        drawn = generator.normal(scale=1e3, size=count).astype(kind)
        drawn[generator.random(count) < 0.1] = np.nan
        return drawn
    limits = np.iinfo(kind)
    return generator.integers(limits.min, limits.max, size=count, dtype=kind, endpoint=True)
