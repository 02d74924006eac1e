"""Scan processing beside the libraries one would use instead, on one synthetic street in all of it.

Peers: pypatchworkpp (ground), scikit-learn's DBSCAN (exact clusters), kiss-icp (voxel sampling). A peer that is not installed is
left out with a word. Times are processor times of one thread, medians of repeats taken in turns.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np

from autonomy.bench.solver import row
from autonomy.msg import dtype

HEIGHT_M = 2.0
REPEATS = 25
CHAIN_REPEATS = 200
FAR_M = 120.0
TURN_NS = 100_000_000
RADIUS_M, VOXEL_M = 0.5, 0.5


def street(columns: int, rings: int = 128, seed: int = 0) -> np.ndarray:
    """LidarPoint [n] of one turn on a straight street: flat ground with lines of paint, rails, and boxes as vehicles and
    houses."""
    rng = np.random.default_rng(seed)
    azimuth = -np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False)[:, None]
    elevation = np.radians(np.concatenate([np.linspace(-25, -6, rings // 4), np.linspace(-5.8, 15, rings - rings // 4)]))[None, :]
    shape = (columns, rings)
    direction = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation) + 0 * azimuth]
    )
    distance, intensity = _met(direction, rng)
    seen = distance > 0.0
    points = np.zeros(int(seen.sum()), dtype("LidarPoint"))
    for k, axis in enumerate("xyz"):
        points[axis] = (direction[k] * distance)[seen]
    points["intensity"] = intensity[seen]
    points["time_offset_ns"] = np.broadcast_to(np.linspace(0, 100_000_000, columns)[:, None], shape)[seen]
    points["ring"] = np.broadcast_to(np.arange(rings), shape)[seen]
    points["column"] = np.broadcast_to(np.arange(columns)[:, None], shape)[seen]
    return points


def _met(direction: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Range (0 = nothing) and intensity of beams (3, columns, rings) on the street."""
    with np.errstate(divide="ignore"):
        distance = np.where(direction[2] < 0, -HEIGHT_M / direction[2], np.inf)
    for middle, half in _boxes(rng):
        with np.errstate(divide="ignore", invalid="ignore"):
            low = (middle - half)[:, None, None] / direction
            high = (middle + half)[:, None, None] / direction
        enter, leave = np.fmax.reduce(np.fmin(low, high)), np.fmin.reduce(np.fmax(low, high))
        distance = np.where((enter < leave) & (enter > 0.5), np.fmin(distance, enter), distance)
    distance = distance + rng.normal(0.0, 0.015, distance.shape)
    distance = np.where(distance < FAR_M, distance, 0.0)
    is_paint = (np.abs(np.abs(direction[1] * distance) - 1.75) < 0.08) & (direction[2] * distance < -HEIGHT_M + 0.1)
    return distance, np.where(is_paint, 60, 12) + rng.integers(0, 5, distance.shape)


def street_packets(name: str, turns_hz: float, seed: int = 0) -> list[bytes]:
    """A turn of a real sensor on the street, and the first packet of the next one, which ends it."""
    from drivers.lidar import tables
    from drivers.lidar.encoder import columns_per_packet, encode
    from drivers.lidar.model import model

    lidar, rng = model(name), np.random.default_rng(seed)
    whole = columns_per_packet(lidar, 1)
    turn_ns = round(1e9 / turns_hz)
    columns = int(turn_ns / lidar.column_period_ns / whole + 1e-6) * whole
    azimuth, times = lidar.columns(1e9 / (columns * lidar.column_period_ns), columns, 0)
    beam = tables.beams(lidar).astype(float)[lidar.channel_of_ring()][:, :3]
    beam /= np.linalg.norm(beam, axis=1)[:, None]
    cosine, sine = np.cos(-azimuth)[:, None], np.sin(-azimuth)[:, None]
    direction = np.stack([cosine * beam[:, 0] - sine * beam[:, 1], sine * beam[:, 0] + cosine * beam[:, 1],
                          np.broadcast_to(beam[:, 2], (columns, len(beam)))])  # fmt: skip
    distance, intensity = _met(direction, rng)
    packets = encode(lidar, azimuth, distance[..., None], intensity[..., None], times)
    after = encode(lidar, azimuth[:whole], distance[:whole, :, None], intensity[:whole, :, None], times[:whole] + turn_ns)
    return [packet.tobytes() for packet in (*packets, *after)]


