"""Looking through a place (_road_seen): kernel and twin agree; what stands is never road, silence says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.perception.radar._road_seen import NOTHING, ROAD, STANDS, RoadKernel
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception.radar import road_seen_twin
from autonomy.perception.radar.parameters import RoadParameters
from hil.suites import _radar_road

PARAMETERS = RoadParameters()
EYE = (5.0, 0.0, 3.25)
GROUND, OBSTACLE = 1, 2


def scan(bodies=(), slope: float = 0.0, reach_m: float = 60.0, random=None):
    """(points, labels) of a flat road with boxes (near x, far x, right, left, bottom, top) on it; what meets none is lost beyond
    reach_m. Rows 0.17 degrees, columns 0.2 degrees apart."""
    down, aside = np.meshgrid(np.radians(np.arange(1.5, 20.0, 0.17)), np.radians(np.arange(-12.0, 12.0, 0.2)))
    down, aside = down.ravel(), aside.ravel()
    along = EYE[2] / (np.tan(down) + slope)  # m in the plane to the road
    labels = np.full(len(along), GROUND, np.uint8)
    for near, far, right, left, bottom, top in bodies:
        for face in np.linspace(near, far, 5):
            hit = (face - EYE[0]) / np.cos(aside)
            y, z = hit * np.sin(aside), EYE[2] - hit * np.tan(down)
            ground = slope * (face - EYE[0])
            met = (hit < along) & (y > right) & (y < left) & (z > ground + bottom) & (z < ground + top)
            along, labels = np.where(met, hit, along), np.where(met, OBSTACLE, labels).astype(np.uint8)
    keep = along < reach_m
    along, down, aside, labels = along[keep], down[keep], aside[keep], labels[keep]
    if random is not None:
        along = along + random.normal(0.0, 0.02, len(along))
    points = np.column_stack([EYE[0] + along * np.cos(aside), along * np.sin(aside), EYE[2] - along * np.tan(down)])
    height = points[:, 2] - slope * (points[:, 0] - EYE[0])
    return np.ascontiguousarray(np.column_stack([points, height]), np.float32), labels


def look(points, labels, x, y=0.0):
    return RoadKernel(PARAMETERS).look_through(points, labels, EYE, x, y)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), x=st.floats(10.0, 60.0), y=st.floats(-4.0, 4.0), slope=st.floats(-0.03, 0.03),
       reach=st.floats(20.0, 90.0), stands=st.booleans())  # fmt: skip
def test_kernel_and_twin_agree(seed, x, y, slope, reach, stands):
    random = np.random.default_rng(seed)
    near = random.uniform(12.0, 60.0)
    bodies = [(near, near + 4.0, -1.0, 0.8, 0.2, 1.4)] if stands else []
    points, labels = scan(bodies, slope, reach, random)
    labels[random.random(len(labels)) < 0.05] = random.integers(0, 6)
    assert look(points, labels, x, y) == road_seen_twin.look_through(PARAMETERS, points, labels, EYE, x, y)


@pytest.mark.parametrize("slope", [-0.02, 0.0, 0.02])
def test_the_road_below_a_bridge_is_seen_as_far_as_the_lidar_sees_road(slope):
    seen = [x for x in range(20, 80, 2) if look(*scan(slope=slope), float(x)) == ROAD]
    assert set(range(30, 46, 2)) <= set(seen) and max(seen) < 60.0


@pytest.mark.parametrize("body", [(-0.9, 0.9, 0.2, 1.5), (-0.4, 0.4, 0.0, 1.5), (-1.2, 1.2, 0.4, 4.0), (-0.5, 0.5, 0.0, 0.35),
                                  (-0.9, 0.9, 0.2, 1.1)])  # fmt: skip
@pytest.mark.parametrize("is_black", [False, True])
def test_what_stands_is_never_road_wherever_the_radar_says_it_is(body, is_black):
    for near in range(14, 60, 3):
        points, labels = scan([(float(near), near + 4.0, *body)])
        if is_black:  # it sends nothing back
            points, labels = points[labels == GROUND], labels[labels == GROUND]
        for aside in (-0.8, -0.3, 0.0, 0.5, 0.8):
            for before in (-0.7, 0.0, 0.7):
                found = look(points, labels, near + before, aside)
                assert found == NOTHING if is_black else found != ROAD
        assert is_black or body[3] < 0.5 or look(points, labels, float(near)) == STANDS


def test_silence_says_nothing():
    points, labels = scan(reach_m=35.0)
    assert look(points, labels, 40.0) == NOTHING  # no road behind it
    points, labels = scan()
    assert look(points[:0], labels[:0], 40.0) == NOTHING
    before = points[:, 0] > 38.0
    assert look(points[before], labels[before], 40.0) == NOTHING  # none before it
    beside = points[:, 1] > 0.2
    assert look(points[beside], labels[beside], 40.0) == NOTHING  # half of its width


def test_arrays_that_do_not_fit_are_refused():
    points, labels = scan()
    with pytest.raises(ValueError, match="must be"):
        look(points[:, :3].copy(), labels, 40.0)
    with pytest.raises(ValueError, match="must be"):
        look(points, labels[1:], 40.0)


@pytest.mark.parametrize("thing", [0, 2, 5])  # a car, a black one, a low box
def test_an_emulated_lidar_never_takes_what_stands_for_road(thing):
    found = _radar_road.approach((1, thing, "straight"))
    assert found["scans"] > 30 and found["asked"] >= 90 and found["denied"] == 0
