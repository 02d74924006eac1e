"""Voxel sampling (_voxels), exact clusters (_euclidean) and odometry (_odometry) beside their twins."""

import numpy as np
import pytest
from autonomy.perception._euclidean import EuclideanClusters
from autonomy.perception._odometry import Odometry
from autonomy.perception._voxels import VoxelSampler
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from autonomy.perception import euclidean_twin, odometry_twin, voxels_twin
from autonomy.perception.perceive import parameters

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 3000), st.sampled_from([0.2, 0.5, 1.0]))
def test_voxels_keep_the_first_point_of_each(seed, count, size_m):
    points = np.random.default_rng(seed).normal(0.0, 30.0, (count, 3)).astype(np.float32)
    points[::50] *= 100.0
    x, y, z = (np.ascontiguousarray(column) for column in points.T)
    np.testing.assert_array_equal(VoxelSampler(3000).sample(x, y, z, size_m), voxels_twin.sample(x, y, z, size_m))


def test_more_points_than_room_are_refused():
    column = np.zeros(11, np.float32)
    with pytest.raises(ValueError, match="11 points"):
        VoxelSampler(10).sample(column, column, column, 0.5)
    with pytest.raises(ValueError, match="11 x 3"):
        EuclideanClusters(10).find(np.zeros((11, 3), np.float32), 0.5)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 800), st.floats(0.1, 2.0))
def test_clusters_are_those_of_a_search_over_all_pairs(seed, count, radius_m):
    rng = np.random.default_rng(seed)
    points = (rng.uniform(-6.0, 6.0, (count, 3)) * [1.0, 1.0, 0.3]).astype(np.float32)
    labels, found = EuclideanClusters(800).find(points, radius_m)
    wanted, clusters = euclidean_twin.find(points.astype(float), radius_m)
    assert found == clusters
    assert len(set(zip(labels.tolist(), wanted.tolist(), strict=True))) == clusters


def walls(rng: np.random.Generator, count: int) -> np.ndarray:
    """Ground, two walls along and one across, a few poles."""
    ground = np.column_stack([rng.uniform(-30, 30, (count, 2)), rng.normal(0.4, 0.01, count)])
    along = np.column_stack([rng.uniform(-30, 30, count), rng.choice([-8.0, 9.0], count), rng.uniform(0, 3, count)])
    across = np.column_stack([np.full(count, 25.0), rng.uniform(-8, 9, count), rng.uniform(0, 3, count)])
    return np.vstack([ground, along, across]) + rng.normal(0, 0.005, (3 * count, 3))


def test_registration_is_the_twins():
    rng, p = np.random.default_rng(2), parameters()["odometry"]
    before, now = walls(rng, 3000), walls(rng, 400)
    moved, turned = np.array([0.9, 0.05, 0.01]), np.array([0.001, -0.002, 0.02])
    seen = Rotation.from_rotvec(turned).inv().apply(now - moved).astype(np.float32, order="C")
    expected = moved + [0.04, 0.0, 0.0], turned + [0.0, 0.0, 0.001]
    odometry = Odometry(p)
    odometry.register(before.astype(np.float32), np.zeros(3), np.zeros(3))
    found = odometry.register(seen, *expected)
    wanted = odometry_twin.register(before.astype(np.float32).astype(float), seen.astype(float), *expected, p)
    np.testing.assert_allclose(found["translation"], wanted[0], atol=2e-3)
    np.testing.assert_allclose(found["rotation"], wanted[1], atol=2e-4)
    np.testing.assert_allclose(found["translation"], moved, atol=0.02)
    np.testing.assert_allclose(found["rotation"], turned, atol=1e-3)
    assert found["rounds"] > 0 and found["matched"] > 500 and (found["sigma"] > 0).all()


def test_a_tunnel_leaves_the_way_along_it_to_what_was_expected():
    rng, p = np.random.default_rng(3), parameters()["odometry"]

    def tube(count):
        return np.column_stack([rng.uniform(-30, 30, count), rng.choice([-5.0, 5.0], count), rng.uniform(0, 4, count)]).astype(
            np.float32
        )

    odometry = Odometry(p)
    odometry.register(tube(8000), np.zeros(3), np.zeros(3))
    found = odometry.register(tube(3000), (2.2, 0.0, 0.0), np.zeros(3))
    assert abs(found["translation"][0] - 2.2) < p["prior_m"] + p["prior_share"] * 2.2
    assert found["sigma"][0] > 20.0 * found["sigma"][1]


def test_the_first_scan_and_an_empty_one_change_nothing():
    odometry = Odometry(parameters()["odometry"])
    first = odometry.register(np.zeros((0, 3), np.float32), np.zeros(3), np.zeros(3))
    assert first["rounds"] == 0 and not first["translation"].any()
    with pytest.raises(ValueError, match="at most"):
        odometry.register(np.zeros((30_000, 3), np.float32), np.zeros(3), np.zeros(3))
