"""Lidar packets into points beside velodyne-decoder (C++) and our NumPy twin, on emulated packets of a turn and more.

Three of four lasers have a return. Ours is fed packet by packet from Python; the peer, which has a call for a whole scan, is
given all packets at once. Timed in turns within one run; the best of the rounds counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from drivers.lidar.model import LidarModel

ROUNDS = 15
PACKETS = 600
MUTATED = 1_000_000
START_NS = 1_700_000_000_000_000_000
PEERS = {"VLP-16": "VLP16", "VLP-32C": "VLP32C", "VLS-128": "VLS128"}  # models that velodyne-decoder knows, by its names
AIM = 10.0


def rows() -> list[dict]:
    """One row a peer: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}, times a packet."""
    from drivers.lidar import decoder_twin
    from drivers.lidar.model import models

    try:
        import velodyne_decoder
    except ImportError:
        velodyne_decoder = None
    found = []
    for name, lidar in models().items():
        peer_name = PEERS.get(name)
        packets = emulated(lidar)
        measured: dict[str, Callable[[], float]] = {"ours": partial(_ours, lidar, packets)}
        if peer_name and velodyne_decoder:
            measured["velodyne-decoder"] = partial(_peer, velodyne_decoder, peer_name, packets)
        best = dict.fromkeys(measured, float("inf"))
        for _ in range(ROUNDS):
            for which, measure in measured.items():
                best[which] = min(best[which], measure())
        kernel = f"{name} packet into points"
        if peer_name:
            found.append(_row(kernel, best["ours"], velodyne_decoder, best.get("velodyne-decoder")))
        begun = time.perf_counter_ns()
        for packet in packets[:10]:
            decoder_twin.decode(lidar, packet)
        twin_ns = (time.perf_counter_ns() - begun) / 10
        found.append({"kernel": kernel, "ours_ns": best["ours"], "peer": "NumPy twin", "peer_version": np.__version__,
                      "peer_ns": twin_ns, "ratio": twin_ns / best["ours"], "aim": "", "met": None})  # fmt: skip
    return [*found, mutated_row()]


def emulated(lidar: LidarModel, count: int = PACKETS) -> list[bytes]:
    """Packets with one return of a lidar that turns ten times a second."""
    from drivers.lidar.encoder import columns_per_packet, encode

    returns = len(lidar.shape.pixel.distance_at) if lidar.shape.pixel else 1
    columns = count * columns_per_packet(lidar, returns)
    generator = np.random.default_rng(0)
    # Walls of ten columns: neighbours alike, as outdoors
    ranges = np.repeat(generator.uniform(2.0, 100.0, (columns // 10 + 1, lidar.rings, returns)), 10, axis=0)[:columns]
    ranges[np.repeat(generator.random((columns // 10 + 1, lidar.rings, returns)) < 0.25, 10, axis=0)[:columns]] = 0.0
    azimuth, times = lidar.columns(10.0, columns, START_NS)
    return [packet.tobytes() for packet in encode(lidar, azimuth, ranges, generator.integers(0, 256, ranges.shape), times)]


def _ours(lidar: LidarModel, packets: list[bytes]) -> float:
    from drivers.lidar.decoder import Decoder

    feed = Decoder(lidar).feed
    begun = time.perf_counter_ns()
    for packet in packets:
        feed(packet, START_NS)
    return (time.perf_counter_ns() - begun) / len(packets)


def _peer(velodyne_decoder, model: str, packets: list[bytes]) -> float:
    config = velodyne_decoder.Config(model=getattr(velodyne_decoder.Model, model), min_range=0.0, max_range=1000.0)
    decoder = velodyne_decoder.ScanDecoder(config)
    given = [velodyne_decoder.VelodynePacket(START_NS * 1e-9, packet) for packet in packets]
    begun = time.perf_counter_ns()
    decoder.decode(given, True)
    return (time.perf_counter_ns() - begun) / len(packets)


def _row(kernel: str, ours_ns: float, peer, peer_ns: float | None) -> dict:
    ratio = peer_ns / ours_ns if peer_ns else None
    return {
        "kernel": kernel, "ours_ns": ours_ns, "peer": "velodyne-decoder" if peer else "velodyne-decoder is not installed",
        "peer_version": peer.__version__ if peer else None, "peer_ns": peer_ns, "ratio": ratio, "aim": f">= {AIM:g}x",
        "met": ratio >= AIM if ratio else None,
    }  # fmt: skip


def mutated_row(count: int = MUTATED) -> dict:
    """Decodes that many disturbed packets of all models; every one must be counted somewhere."""
    from drivers.lidar.decoder import Decoder
    from drivers.lidar.model import models

    generator, told, begun = np.random.default_rng(1), 0, time.perf_counter_ns()
    share = -(-count // len(models()))
    for lidar in models().values():
        decoder = Decoder(lidar)
        for packet in mutated(emulated(lidar, 60), share, generator):
            decoder.feed(packet, START_NS)
        told += sum(decoder.counts()[kind] for kind in ("packets", "malformed", "other", "duplicated"))
    asked = share * len(models())
    return {
        "kernel": f"{told} mutated packets survived", "ours_ns": (time.perf_counter_ns() - begun) / asked, "peer": "",
        "peer_version": None, "peer_ns": None, "ratio": None, "aim": f"all {asked} counted", "met": told == asked,
    }  # fmt: skip


def mutated(packets: list[bytes], count: int, generator: np.random.Generator) -> Iterator[bytes]:
    """`count` of them with some bytes changed, a bit turned, a stretch exchanged, or cut."""
    size = len(packets[0])
    kinds, places = generator.integers(0, 4, count), generator.integers(0, size, (count, 4))
    values, chosen = generator.integers(0, 256, (count, 4)), generator.integers(0, len(packets), count)
    for index in range(count):
        packet, at = bytearray(packets[chosen[index]]), places[index]
        if kinds[index] == 0:
            for place, value in zip(at, values[index], strict=True):
                packet[place] = value
        elif kinds[index] == 1:
            packet[at[0]] ^= 1 << values[index][0] % 8
        elif kinds[index] == 2:
            other = packets[chosen[index] - 1]
            packet[at[0] : at[0] + values[index][0]] = other[at[1] : at[1] + values[index][0]]
        else:
            del packet[at[0] :]
        yield bytes(packet)
