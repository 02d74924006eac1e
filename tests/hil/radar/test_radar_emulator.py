"""The radar sees what is strong and near, mirrors and bridges too, and repeats itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil.lidar import Scene
from hil.radar import Emulator, Origin
from hil.world import Truth
from tests.hil.lidar.scenes import actor_at, ego_at, straight

ROAD = straight(3000.0)
SCANS = 200


def truth_at(scan: int, actors, speed: float = 22.0, s: float = 300.0, yaw_rate: float = 0.0) -> Truth:
    return Truth(10**9 + scan * 50_000_000, ego_at(ROAD, s, speed=speed, yaw_rate=yaw_rate), actors=list(actors))


def seen(emulator: Emulator, actors, **others) -> list[np.ndarray]:
    return [emulator.measure(truth_at(scan, actors, **others)).table for scan in range(SCANS)]


def test_the_same_seed_gives_the_same_detections_whatever_came_before():
    actors = [actor_at(ROAD, 350.0, 0.0, speed=20.0)]
    scene = Scene.motorway(ROAD, 2)
    first, second = Emulator(scene, 4), Emulator(scene, 4)
    second.measure(truth_at(9, actors))
    assert np.array_equal(first.measure(truth_at(5, actors)).table, second.measure(truth_at(5, actors)).table)
    assert not np.array_equal(first.measure(truth_at(5, actors)).table, Emulator(scene, 5).measure(truth_at(5, actors)).table)


@pytest.mark.parametrize("kind, size, distance, least, most", [
    ("car", (4.6, 1.85, 1.5), 60.0, 0.9, 1.0),
    ("truck", (16.5, 2.55, 4.0), 150.0, 0.8, 1.0),
    ("pedestrian", (0.5, 0.6, 1.75), 40.0, 0.5, 1.0),
    ("pedestrian", (0.5, 0.6, 1.75), 150.0, 0.0, 0.2),
])  # fmt: skip
def test_strong_and_near_is_seen(kind, size, distance, least, most):
    tables = seen(Emulator(None, 1), [actor_at(ROAD, 305.2 + distance, 0.0, 7, kind, 10.0, size)])
    share = np.mean([(table["actor"] == 7).any() for table in tables])
    assert least <= share <= most


def test_range_rate_and_place_are_those_of_the_nearest_face():
    car = actor_at(ROAD, 360.0, 3.5, 7, speed=30.0)
    rows = np.concatenate(
        [table[(table["actor"] == 7) & (table["origin"] == Origin.ROAD_USER)] for table in seen(Emulator(None, 1), [car])]
    )
    ahead, aside = 360.0 - 2.3 - 305.2, 3.5
    assert abs(np.median(rows["range"]) - math.hypot(ahead, aside)) < 0.1
    assert abs(np.median(rows["azimuth"]) - math.atan2(aside, ahead)) < 0.002
    assert abs(np.median(rows["range_rate"]) - 8.0 * math.cos(math.atan2(aside, ahead))) < 0.05
    assert 0.05 < rows["range_rate"].std() < 0.15


def test_bridges_rails_mirrors_and_second_bounces_are_told_apart_for_judging():
    scene = Scene.motorway(ROAD, 2)
    cars = [actor_at(ROAD, 320.0, 0.0, 7, speed=20.0), actor_at(ROAD, 380.0, 0.0, 8, speed=20.0)]
    rows = np.concatenate([Emulator(scene, 1).measure(truth_at(scan, cars, s=300.0)).table for scan in range(SCANS)])
    origins = set(rows["origin"].tolist())
    assert {Origin.ROAD_USER, Origin.RAIL, Origin.MIRROR, Origin.SECOND_BOUNCE, Origin.CLUTTER} <= origins
    bounced, direct = (
        rows[(rows["origin"] == origin) & (rows["actor"] == 7)] for origin in (Origin.SECOND_BOUNCE, Origin.ROAD_USER)
    )
    assert abs(np.median(bounced["range"]) / np.median(direct["range"]) - 2.0) < 0.1
    standing = rows[rows["origin"] == Origin.RAIL]
    np.testing.assert_allclose(standing["range_rate"], -22.0 * np.cos(standing["azimuth"]), atol=0.5)
    overhead = [table[table["origin"] == Origin.OVERHEAD] for place in range(100, 2700, 50)
                for table in [Emulator(scene, 1).measure(truth_at(place, [], s=float(place))).table]]  # fmt: skip
    ahead = np.concatenate(overhead)
    assert len(ahead) > 5 and (np.abs(ahead["range"] * np.sin(ahead["azimuth"])) < 2.0).mean() > 0.5
