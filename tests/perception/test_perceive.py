"""The whole chain (_perceive): same bits for the same scans, room kept, steps in their order."""

import numpy as np
import pytest

from autonomy.errors import UsageError
from autonomy.perception.perceive import Mounting, Perceiver, parameters
from tests.perception.scenes import as_points, ground, perceiver, street

ARRAYS = ("labels", "instances", "points", "obstacles", "lanes", "free_space", "runs", "cells")


def bits(found) -> list[bytes]:
    return [getattr(found, name).tobytes() for name in ARRAYS] + [repr(found.health).encode(), repr(found.counts).encode()]


def test_the_same_scans_give_the_same_bits_whatever_came_before():
    scans = [street(200, 64, seed) for seed in range(3)]
    motion = {"velocity": (20.0, 0.0, 0.0), "rate": (0.0, 0.0, 0.05), "elapsed_s": 0.1}
    one, other = perceiver(), perceiver()
    first = [bits(one.perceive(scan, **motion)) for scan in scans]
    other.perceive(street(300, 64, 9))
    other.perceive(as_points(np.zeros((0, 3))))
    other.reset()
    assert [bits(other.perceive(scan, **motion)) for scan in scans] == first


def test_every_point_has_one_label_and_obstacles_count_their_own():
    found = perceiver().perceive(street(400, 64))
    assert np.isin(found.labels, range(6)).all()
    members = np.bincount(found.instances[found.instances >= 0], minlength=len(found.obstacles))
    np.testing.assert_array_equal(members, found.obstacles["points"])
    assert (np.isin(found.labels, (2, 4)) == (found.instances >= 0)).all()


def test_the_order_of_points_does_not_matter_to_the_ground():
    points = street(200, 64)
    order = np.random.default_rng(1).permutation(len(points))
    labels, shuffled = perceiver().perceive(points).labels, perceiver().perceive(points[order]).labels
    assert (np.isin(labels[order], (1, 3)) == np.isin(shuffled, (1, 3))).mean() > 0.999


def test_a_scan_that_is_too_large_and_a_configuration_that_lacks_a_key_are_told():
    with pytest.raises(UsageError, match="room for 10"):
        perceiver(10).perceive(as_points(np.ones((11, 3))))
    sections = parameters()
    del sections["lanes"]["inlier_m"]
    with pytest.raises(UsageError, match="inlier_m"):
        Perceiver(sections, Mounting())
    with pytest.raises(UsageError, match="knots"):
        perceiver(10).perceive(as_points(np.ones((1, 3))), cab_track=(np.zeros(0), np.zeros((0, 6))))


def test_the_own_front_is_no_obstacle_though_the_vehicle_drove_on_during_the_scan():
    rng = np.random.default_rng(20)
    own = {"ground__own_front_m": 5.4, "ground__own_rear_m": 1.0, "ground__own_side_m": 1.4}
    front = np.column_stack([np.full(400, 5.2), rng.uniform(-1.2, 1.2, 400), rng.uniform(-1.5, 0.0, 400)])
    points = as_points(np.vstack([ground(rng), front]))
    points["time_offset_ns"] = 100_000_000
    standing, driving = perceiver(**own), perceiver(**own)
    assert len(standing.perceive(points).obstacles) == 0
    assert len(driving.perceive(points, velocity=(20.0, 0.0, 0.0)).obstacles) == 0
    ahead = as_points(np.vstack([ground(rng), front + [2.0, 0.0, 0.0]]))
    assert len(standing.perceive(ahead).obstacles) == 1
