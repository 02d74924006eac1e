"""Frames of the transport protocol and recorded logs for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy.msg import dtype
from drivers.can.j1939.identifier import GLOBAL, TRANSPORT_CONTROL, TRANSPORT_DATA, build
from drivers.can.j1939.transport import Failure, Message, TransportReceiver

MS = 1_000_000
ENGINE, BRAKES, TOOL = 0x00, 0x0B, 0xF9

Frame = tuple[int, int, bytes]  # time in ns, identifier, data


def control(time_ms: float, source: int, destination: int, kind: int, *fields: int, pgn: int) -> Frame:
    data = bytes((kind, *fields)) + pgn.to_bytes(3, "little")
    assert len(data) == 8
    return int(time_ms * MS), build(7, TRANSPORT_CONTROL, source, destination), data


def packet(time_ms: float, source: int, destination: int, number: int, content: bytes) -> Frame:
    return int(time_ms * MS), build(7, TRANSPORT_DATA, source, destination), bytes((number,)) + content.ljust(7, b"\xff")


def packets(data: bytes) -> list[bytes]:
    return [data[place : place + 7] for place in range(0, len(data), 7)]


def bam(data: bytes, *, source: int = ENGINE, pgn: int = 0xFECA, start_ms: float = 0, gap_ms: float = 50) -> list[Frame]:
    parts = packets(data)
    frames = [control(start_ms, source, GLOBAL, 0x20, len(data) & 0xFF, len(data) >> 8, len(parts), 0xFF, pgn=pgn)]
    return frames + [packet(start_ms + (n + 1) * gap_ms, source, GLOBAL, n + 1, part) for n, part in enumerate(parts)]


def receive(
    frames: list[Frame], receiver: TransportReceiver | None = None
) -> tuple[list[Message], list[Failure], TransportReceiver]:
    receiver = receiver or TransportReceiver()
    found = [item for frame in frames for item in receiver.receive(*frame)]
    messages = [item for item in found if isinstance(item, Message)]
    return messages, [item for item in found if isinstance(item, Failure)], receiver


def can_dataframes(path: Path) -> np.ndarray:
    """The data frames of an MF4 bus log as an array of CanFrame, read by asammdf."""
    from asammdf import MDF

    with MDF(path) as log:
        for number, group in enumerate(log.groups):
            if not any(channel.name == "CAN_DataFrame.ID" for channel in group.channels):
                continue
            identifier = log.get("CAN_DataFrame.ID", group=number)
            frames = np.zeros(len(identifier.samples), dtype("CanFrame"))
            frames["time_ns"] = np.rint(identifier.timestamps * 1e6).astype(np.int64) * 1000
            is_extended = log.get("CAN_DataFrame.IDE", group=number).samples.astype(np.uint32)
            frames["id"] = identifier.samples.astype(np.uint32) | is_extended << np.uint32(31)
            frames["length"] = log.get("CAN_DataFrame.DataLength", group=number).samples
            data = log.get("CAN_DataFrame.DataBytes", group=number).samples
            frames["data"][:, : data.shape[1]] = data[:, :8]
            return frames
    raise AssertionError(f"{path} has no CAN data frames")


def nmfta_frames(path: Path) -> np.ndarray:
    """The binary of the NMFTA logger: 512 byte blocks of at most 21 records of 24 bytes."""
    blocks = np.fromfile(path, np.uint8).reshape(-1, 512)
    record = np.dtype([("second", "<u4"), ("system_us", "<u4"), ("us", "<u4"), ("id", "<u4"), ("data", "u1", (8,))])
    counts = blocks[:, :2].copy().view("<u2")[:, 0]
    records = np.concatenate(
        [block[4 : 4 + 24 * min(count, 21)].view(record) for block, count in zip(blocks, counts, strict=True)]
    )
    frames = np.zeros(len(records), dtype("CanFrame"))
    frames["time_ns"] = records["second"].astype(np.int64) * 10**9 + (records["us"] & 0xFFFFFF).astype(np.int64) * 1000
    frames["id"] = records["id"] & 0x1FFFFFFF | 0x80000000
    frames["length"] = records["us"] >> 24
    frames["data"] = records["data"]
    return frames


def as_frames(records: np.ndarray) -> list[Frame]:
    return [
        (time_ns, identifier, data[:length])
        for time_ns, identifier, length, data in zip(
            records["time_ns"].tolist(), records["id"].tolist(), records["length"].tolist(),
            map(bytes, records["data"]), strict=True,
        )
    ]  # fmt: skip
