"""About the best that anybody could do about cut-ins with what the detection model gives: the likelihood ratio of having begun to
change against keeping the lane (Neyman, Pearson 1933), with the true association, the true noise and the true spread of how
vehicles wander and change. What a tracker lacks of its curve is the tracker's; what the curve does not reach is the sensors'.

It is better off than any tracker: it knows whose detection each is, and when an earlier change of the vehicle ended. It leaves
out the range rate's part across the road, and takes a normal spread of amplitudes where the world knows two.
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
PERIODS = 6  # of an oscillation in the lane, tried beside each other ...
DRIFT = 0.02  # 1/s, of its variance: they are a second apart
THRESHOLDS = np.arange(-4.0, 14.1, 0.5)  # of the log of the ratio
PAUSE_S = 1.0  # a flag within it goes on


def _wanders() -> tuple[np.ndarray, ...]:
    """(variance of the two parts of the oscillation, angular frequency, log of the prior) (n,) of every way to keep a lane."""
    low, high = WANDER_PERIOD_S
    frequencies = 2.0 * np.pi / (low + (np.arange(PERIODS) + 0.5) / PERIODS * (high - low))
    rows = [(0.5 * square, frequency, np.log(share / PERIODS))
            for square, share in ((WANDER_M**2, WANDERER_SHARE), (CALM_M**2 / 3.0, 1.0 - WANDERER_SHARE))
            for frequency in frequencies]  # fmt: skip
    return tuple(np.array(rows).T)


VARIANCE, FREQUENCY, LOG_PRIOR = _wanders()


def _moved(since_s: np.ndarray, duration_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m moved towards the next lane, m/s) since a change began."""
    share = np.clip(since_s / duration_s, 0.0, 1.0)
    return (LANE_WIDTH_M * share**3 * (10.0 - 15.0 * share + 6.0 * share**2),
            LANE_WIDTH_M * 30.0 * share**2 * (1.0 - share) ** 2 / duration_s)  # fmt: skip


class _Vehicle:
    """The test of one: log likelihoods and the two parts of the oscillation by a Kalman filter, of keeping (1, 1, w) and of
    changing (onsets, durations, w). What is known of the oscillation, and so the gain, is the same for all."""

    def __init__(self, since_s: float):
        self.since_s, self.seen_s, self.newest = since_s, -9.0, int(since_s / ONSET_STEP_S)
        shape = ONSETS + 1, len(DURATIONS_S), len(LOG_PRIOR)  # the last of the onsets: never
        self.likelihood = np.full(shape, -np.inf)
        self.likelihood[ONSETS] = LOG_PRIOR
        self.cosine, self.sine = np.zeros(shape), np.zeros(shape)
        self.cc, self.cs, self.ss = VARIANCE.copy(), np.zeros(len(VARIANCE)), VARIANCE.copy()
        self.onset_s = np.full(ONSETS + 1, np.inf)
        self.flagged_s = np.full(len(THRESHOLDS), np.nan)  # since when, as long as the flag stands
        self.last_s = np.full(len(THRESHOLDS), -9.0)
        self.ratio = -np.inf

    def measure(self, now_s: float, offset: float, sigma: float, heading_speed: float, heading_sigma: float) -> None:
        """`offset`: m from the middle of the next lane; `heading_speed`: m/s across by the heading, NaN where not measured."""
        while self.newest < int(now_s / ONSET_STEP_S):
            self.newest += 1
            k = self.newest % ONSETS
            for values in (self.likelihood, self.cosine, self.sine):
                values[k] = values[ONSETS]
            self.onset_s[k] = self.newest * ONSET_STEP_S
        if self.seen_s > 0.0:
            grown = DRIFT * VARIANCE * max(now_s - self.seen_s, 0.0)  # a sensor of more latency tells of a little earlier
            self.cc, self.ss = self.cc + grown, self.ss + grown
        self.seen_s = max(now_s, self.seen_s)
        moved, fast = (value[:, :, None] for value in _moved(now_s - self.onset_s[:, None], DURATIONS_S))
        c, s = np.cos(FREQUENCY * now_s), np.sin(FREQUENCY * now_s)
        self._correct(offset + moved, c, s, sigma)
        if np.isfinite(heading_speed):
            self._correct(heading_speed + fast, -FREQUENCY * s, FREQUENCY * c, heading_sigma)
        self.ratio = self._ratio()

    def _correct(self, measured: np.ndarray, c: np.ndarray, s: np.ndarray, sigma: float) -> None:
        """By a measurement of c cosine + s sine (w,)."""
        to_cosine, to_sine = self.cc * c + self.cs * s, self.cs * c + self.ss * s
        total = c * to_cosine + s * to_sine + sigma**2
        innovation = measured - c * self.cosine - s * self.sine
        self.likelihood -= 0.5 * (np.minimum(innovation**2 / total, OUTLIER) + np.log(total))
        innovation = np.clip(innovation, -np.sqrt(OUTLIER * total), np.sqrt(OUTLIER * total))
        self.cosine += to_cosine / total * innovation
        self.sine += to_sine / total * innovation
        self.cc, self.cs, self.ss = (self.cc - to_cosine**2 / total, self.cs - to_cosine * to_sine / total,
                                     self.ss - to_sine**2 / total)  # fmt: skip

    def _ratio(self) -> float:
        """Log; of a change that began at any of the last moments against none."""
        top = float(self.likelihood.max())
        every = np.exp(self.likelihood - top)
        return float(np.log(every[:ONSETS].sum() / ONSETS + 1e-300) - np.log(every[ONSETS].sum() + 1e-300))


class IdealDetector:
    """Fed by the drive: every scan's detections when they have come, every moment's vehicles.

    `early`: of each cut-in (thresholds,): s flagged before the tyre crossed, -1 where not; `wanderers`, `calm` (thresholds,):
    flags of those who keep their lane.
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
            if vehicle is None or measured_s < vehicle.since_s:
                continue
            width = float(found.width[k]) if lidar else 1.9
            sigma = float(np.hypot(np.radians(sensor.azimuth_sigma_deg) * away[k], sensor.reflection_spread * width))
            speed = self.speeds[int(number)]
            across = float(found.yaw[k]) * speed if lidar else np.nan
            vehicle.measure(measured_s, float(found.y[k]) - LANE_WIDTH_M, max(sigma, LEAST_SIGMA_M), across,
                            np.radians(sensor.yaw_sigma_deg) * speed)  # fmt: skip

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
        flagged = vehicle.ratio > THRESHOLDS
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
