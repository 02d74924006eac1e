"""The tracker's mathematics with NumPy and SciPy, one track at a time: motion of both models, update at the
measurement's own time, mixing, joint association, evidence of a lane change, time of entry."""

from __future__ import annotations

from itertools import product

import numpy as np

STEADY, TURNING = 0, 1
UPPER = np.triu_indices(6)


def packed(P: np.ndarray) -> np.ndarray:
    """(21,) upper triangle by rows."""
    return P[UPPER]


def unpacked(upper: np.ndarray) -> np.ndarray:
    P = np.zeros((6, 6))
    P[UPPER] = upper
    return P + P.T - np.diag(np.diag(P))


def velocity_change(model: int, state: np.ndarray, own_yaw_rate: float) -> np.ndarray:
    """m/s2 of the velocity in the turning vehicle frame: acceleration along the motion, told along x, and the turn rate."""
    _, _, vx, vy, acceleration, turn = state
    turning = (turn if model == TURNING else 0.0) - own_yaw_rate
    return np.array([acceleration - turning * vy, acceleration * slope_across(vx, vy) + turning * vx])


def slope_across(vx: float, vy: float) -> float:
    """What is across of a motion for each that is along x, softly none at a standstill."""
    return vx * vy / (vx * vx + 1.0)


def predict(p, model: int, state: np.ndarray, P: np.ndarray, dt: float, own_speed: float, own_yaw_rate: float):
    """(state, covariance) a tick later. `p`: TracksParameters."""
    x, y, vx, vy, acceleration, turn = state
    turn_memory_s = p["turn_decay_s"] if model == TURNING else p["steady_decay_s"]
    decay = np.exp(-dt / np.array([p["acceleration_decay_s"], turn_memory_s]))
    change = dt * velocity_change(model, state, own_yaw_rate)
    after = np.array([x + dt * (vx + 0.5 * change[0] - own_speed + own_yaw_rate * y),
                      y + dt * (vy + 0.5 * change[1] - own_yaw_rate * x), vx + change[0], vy + change[1],
                      decay[0] * acceleration, decay[1] * turn])  # fmt: skip
    F = np.eye(6)
    F[0, 1], F[1, 0], F[0, 2], F[1, 3] = own_yaw_rate * dt, -own_yaw_rate * dt, dt, dt
    for k in range(2, 6):  # by differences: the kernel has the derivatives written out
        step = np.zeros(6)
        step[k] = 1e-6
        F[2:4, k] += dt * (velocity_change(model, state + step, own_yaw_rate)
                           - velocity_change(model, state - step, own_yaw_rate)) / 2e-6  # fmt: skip
    F[4, 4], F[5, 5] = decay
    if model == TURNING:
        across, turned = p["process_lateral"] ** 2 * dt, p["process_turn"] ** 2 * dt
    else:
        across, turned = p["process_steady"] ** 2 * dt, (1.0 - decay[1] ** 2) * p["initial_turn_sigma"] ** 2
    return after, F @ P @ F.T + np.diag([0.0, 0.0, 0.0, across, p["process_jerk"] ** 2 * dt, turned])


def measurement(state: np.ndarray, m: dict, own_speed: float, own_yaw_rate: float):
    """(expected x, y, range rate `age` ago; their Jacobian (3, 6))."""
    x, y, vx, vy, acceleration, _ = state
    age, sight = m["age"], np.array([m["sight_x"], m["sight_y"]])
    slower = -age * (sight @ [1.0, slope_across(vx, vy)])
    expected = np.array([x - age * (vx - own_speed + own_yaw_rate * y), y - age * (vy - own_yaw_rate * x),
                         sight @ [vx, vy] + slower * acceleration - m["own_rate"]])  # fmt: skip
    H = np.zeros((3, 6))
    H[0, [0, 2]] = H[1, [1, 3]] = 1.0, -age
    H[2, 2:5] = *sight, slower
    return expected, H


def update(state: np.ndarray, P: np.ndarray, m: dict, own_speed: float, own_yaw_rate: float):
    """(state, covariance, likelihood) by a mean measurement that is the track's with the probability m["share"]."""
    expected, H = measurement(state, m, own_speed, own_yaw_rate)
    R = np.array([[m["xx"], m["xy"], 0.0], [m["xy"], m["yy"], 0.0], [0.0, 0.0, m["rate_variance"]]])
    S = H @ P @ H.T + R
    K = P @ H.T @ np.linalg.inv(S)
    innovation = np.array([m["x"], m["y"], m["range_rate"]]) - expected
    a, b, c, d, e, f = m["spread"]
    spread = np.array([[a, b, c], [b, d, e], [c, e, f]])
    share = m["share"]
    after = P - share * K @ S @ K.T + K @ (share * spread + share * (1.0 - share) * np.outer(innovation, innovation)) @ K.T
    likelihood = np.exp(-0.5 * innovation @ np.linalg.solve(S, innovation)) / np.sqrt(np.linalg.det(S))
    return state + share * K @ innovation, after, likelihood


