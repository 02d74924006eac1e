import numpy as np
import pytest

from autonomy import msg
from hil.loop.stop_path import line_margin
from hil.world import EgoTruth, RoadTruth, Truth

VEHICLE = {"width_m": 2.55, "has_trailer": 1, "trailer_wheelbase_m": 8.0}
AHEAD = 5.0 * np.arange(32)


def margin(path=0.0, lane=0.0, offset=0.0, heading=0.0, slip=0.0, articulation=0.0, distance=90.0):
    plan = np.zeros((), msg.dtype("Plan"))
    plan["fallback_curvature"], plan["fallback_distance"] = path, distance
    preview = [(ahead, lane) for ahead in AHEAD.tolist()]
    road = RoadTruth(offset=offset, heading_error=heading, preview=preview)
    truth = Truth(0, EgoTruth(velocity=25.0, lateral_velocity=25.0 * slip, articulation=articulation), road)
    return line_margin(truth, plan, VEHICLE)


def test_along_the_middle_of_a_straight_lane_the_room_beside_the_truck_is_left():
    assert margin() == pytest.approx(1.75 - 1.275)
    assert margin(offset=0.2) == pytest.approx(1.75 - 1.275 - 0.2)


def test_a_path_that_bends_otherwise_than_the_lane_leaves_it():
    assert margin(path=1 / 500, lane=1 / 500) > 0.3  # but for the trailer, that cuts the bend
    off = 0.5 * 90.0**2 / 5000.0
    assert margin(path=1 / 5000) == pytest.approx(1.75 - 1.275 - off, abs=0.03)
    assert margin(path=1 / 500) < -5.0


def test_what_counts_is_the_way_travelled_not_the_way_pointed():
    assert margin(heading=0.01, slip=-0.01, articulation=-0.01) == pytest.approx(margin(), abs=1e-6)
    assert margin(heading=0.01) == pytest.approx(1.75 - 1.275 - 0.9, abs=0.05)


def test_a_trailer_that_swings_out_counts():
    assert margin(articulation=-0.1) < margin() - 0.3


def test_standing_there_is_no_path():
    assert margin(distance=0.0) == np.inf
