"""Small recordings of a J1939 bus for the tests of `autonomy can`, and a way to run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy.cli.main import main
from autonomy.log.writer import LogWriter
from drivers.can.frame_flags import ERROR
from drivers.can.j1939.broadcast import GAP_NS, broadcast_frames
from tests.drivers.can.build import EXTENDED, can_frame, can_frames
from tests.drivers.can.j1939.frames import TOOL, bam, control

MS = 1_000_000
START_NS = 1_691_508_198_524_707_000
EEC1 = bytes.fromhex("f87d7d8025fff07d")  # 1200 rpm
DM1 = bytes.fromhex("04ff73020403be000301")  # SPN 627 FMI 4 x3, SPN 190 FMI 3 x1
NAME = bytes.fromhex("0d03a90100000010")


def bus_frames() -> np.ndarray:
    """One second: EEC1 each 100 ms, CCVS1 of two senders, a claim, a long DM1, an unanswered RTS, 11 bit and error frames."""
    frames = [can_frame(EXTENDED | 0x0CF00400, EEC1, time_ns=n * 100 * MS) for n in range(10)]
    frames.append(can_frame(EXTENDED | 0x18FEF100, bytes.fromhex("ff0048ffffffffff"), time_ns=10 * MS))
    frames.append(can_frame(EXTENDED | 0x18FEF131, bytes.fromhex("ff00feffffffffff"), time_ns=20 * MS))
    frames.append(can_frame(EXTENDED | 0x18EEFF00, NAME, time_ns=30 * MS))
    frames.append(can_frame(EXTENDED | 0x18EAFF00, bytes.fromhex("ecfe00"), time_ns=35 * MS))
    frames += [
        can_frame(identifier, data, time_ns=40 * MS + n * GAP_NS)
        for n, (identifier, data) in enumerate(broadcast_frames(0xFECA, 0x0B, DM1))
    ]
    frames += [can_frame(identifier, data, time_ns=time) for time, identifier, data in [
        control(500, 0, TOOL, 0x10, 17, 0, 3, 0xFF, pgn=0xFEEC), control(550, 0, TOOL, 0xFF, 3, 255, 255, 255, pgn=0xFEEC),
        *bam(b"1XKDD40X1HJ123456", pgn=0xFEEC, start_ms=600),
    ]]  # fmt: skip
    frames.append(can_frame(0x123, b"\x01\x02", time_ns=5 * MS))
    frames.append(can_frame(4, bytes(8), time_ns=6 * MS, flags=ERROR))
    found = can_frames(*sorted(frames, key=lambda frame: int(frame["time_ns"])))
    found["time_ns"] += START_NS
    return found


def write_log(path: Path, frames: np.ndarray | None = None, topic: str = "/raw/can/0",
              databases: dict[int, str] | None = None) -> str:  # fmt: skip
    with LogWriter(path) as log:
        for bus, text in (databases or {}).items():
            log.attach(f"can/{bus}.dbc", text.encode(), "text/x-dbc")
        for frame in bus_frames() if frames is None else frames:
            log.write(topic, int(frame["time_ns"]), frame)
    return str(path)


def run(capsys, *arguments: str, code: int = 0) -> tuple[list[str], str]:
    """(lines on stdout, text on stderr) of `autonomy can ...`."""
    assert main(["can", *arguments]) == code, capsys.readouterr()
    told = capsys.readouterr()
    return told.out.splitlines(), told.err