def combine(weights, means, covariances):
    """(mean, covariance) of a mixture."""
    mean = sum(w * x for w, x in zip(weights, means, strict=True))
    return mean, sum(w * (P + np.outer(x - mean, x - mean)) for w, x, P in zip(weights, means, covariances, strict=True))


def mix(p, probability, means, covariances, elapsed: float):
    """([(mean, covariance) of both models], probabilities) before the next prediction."""
    begin, end = 1.0 - np.exp(-elapsed * p["begin_rate"]), 1.0 - np.exp(-elapsed * p["end_rate"])
    transition = np.array([[1.0 - begin, begin], [end, 1.0 - end]])
    joint = transition * np.asarray(probability)[:, None]
    return [combine(joint[:, j] / joint[:, j].sum(), means, covariances) for j in range(2)], joint.sum(axis=0)


def joint_weights(ratio: np.ndarray) -> np.ndarray:
    """(n, m) probability that a detection is a track's, over all joint events; `ratio` (n, m): how much likelier than not,
    0 where impossible."""
    n, m = ratio.shape
    total, weights = 0.0, np.zeros((n, m))
    for choice in product(range(-1, m), repeat=n):
        taken = [j for j in choice if j >= 0]
        if len(set(taken)) < len(taken):
            continue
        weight = np.prod([ratio[i, j] for i, j in enumerate(choice) if j >= 0])
        total += weight
        for i, j in enumerate(choice):
            if j >= 0:
                weights[i, j] += weight
    return weights / total


def change_profile(since_s):
    """m moved across since a lane change of 5 s and 3.75 m began, by smallest jerk."""
    share = np.clip(np.asarray(since_s) / 5.0, 0.0, 1.0)
    return 3.75 * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


def change_evidence(time_s, offset, variance, onset_s: float) -> float:
    """Log of how much likelier it is that a track on the left began to change lanes at `onset_s` than that it keeps its lane,
    from its measured offsets: those less the profile, against those as they are, before the same filter of who wanders."""
    wander, memory_s = 0.08, 3.0
    kept, changed = np.array([offset[0], 0.0]), np.array([offset[0], 0.0])
    P = np.diag([variance[0], wander**2])
    evidence = 0.0
    for k in range(1, len(time_s)):
        keep = np.exp(-(time_s[k] - time_s[k - 1]) / memory_s)
        F = np.array([[1.0, memory_s * (1.0 - keep)], [0.0, keep]])
        kept, changed = F @ kept, F @ changed
        P = F @ P @ F.T + np.diag([0.0, (1.0 - keep**2) * wander**2])
        innovation = offset[k] - kept[0]
        other = offset[k] + change_profile(time_s[k] - onset_s) - changed[0]
        S = max(P[0, 0] + variance[k], innovation**2 / 9.0)  # outliers beyond 3 sigma count less
        gain = P[:, 0] / S
        kept, changed = kept + gain * innovation, changed + gain * other
        P = P - np.outer(gain, P[0])
        evidence += 0.5 * (innovation**2 - other**2) / S
    return evidence


def entry_time(parameters, lane_width: float, offset: float, speed: float, sigma: float, speed_along: float) -> float:
    """s until a track comes into the path: 0 in it, NaN when it does not come. `offset`, `speed` to the left, in the lane."""
    p = parameters
    if abs(offset) < p["path_half_width_m"]:
        return 0.0
    wanders = lane_width - abs(offset) < p["entry_wander_m"]
    needed = float(p["entry_speed_certain" if wanders else "entry_speed_minimum"])
    if abs(offset) >= 0.5 * lane_width + 0.9:  # else its side is on the marking: moving is enough
        needed = max(p["entry_significance"] * sigma, needed)
    possible = p["entry_slope_maximum"] * abs(speed_along)
    inwards = -np.sign(offset) * speed
    if inwards < needed or possible < needed:
        return np.nan
    time = max((abs(offset) - p["entry_contact_m"]) / min(inwards, possible), 1e-3)
    return float(time) if time < p["entry_horizon_s"] else np.nan


def may_come_over(boxes: int, length: float, width: float, pedestrian: bool) -> bool:
    """Seen too small for a vehicle a track changes no lane; a motorcycle is 0.7 m wide and more."""
    return boxes == 0 or pedestrian or max(length, width) >= 0.6
