"""Frames for the tests of foreign formats: drawn by hypothesis, written as a log of ours, read back from anything."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from autonomy import msg
from autonomy.log.formats import frames as can
from autonomy.log.opening import open_recording
from autonomy.log.reader import rows_of
from autonomy.log.writer import LogWriter

START_NS = 1_700_000_000_123_456_789


class Frame(NamedTuple):
    time_ns: int
    identifier: int  # bit 31 = extended
    bus: int
    flags: int
    data: bytes
    is_fd: bool = False
    asked: int = 0  # bytes a remote request asks for

    @property
    def length(self) -> int:
        return self.asked if self.flags & can.REMOTE else len(self.data)


def identifiers():
    return st.one_of(st.integers(0, 0x7FF), st.integers(0, 0x1FFFFFFF).map(lambda number: number | can.EXTENDED))


@st.composite
def frames(draw, most: int = 30, step_ns: int = 1, buses: int = 3, start_ns: int = START_NS):
    """Frames in order of time with steps of whole `step_ns`."""
    found, time_ns = [], start_ns // step_ns * step_ns
    for _ in range(draw(st.integers(0, most))):
        time_ns += draw(st.one_of(st.integers(0, 50), st.integers(0, 10**10 // step_ns))) * step_ns
        kind = draw(st.sampled_from(["can", "can", "can", "fd", "remote", "error"]))
        sent = draw(st.sampled_from([0, can.TRANSMITTED]))
        bus, identifier = draw(st.integers(0, buses - 1)), draw(identifiers())
        if kind == "fd":
            data = draw(st.sampled_from(can.LENGTHS).flatmap(lambda length: st.binary(min_size=length, max_size=length)))
            bits = draw(st.sampled_from([0, can.BIT_RATE_SWITCH, can.ERROR_STATE_INDICATOR, 24]))
            found.append(Frame(time_ns, identifier, bus, sent | bits, data, True))
        elif kind == "remote":
            found.append(Frame(time_ns, identifier, bus, sent | can.REMOTE, b"", asked=draw(st.integers(0, 8))))
        else:
            flags = sent | (can.ERROR if kind == "error" else 0)
            # The identifier of an error frame is an error class: no kind of identifier
            number = identifier & 0x1FFFFFFF if kind == "error" else identifier
            found.append(Frame(time_ns, number, bus, flags, draw(st.binary(max_size=8))))
    return found


def ordered(found: list[Frame]) -> list[Frame]:
    """In the order of a reader: time, then as given."""
    return sorted(found, key=lambda frame: frame.time_ns)


def write_log(path: Path, found: list[Frame], clock: str = "utc", **metadata: str) -> Path:
    """The frames as a log of ours."""
    with LogWriter(path, {"clock": clock, **metadata}) as writer:
        for frame in found:
            row = np.zeros((), msg.dtype("CanFdFrame" if frame.is_fd else "CanFrame"))
            row["time_ns"], row["id"], row["bus"], row["flags"] = frame.time_ns, frame.identifier, frame.bus, frame.flags
            row["length"] = frame.length
            row["data"][: len(frame.data)] = np.frombuffer(frame.data, np.uint8)
            writer.write(f"/raw/{'canfd' if frame.is_fd else 'can'}/{frame.bus}", frame.time_ns, row[()])
    return path


def read_frames(path: Path) -> list[Frame]:
    """All frames of a recording, in the order its reader gives them; its own log times."""
    with open_recording(path) as reader:
        return frames_of(reader)


def frames_of(reader) -> list[Frame]:
    found = []
    for batch in reader.batches(["/raw/can/*", "/raw/canfd/*"]):
        rows = rows_of(batch, msg.dtype("CanFdFrame"))
        for record, row in zip(batch.records, rows, strict=True):
            is_fd = reader.channels[int(record["channel"])].topic.startswith("/raw/canfd/")
            assert record["length"] == (80 if is_fd else 24)
            assert row["time_ns"] == record["log_time_ns"]
            assert not row["data"][row["length"] :].any()
            is_remote = row["flags"] & can.REMOTE
            found.append(Frame(
                int(row["time_ns"]), int(row["id"]), int(row["bus"]), int(row["flags"]),
                b"" if is_remote else row["data"][: row["length"]].tobytes(), is_fd, int(row["length"]) if is_remote else 0,
            ))  # fmt: skip
    return found