def _boxes(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """(middle, half size) of some 45, m in the sensor's frame."""
    found = [(np.array([0.0, side * 9.0, -HEIGHT_M + 0.5]), np.array([80.0, 0.1, 0.25])) for side in (-1.0, 1.0)]
    for _ in range(25):
        x, lane = rng.uniform(-70.0, 70.0), rng.choice([-5.2, 3.5, -8.0, 7.0, 0.0])
        if abs(x) > 12.0:
            half = np.array([2.2, 0.9, 0.75]) if rng.random() < 0.7 else np.array([8.0, 1.25, 1.9])
            found.append((np.array([x, lane, half[2] - HEIGHT_M]), half))
    for _ in range(20):
        half = rng.uniform([3.0, 2.0, 1.5], [10.0, 5.0, 6.0])
        found.append(
            (np.array([rng.uniform(-90.0, 90.0), rng.choice([-1.0, 1.0]) * rng.uniform(18.0, 50.0), half[2] - HEIGHT_M]), half)
        )
    return found


def rows() -> list[dict]:
    """Rows of the bench table; peers that are missing are told on stderr."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    points = street(1850)[:125_000]
    perceiver = _perceiver(len(points))
    found = perceiver.perceive(points)
    return [*_ground(points, perceiver), *_clusters(points, found, perceiver), *_voxels(points), *_chain(), *_from_packets()]


def _perceiver(capacity: int):
    from autonomy.perception.perceive import Mounting, Perceiver, parameters

    return Perceiver(parameters(), Mounting(height_m=HEIGHT_M), capacity)


def _ground(points: np.ndarray, perceiver) -> list[dict]:
    table = np.column_stack([points[axis] for axis in "xyz"] + [points["intensity"]]).astype(np.float32)

    def ours() -> None:
        perceiver.perceive(points)

    def peer() -> Callable[[], None]:
        import pypatchworkpp

        settings = pypatchworkpp.Parameters()
        settings.verbose = False
        settings.sensor_height = HEIGHT_M
        settings.max_range = FAR_M
        patchwork = pypatchworkpp.patchworkpp(settings)
        return lambda: patchwork.estimateGround(table)

    theirs, version = _peer("pypatchworkpp", "pypatchworkpp", peer)
    spent, peer_ns = [], []
    for _ in range(REPEATS):
        ours()
        spent.append(perceiver.kernel_ns()["ground"])
        if theirs:
            peer_ns.append(_timed(theirs))
    ours_ns = float(np.median(spent))
    found = [row(f"ground, {len(points)} points", "<= 0.8 ms", ours_ns <= 0.8e6, ours_ns=ours_ns)]
    if theirs:
        ratio = np.median(peer_ns) / ours_ns
        found.append(row("...", ">= 10x", bool(ratio >= 10.0), ours_ns=ours_ns, peer="pypatchworkpp", peer_version=version,
                         peer_ns=float(np.median(peer_ns))))  # fmt: skip
    return found


def _clusters(points: np.ndarray, found, perceiver) -> list[dict]:
    from autonomy.perception._euclidean import EuclideanClusters

    above = np.ascontiguousarray(found.points[(found.labels == 2) | (found.labels == 4)][:, :3])
    exact = EuclideanClusters(len(above))
    spent, exact_ns = [], []
    for _ in range(REPEATS):
        perceiver.perceive(points)
        spent.append(perceiver.kernel_ns()["clusters"])
        exact_ns.append(_timed(lambda: exact.find(above, RADIUS_M)))
    ours_ns, exact_ns = float(np.median(spent)), float(np.median(exact_ns))
    table = [row(f"grid clusters, {len(above)} points", "<= 0.9 ms", ours_ns <= 0.9e6, ours_ns=ours_ns)]

    def peer() -> Callable[[], object]:
        from sklearn.cluster import DBSCAN

        return lambda: DBSCAN(eps=RADIUS_M, min_samples=1, n_jobs=1).fit(above)

    theirs, version = _peer("sklearn", "scikit-learn", peer)
    if theirs:
        peer_ns = min(_timed(theirs) for _ in range(2))
        table.append(row(f"exact Euclidean clusters, {RADIUS_M} m", ">= 20x", peer_ns / exact_ns >= 20.0, ours_ns=exact_ns,
                         peer="scikit-learn DBSCAN", peer_version=version, peer_ns=float(peer_ns)))  # fmt: skip
    else:
        table.append(row(f"exact Euclidean clusters, {RADIUS_M} m", ours_ns=exact_ns))
    return table


def _voxels(points: np.ndarray) -> list[dict]:
    from autonomy.perception._voxels import VoxelSampler

    columns = [np.ascontiguousarray(points[axis]) for axis in "xyz"]
    wide = np.column_stack(columns).astype(np.float64)
    sampler = VoxelSampler(len(points))

    def peer() -> Callable[[], object]:
        from kiss_icp.pybind.kiss_icp_pybind import _Vector3dVector, _voxel_down_sample

        vector = _Vector3dVector(wide)
        return lambda: _voxel_down_sample(vector, VOXEL_M)

    theirs, version = _peer("kiss_icp", "kiss-icp", peer)
    spent, peer_ns = [], []
    for _ in range(REPEATS):
        spent.append(_timed(lambda: sampler.sample(*columns, VOXEL_M)))
        if theirs:
            peer_ns.append(_timed(theirs))
    ours_ns = float(np.median(spent))
    table = [row(f"voxel sampling, {VOXEL_M} m", "<= 0.6 ms", ours_ns <= 0.6e6, ours_ns=ours_ns)]
    if theirs:
        ratio = np.median(peer_ns) / ours_ns
        table.append(row("...", ">= 2.5x", bool(ratio >= 2.5), ours_ns=ours_ns, peer="kiss-icp", peer_version=version,
                         peer_ns=float(np.median(peer_ns))))  # fmt: skip
    return table


def _chain() -> list[dict]:
    """The whole chain after decoding, and how its time grows with the points."""
    table, per_point = [], {}
    for columns, rings in ((450, 128), (1770, 128), (3700, 128), (7500, 128)):
        points = street(columns, rings)[:500_000]
        perceiver = _perceiver(len(points))
        repeats = CHAIN_REPEATS if columns == 1770 else REPEATS
        spent = [sum(perceiver.perceive(points).timing_ns.values()) for _ in range(repeats)]
        middle, late = np.median(spent), np.percentile(spent, 99)
        per_point[len(points)] = middle / len(points)
        if columns == 1770:
            table.append(
                row(f"deskew to lanes, {len(points)} points, median", "<= 4 ms", bool(middle <= 4e6), ours_ns=float(middle))
            )
            table.append(row("... 99th percentile", "<= 8 ms", bool(late <= 8e6), ours_ns=float(late)))
        else:
            table.append(row(f"deskew to lanes, {len(points)} points", ours_ns=float(middle)))
    fewest, most = per_point[min(per_point)], per_point[max(per_point)]
    told = ", ".join(f"{count // 1000} k: {value:.0f}" for count, value in per_point.items())
    table.append(row(f"ns a point at {told}", "<= 1.5x (linear)", bool(most <= 1.5 * fewest)))
    return table


def _from_packets() -> list[dict]:
    """Decoding included, packet by packet; and how much faster than a sensor turns, with odometry beside it."""
    table = []
    for name, turns_hz in (("VLS-128", 15.0), ("Pandar64", 10.0)):  # at 15 Hz a VLS-128 tells 120 k points a turn
        spent, odometry, count = _scan_times(name, street_packets(name, turns_hz), CHAIN_REPEATS)
        middle, late = float(np.median(spent)), float(np.percentile(spent, 99))
        both = float(np.median(spent + odometry))
        if name == "VLS-128":
            table.append(row(f"{name} packets to lanes, {count} points, median", "<= 4 ms", middle <= 4e6, ours_ns=middle))
            table.append(row("... 99th percentile", "<= 8 ms", late <= 8e6, ours_ns=late))
        else:
            real = {"peer": "real time", "peer_version": None, "peer_ns": float(TURN_NS)}
            table.append(row(f"{name} packets to lanes, {count} points", ">= 12x", TURN_NS / middle >= 12.0, ours_ns=middle,
                             **real))  # fmt: skip
            table.append(row("... and odometry", ">= 4x", TURN_NS / both >= 4.0, ours_ns=both, **real))
    return table


def _scan_times(name: str, packets: list[bytes], repeats: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Processor time [ns] of decoding and perceiving a scan, of its odometry, and its points."""
    from autonomy.perception._odometry import Odometry
    from autonomy.perception.perceive import parameters
    from autonomy.perception.standing_points import StandingPoints
    from drivers.lidar.decoder import Decoder

    sections = parameters()
    perceiver, odometry, standing = _perceiver(400_000), Odometry(sections["odometry"]), StandingPoints(sections, 400_000)
    spent, beside, count = [], [], 0
    for _ in range(repeats):
        decoder, scans = Decoder(name), []
        begun = time.thread_time_ns()
        for packet in packets:
            scans += decoder.feed(packet, 0)
        decoded = time.thread_time_ns() - begun
        points = max((scan.points for scan in scans), key=len)  # the first may end at once, where the turn begins
        found = perceiver.perceive(points)
        count, begun = len(points), time.thread_time_ns()
        odometry.register(standing.of(found), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        beside.append(time.thread_time_ns() - begun)
        spent.append(decoded + sum(found.timing_ns.values()))
    return np.array(spent), np.array(beside), count


def _timed(call: Callable[[], object]) -> int:
    begun = time.thread_time_ns()
    call()
    return time.thread_time_ns() - begun


def _peer(module: str, package: str, make: Callable[[], Callable]) -> tuple[Callable | None, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return make(), version(package)
    except (ImportError, PackageNotFoundError):
        print(f"bench perception: {package} is not installed, left out ({module})", file=sys.stderr)
        return None, None
