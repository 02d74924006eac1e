"""Ground (_ground) beside its twin, on slopes, banks and curbs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception import ground_twin
from autonomy.perception.perceive import parameters
from tests.perception.scenes import HEIGHT_M, as_points, box, ground, perceiver, street

PERCEIVER = perceiver()


def test_the_street_is_labelled_as_the_twin_does():
    points = street(300, 64)
    found = PERCEIVER.perceive(points)
    labels, height = ground_twin.find_ground(found.points[:, :3].astype(float), parameters()["ground"])
    same = np.isclose(height, found.points[:, 3], atol=2e-3) | (np.isinf(height) & np.isinf(found.points[:, 3]))
    assert same.mean() >= 0.999  # single precision puts a point in the next bin now and then
    is_ground = np.isin(found.labels, (1, 3))
    assert (is_ground == (labels == 1)).mean() >= 0.999


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-0.1, 0.1), st.floats(-0.05, 0.05))
def test_a_tilted_plane_is_ground_and_boxes_on_it_are_not(seed, pitch, roll):
    rng = np.random.default_rng(seed)
    flat = np.vstack([ground(rng), box(rng, (15.0, 4.0), (4.0, 1.8, 1.5), 0.1)])
    tilted = flat + np.column_stack([np.zeros((len(flat), 2)), pitch * flat[:, 0] + roll * flat[:, 1]])
    labels = PERCEIVER.perceive(as_points(tilted)).labels
    r = np.hypot(flat[:20_000, 0], flat[:20_000, 1])
    inside = (r > 2.0) & (r < 50.0)  # farther, a sector is so wide that its one line cannot tilt across it
    assert (labels[:20_000][inside] == 1).mean() > 0.995
    assert (labels[20_000:] == 2).mean() > 0.9


def test_a_bank_behind_a_ditch_is_found_again():
    rng = np.random.default_rng(3)
    y = rng.uniform(-60.0, 60.0, 60_000)
    x = rng.uniform(-60.0, 60.0, 60_000)
    z = np.interp(y, [-60, -20, -14, -10, 8, 10, 18, 60], [-1.0, -1.0, -2.4, 0.0, 0.0, 0.3, 3.0, 3.0]) + rng.normal(
        0, 0.02, len(y)
    )
    labels = PERCEIVER.perceive(as_points(np.column_stack([x, y, z - HEIGHT_M]))).labels
    far = np.hypot(x, y) > 2.0
    for part, share in ((far & (np.abs(y) < 8.0), 0.99), (y > 22.0, 0.97), (y < -22.0, 0.97)):
        assert (labels[part] == 1).mean() > share


def test_the_pavement_behind_a_curb_is_ground():
    rng = np.random.default_rng(4)
    points = ground(rng, 40_000)
    points[points[:, 1] > 4.0, 2] += 0.13
    labels = PERCEIVER.perceive(as_points(points)).labels
    assert (labels[points[:, 1] > 5.0] == 1).mean() > 0.98


def test_something_small_on_the_road_is_not_the_road():
    """A box of 0.3 m of which one row of points shows, in 40 directions of the compass."""
    rng = np.random.default_rng(5)
    found = 0
    for angle in np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False):
        row = np.array([14.0 * np.cos(angle), 14.0 * np.sin(angle), 0.2 - HEIGHT_M]) + rng.normal(0, 0.005, (10, 3))
        row += np.linspace(-0.15, 0.15, 10)[:, None] * [-np.sin(angle), np.cos(angle), 0.0]
        labels = PERCEIVER.perceive(as_points(np.vstack([ground(rng, 30_000, 30.0), row]))).labels
        found += (labels[-10:] == 2).mean() > 0.5
    assert found >= 36


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((5, 3), np.nan), np.full((3, 3), np.inf), np.zeros((4, 3))])
def test_scans_with_nothing_in_them_give_nothing(points):
    found = PERCEIVER.perceive(as_points(points))
    assert not found.labels.any() and len(found.obstacles) == 0 and (found.instances == -1).all()
