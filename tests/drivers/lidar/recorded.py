"""Recorded packets (rosbag2) and their reference decodes (PCD), read plainly."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import numpy as np

FOLDER = "lidar_radar_packets"


def packets(path: Path) -> list[tuple[bytes, int]]:
    """(packet, time received in ns) of a bag with one topic of VelodyneScan or PandarScan messages."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as base:
        ((kind,),) = base.execute("select type from topics")
        messages = [data for (data,) in base.execute("select data from messages order by id")]
    size = 1500 if kind.startswith("pandar") else 1206
    found = []
    for data in messages:
        (name,) = struct.unpack_from("<I", data, 12)
        at = _aligned(16 + name)
        (count,) = struct.unpack_from("<I", data, at)
        at += 4
        for _ in range(count):
            second, nanosecond = struct.unpack_from("<iI", data, _aligned(at))
            at = _aligned(at) + 8
            packet, at = data[at : at + size], at + size
            if kind.startswith("pandar"):
                (used,) = struct.unpack_from("<I", data, _aligned(at))
                packet, at = packet[:used], _aligned(at) + 4
            found.append((packet, second * 10**9 + nanosecond))
    return found


def reference(path: Path) -> np.ndarray:
    """The points of a binary PCD file."""
    data = path.read_bytes()
    start = data.index(b"DATA binary\n") + 12
    head = dict(line.split(maxsplit=1) for line in data[:start].decode().splitlines() if not line.startswith("#"))
    kinds = {"F": "f", "U": "u", "I": "i"}
    fields = zip(head["FIELDS"].split(), head["TYPE"].split(), head["SIZE"].split(), strict=True)
    layout = np.dtype([(name, kinds[kind] + size) for name, kind, size in fields])
    return np.frombuffer(data, layout, int(head["POINTS"]), start)


def _aligned(at: int) -> int:
    """CDR aligns 4-byte numbers behind its header of four."""
    return (at + 3) // 4 * 4
