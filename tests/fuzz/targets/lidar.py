"""Lidar packets: any bytes are points of the twin or are counted as what is wrong with them."""

from __future__ import annotations

import numpy as np

from drivers.lidar import decoder_twin
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import model
from tests.drivers.lidar.streams import START_NS, packets_of
from tests.fuzz.targets.target import Target

MODELS = ("VLP-16", "VLP-32C", "VLS-128", "Pandar64", "XT32")  # an Ouster's packets are longer than an input may be
TAKEN = ("packets", "malformed", "other", "duplicated")


def lidar_packets(data: bytes) -> None:
    """The first byte names the model; the rest is cut into packets of its length, the last as long as it is."""
    lidar = model(MODELS[data[0] % len(MODELS)] if data else MODELS[0])
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
    single = [bytes([place]) + packets_of(name, 1, 1)[0] for place, name in enumerate(MODELS)]
    dual = [bytes([place]) + packets_of(name, 2, 1)[0] for place, name in enumerate(MODELS)]
    return [*single, *dual, b"\0" + b"".join(packets_of("VLP-16", 1, 3))]


TARGETS = [Target("lidar", lidar_packets, seeds, ("drivers.lidar.decoder", "drivers.lidar.decoder_twin"), 4096)]
