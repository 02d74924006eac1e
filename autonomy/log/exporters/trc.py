"""Raw CAN as PEAK trace, version 2.1: times to the microsecond, buses counted from 1."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import numpy as np

from autonomy.log.exporters import raw_can
from autonomy.log.formats import frames as can
from autonomy.log.formats.trc import DAY_NS, DAYS_TO_1970

_FD_TYPES = {(False, False): "FD", (True, False): "FB", (True, True): "FE", (False, True): "BI"}


class Trc(raw_can.TextExporter):
    newline = "\r\n"

    def begin(self, start_ns: int) -> None:
        self._start_ns = raw_can.start_of(start_ns, self.is_utc)
        self._count = 0
        # As many digits as a nanosecond of a day needs
        days = Decimal(self._start_ns) / DAY_NS + DAYS_TO_1970 if self._start_ns else Decimal(0)
        self._file.write(
            f";$FILEVERSION=2.1\n;$STARTTIME={days:.15f}\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n;\n"
            ";   Message   Time    Type    ID     Rx/Tx\n"
            ";   Number    Offset  |  Bus  [hex]  |  Reserved\n"
            ";   |         [ms]    |  |    |      |  |  Data Length Code\n"
            ";   |         |       |  |    |      |  |  |    Data [hex] ...\n"
            ";---+-- ------+------ +- +- --+----- +- +- +--- +- -- -- -- -- -- -- --\n"
        )

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        lines = []
        for time_ns, identifier, extended, bus, length, flags, data, fd in raw_can.columns(rows, is_fd):
            offset = time_ns - self._start_ns
            if offset % 1000:
                self.notes["times cut to the microsecond"] += 1
            code = raw_can.length_code(length) if fd else length
            if code is None:
                self.left_out["CAN FD frames of a length that has no code"] += 1
                continue
            name, content = f"{identifier:08X}" if extended else f"{identifier:04X}", data.hex(" ").upper()
            if flags & can.ERROR:
                kind = "ER"
                name = f"{identifier:08X}" if identifier else "-"
                if fd:
                    self.left_out["error frames of CAN FD"] += 1
                    continue
            elif fd:
                kind = _FD_TYPES[bool(flags & can.BIT_RATE_SWITCH), bool(flags & can.ERROR_STATE_INDICATOR)]
            elif flags & can.REMOTE:
                kind, content = "RR", ""
            else:
                kind = "DT"
            self._count += 1
            time = f"{offset // raw_can.MS_NS}.{offset // 1000 % 1000:03d}"
            direction = "Tx" if flags & can.TRANSMITTED else "Rx"
            lines.append(f"{self._count:>7} {time:>13} {kind} {bus + 1:>2} {name:>8} {direction} -  {code:<4} {content}\n")
        self._file.write("".join(lines))


export = partial(raw_can.export, Trc)
