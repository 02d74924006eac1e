"""Messages as text: a line each, CAN frames as candump of can-utils shows them, or one JSON object a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autonomy.log import fields, layouts
from autonomy.log.reader import Batch, LogReader, short_rows
from drivers.can.candump import screen_line
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.tables import EXTENDED

CAN_FRAMES = ("CanFrame", "CanFdFrame")
SERIAL_BYTES = "SerialBytes"
MOST_BYTES = 32  # of a payload nobody here can read, in a line for people; --json has them all
MOST_VALUES = 9  # of an array of numbers, likewise


class Printer:
    """Prints the batches of one recording."""

    def __init__(self, reader: LogReader):
        self._channels = reader.channels
        unreadable = {channel.id for channel in reader.misfits()}
        self._names = {
            number: None if number in unreadable else layouts.message_name(channel.schema)
            for number, channel in reader.channels.items()
        }

    def lines(self, batch: Batch) -> Iterator[str]:
        """One line per message."""
        for record, row, channel in self._messages(batch):
            name, time = self._names[channel.id], seconds(int(record["log_time_ns"]))
            if name in CAN_FRAMES:
                yield frame_line(time, channel.topic, row)
            elif name == SERIAL_BYTES:
                yield f" ({time})  {channel.topic}  [{int(row['count'])}]  {_serial(row['data'][: int(row['count'])].tobytes())}"
            elif name is None:
                yield f" ({time})  {channel.topic}  {channel.schema or channel.encoding}  [{len(row)}]  {_hexadecimal(row)}"
            else:
                yield f" ({time})  {channel.topic}  {' '.join(_words(fields.as_object(row, fields.list_field(name))))}"

    def objects(self, batch: Batch) -> Iterator[dict[str, Any]]:
        """One object per message; what is not finite is None, bytes are hexadecimal."""
        from autonomy.playback.json_values import without_nan

        for record, row, channel in self._messages(batch):
            name = self._names[channel.id]
            found = {
                "time_ns": int(record["log_time_ns"]),
                "topic": channel.topic,
                "schema": channel.schema,
                "sequence": int(record["sequence"]),
            }
            if name is None:
                yield found | {"data": row.hex()}
            elif name in CAN_FRAMES:
                yield found | {"message": _can_object(row)}
            else:
                yield found | {"message": without_nan(fields.as_object(row, fields.list_field(name)))}

    def _messages(self, batch: Batch) -> Iterator[tuple[np.void, Any, Any]]:
        next_of: dict[int, Callable] = {}
        for number in np.unique(batch.records["channel"]).tolist():
            name = self._names[number]
            if name is not None:
                chosen = Batch(batch.records[batch.records["channel"] == number], batch.data)
                next_of[number] = iter(short_rows(chosen, name)).__next__
        for record in batch.records:
            number = int(record["channel"])
            if number in next_of:
                row = next_of[number]()
            else:
                offset = int(record["offset"])
                row = batch.data[offset : offset + int(record["length"])].tobytes()
            yield record, row, self._channels[number]


def frame_line(time: str, topic: str, frame: np.void) -> str:
    """A frame as `candump -t a` prints it, with nanoseconds; what the recorder itself sent as with `candump -x`."""
    return screen_line(frame, interface(topic), f" ({time}) ", direction=bool(int(frame["flags"]) & TRANSMITTED))


def interface(topic: str) -> str:
    """The name candump would show: can0 for /raw/can/0, the bus's own name where it has one."""
    bus = topic.rpartition("/")[2]
    return f"can{bus}" if bus.isdecimal() else bus


def seconds(time_ns: int) -> str:
    """A time in seconds with all its nanoseconds."""
    return f"{time_ns // 1_000_000_000}.{time_ns % 1_000_000_000:09d}"


def _can_object(frame: np.void) -> dict[str, Any]:
    identifier, length = int(frame["id"]), int(frame["length"])
    return {
        "time_ns": int(frame["time_ns"]),
        "id": identifier & ~EXTENDED,
        "extended": bool(identifier & EXTENDED),
        "bus": int(frame["bus"]),
        "length": length,
        "flags": int(frame["flags"]),
        "data": frame["data"][:length].tobytes().hex(),
    }


def _words(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, item in value.items():
        path = f"{prefix}{name}"
        if isinstance(item, dict):
            yield from _words(item, f"{path}.")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            for index, element in enumerate(item):
                yield from _words(element, f"{path}[{index}].")
        elif isinstance(item, str):
            yield f"{path}={_hexadecimal(bytes.fromhex(item))}"
        elif isinstance(item, list):
            more = f" ... {len(item)} values" if len(item) > MOST_VALUES else ""
            yield f"{path}=[{' '.join(map(number_text, item[:MOST_VALUES]))}{more}]"
        else:
            yield f"{path}={number_text(item)}"


def number_text(value) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _serial(data: bytes) -> str:
    """A line of text (NMEA) as it is, with its ends escaped; other bytes in hexadecimal."""
    if all(32 <= byte < 127 or byte in b"\r\n" for byte in data):
        return data.decode("ascii").replace("\r", "\\r").replace("\n", "\\n")
    return _hexadecimal(data)


def _hexadecimal(data: bytes) -> str:
    return data[:MOST_BYTES].hex(" ").upper() + (" ..." if len(data) > MOST_BYTES else "")
