"""Bytes of serial ports into samples of the input frame, as a vehicle file's [serial] table says (see route_config.py).

    router = SerialRouter.from_config(config)
    router.route(entry, time_ns, data, inputs)          # into an array of one InputFrame
    router.counts()                                     # {"gnss:ubx>gnss": {bytes, messages, samples, ...}}

The replay and live loops call `route_bytes` of ext/drivers/serial/_router.pxd with the same rows.
"""

from __future__ import annotations

import numpy as np

from drivers.serial import _router
from drivers.serial.route_config import PREFIX, SerialConfig, axis_numbers, read

__all__ = ["SerialRouter"]

PORT_ROW = np.dtype([
    ("delay_ns", "i8"), ("source", "u2"), ("protocol", "u1"), ("sentences", "u1"), ("gives_gnss", "u1"), ("gives_imu", "u1"),
    ("axes", "i1", (3,)), ("padding", "u1", (3,)), ("next", "i4"),
])  # fmt: skip


class SerialRouter(_router.SerialRouter):
    """The entries of one vehicle's serial ports."""

    def __new__(cls, config: SerialConfig):
        rows = np.zeros(len(config.port), PORT_ROW)
        names: list[str] = []
        for row, item in zip(rows, config.port, strict=True):
            row["delay_ns"], row["source"], row["protocol"] = (
                round(item.delay_s * 1e9),
                item.source,
                _router.PROTOCOLS[item.protocol],
            )
            row["sentences"] = sum(_router.SENTENCES[name] for name in item.sentences)
            row["gives_gnss"], row["gives_imu"] = "gnss" in item.kinds, "imu" in item.kinds
            row["axes"], row["next"] = axis_numbers(item.axes), -1
            name = f"{item.port}:{item.protocol}>{'+'.join(item.kinds)}"
            names.append(name if name not in names else f"{name}@{item.source}")
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for place, item in enumerate(config.port):
            if item.port in last:
                rows[last[item.port]]["next"] = place
            first.setdefault(item.port, place)
            last[item.port] = place
        self = super().__new__(cls, rows, names)
        self.config, self._first = config, first
        return self

    @classmethod
    def from_config(cls, config) -> SerialRouter:
        """From an autonomy.config.Config. Raises SerialError; a configuration without [serial] has no entry."""
        return cls(read(config.sections.get("serial", {}), str(config.path)))

    def entry_of(self, topic: str) -> int | None:
        """The first entry that reads the port of a topic; None when the configuration has none."""
        return self._first.get(topic.removeprefix(PREFIX)) if topic.startswith(PREFIX) else None
