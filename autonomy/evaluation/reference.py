"""Ego estimates held against a reference: errors, and whether the published sigmas are true (drift: outage.py).

All functions take the outputs of a run as an array of dtype("EgoState") with rising time_ns and the reference as an
array of dtype("ReferencePose") whose orientation is vehicle axes to ENU. Errors are estimate minus reference, the
estimate interpolated linearly to the reference times. Keys are those of `autonomy replay --json`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.geodesy import geodetic_to_enu

REFERENCE, RECEIVER = "/ref/pose", "receiver"  # where the poses come from that a run is held against
SETTLING_S = 5.0  # the first seconds align the filter and are left out


@dataclass(frozen=True)
class Errors:
    """Estimate minus reference at the reference times; ENU, SI, radians. Yaw has its mean removed (camera mounting)."""

    time_ns: np.ndarray
    position: np.ndarray  # n x 3
    velocity: np.ndarray  # n x 3
    course: np.ndarray
    yaw: np.ndarray
    sigma: np.ndarray  # n x 6, position and velocity
    travelled_m: np.ndarray  # reference distance since the first of these times


def is_valid(ego: np.ndarray) -> np.ndarray:
    state = msg.constants("EgoState")
    needed = state["STATUS_POSITION_VALID"] | state["STATUS_VELOCITY_VALID"] | state["STATUS_YAW_ALIGNED"]
    return (ego["status"] & needed) == needed


def interpolate(times: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    columns = np.atleast_2d(values.T)
    start = known[0]
    found = np.stack([np.interp((times - start) * 1e-9, (known - start) * 1e-9, column) for column in columns], axis=-1)
    return found if values.ndim == 2 else found[:, 0]


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return np.remainder(angle + np.pi, 2.0 * np.pi) - np.pi


def errors(ego: np.ndarray, reference: np.ndarray, settling_s: float = SETTLING_S, delay_s: float = 0.0) -> Errors | None:
    """Errors from `settling_s` after the first output on; None where no valid estimate meets a reference.

    `delay_s`: the reference's positions were true so long before their time; the estimate goes back by its own velocity.
    """
    if len(ego) == 0 or len(reference) == 0:
        return None
    start_ns = ego["time_ns"][0] + int(settling_s * 1e9)
    valid = ego[is_valid(ego)]
    if len(valid) < 2:
        return None
    inside = (reference["time_ns"] >= max(start_ns, valid["time_ns"][0])) & (reference["time_ns"] <= valid["time_ns"][-1])
    truth = reference[inside]
    if len(truth) < 2:
        return None
    last = valid[-1]
    origin = (last["origin_latitude_deg"], last["origin_longitude_deg"], last["origin_altitude_m"])
    position = geodetic_to_enu(truth["latitude_deg"], truth["longitude_deg"], truth["altitude_m"], origin)
    velocity = np.stack([truth["velocity_east"], truth["velocity_north"], truth["velocity_up"]], axis=-1)
    w, x, y, z = truth["orientation"].T
    yaw = np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))
    times, known = truth["time_ns"], valid["time_ns"]
    found_velocity = interpolate(times, known, valid["velocity"])
    yaw_error = _wrapped(interpolate(times, known, np.unwrap(valid["yaw"])) - yaw)
    yaw_error = _wrapped(yaw_error - np.angle(np.mean(np.exp(1j * yaw_error))))
    steps = np.linalg.norm(np.diff(position, axis=0), axis=1)
    return Errors(
        time_ns=times,
        position=interpolate(times, known, valid["position"]) - delay_s * found_velocity - position,
        velocity=found_velocity - velocity,
        course=_wrapped(np.arctan2(found_velocity[:, 1], found_velocity[:, 0]) - np.arctan2(velocity[:, 1], velocity[:, 0])),
        yaw=yaw_error,
        sigma=interpolate(times, known, valid["sigma"][:, :6]),
        travelled_m=np.concatenate([[0.0], np.cumsum(steps)]),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.sum(np.atleast_2d(values.T) ** 2, axis=0))))


def reference_metrics(ego: np.ndarray, reference: np.ndarray, settling_s: float = SETTLING_S) -> dict[str, float | None]:
    """RMS errors and the share of errors inside 3 published sigmas.

    Position RMS is horizontal; offset-free = mean error removed; course counts above 3 m/s; inside_3_sigma_share is over
    east, north and the three velocity components.
    """
    names = (
        "position_rms_m", "position_rms_offset_free_m", "velocity_rms_mps", "velocity_rms_3d_mps", "course_rms_deg",
        "heading_rms_deg", "inside_3_sigma_share",
    )  # fmt: skip
    found = errors(ego, reference, settling_s)
    if found is None:
        return dict.fromkeys(names)
    horizontal = found.position[:, :2]
    moving = np.gradient(found.travelled_m, (found.time_ns - found.time_ns[0]) * 1e-9) > 3.0
    checked = np.concatenate([np.abs(horizontal), np.abs(found.velocity)], axis=1)
    limits = 3.0 * found.sigma[:, [0, 1, 3, 4, 5]]
    values = (
        _rms(horizontal),
        _rms(horizontal - horizontal.mean(axis=0)),
        _rms(found.velocity[:, :2]),
        _rms(found.velocity),
        float(np.degrees(_rms(found.course[moving]))) if moving.any() else None,
        float(np.degrees(_rms(found.yaw))),
        float(np.mean(checked <= limits)),
    )
    return dict(zip(names, values, strict=True))


def aid_metrics(last: np.ndarray) -> dict[str, dict[str, float | int | None]]:
    """Consistency of each aid from the last EgoState of a run: counts, NIS per degree of freedom, share beyond 95 %."""
    result = {}
    for index, name in sorted(msg.words("EgoState", "AID_").items()):
        aid = last["aids"][index]
        offered = int(aid["accepted"]) + int(aid["rejected"])
        freedom = int(aid["degrees_of_freedom"])
        result[name] = {
            "accepted": int(aid["accepted"]),
            "rejected": int(aid["rejected"]),
            "nis_per_dof": float(aid["nis_sum"]) / freedom if freedom else None,
            "share_over_95": float(aid["over_95"]) / offered if offered else None,
        }
    return result
