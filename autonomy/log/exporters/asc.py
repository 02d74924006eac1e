"""Raw CAN as Vector ASCII log. Identifier and bytes of error frames have no place in it; times keep their nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import numpy as np

from autonomy.log.exporters import raw_can
from autonomy.log.formats import frames as can

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CAN_FD, _BIT_RATE_SWITCH, _ERROR_STATE = 0x1000, 0x2000, 0x4000  # flags of a CANFD event


class Asc(raw_can.TextExporter):
    def begin(self, start_ns: int) -> None:
        self._start_ns = raw_can.start_of(start_ns, self.is_utc)
        date = _date(self._start_ns)
        self._file.write(f"date {date}\nbase hex  timestamps absolute\ninternal events logged\nBegin Triggerblock {date}\n")
        self._file.write("   0.000000 Start of measurement\n")

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        lines = []
        for time_ns, identifier, extended, bus, length, flags, data, fd in raw_can.columns(rows, is_fd):
            time = raw_can.decimal(time_ns - self._start_ns).rjust(11)
            name = f"{identifier:X}x" if extended else f"{identifier:X}"
            direction = "Tx" if flags & can.TRANSMITTED else "Rx"
            if flags & can.ERROR:
                lines.append(f"{time} {f'CANFD {bus + 1} {direction}' if fd else bus + 1}  ErrorFrame\n")
                if identifier or length or extended:
                    self.notes["error frames whose identifier and bytes were not kept"] += 1
                if flags & can.TRANSMITTED and not fd:
                    self.notes["error frames whose direction was not kept"] += 1
                continue
            if fd:
                code = raw_can.length_code(length)
                if code is None:
                    self.left_out["CAN FD frames of a length that has no code"] += 1
                    continue
                switch, state = bool(flags & can.BIT_RATE_SWITCH), bool(flags & can.ERROR_STATE_INDICATOR)
                bits = _CAN_FD | (_BIT_RATE_SWITCH if switch else 0) | (_ERROR_STATE if state else 0)
                # Behind the bytes: duration and length of the message, flags, checksum, four bit timings
                lines.append(
                    f"{time} CANFD {bus + 1:>3} {direction} {name:>9} {'':32} {int(switch)} {int(state)} {code:x} {length:>2} "
                    f"{data.hex(' ').upper()} 0 0 {bits:x} 0 0 0 0 0\n"
                )
            elif flags & can.REMOTE:
                lines.append(f"{time} {bus + 1}  {name:<15} {direction}   r {length:x}\n")
            else:
                lines.append(f"{time} {bus + 1}  {name:<15} {direction}   d {length:x} {data.hex(' ').upper()}\n")
        self._file.write("".join(lines))

    def close(self) -> None:
        self._file.write("End TriggerBlock\n")
        super().close()


def _date(time_ns: int) -> str:
    """The date as Vector writes it, in UTC and whatever the locale."""
    date = datetime.fromtimestamp(time_ns // 10**9, UTC)
    milliseconds = time_ns // raw_can.MS_NS % 1000
    clock = f"{date.hour:02d}:{date.minute:02d}:{date.second:02d}.{milliseconds:03d}"
    return f"{_DAYS[date.weekday()]} {_MONTHS[date.month - 1]} {date.day:02d} {clock} {date.year}"


export = partial(raw_can.export, Asc)
