"""The ideal detector of cut-ins on vehicles of the detection model's world."""

import numpy as np
import pytest

from hil.sensors.detections import Detections, load
from hil.suites._tracking_ideal import THRESHOLDS, IdealDetector
from hil.worlds.dense_motorway import LANE_WIDTH_M, Change

SPEED, AWAY_M, END_S = 25.0, 30.0, 9.0
AT = int(np.flatnonzero(THRESHOLDS == 5.0)[0])


def seen(path, seed=0, change_s=None):
    """A detector after a vehicle with a lidar's noise has gone along `path(t)`, m from the truck's lane; when it was flagged."""
    random, detector, nan, lidar = np.random.default_rng(seed), IdealDetector(), np.full(1, np.nan), load()[0]
    sigma = np.radians(lidar.azimuth_sigma_deg) * AWAY_M
    first = None
    for k in range(round(END_S / lidar.period_s)):
        now = k * lidar.period_s
        detector.follow({7: SPEED}, now)
        y = np.array([path(now) + sigma * random.standard_normal()])
        heading = (path(now + 0.05) - path(now - 0.05)) / 0.1 / SPEED + np.radians(lidar.yaw_sigma_deg) * random.standard_normal()
        x = np.array([lidar.x_m + AWAY_M])
        detector.take(lidar, Detections(x, y, nan, nan, nan, np.array([heading]), nan, np.full(1, 1.9), np.ones(1, np.uint8),
                                        np.full(1, 7)), now)  # fmt: skip
        detector.decide(7, now, change_s is not None and now > change_s, False)
        if first is None and not np.isnan(detector.vehicles[7].flagged_s[AT]):
            first = now
    return detector, first


def wander(amplitude, period=10.0, phase=0.4):
    return lambda t: LANE_WIDTH_M + amplitude * np.sin(phase + 2.0 * np.pi * t / period)


@pytest.mark.parametrize("amplitude", [0.0, 0.05])
@pytest.mark.parametrize("seed", [0, 1])
def test_who_keeps_its_lane_is_not_flagged(amplitude, seed):
    detector, first = seen(wander(amplitude), seed)
    assert first is None and detector.calm[AT] == 0 and detector.wanderers.sum() == 0


@pytest.mark.parametrize("duration", [3.0, 6.0])
def test_who_changes_is_flagged_before_its_tyre_crosses(duration):
    begun = 5.0
    change = Change(7, begun, duration, LANE_WIDTH_M, 0.0, 20.0)
    keep = wander(0.04)

    def path(t):
        return keep(t) + (change.offset(t) - LANE_WIDTH_M if t > begun else 0.0)

    _, first = seen(path, change_s=begun)
    crossed = next(t for t in np.arange(begun, END_S, 0.01) if path(t) < 0.5 * LANE_WIDTH_M + 0.875)
    assert begun < first < crossed - 0.2

