"""A radar that tells one point of each road user misses what the emulator misses."""

from __future__ import annotations

import numpy as np
import pytest

from hil.radar import Emulator
from hil.radar.road_users import detected, detection_probability
from hil.world import Truth
from tests.hil.lidar.scenes import actor_at, ego_at, straight

ROAD = straight(1000.0)
EYE_S = 305.2  # the emulator's radar of a truck at 300 m
SCANS = 2000


def queue(distance: float, kind: str = "car") -> list:
    """One that is hidden behind a car, `distance` away."""
    return [actor_at(ROAD, EYE_S + distance - 10.0, 0.0, 1), actor_at(ROAD, EYE_S + distance, 0.0, 2, kind)]


def chances(actors) -> np.ndarray:
    x, y, *_ = ROAD.at(EYE_S)
    return detection_probability(actors, x, y)


@pytest.mark.parametrize("actors", [[actor_at(ROAD, EYE_S + 170.0, 0.0)], queue(60.0), queue(130.0), queue(90.0, "motorcycle"),
                                    [actor_at(ROAD, EYE_S + 70.0, 0.0, kind="pedestrian", size=(0.5, 0.6, 1.75))]])  # fmt: skip
def test_as_often_as_the_emulator(actors):
    emulator, x_y = Emulator(None, 3), ROAD.at(EYE_S)[:2]
    tables = [emulator.measure(Truth(scan * 50_000_000, ego_at(ROAD, 300.0), actors=actors)).table for scan in range(SCANS)]
    of_emulator = [np.mean([(table["actor"] == actor.id).any() for table in tables]) for actor in actors]
    random = np.random.default_rng(3)
    drawn = np.mean([detected(actors, *x_y, random) for _ in range(SCANS)], axis=0)
    np.testing.assert_allclose(drawn, of_emulator, atol=0.05)
    np.testing.assert_allclose(drawn, chances(actors), atol=0.04)


def test_who_is_hidden_is_seen_below_the_other_near_by_and_often_missed_afar():
    assert chances(queue(30.0))[1] > 0.99
    alone, hidden = chances(queue(150.0)[1:])[0], chances(queue(150.0))[1]
    assert alone > 0.95 and 0.4 < hidden < 0.7


def test_nobody_is_there():
    assert not len(chances([]))
