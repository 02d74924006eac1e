import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_S
from hil.longitudinal.disturbance_runs import BRAKES, DEAD_TIME_S, RAMP_S, RampBrakes, drive_reference
from hil.longitudinal.disturbances import STARTS_S, Case, grid, vehicles
from hil.reference_drivers import Scene, fsm
from hil.reference_drivers.careful import CarefulDriver


def scene(**changed):
    """In the lane, 30 m ahead, 5 m/s slower."""
    values = {"speed": 20.0, "acceleration": 0.0, "gap": 30.0, "other_speed": 15.0, "other_acceleration": 0.0,
              "side_gap": 0.0, "side_speed": 0.0, "lane_deviation": 0.0, "own_length": 16.5, "other_length": 4.5}  # fmt: skip
    return Scene(**(values | changed))


def test_proactive_safety_at_the_ends_of_its_ramp():
    own, other = 20.0, 15.0
    safe = own * 0.75 + own**2 / 8.0 - other**2 / 14.0 + 2.0
    unsafe = own * 0.75 + own**2 / 12.0 - other**2 / 14.0
    assert fsm.proactive_safety(scene(gap=safe + 2.01)) == 0.0
    assert fsm.proactive_safety(scene(gap=unsafe + 1.99)) == 1.0
    assert fsm.proactive_safety(scene(gap=0.5 * (safe + unsafe) + 2.0)) == pytest.approx(0.5)


def test_critical_safety_at_the_ends_of_its_ramp():
    closing = 5.0
    safe, unsafe = closing * 0.75 + closing**2 / 8.0, closing * 0.75 + closing**2 / 12.0
    assert fsm.critical_safety(scene(gap=safe)) == 0.0
    assert fsm.critical_safety(scene(gap=unsafe)) == 1.0
    assert fsm.critical_safety(scene(gap=0.5 * (safe + unsafe))) == pytest.approx(0.5)
    assert fsm.critical_safety(scene(gap=1.0, other_speed=20.0)) == 0.0


@settings(max_examples=200, deadline=None)
@given(st.floats(0.1, 100.0), st.floats(1.0, 30.0), st.floats(0.0, 30.0), st.floats(-6.0, 1.0))
def test_both_measures_are_within_0_and_1_and_fall_with_the_gap(gap, speed, other_speed, acceleration):
    for measure in (fsm.proactive_safety, fsm.critical_safety):
        near, far = (measure(scene(gap=g, speed=speed, other_speed=other_speed, acceleration=acceleration))
                     for g in (gap, gap + 5.0))  # fmt: skip
        assert 0.0 <= far <= near <= 1.0


def test_a_lane_change_that_ends_behind_the_truck_is_let_go():
    assert fsm.enters(scene(side_gap=1.3, side_speed=1.0))
    assert not fsm.enters(scene(side_gap=1.3, side_speed=0.1, gap=1.0, other_speed=10.0))
    assert not fsm.enters(scene(side_gap=1.3, side_speed=-1.0))


def test_the_fuzzy_safety_model_brakes_a_reaction_time_after_it_sees_danger():
    driver = fsm.FuzzySafetyModel()
    driver.begin()
    asked = [driver.step(scene(gap=5.0)) for _ in range(150)]
    first = int(np.flatnonzero(np.array(asked) < 0.0)[0])
    assert first * TICK_S == pytest.approx(0.75, abs=0.02) and min(asked) == pytest.approx(-6.0)
    assert np.abs(np.diff(asked)).max() <= 12.65 * TICK_S + 1e-9


def test_the_careful_driver_perceives_evaluates_and_reacts():
    driver = CarefulDriver()
    driver.begin()
    coming = {"side_gap": 1.0, "side_speed": 1.0, "gap": 8.0}
    assert all(driver.step(scene(lane_deviation=0.3, **coming)) == 0.0 for _ in range(200))
    asked = [driver.step(scene(lane_deviation=0.4, **coming)) for _ in range(300)]
    drags, brakes = (int(np.flatnonzero(np.array(asked) < -least)[0]) * TICK_S for least in (0.0, 0.4))
    assert drags == pytest.approx(0.4, abs=0.03) and brakes == pytest.approx(0.4 + 0.75, abs=0.03)
    assert min(asked) == pytest.approx(-0.774 * STANDARD_GRAVITY_MPS2)


def test_the_truck_brakes_after_its_dead_time_on_its_ramp():
    train = RampBrakes()
    train.reset(25.0)
    found = []
    for _ in range(200):
        train.move(-9.0)
        found.append(train.acceleration)
    found = np.array(found)
    assert np.flatnonzero(found < 0.0)[0] * TICK_S == pytest.approx(DEAD_TIME_S, abs=0.011)
    assert np.flatnonzero(found <= -BRAKES + 1e-9)[0] * TICK_S == pytest.approx(DEAD_TIME_S + RAMP_S, abs=0.02)
    assert found.min() == pytest.approx(-BRAKES)


def test_a_case_is_at_its_distance_when_the_lane_change_begins():
    case = Case("cut_in", 80.0, 50.0, 30.0, 1.0, 0.0, 0.0)
    (vehicle,) = vehicles(case)
    travelled, y, speed, across, _ = vehicle.at(STARTS_S)
    assert vehicle.gap_m + travelled - STARTS_S * 80.0 / 3.6 == pytest.approx(30.0) and y == 3.5
    assert vehicle.at(STARTS_S + 1.0)[1] == pytest.approx(2.5) and vehicle.at(20.0)[1] == 0.0


def test_a_braking_lead_moves_as_the_integral_of_its_speed():
    (vehicle,) = vehicles(Case("braking_lead", 80.0, 30.0, 0.0, 0.0, 4.0, 2.0))
    t = np.arange(0.0, 8.0, 0.001)
    states = np.array([vehicle.at(float(now)) for now in t])
    np.testing.assert_allclose(np.gradient(states[:, 0], t)[1:-1], states[1:-1, 2], atol=0.01)
    assert states[-1, 2] == pytest.approx(30.0 / 3.6) and states[:, 4].min() == -4.0


def test_the_grid_has_every_family_and_no_case_twice():
    cases = list(grid())
    assert {case.family for case in cases} == {"cut_in", "cut_out", "braking_lead"} and len(set(cases)) == len(cases)
    assert len(list(grid(quick=True))) < len(cases) / 10


def test_a_hopeless_case_is_a_collision_and_an_easy_one_is_not():
    driver = fsm.FuzzySafetyModel()
    assert drive_reference(driver, Case("cut_in", 90.0, 30.0, 5.0, 1.8, 0.0, 0.0)).impact > 5.0
    assert drive_reference(driver, Case("cut_in", 60.0, 55.0, 60.0, 1.0, 0.0, 0.0)).impact is None
