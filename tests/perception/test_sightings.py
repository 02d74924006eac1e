"""Which clusters are told (_sightings): beside the twin over a drive, and what the scans before are for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception import sightings_twin
from autonomy.perception.perceive import parameters
from tests.perception.scenes import HEIGHT_M, as_points, box, ground, perceiver, street

P = parameters()["sightings"]
SENSOR = np.array([0.0, 0.0, HEIGHT_M])
SPEED_MPS, PERIOD_S = 10.0, 0.1


def small(rng: np.random.Generator, x: float, y: float, count: int, low: float = 0.15, high: float = 0.3) -> np.ndarray:
    """[count, 3] of a thing of 0.3 m."""
    return np.column_stack([x + rng.uniform(0.0, 0.05, count), y + rng.uniform(-0.12, 0.12, count),
                            np.linspace(low, high, count) - HEIGHT_M])  # fmt: skip


def drive(one, scenes, speed: float = SPEED_MPS):
    return [one.perceive(as_points(points), (speed, 0.0, 0.0), elapsed_s=PERIOD_S if k else 0.0)
            for k, points in enumerate(scenes)]  # fmt: skip


def near(found, x: float, y: float) -> np.ndarray:
    told = found.obstacles
    return told[np.hypot(told["x"] - x, told["y"] - y) < 0.6]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_told_is_what_the_twin_tells_scan_by_scan(seed):
    rng = np.random.default_rng(seed)
    one, mind = perceiver(), sightings_twin.Mind(P)
    things = np.column_stack([rng.uniform(10.0, 60.0, 25), rng.uniform(-8.0, 8.0, 25), rng.integers(1, 30, 25)])
    for k in range(4):
        parts = [small(rng, x - SPEED_MPS * PERIOD_S * k, y, int(n), *sorted(rng.uniform(0.12, 1.5, 2)))
                 for x, y, n in things if rng.random() < 0.8]  # fmt: skip
        elapsed_s = PERIOD_S if k else 0.0
        found = one.perceive(as_points(np.vstack([ground(rng), *parts])), (SPEED_MPS, 0.0, 0.0), (0.0, 0.0, 0.02),
                             elapsed_s=elapsed_s)  # fmt: skip
        wanted = mind.told(sightings_twin.clusters(found.cells, SENSOR), (SPEED_MPS, 0.0), 0.02, elapsed_s)
        told = np.zeros(len(wanted), bool)
        shown = found.obstacles["cluster"][found.obstacles["cluster"] >= 0]
        told[shown] = True
        np.testing.assert_array_equal(told, wanted)
    assert not told.all()


def test_a_street_is_told_as_the_twin_tells_it():
    found = perceiver().perceive(street(300, 64))
    wanted = sightings_twin.Mind(P).told(sightings_twin.clusters(found.cells, SENSOR), (0.0, 0.0), 0.0, 0.0)
    assert sorted(found.obstacles["cluster"]) == np.flatnonzero(wanted).tolist() and any(wanted)


def test_few_points_are_told_from_the_third_scan_on_that_shows_them_in_one_place():
    rng = np.random.default_rng(3)
    scenes = [np.vstack([ground(rng), small(rng, 40.0 - k, 1.0, 3)]) for k in range(4)]
    assert [len(near(found, 40.0 - k, 1.0)) for k, found in enumerate(drive(perceiver(), scenes))] == [1, 0, 1, 1]
    drops = [np.vstack([ground(rng), small(rng, 40.0 - 3.0 * k, 1.0, 3)]) for k in range(4)]
    assert [len(near(found, 40.0 - 3.0 * k, 1.0)) for k, found in enumerate(drive(perceiver(), drops))] == [1, 0, 0, 0]


def test_debris_that_hides_between_rows_is_told_on_for_a_moment():
    rng = np.random.default_rng(4)
    scenes = [np.vstack([ground(rng), small(rng, 30.0 - k, 0.5, 12)]) for k in range(4)] + [ground(rng) for _ in range(9)]
    found = drive(perceiver(), scenes)
    held = [near(one, 30.0 - k, 0.5) for k, one in enumerate(found)]
    assert [len(one) for one in held] == [1] * 11 + [0, 0]  # 0.7 s
    assert held[5]["points"] == 0 and held[9]["score"] < held[5]["score"] < held[3]["score"]
    passed = drive(perceiver(), scenes[:2] + [ground(rng) for _ in range(3)])
    assert [len(near(one, 30.0 - k, 0.5)) for k, one in enumerate(passed)] == [1, 1, 0, 0, 0]  # seen twice only


@pytest.mark.parametrize(("cloud", "told"), [("drops", 0), ("spray", 0), ("car", 1), ("over", 0)])
def test_drops_spray_and_what_is_over_the_road_are_not_told_and_a_car_is(cloud, told):
    rng = np.random.default_rng(5)
    if cloud == "drops":  # a few that hang in the air near the sensor
        thing = rng.uniform((6.0, -0.3, 1.3 - HEIGHT_M), (6.6, 0.3, 1.9 - HEIGHT_M), (8, 3))
    elif cloud == "spray":
        thing = rng.uniform((25.0, -1.2, 0.2 - HEIGHT_M), (37.0, 1.2, 2.4 - HEIGHT_M), (200, 3))
    elif cloud == "over":
        thing = rng.uniform((30.0, -2.0, 4.2 - HEIGHT_M), (30.5, 2.0, 4.4 - HEIGHT_M), (300, 3))
    else:
        thing = box(rng, (30.0, 0.0), (4.5, 1.85, 1.5), 0.0, 600)
    found = perceiver().perceive(as_points(np.vstack([ground(rng), thing]))).obstacles
    assert (np.abs(found["y"]) < 2.0).sum() == told


@pytest.mark.parametrize(("low", "high", "is_told"), [(3.4, 4.4, False), (3.0, 4.0, True), (1.0, 4.4, True)])
def test_a_board_that_reaches_higher_than_trucks_is_over_the_road(low, high, is_told):
    rng = np.random.default_rng(8)
    y, z = np.meshgrid(np.linspace(-1.2, 1.2, 40), np.linspace(low, high, 12) - HEIGHT_M)
    board = np.column_stack([np.full(y.size, 30.0), y.ravel(), z.ravel()])
    found = drive(perceiver(), [np.vstack([ground(rng), board])] * 3, speed=0.0)[-1]
    wanted = sightings_twin.counts(max(sightings_twin.clusters(found.cells, SENSOR), key=lambda one: one["points"]), P)
    assert bool(len(found.obstacles[np.abs(found.obstacles["x"] - 30.0) < 0.5])) == is_told == wanted


def test_a_heap_that_one_scan_shows_is_not_told_and_a_car_that_comes_up_is():
    rng = np.random.default_rng(9)
    heap = np.column_stack([rng.uniform(30.0, 31.0, 60), rng.uniform(-1.0, 1.0, 60), rng.uniform(0.2, 1.2, 60) - HEIGHT_M])
    road = ground(rng)
    scenes = [road, np.vstack([road, heap]), road, *(np.vstack([road, heap - [3.0 * k, 0.0, 0.0]]) for k in range(3))]
    found = drive(perceiver(), scenes, speed=0.0)
    told = [len(one.obstacles[(one.obstacles["x"] > 15.0) & (np.abs(one.obstacles["y"]) < 2.0)]) for one in found]
    assert told == [0, 0, 0, 0, 1, 1]
