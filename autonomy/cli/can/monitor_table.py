"""The table of `autonomy can monitor`, as text: one row a sender and message, with what changed in its last data.

Pure: frames go in, lines come out. A byte that changed since the last table is bold and coloured, or has a * before it
where there is no colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy.cli.can.databases import Catalogue
from drivers.can.candump import identifier_text
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.j1939.identifier import ACRONYMS, parse
from drivers.can.j1939.names import address_name
from drivers.can.tables import EXTENDED

__all__ = ["MonitorTable"]

MOST_ROWS = 4096
NS = 1_000_000_000
PRIORITY_BITS = 7 << 26
RATE_SHARE = 0.2  # of the newest gap in the running mean, in the gap's place of the rate
CHANGED, STALE, RESET = "\x1b[1;33m", "\x1b[2m", "\x1b[0m"
STALE_GAPS = 5  # a row is stale after so many of its usual gaps ...
STALE_NS = NS // 2  # ... and at least this long


@dataclass(slots=True)
class Row:
    bus: int
    identifier: int
    count: int
    last_ns: int
    data: bytes
    flags: int
    mean_gap_ns: float = 0.0
    changed: int = 0  # bit a byte, since the last table


class MonitorTable:
    """Rows by bus, identifier without priority. Frames of rows beyond MOST_ROWS are counted in `left_out`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.frames = self.errors = self.left_out = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        self._rows: dict[tuple[int, int], Row] = {}
        self._catalogue = catalogue

    def add(self, frames: np.ndarray) -> None:
        """An array of CanFrame in the order of their times."""
        for time_ns, identifier, bus, length, flags, _, data in frames.tolist():
            self.frames += 1
            self.first_ns = time_ns if self.first_ns is None else self.first_ns
            self.last_ns = max(self.last_ns, time_ns)
            if flags & ERROR:
                self.errors += 1
                continue
            key = (bus, identifier & ~PRIORITY_BITS if identifier & EXTENDED else identifier)
            row = self._rows.get(key)
            content = bytes(data[:length])
            if row is None:
                if len(self._rows) >= MOST_ROWS:
                    self.left_out += 1
                    continue
                self._rows[key] = Row(bus, identifier, 1, time_ns, content, flags)
                continue
            if content != row.data:
                for place in range(max(len(content), len(row.data))):
                    if content[place : place + 1] != row.data[place : place + 1]:
                        row.changed |= 1 << place
                row.data = content
            gap_ns = time_ns - row.last_ns
            row.mean_gap_ns = gap_ns if row.count == 1 else row.mean_gap_ns + RATE_SHARE * (gap_ns - row.mean_gap_ns)
            row.count += 1
            row.last_ns, row.flags, row.identifier = time_ns, flags, identifier

    def lines(self, now_ns: int, *, bus_names: dict[int, str], width: int = 80, height: int | None = None,
              colour: bool = False) -> list[str]:  # fmt: skip
        """The table at `now_ns`, no line wider than `width`, no more lines than `height`; forgets what had changed."""
        names = {bus: bus_names.get(bus, str(bus)) for bus in {row.bus for row in self._rows.values()}}
        bus_width = max(map(len, names.values()), default=0) + 2 if len(names) > 1 else 0
        wide = width >= 110
        passed_s = (now_ns - self.first_ns) / NS if self.first_ns is not None else 0.0
        lines = [
            f"{', '.join(names.values()) or 'no frames'}: {self.frames} frames in {passed_s:.1f} s, {self.errors} error frames"
        ]
        head = f"{'bus':<{bus_width}}" if bus_width else ""
        head += f"{'id':<8}  {'PGN':<5} {'from>to':<7} {'name':<8}" + (f" {'usual sender':<26}" if wide else "")
        lines.append(f"{head} {'data':<24} {'rate/s':>6} {'age s':>5}" + (f" {'frames':>9}" if wide else ""))
        ordered = sorted(self._rows.items(), key=_order)
        room = len(ordered) if height is None else max(0, height - len(lines))
        hidden = len(ordered) - room + 1 if len(ordered) > room else 0
        for _, row in ordered[: len(ordered) - hidden] if hidden else ordered:
            text = f"{names[row.bus]:<{bus_width}}" if bus_width else ""
            lines.append(text + self._row(row, now_ns, wide, colour, width - len(text)))
        for row in self._rows.values():
            row.changed = 0
        if hidden:
            lines.append(f"... and {hidden} more; a filter or a taller window shows them")
        if self.left_out:
            lines.append(f"{self.left_out} frames of further identifiers left out")
        return [line if colour else line[:width] for line in lines]

    def _row(self, row: Row, now_ns: int, wide: bool, colour: bool, width: int) -> str:
        message = self._catalogue.message(row.bus, row.identifier)
        who = pgn = usual = ""
        name = message.name if message else "-"
        if row.identifier & EXTENDED and (message is None or message.is_j1939):
            fields = parse(row.identifier)
            pgn, who = f"{fields.pgn:04X}", f"{fields.source:02X}>{fields.destination:02X}"
            name = message.name if message else ACRONYMS.get(fields.pgn, "-")
            usual = address_name(fields.source)
        rate = f"{NS / row.mean_gap_ns:.1f}" if row.mean_gap_ns > 0 else "-"
        age_ns = max(0, now_ns - row.last_ns)
        age = f"{age_ns / NS:.1f}" if age_ns < 1000 * NS else f"{age_ns // NS}"
        head = f"{identifier_text(row.identifier):<8}  {pgn:<5} {who:<7} {name[:8]:<8}" + (f" {usual[:26]:<26}" if wide else "")
        tail = f" {rate:>6} {age:>5}" + (f" {row.count:>9}" if wide else "")
        data = self._data(row, colour)
        line = f"{head}{data}{tail}"
        is_stale = row.mean_gap_ns > 0 and age_ns > max(STALE_NS, STALE_GAPS * row.mean_gap_ns)
        return f"{STALE}{line}{RESET}" if colour and is_stale and not row.changed else line

    def _data(self, row: Row, colour: bool) -> str:
        """Eight bytes in 25 columns, the first of them a blank or a mark."""
        if row.flags & REMOTE:
            return f" {'remote request':<24}"
        cells = []
        for place, byte in enumerate(row.data):
            has_changed = row.changed >> place & 1
            if colour:
                cells.append(f" {CHANGED}{byte:02X}{RESET}" if has_changed else f" {byte:02X}")
            else:
                cells.append(f"{'*' if has_changed else ' '}{byte:02X}")
        return "".join(cells) + " " * (25 - 3 * len(row.data))


def _order(item: tuple[tuple[int, int], Row]) -> tuple:
    """By bus, standard frames first, then as the group and its senders."""
    (bus, identifier), _ = item
    if not identifier & EXTENDED:
        return (bus, 0, identifier, 0, 0)
    fields = parse(identifier)
    return (bus, 1, fields.pgn, fields.source, fields.destination)
