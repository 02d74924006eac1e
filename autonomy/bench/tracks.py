"""The tracker: a tick with 64 objects from three sensors; 64 tracks against a loop over filterpy; assignment against scipy."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

TRACKS = 64
ROUNDS = 15  # ours and the peer take turns; the median of the rounds counts
STEP_AIM_NS, FILTER_AIM_NS, ASSIGNMENT_AIM_NS = 100_000.0, 8_000.0, 15_000.0


def rows() -> list[dict]:
    """Rows of the bench table."""
    from autonomy import config
    from autonomy.parameters import load_section

    parameters = load_section(config.load("vehicles/demo_truck"), "tracks", "TracksParameters")
    return [_step(parameters), *_filters(parameters), _assignment(parameters)]


def _step(parameters: np.ndarray) -> dict:
    """The dearest kind of tick: 64 objects, each seen by a lidar and two radars in it."""
    from autonomy import msg
    from autonomy.estimation.tracks._tracks import TracksStep

    kinds = msg.constants("TracksSensor")
    for row, (kind, source) in zip(parameters["sensor"], (("OBSTACLE", 21), ("RADAR", 22), ("RADAR", 23)), strict=False):
        row["kind"], row["source"], row["along_sight"] = kinds[f"KIND_{kind}"], source, 1
        row["x_m"], row["half_angle_rad"], row["range_m"], row["period_s"] = 5.0, np.pi, 200.0, 0.05
        row["detection_probability"], row["clutter_per_m2"] = 0.9, 1e-4
    step = TracksStep(parameters)
    frame, ego, lane = (np.zeros((), msg.dtype(name)) for name in ("InputFrame", "EgoState", "LaneState"))
    ego["status"], ego["speed"], lane["status"], lane["width_left"], lane["width_right"] = 15, 22.0, 1, 1.75, 1.75
    rng = np.random.default_rng(1)
    x, y = 20.0 + 10.0 * (np.arange(TRACKS) // 4), 3.6 * (np.arange(TRACKS) % 4) - 3.6
    for tick in range(60):
        now = 10**9 + tick * 10_000_000
        frame["tick_index"], frame["tick_time_ns"] = tick, now
        frame["radar"]["count"] = frame["obstacle"]["count"] = 0
        if tick % 5 == 0 or tick == 59:
            _see(frame, rng, x, y, now)
        if tick < 59:
            tracks = step.step(frame, ego, lane)
    counted = int(np.sum(tracks["tracks"]["status"] >= 2))
    median = float(np.median([step.nanoseconds(frame, ego, lane, 200) for _ in range(ROUNDS)]))
    return {"kernel": f"tracks step, {counted} objects from 3 sensors", "ours_ns": median, "peer": None, "peer_version": None,
            "peer_ns": None, "ratio": None, "aim": f"<= {STEP_AIM_NS / 1e3:g} us", "met": median <= STEP_AIM_NS}  # fmt: skip


def _see(frame, rng, x, y, now) -> None:
    boxes, points = frame["obstacle"]["items"][:TRACKS], frame["radar"]["items"][: 2 * TRACKS]
    boxes["x"], boxes["y"] = x + 2.3 + rng.normal(0, 0.1, TRACKS), y + rng.normal(0, 0.05, TRACKS)
    boxes["length"], boxes["width"], boxes["range_rate"], boxes["source"] = 4.6, 1.8, np.nan, 21
    points["x"], points["y"] = np.tile(x, 2) + rng.normal(0, 0.1, 2 * TRACKS), np.tile(y, 2) + rng.normal(0, 0.1, 2 * TRACKS)
    points["x_sigma"] = points["y_sigma"] = 0.2
    points["source"] = np.repeat([22, 23], TRACKS)
    for rows_of in (boxes, points):
        rows_of["valid_time_ns"] = rows_of["received_time_ns"] = now
    frame["obstacle"]["count"], frame["radar"]["count"] = TRACKS, 2 * TRACKS


def _filters(parameters: np.ndarray) -> list[dict]:
    from autonomy.estimation.tracks._probe import TrackBank

    rng = np.random.default_rng(2)
    mean = np.zeros((2, 6, TRACKS))
    mean[:, 0], mean[:, 2] = rng.uniform(0, 100, TRACKS), 20.0
    cov = np.zeros((2, 21, TRACKS))
    cov[:, [0, 6, 11, 15, 18, 20]] = 0.1
    bank = TrackBank(parameters, mean, cov, np.full((2, TRACKS), 0.5))
    bank.clear()
    for track in range(TRACKS):
        bank.measure(track, share=1.0, x=mean[0, 0, track], xx=0.1, yy=0.1, rate_variance=0.1, sight_x=1.0, own_rate=20.0)
    ours, theirs, peer = [], [], _filterpy()
    peer()
    for _ in range(ROUNDS):
        ours.append(bank.nanoseconds(500))
        begin = time.perf_counter_ns()
        for _ in range(5):
            peer()
        theirs.append((time.perf_counter_ns() - begin) / 5)
    ours_ns, peer_ns = float(np.median(ours)), float(np.median(theirs))
    common = {"ours_ns": ours_ns, "peer": "filterpy", "peer_version": version("filterpy"), "peer_ns": peer_ns,
              "ratio": peer_ns / ours_ns}  # fmt: skip
    kernel = f"{TRACKS} tracks, predict + 3-dim update"
    return [
        {"kernel": f"{kernel}, two models", **common, "aim": ">= 50x", "met": peer_ns / ours_ns >= 50.0},
        {"kernel": f"{kernel}, two models", **common, "aim": f"<= {FILTER_AIM_NS / 1e3:g} us", "met": ours_ns <= FILTER_AIM_NS},
    ]


def _filterpy() -> Callable[[], None]:
    """A loop over 64 filters of six states: predict, update by three."""
    from filterpy.kalman import KalmanFilter

    peers = []
    for _ in range(TRACKS):
        peer = KalmanFilter(dim_x=6, dim_z=3)
        peer.F[0, 2] = peer.F[1, 3] = 0.01
        peer.H[0, 0] = peer.H[1, 1] = peer.H[2, 2] = 1.0
        peer.Q *= 1e-3
        peers.append(peer)
    measurement = np.full((3, 1), 0.01)

    def run() -> None:
        for peer in peers:
            peer.predict()
            peer.update(measurement)

    return run


def _assignment(parameters: np.ndarray) -> dict:
    """40 tracks, 60 detections: distances, gate, assignment."""
    from scipy.optimize import linear_sum_assignment

    from autonomy.estimation.tracks._probe import Gate

    rng = np.random.default_rng(3)
    tracks = np.column_stack([rng.uniform(0, 120, 40), rng.uniform(-8, 8, 40)])
    seen = np.vstack([tracks + rng.normal(0, 0.3, (40, 2)), np.column_stack([rng.uniform(0, 120, 20), rng.uniform(-8, 8, 20)])])
    gate = Gate(parameters, tracks, seen, 0.1, 0.1)

    def peer() -> None:
        square = np.square(tracks[:, None] - seen[None]).sum(axis=2) / 0.2
        linear_sum_assignment(np.where(square < 25.0, square, 1e6))

    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(gate.nanoseconds(500))
        begin = time.perf_counter_ns()
        for _ in range(100):
            peer()
        theirs.append((time.perf_counter_ns() - begin) / 100)
    ours_ns, peer_ns = float(np.median(ours)), float(np.median(theirs))
    return {"kernel": "assignment 40 x 60, distances and gate too", "ours_ns": ours_ns, "peer": "numpy + scipy",
            "peer_version": version("scipy"), "peer_ns": peer_ns, "ratio": peer_ns / ours_ns,
            "aim": f"<= {ASSIGNMENT_AIM_NS / 1e3:g} us", "met": ours_ns <= ASSIGNMENT_AIM_NS}  # fmt: skip
