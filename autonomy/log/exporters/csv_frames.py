"""Raw CAN as CSV in the columns of python-can; more columns behind them where buses, CAN FD or directions need them."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from pathlib import Path

import numpy as np

from autonomy.log.exporters import raw_can
from autonomy.log.formats import csv
from autonomy.log.formats import frames as can
from autonomy.log.reader import LogReader


class Csv(raw_can.TextExporter):
    def __init__(self, path: Path, reader: LogReader) -> None:
        super().__init__(path, reader)
        buses = [channel.topic for channel in reader.channels.values() if channel.topic.startswith("/raw/can")]
        # Only what the first seven columns hold without loss: one bus, number 0, CAN 2.0, nothing sent by the recorder
        self._is_plain = buses == ["/raw/can/0"] and not _has_transmitted(reader)
        if not self._is_plain:
            self.notes["more columns than python-can reads"] = 1

    def begin(self, start_ns: int) -> None:
        self._file.write(csv.COLUMNS + ("" if self._is_plain else csv.MORE_COLUMNS) + "\n")

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        lines = []
        for time_ns, identifier, extended, bus, length, flags, data, fd in raw_can.columns(rows, is_fd):
            is_remote = bool(flags & can.REMOTE)
            text = "" if is_remote else b64encode(data).decode()
            line = (
                f"{raw_can.decimal(time_ns)},0x{identifier:x},{extended},{int(is_remote)},{int(bool(flags & can.ERROR))},"
                f"{length},{text}"
            )
            if not self._is_plain:
                bits = (flags & can.BIT_RATE_SWITCH, flags & can.ERROR_STATE_INDICATOR, flags & can.TRANSMITTED)
                line += f",{bus},{int(fd)}," + ",".join(str(int(bool(bit))) for bit in bits)
            lines.append(line + "\n")
        self._file.write("".join(lines))


def _has_transmitted(reader: LogReader) -> bool:
    """Whether a frame is marked as sent by the recorder: flags stand at byte 14 of a frame."""
    for batch in reader.batches(["/raw/can/0"]):
        if (batch.data[batch.records["offset"].astype(np.int64) + 14] & can.TRANSMITTED).any():
            return True
    return False


export = partial(raw_can.export, Csv)
