"""Packets of emulated lidars, and what comes of them."""

from __future__ import annotations

import numpy as np

from drivers.lidar.decoder import Decoder, Scan
from drivers.lidar.encoder import columns_per_packet, encode
from drivers.lidar.model import LidarModel, model, models

START_NS = 1_700_000_000_123_456_000
RATE_HZ = 10.0


def variants() -> list[tuple[str, int]]:
    """(model, returns) of all that there are."""
    found = []
    for one in models().values():
        found += [(one.name, returns) for returns in ((len(one.shape.pixel.distance_at),) if one.shape.pixel else (1, 2))]
    return found


def columns(lidar: LidarModel, returns: int, packets: int, seed: int = 0, azimuth: float = 1.0, time_ns: int = START_NS):
    """(azimuth, range, intensity, time) of so many packets; a fifth of the shots has no return."""
    generator = np.random.default_rng(seed)
    count = packets * columns_per_packet(lidar, returns)
    ranges = generator.uniform(1.0, 100.0, (count, lidar.rings, returns))
    ranges[generator.random(ranges.shape[:2]) < 0.2] = 0.0
    if returns == 2:  # some second ones are the first
        ranges[..., 1] = np.where(generator.random(ranges.shape[:2]) < 0.3, ranges[..., 0], ranges[..., 1])
    azimuths, times = lidar.columns(RATE_HZ, count, time_ns, azimuth)
    return azimuths, ranges, generator.integers(0, 256, ranges.shape).astype(float), times


def packets_of(name: str, returns: int = 1, packets: int = 6, **options) -> list[bytes]:
    lidar = model(name)
    return [packet.tobytes() for packet in encode(lidar, *columns(lidar, returns, packets, **options))]


def decoded(lidar: LidarModel | str, packets: list[bytes], received_ns: int = START_NS, **options) -> tuple[list[Scan], Decoder]:
    """Every scan, the last one too, and the decoder."""
    decoder = Decoder(lidar, **options)
    return list(decoder.scans((packet, received_ns) for packet in packets)), decoder


def sorted_points(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort((points["return_kind"], points["ring"], points["column"]))]
