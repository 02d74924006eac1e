import numpy as np
import pytest

from autonomy import msg
from hil.lateral.linear_loop import parameters
from hil.loop.stop_path import line_margin, slips, slips_of_bends
from hil.world import EgoTruth, RoadTruth, Truth

VEHICLE = parameters("vehicles/demo_truck")[1]
FRONT_M, REAR_M, HITCH_M, TRAILER_M = (float(VEHICLE[name]) for name in (
    "front_overhang_m", "rear_overhang_m", "hitch_offset_m", "trailer_wheelbase_m"))  # fmt: skip
AHEAD = 5.0 * np.arange(32)
BESIDE_M = 1.75 - 0.5 * float(VEHICLE["width_m"])


def truth_of(lane=0.0, offset=0.0, heading=0.0, slip=0.0, articulation=0.0, yaw_rate=0.0, mass=0.0):
    preview = [(ahead, lane) for ahead in AHEAD.tolist()]
    road = RoadTruth(offset=offset, heading_error=heading, preview=preview)
    ego = EgoTruth(velocity=25.0, lateral_velocity=25.0 * slip, articulation=articulation, yaw_rate=yaw_rate, mass=mass)
    return Truth(0, ego, road)


def margin(path=0.0, distance=90.0, vehicle=VEHICLE, **where):
    plan = np.zeros((), msg.dtype("Plan"))
    plan["fallback_curvature"], plan["fallback_distance"] = path, distance
    return line_margin(truth_of(**where), plan, vehicle)


def test_along_the_middle_of_a_straight_lane_the_room_beside_the_truck_is_left():
    assert margin() == pytest.approx(BESIDE_M)
    assert margin(offset=0.2) == pytest.approx(BESIDE_M - 0.2)


def test_a_path_that_bends_otherwise_than_the_lane_leaves_it():
    off = 0.5 * 90.0**2 / 5000.0
    assert margin(path=1 / 5000) == pytest.approx(BESIDE_M - off - FRONT_M * 90.0 / 5000.0, abs=0.03)
    assert margin(path=1 / 500) < -5.0


def test_what_counts_is_the_way_travelled_but_a_face_that_stands_off_it_counts_too():
    """A truck that crabs: the front face to windward, the trailer behind along the way."""
    aside = margin(heading=0.01, slip=-0.01, articulation=-0.01)
    assert aside == pytest.approx(BESIDE_M - 0.01 * FRONT_M, abs=1e-6)
    assert margin(heading=0.01) == pytest.approx(BESIDE_M - 0.9 - 0.01 * FRONT_M, abs=0.02)


def test_the_rear_end_counts_and_not_the_axles_alone():
    """A trailer askew by 0.02 rad that slips as far: it stays so, its rear end further out than its axles."""
    askew = margin(articulation=-0.02)
    behind = REAR_M - HITCH_M
    assert askew == pytest.approx(BESIDE_M - 0.02 * behind, abs=1e-6) and 0.02 * (behind - TRAILER_M) > 0.05


def test_in_a_bend_front_and_rear_face_cut_and_swing():
    radius = 500.0
    yaw_rate = 25.0 / radius
    steady = -(HITCH_M + TRAILER_M) / radius  # rolling without slip
    inside = 0.5 * (REAR_M**2) / radius
    found = margin(path=1 / radius, lane=1 / radius, articulation=steady, yaw_rate=yaw_rate)
    assert BESIDE_M - inside - 0.01 < found < BESIDE_M - 0.05


def test_slip_of_the_bend_itself_is_told_from_what_wind_does():
    truth = truth_of(articulation=-0.03, yaw_rate=0.05, slip=-0.004)
    tractor, trailer = slips(truth, VEHICLE)
    assert tractor == pytest.approx(-0.004)
    assert trailer == pytest.approx(-0.004 - HITCH_M * 0.05 / 25.0 + 0.03 - TRAILER_M * 0.05 / 25.0, abs=1e-5)
    ours = slips_of_bends(VEHICLE, 40e3, 22.0)
    np.testing.assert_allclose(ours, slips_of_bends(VEHICLE, 40e3, 11.0), rtol=0.1)  # of force, hardly of speed
    assert (ours < 0.0).all() and (np.abs(ours) < 0.02).all()


def test_a_car_has_its_own_rear_end():
    car = VEHICLE.copy()
    car["has_trailer"], car["rear_overhang_m"] = 0, 1.0
    assert margin(vehicle=car, heading=-0.02, slip=0.02) == pytest.approx(BESIDE_M - 0.02 * FRONT_M)


def test_standing_there_is_no_path():
    assert margin(distance=0.0) == np.inf
