"""A serial line of the rig: messages as their sender makes them, bytes at the speed of the line, pieces as a reader sees them."""

from __future__ import annotations

from collections.abc import Iterator

from autonomy.runtime.serial_reception import HEAD
from drivers.gnss import nmea, ubx
from drivers.imu import mtdata2
from drivers.serial.route_config import PREFIX, Port, axis_numbers
from hil.sensors.realism import UTC_START_NS
from hil.sensors.records import RawRecord

BITS_PER_BYTE = 10  # start, eight bits, stop
READ_PERIOD_NS = 4_000_000  # how often the reader looks [M]; not at the pace of messages, so pieces cut through them


class SerialLine:
    """One port. `entries`: what the vehicle file says of it."""

    def __init__(self, port: str, entries: list[Port]):
        self.port, self.entries = port, entries
        self.byte_ns = round(BITS_PER_BYTE * 1e9 / entries[0].baud)
        self.free_ns = 0  # when the last byte queued is through
        self.queue: list[tuple[int, bytes]] = []  # time its first byte is through, message
        self.next_read_ns: int | None = None

    def send(self, kind: str, row, time_ns: int) -> None:
        """Queues the messages of one sample; its first byte starts at `time_ns`, or when the line is free."""
        for entry in self.entries:
            if kind in entry.kinds:
                data = _message(entry, kind, row)
                start_ns = max(time_ns, self.free_ns)
                self.queue.append((start_ns + self.byte_ns, data))
                self.free_ns = start_ns + len(data) * self.byte_ns

    def read(self, now_ns: int) -> Iterator[RawRecord]:
        """The pieces of a reader that looks every READ_PERIOD_NS, by `now_ns`."""
        if self.next_read_ns is None:
            self.next_read_ns = now_ns
        while self.next_read_ns <= now_ns:
            piece = self._through(self.next_read_ns)
            if piece:
                head = HEAD.pack(self.next_read_ns, 0, len(piece))
                yield RawRecord(self.next_read_ns, PREFIX + self.port, head + piece)
            self.next_read_ns += READ_PERIOD_NS

    def _through(self, until_ns: int) -> bytes:
        """Bytes that are through by then."""
        piece = b""
        while self.queue and self.queue[0][0] <= until_ns:
            first_ns, data = self.queue.pop(0)
            count = min(len(data), 1 + (until_ns - first_ns) // self.byte_ns)
            piece += data[:count]
            if count < len(data):
                self.queue.insert(0, (first_ns + count * self.byte_ns, data[count:]))
        return piece


def _message(entry: Port, kind: str, row) -> bytes:
    told = row.copy()
    if entry.protocol == "mtdata2":
        return mtdata2.mtdata2(told, ticks=int(told["valid_time_ns"]) // 100_000, axes=axis_numbers(entry.axes))
    if kind == "imu":
        return ubx.esf_meas(told, int(told["valid_time_ns"]) // 1_000_000, axis_numbers(entry.axes))
    told["utc_time_ns"] = UTC_START_NS + int(told["valid_time_ns"])
    return ubx.nav_pvt(told) if entry.protocol == "ubx" else nmea.epoch(told, entry.sentences)
