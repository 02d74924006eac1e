"""Lidar packets: any bytes are points of the twin or are counted as what is wrong with them."""

from __future__ import annotations

import numpy as np

from drivers.lidar import decoder_twin
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import LidarModel, models
from tests.drivers.lidar.streams import START_NS, packets_of
from tests.fuzz.targets.target import Target

LARGEST = 4096
TAKEN = ("packets", "malformed", "other", "duplicated")


def fuzzed() -> list[LidarModel]:
    """Every model there is, but for those whose packets are longer than an input may be: an Ouster's."""
    return [lidar for lidar in models().values() if lidar.shape.size < LARGEST]


def lidar_packets(data: bytes) -> None:
    """The first byte names the model; the rest is cut into packets of its length, the last as long as it is."""
    known = fuzzed()
    lidar = known[data[0] % len(known) if data else 0]
    packets = [data[start : start + lidar.shape.size] for start in range(1, len(data), lidar.shape.size)]
    decoder = Decoder(lidar)
    scans = list(decoder.scans((packet, START_NS) for packet in packets))
    counts = decoder.counts()
    assert sum(counts[name] for name in TAKEN) == len(packets)
    assert sum(len(scan.points) for scan in scans) == counts["points"]
    for scan in scans:
        assert all(np.isfinite(scan.points[axis]).all() for axis in "xyz")
        assert np.abs(scan.points["time_offset_ns"].astype(np.int64)).max() < 10**9
    if len(packets) == 1 and counts["packets"] and not counts["dropped_columns"]:
        _same_as_twin(np.concatenate([scan.points for scan in scans]) if scans else None, decoder_twin.decode(lidar, packets[0]))


def _same_as_twin(points: np.ndarray | None, twin: dict[str, np.ndarray]) -> None:
    """In any order: where azimuths are disturbed, columns stand in other scans."""
    assert (0 if points is None else len(points)) == len(twin["x"])
    if points is None:
        return
    for name in ("ring", "intensity", "return_kind"):
        assert (np.sort(points[name]) == np.sort(twin[name])).all(), name
    for axis in "xyz":
        assert np.abs(np.sort(points[axis]) - np.sort(twin[axis])).max(initial=0.0) < 1e-3


def seeds() -> list[bytes]:
    single, dual = ([bytes([place]) + packets_of(lidar.name, returns, 1)[0] for place, lidar in enumerate(fuzzed())]
                    for returns in (1, 2))  # fmt: skip
    return [*single, *dual, b"\0" + b"".join(packets_of("VLP-16", 1, 3))]


TARGETS = [Target("lidar", lidar_packets, seeds, ("drivers.lidar.decoder", "drivers.lidar.decoder_twin"), LARGEST)]
