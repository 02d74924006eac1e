"""Ego filter against filterpy and numba: one prediction and one six-dimensional update, and the whole step."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from autonomy import config, msg
from autonomy.estimation.ego._benchmark import predict_update
from autonomy.estimation.ego.ego import EgoEstimator
from autonomy.parameters import load_section
from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_NS

STATES, MEASUREMENTS = 26, 6
ROUNDS = 15  # ours and the peer take turns; the median of the rounds counts
STEP_AIM_NS = 10_000.0


def rows() -> list[dict]:
    """One row a peer; times in ns. The step has no peer of its own: its aim is a time."""
    parameters = load_section(config.load("ego"), "ego", "EgoParameters")
    kernel = f"predict + {MEASUREMENTS}-dimensional update, {STATES} states"
    found = [_compared(kernel, parameters, "filterpy", _filterpy(), 12.0)]
    try:
        found.append(_compared(kernel, parameters, "numba", _numba(), 3.0))
    except ImportError:
        found.append({"kernel": kernel, "ours_ns": None, "peer": "numba", "peer_version": "not installed: pip install numba",
                      "peer_ns": None, "ratio": None, "aim": ">= 3x", "met": None})  # fmt: skip
    found.append(_step(parameters))
    return found


def _compared(kernel: str, parameters: np.ndarray, peer: str, peer_step: Callable[[], None], aim: float) -> dict:
    ours, theirs = [], []
    peer_step()
    for _ in range(ROUNDS):
        ours.append(predict_update(parameters, 2000))
        begin = time.perf_counter_ns()
        for _ in range(200):
            peer_step()
        theirs.append((time.perf_counter_ns() - begin) / 200)
    ours_ns, peer_ns = float(np.median(ours)), float(np.median(theirs))
    return {"kernel": kernel, "ours_ns": ours_ns, "peer": peer, "peer_version": version(peer), "peer_ns": peer_ns,
            "ratio": peer_ns / ours_ns, "aim": f">= {aim:g}x", "met": peer_ns / ours_ns >= aim}  # fmt: skip


def _model() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    F = np.eye(STATES)
    F[0:3, 3:6] = 0.01 * np.eye(3)
    F[3:6, 12:15] = F[6:9, 9:12] = -0.01 * np.eye(3)
    H = np.zeros((MEASUREMENTS, STATES))
    H[:6, :6] = np.eye(6)
    return F, 1e-6 * np.eye(STATES), H, 0.1 * np.eye(MEASUREMENTS)


def _filterpy() -> Callable[[], None]:
    from filterpy.kalman import KalmanFilter

    peer = KalmanFilter(dim_x=STATES, dim_z=MEASUREMENTS)
    peer.F, peer.Q, peer.H, peer.R = _model()
    measurement = np.full((MEASUREMENTS, 1), 0.01)

    def step() -> None:
        peer.predict()
        peer.update(measurement)

    return step


def _numba() -> Callable[[], None]:
    import numba

    @numba.njit
    def predict_and_update(x, P, F, Q, H, R, z):
        x = F @ x
        P = F @ P @ F.T + Q
        PHt = P @ H.T
        K = np.linalg.solve(H @ PHt + R, PHt.T).T
        return x + K @ (z - H @ x), P - K @ PHt.T

    F, Q, H, R = _model()
    state = [np.zeros(STATES), np.eye(STATES)]
    measurement = np.full(MEASUREMENTS, 0.01)

    def step() -> None:
        state[0], state[1] = predict_and_update(state[0], state[1], F, Q, H, R, measurement)

    return step


def _step(parameters: np.ndarray) -> dict:
    """Median of whole steps at 100 Hz with IMU 100 Hz, wheels 50 Hz and GNSS 10 Hz on a straight drive, call included."""
    estimator = EgoEstimator(parameters)
    frame, out = np.zeros((), msg.dtype("InputFrame")), np.zeros((), msg.dtype("EgoState"))
    imu, wheel, gnss = frame["imu"]["items"], frame["wheel"]["items"], frame["gnss"]["items"]
    imu["acceleration_z"], wheel["rear_left"], wheel["rear_right"] = STANDARD_GRAVITY_MPS2, 20.0, 20.0
    gnss["latitude_deg"], gnss["longitude_deg"], gnss["altitude_m"], gnss["fix_type"] = 48.0, 11.0, 0.0, 3
    for name in ("velocity_east", "position_sigma", "altitude_sigma", "speed_sigma", "course_sigma_deg"):
        gnss[name] = np.nan
    gnss["speed"], gnss["course_deg"] = 20.0, 0.0
    view, result = frame.reshape(1).view(np.uint8), out.reshape(1).view(np.uint8)
    step, times = estimator._kernel.step, []
    for tick in range(3000):
        now = 1_000_000_000 + tick * TICK_NS
        frame["tick_index"], frame["tick_time_ns"] = tick, now
        for name, every in (("imu", 1), ("wheel", 2), ("gnss", 10)):
            frame[name]["count"] = 1 if tick % every == 0 else 0
            frame[name]["items"]["valid_time_ns"][0] = frame[name]["items"]["received_time_ns"][0] = now
        gnss["latitude_deg"][0] = 48.0 + (tick * 0.01 - 0.1) * 20.0 / 111_200.0
        begin = time.perf_counter_ns()
        step(view, result)
        times.append(time.perf_counter_ns() - begin)
    median = float(np.median(times[100:]))
    return {"kernel": "ego step, 100 Hz tick, horizon 0.3 s", "ours_ns": median, "peer": None, "peer_version": None,
            "peer_ns": None, "ratio": None, "aim": f"<= {STEP_AIM_NS / 1e3:g} us", "met": median <= STEP_AIM_NS}  # fmt: skip
