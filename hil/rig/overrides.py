"""Signals that are sent with another value than was recorded: written into the recorded frame, which goes out once.

    EEC1.engine_speed=1200          EEC1@00.engine_speed=na          (J1939: of source address 00; not available)

Values are those of the DBC, as `autonomy can send` takes them. All other bits stay; a checksum that held holds again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from autonomy.faults._rewrite import write_signals

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError

__all__ = ["Override", "Overrides"]

FORM = re.compile(r"(?P<message>[^@.=]+)(@(?P<source>[0-9A-Fa-f]{1,2}))?\.(?P<signal>[^.=]+)=(?P<value>.+)")
NOT_AVAILABLE = "na"
FRAME_BYTES = 8


@dataclass(frozen=True)
class Override:
    """`value` None: not available."""

    text: str
    message: str
    source: int | None
    signal: str
    value: float | None

    @classmethod
    def parse(cls, text: str) -> Override:
        """Raises UsageError."""
        found = FORM.fullmatch(text)
        if not found:
            raise UsageError(
                f"--override {text}: write MESSAGE.SIGNAL=VALUE, such as EEC1.engine_speed=1200, or EEC1@00.engine_speed=na"
            )
        value = None
        if found["value"].lower() != NOT_AVAILABLE:
            try:
                value = float(found["value"])
            except ValueError:
                value = float("nan")
            if not np.isfinite(value):
                raise UsageError(f"--override {text}: '{found['value']}' is no number, and not 'na' (not available)")
        source = None if found["source"] is None else int(found["source"], 16)
        return cls(text, found["message"], source, found["signal"], value)


class Overrides:
    """All of them for the messages of one recording. `replaced` {text: frames}. Raises UsageError."""

    def __init__(self, items: list[Override], catalogue: Catalogue):
        self.codec, self._codec_bus = catalogue.codec, catalogue.codec_bus
        self.replaced = {item.text: 0 for item in items}
        self._items: dict[int, list[tuple[Override, int, int]]] = {}  # by message: override, place, raw bits
        for item in items:
            self._bind(item)

    def apply(self, frames: np.ndarray) -> np.ndarray:
        """Changes frames (n,) of CanFrame in place; which of them carry a replaced value, bool (n,)."""
        touched = np.zeros(len(frames), bool)
        if not self._items or not len(frames):
            return touched
        keys = frames["bus"].astype(np.int64) << 32 | frames["id"]
        for key in np.unique(keys).tolist():
            bus, identifier = key >> 32, key & 0xFFFFFFFF
            index = self.codec.find(identifier, self._codec_bus(bus))
            for item, place, raw in self._items.get(index, []):
                if item.source is None or identifier & 0xFF == item.source:
                    rows = np.flatnonzero(keys == key)
                    self.replaced[item.text] += self._write(frames, rows, index, place, raw)
                    touched[rows] = True
        return touched

    def _write(self, frames: np.ndarray, rows: np.ndarray, index: int, place: int, raw: int) -> int:
        chosen = np.ascontiguousarray(frames[rows])
        bits = np.full((len(rows), 1), raw, np.uint64)
        count = write_signals(self.codec, index, chosen, np.array([place], np.int32), bits, np.ones(bits.shape, np.uint8))
        frames[rows] = chosen
        return count

    def _bind(self, item: Override) -> None:
        messages = self.codec._tables.message_list
        found = [index for index, message in enumerate(messages) if message.name.lower() == item.message.lower()]
        if not found:
            raise UsageError(f"--override {item.text}: no message {item.message} in the tables; add its DBC with --dbc, "
                             "'autonomy can decode LOG' shows the names")  # fmt: skip
        for index in found:
            message = messages[index]
            try:
                place = message.place(item.signal)
            except KeyError:
                known = ", ".join(signal.name for signal in message.signals)
                raise UsageError(f"--override {item.text}: {message.name} has no signal {item.signal}; it has {known}") from None
            signal = message.signals[place]
            if signal.multiplexer is not None or message.length > FRAME_BYTES:
                reason = "is multiplexed" if signal.multiplexer is not None else "is in a message of more than one frame"
                raise UsageError(f"--override {item.text}: {item.signal} {reason}, which cannot be replaced yet")
            known = self._items.setdefault(index, [])
            for other, its_place, _ in known:
                if its_place == place and (item.source is None or other.source in (None, item.source)):
                    raise UsageError(f"--override {item.text}: {other.text} says another value of it already; keep one of them")
            known.append((item, place, self._raw(item, index, place)))

    def _raw(self, item: Override, index: int, place: int) -> int:
        tables = self.codec._tables
        row = tables.signals[int(tables.messages[index]["first_signal"]) + place]
        message = tables.message_list[index]
        if item.value is None:
            if not message.is_j1939:
                raise UsageError(
                    f"--override {item.text}: only J1939 can say 'not available', and {message.name} is no J1939 message"
                )
            return int(row["mask"])
        try:
            _, data = self.codec.encode(message.name, {message.signals[place].name: item.value}, bus=tables.bus_of_message[index])
        except ValueError as error:
            raise UsageError(f"--override {item.text}: {error}") from None
        word = int.from_bytes(data[:FRAME_BYTES].ljust(FRAME_BYTES, b"\0"), "big" if row["is_big_endian"] else "little")
        return word >> int(row["shift"]) & int(row["mask"])
