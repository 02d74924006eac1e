import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hil.worlds.road import PREVIEW_M, Road, Segment

ROAD = Road([Segment(200.0), Segment(120.0, 1 / 250, grade=0.03, bank=-0.04), Segment(300.0, 1 / 250, grade=0.03, bank=-0.04),
             Segment(150.0, -1 / 400, friction=0.4), Segment(400.0, -1 / 400, lanes=3)])  # fmt: skip


def test_the_road_is_made_of_clothoids():
    assert np.abs(np.diff(ROAD.curvature)).max() < 1e-4
    assert abs(ROAD.at(260.0).curvature - 0.5 / 250) < 1e-6  # half of the clothoid
    np.testing.assert_allclose(ROAD.heading[-1], 120 / 500 + 300 / 250 + 75 / 250 - 75 / 400 - 400 / 400, atol=2e-2)


def test_an_arc_closes_where_a_circle_does():
    radius = 250.0
    road = Road([Segment(1.0, 1 / radius), Segment(2.0 * math.pi * radius, 1 / radius)])
    start, end = road.at(1.0), road.at(1.0 + 2.0 * math.pi * radius)
    assert math.hypot(start.x - end.x, start.y - end.y) < 2e-3


@given(s=st.floats(5.0, 1150.0), offset=st.floats(-8.0, 8.0), wrong=st.floats(-0.5, 0.5))
def test_a_point_beside_the_road_is_found_again(s, offset, wrong):
    x, y, heading, _ = ROAD.at(s)
    found, aside = ROAD.project(x - offset * math.sin(heading), y + offset * math.cos(heading), s + wrong)
    assert abs(found - s) < 2e-3 and abs(aside - offset) < 1e-4


@given(s=st.floats(30.0, 1120.0), along=st.floats(-14.0, 6.0), aside=st.floats(-3.0, 3.0))
def test_points_of_the_combination_are_placed_against_the_lane_where_they_are(s, along, aside):
    x, y, heading, _ = ROAD.at(s + along)
    point = np.array([complex(x - aside * math.sin(heading), y + aside * math.cos(heading))])
    assert abs(ROAD.offsets(point, s)[0] - aside) < 1e-3


def test_what_lies_ahead_is_told_every_five_metres():
    ahead = ROAD.preview(203.2)
    np.testing.assert_allclose(ahead, [ROAD.at(203.2 + distance).curvature for distance in PREVIEW_M], atol=1e-12)
    assert np.isfinite(ROAD.preview(ROAD.length)).all()


def test_height_friction_and_lanes_follow_the_segments():
    assert abs(ROAD.value("z", 620.0) - (0.5 * 0.03 * 120 + 0.03 * 300)) < 0.05
    assert ROAD.value("bank", 500.0) == -0.04
    assert ROAD.step_value(ROAD.frictions, 700.0) == 0.4 and ROAD.step_value(ROAD.lane_counts, 900.0) == 3
