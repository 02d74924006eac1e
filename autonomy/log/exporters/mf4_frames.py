"""Raw CAN as MDF 4 with bus logging (groups CAN_DataFrame, CAN_RemoteFrame, CAN_ErrorFrame), by asammdf.

Times are seconds since a whole second before the first frame, as float64: exact to the nanosecond for weeks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from autonomy.errors import MissingPackage
from autonomy.log.exporters import raw_can
from autonomy.log.formats import frames as can
from autonomy.log.reader import LogReader

_KINDS = ("CAN_DataFrame", "CAN_RemoteFrame", "CAN_ErrorFrame")
_PARTS = (("BusChannel", "<u1"), ("ID", "<u4"), ("IDE", "<u1"), ("DLC", "<u1"), ("DataLength", "<u1"),
          ("DataBytes", "(64,)u1"), ("Dir", "<u1"), ("EDL", "<u1"), ("BRS", "<u1"), ("ESI", "<u1"))  # fmt: skip


class Mf4(raw_can.Exporter):
    def __init__(self, path: Path, reader: LogReader) -> None:
        super().__init__(path, reader)
        try:
            from asammdf import MDF, Signal
            from asammdf import Source as Origin
        except ImportError as error:
            raise MissingPackage(f"writing {path.suffix}", "asammdf", "replay") from error
        self._signal = Signal
        # 2: a bus, 2: CAN, as the standard numbers kinds of source
        self._origin = Origin(name="CAN", path="CAN", comment="", source_type=2, bus_type=2)
        self._path = path
        self._file = MDF(version="4.11")
        self._groups: dict[str, int] = {}

    def begin(self, start_ns: int) -> None:
        self._start_ns = start_ns // 10**9 * 10**9 if self.is_utc else 0
        self._file.header.start_time = datetime.fromtimestamp(self._start_ns // 10**9, UTC)

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        flags = rows["flags"]
        is_error = flags & can.ERROR > 0
        is_remote = (flags & can.REMOTE > 0) & ~is_error
        for kind, chosen in zip(_KINDS, (~is_error & ~is_remote, is_remote, is_error), strict=True):
            if chosen.any():
                self._append(kind, rows[chosen], is_fd[chosen])

    def close(self) -> None:
        if not self._groups:
            self._append(_KINDS[0], np.zeros(0, _row_type()), np.zeros(0, bool))
        # asammdf adds the ending .mf4 to names without it
        self._file.save(self._path, overwrite=True, compression=2)

    def abandon(self) -> None:
        self._file.close()

    def _append(self, kind: str, rows: np.ndarray, is_fd: np.ndarray) -> None:
        samples = np.zeros(len(rows), [(f"{kind}.{name}", form) for name, form in _PARTS])
        length = rows["length"]
        flags = rows["flags"]
        values = {
            "BusChannel": rows["bus"],
            "ID": rows["id"] & np.uint32(0x1FFFFFFF),
            "IDE": rows["id"] >> 31,
            "DLC": np.where(is_fd, np.searchsorted(can.LENGTHS, length), length),
            "DataLength": length,
            "DataBytes": rows["data"],
            "Dir": flags & can.TRANSMITTED > 0,
            "EDL": is_fd,
            "BRS": flags & can.BIT_RATE_SWITCH > 0,
            "ESI": flags & can.ERROR_STATE_INDICATOR > 0,
        }
        for name, column in values.items():
            samples[f"{kind}.{name}"] = column
        seconds = (rows["time_ns"] - self._start_ns) / 1e9
        if kind in self._groups:
            self._file.extend(self._groups[kind], [(seconds, None), (samples, None)])
            return
        self._groups[kind] = len(self._groups)
        self._file.append(self._signal(samples=samples, timestamps=seconds, name=kind, source=self._origin))


def _row_type() -> np.dtype:
    from autonomy import msg

    return msg.dtype("CanFdFrame")


export = partial(raw_can.export, Mf4)
