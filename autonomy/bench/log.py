"""Reading and writing recordings, interleaved in one run: MCAP against the `mcap` library, candump and BLF against python-can.

One frame, one message of MCAP, holds 8 data bytes. candump and BLF are timed with opening, which reads the file once.
"""

from __future__ import annotations

import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

MESSAGES = 60_000
REPEATS = 5
READ_AIM_NS = WRITE_AIM_NS = 300.0
MCAP_AIM, CANDUMP_AIM, BLF_AIM = 12.0, 15.0, 8.0  # times as fast as the peer


def rows() -> list[dict]:
    """One row a kernel and peer: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}; times are per message."""
    from autonomy import msg

    generator = np.random.default_rng(0)
    frames = np.zeros(MESSAGES, msg.dtype("CanFrame"))
    frames["time_ns"] = np.arange(MESSAGES) * 500_000
    frames["id"] = generator.integers(0, 2048, MESSAGES)
    frames["length"] = 8
    frames["data"] = generator.integers(0, 8, (MESSAGES, 8))
    bodies = [msg.to_cdr("CanFrame", row) for row in frames]
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.mcap"), Path(folder, "theirs.mcap")
        best: dict[str, float] = {}
        for repeat in range(REPEATS):
            _time(best, "write batch", lambda: _write_batch(ours, frames))
            _time(best, "read", lambda: _read(ours))
            _time(best, "read rows", lambda: _read_rows(ours))
            if repeat < 2:  # the slow ones
                _time(best, "write one", lambda: _write_one(ours, frames))
                _time(best, "peer write", lambda: _peer_write(theirs, frames, bodies))
                _time(best, "peer read", lambda: _peer_read(theirs, True))
                _time(best, "peer read file order", lambda: _peer_read(theirs, False))
        for ending in ("log", "blf"):
            path = Path(folder, f"frames.{ending}")
            _peer_write_frames(path, frames)
            for repeat in range(REPEATS):
                _time(best, f"read {ending}", lambda path=path: _read_foreign(path))
                if repeat < 2:
                    _time(best, f"peer read {ending}", lambda path=path: _peer_read_frames(path))
    ns = {name: seconds / MESSAGES * 1e9 for name, seconds in best.items()}
    library, frames_library = ("mcap", version("mcap")), ("python-can", version("python-can"))
    by_time, by_file = ((f"mcap, {order} order", library[1]) for order in ("time", "file"))
    return [
        _row("MCAP read, records in time order", ns["read"], by_time, ns["peer read"], READ_AIM_NS, MCAP_AIM),
        _row("MCAP read, records in time order", ns["read"], by_file, ns["peer read file order"], READ_AIM_NS, MCAP_AIM),
        _row("MCAP read into one array", ns["read rows"], by_time, ns["peer read"], READ_AIM_NS, MCAP_AIM),
        _row("MCAP write, batch", ns["write batch"], library, ns["peer write"], WRITE_AIM_NS),
        _row("MCAP write, one by one", ns["write one"], library, ns["peer write"]),
        _row("candump read, opening included", ns["read log"], frames_library, ns["peer read log"], None, CANDUMP_AIM),
        _row("BLF read, opening included", ns["read blf"], frames_library, ns["peer read blf"], None, BLF_AIM),
    ]


def _row(kernel: str, ours_ns: float, peer: tuple[str, str], peer_ns: float, aim_ns: float | None = None,
         aim_ratio: float | None = None) -> dict:  # fmt: skip
    told = ([f"<= {aim_ns / 1e3:g} us"] if aim_ns else []) + ([f">= {aim_ratio:g}x"] if aim_ratio else [])
    met = (not aim_ns or ours_ns <= aim_ns) and (not aim_ratio or peer_ns >= aim_ratio * ours_ns)
    return {
        "kernel": kernel,
        "ours_ns": ours_ns,
        "peer": peer[0],
        "peer_version": peer[1],
        "peer_ns": peer_ns,
        "ratio": peer_ns / ours_ns,
        "aim": ", ".join(told) or None,
        "met": met if told else None,
    }


def _time(best: dict[str, float], name: str, function) -> None:
    start = time.perf_counter()
    function()
    best[name] = min(best.get(name, np.inf), time.perf_counter() - start)


def _write_batch(path: Path, frames: np.ndarray) -> None:
    from autonomy.log.writer import LogWriter

    with LogWriter(path) as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)


def _write_one(path: Path, frames: np.ndarray) -> None:
    from autonomy.log.writer import LogWriter

    with LogWriter(path) as writer:
        for time_ns, row in zip(frames["time_ns"].tolist(), frames, strict=True):
            writer.write("/raw/can/0", time_ns, row)


def _read(path: Path) -> None:
    from autonomy.log.reader import LogReader

    with LogReader(path) as reader:
        assert sum(len(batch.records) for batch in reader.batches()) == MESSAGES


def _read_rows(path: Path) -> None:
    from autonomy.log.reader import LogReader

    with LogReader(path) as reader:
        assert len(reader.read_topic("/raw/can/0")) == MESSAGES


def _peer_write(path: Path, frames: np.ndarray, bodies: list[bytes]) -> None:
    from mcap.writer import CompressionType, Writer

    from autonomy import msg
    from autonomy.log.layouts import schema_name

    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.LZ4)
        writer.start()
        schema = writer.register_schema(schema_name("CanFrame"), "ros2msg", msg.schema_text("CanFrame").encode())
        channel = writer.register_channel("/raw/can/0", "cdr", schema)
        for time_ns, body in zip(frames["time_ns"].tolist(), bodies, strict=True):
            writer.add_message(channel, time_ns, body, time_ns)
        writer.finish()


def _peer_read(path: Path, in_time_order: bool) -> None:
    from mcap.reader import make_reader

    with path.open("rb") as file:
        assert sum(1 for _ in make_reader(file).iter_messages(log_time_order=in_time_order)) == MESSAGES


def _read_foreign(path: Path) -> None:
    from autonomy.log.opening import open_recording

    with open_recording(path) as reader:
        assert sum(len(batch.records) for batch in reader.batches()) == MESSAGES


def _peer_write_frames(path: Path, frames: np.ndarray) -> None:
    import can

    with can.Logger(path) as logger:
        for row in frames:
            logger(can.Message(
                timestamp=1.7e9 + row["time_ns"] / 1e9, arbitration_id=int(row["id"]), is_extended_id=False, channel=0,
                data=row["data"].tobytes(),
            ))  # fmt: skip


def _peer_read_frames(path: Path) -> None:
    import can

    with can.LogReader(path) as reader:
        assert sum(1 for _ in reader) == MESSAGES
