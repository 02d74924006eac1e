"""The best that anybody could do about cut-ins with the detections of the detection model: the likelihood ratio of having begun to
change against keeping the lane, with the true association, the true noise and the true spread of how vehicles wander and change
(Neyman, Pearson 1933). What a tracker reaches of its curve is the tracker's; what lies beyond the curve is the sensors'.

It is better off than any tracker: it knows whose detection each is and when an earlier change of the same vehicle ended. What it
leaves out: the range rate's part across the road.
"""

from __future__ import annotations

import numpy as np

from hil.worlds.dense_motorway import (
    CALM_M,
    CHANGE_DURATION_S,
    LANE_WIDTH_M,
    WANDER_M,
    WANDER_PERIOD_S,
    WANDERER_SHARE,
)

ONSET_STEP_S, ONSETS = 0.1, 30  # of a change that is looked for
DURATIONS_S = np.linspace(*CHANGE_DURATION_S, 4)
OUTLIER = 16.0  # square of sigmas: beyond, two bodies came as one
LEAST_SIGMA_M = 0.02  # of an offset
THRESHOLDS = np.arange(-4.0, 14.1, 0.5)  # of the log of the ratio
PAUSE_S = 1.0  # a flag within it goes on


def _wanders() -> tuple[np.ndarray, ...]:
    """(amplitude, angular frequency, phase, log of the prior) (n,) of every way to keep a lane."""
    calm = (np.arange(3) + 0.5) / 3 * CALM_M
    amplitudes = [(WANDER_M, WANDERER_SHARE), *((value, (1.0 - WANDERER_SHARE) / len(calm)) for value in calm)]
    low, high = WANDER_PERIOD_S
    periods = low + (np.arange(4) + 0.5) / 4 * (high - low)
    phases = np.arange(12) / 12 * 2.0 * np.pi
    rows = [(amplitude, 2.0 * np.pi / period, phase, np.log(share / (len(periods) * len(phases))))
            for amplitude, share in amplitudes for period in periods for phase in phases]  # fmt: skip
    return tuple(np.array(rows).T)


AMPLITUDE, FREQUENCY, PHASE, LOG_PRIOR = _wanders()


def _moved(since_s: np.ndarray, duration_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m moved towards the next lane, m/s) since a change began."""
    share = np.clip(since_s / duration_s, 0.0, 1.0)
    return (LANE_WIDTH_M * share**3 * (10.0 - 15.0 * share + 6.0 * share**2),
            LANE_WIDTH_M * 30.0 * share**2 * (1.0 - share) ** 2 / duration_s)  # fmt: skip


class _Vehicle:
    """The test of one: log likelihoods of keeping (w,), and of changing, (onsets, durations, w)."""

    def __init__(self, since_s: float):
        self.since_s, self.seen_s, self.newest = since_s, -9.0, int(since_s / ONSET_STEP_S)
        self.keep = LOG_PRIOR.copy()
        self.change = np.full((ONSETS, len(DURATIONS_S), len(LOG_PRIOR)), -np.inf)
        self.onset_s = np.zeros(ONSETS)
        self.flagged_s = np.full(len(THRESHOLDS), np.nan)  # since when, as long as the flag stands
        self.last_s = np.full(len(THRESHOLDS), -9.0)

    def measure(self, now_s: float, offset: float, sigma: float, heading_speed: float, heading_sigma: float) -> None:
        while self.newest < int(now_s / ONSET_STEP_S):
            self.newest += 1
            self.change[self.newest % ONSETS] = self.keep
            self.onset_s[self.newest % ONSETS] = self.newest * ONSET_STEP_S
        self.seen_s = now_s
        angle = PHASE + FREQUENCY * now_s
        place, speed = LANE_WIDTH_M + AMPLITUDE * np.sin(angle), AMPLITUDE * FREQUENCY * np.cos(angle)

        def told(moved, fast):
            square = np.minimum(((offset - place + moved) / sigma) ** 2, OUTLIER)
            if np.isfinite(heading_speed):
                square += np.minimum(((heading_speed - speed + fast) / heading_sigma) ** 2, OUTLIER)
            return -0.5 * square

        moved, fast = _moved(now_s - self.onset_s[:, None], DURATIONS_S)
        self.keep += told(0.0, 0.0)
        self.change += told(moved[:, :, None], fast[:, :, None])

    def ratio(self) -> float:
        """Log; of a change that began at any of the last moments against none."""
        top = max(float(self.change.max()), float(self.keep.max()))
        changed = np.exp(self.change - top).sum() / len(self.onset_s) / len(DURATIONS_S)
        return float(np.log(changed + 1e-300) - np.log(np.exp(self.keep - top).sum() + 1e-300))


class IdealDetector:
    """Fed by the drive: every scan's detections when they have come, every moment's vehicles.

    `early`: of each cut-in (thresholds,): s flagged before the tyre crossed, -1 where not; `wanderers`, `calm` (thresholds,): flags
    of those who keep their lane.
    """

    def __init__(self) -> None:
        self.vehicles: dict[int, _Vehicle] = {}
        self.speeds: dict[int, float] = {}
        self.early: list[np.ndarray] = []
        self.wanderers, self.calm = np.zeros(len(THRESHOLDS), np.int64), np.zeros(len(THRESHOLDS), np.int64)

    def take(self, sensor, found, measured_s: float) -> None:
        """`found`: Detections of a scan that was valid at `measured_s`."""
        away = np.hypot(found.x - sensor.x_m, found.y - sensor.y_m)
        lidar = sensor.kind == "lidar"
        for k, number in enumerate(found.number):
            vehicle = self.vehicles.get(int(number))
            if vehicle is None or measured_s < vehicle.since_s or measured_s < vehicle.seen_s:
                continue
            width = float(found.width[k]) if lidar else 1.9
            sigma = float(np.hypot(np.radians(sensor.azimuth_sigma_deg) * away[k], sensor.reflection_spread * width))
            speed = self.speeds[int(number)]
            vehicle.measure(measured_s, float(found.y[k]), max(sigma, LEAST_SIGMA_M), float(found.yaw[k]) * speed if lidar
                            else np.nan, np.radians(sensor.yaw_sigma_deg) * speed)  # fmt: skip

    def follow(self, speeds: dict[int, float], now_s: float) -> None:
        """Who is in the next lane and ahead now, with speeds: the others are forgotten."""
        self.speeds = speeds
        for number in [number for number in self.vehicles if number not in speeds]:
            del self.vehicles[number]
        for number in speeds:
            self.vehicles.setdefault(number, _Vehicle(now_s))

    def decide(self, number: int, now_s: float, coming: bool, wanders: bool) -> None:
        """Flags of one vehicle at one moment, for every threshold."""
        vehicle = self.vehicles[number]
        flagged = vehicle.ratio() > THRESHOLDS
        begun = flagged & (now_s - vehicle.last_s > PAUSE_S)
        vehicle.last_s[flagged] = now_s
        vehicle.flagged_s = np.where(flagged, np.where(np.isnan(vehicle.flagged_s), now_s, vehicle.flagged_s), np.nan)
        if not coming:
            if wanders:
                self.wanderers += begun
            else:
                self.calm += begun

    def crossed(self, number: int, now_s: float) -> None:
        """The tyre of one that changes reaches the line."""
        self.early.append(np.nan_to_num(now_s - self.vehicles[number].flagged_s, nan=-1.0))
