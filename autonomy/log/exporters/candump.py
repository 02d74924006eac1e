"""Raw CAN as the log of candump (`candump -L`): everything is kept; an interface is named as it was, else `can<bus>`."""

from __future__ import annotations

from functools import partial

import numpy as np

from autonomy.log.exporters import raw_can
from autonomy.log.formats import frames as can


class Candump(raw_can.TextExporter):
    def begin(self, start_ns: int) -> None:
        pass

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        lines = []
        for time_ns, identifier, extended, bus, length, flags, data, fd in raw_can.columns(rows, is_fd):
            if flags & can.ERROR:
                name = f"{identifier | 0x20000000:08X}"
            else:
                name = f"{identifier:08X}" if extended else f"{identifier:03X}"
            if fd:
                bits = (1 if flags & can.BIT_RATE_SWITCH else 0) | (2 if flags & can.ERROR_STATE_INDICATOR else 0)
                content = f"#{bits:X}{data.hex().upper()}"
            elif flags & can.REMOTE:
                content = f"R{length}"
            else:
                content = data.hex().upper()
            if time_ns % 1000:
                self.notes["times with nine digits, which old versions of can-utils do not read"] += 1
            direction = " T" if flags & can.TRANSMITTED else ""
            interface = self.bus_names.get(bus, f"can{bus}")
            lines.append(f"({raw_can.decimal(time_ns)}) {interface} {name}#{content}{direction}\n")
        self._file.write("".join(lines))


export = partial(raw_can.export, Candump)
