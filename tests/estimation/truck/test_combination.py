import numpy as np
import pytest
from autonomy.estimation.truck._truck import yaw_plane_rates
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.estimation.truck import combination_twin as twin
from autonomy.estimation.truck import stored_trailer
from tests.estimation.truck.lateral_feed import LateralFeed
from tests.step_parameters import step_parameters

TRUCK, VEHICLE = (step_parameters()[name] for name in ("truck", "vehicle"))
GATE = 5.0  # sigmas, beyond which a trailer sensor's sample is left out
AREA = float(TRUCK["side_area_m2"])
SOME = np.array([0.2, 0.05, -0.02, -0.1, 4.0, -2.0, 0.002, 0.1, -0.08, 0.05, 0.06, 0.003])


@pytest.mark.parametrize("mass", [14500.0, 40000.0, 49000.0])
@pytest.mark.parametrize("speed", [5.0, 22.0])
def test_rates_and_their_derivatives_are_those_of_the_twin(mass, speed):
    rates, jacobian = yaw_plane_rates(VEHICLE, mass, speed, 3.0, AREA, SOME, 0.02, 0.01)
    made = twin.Combination(VEHICLE, mass, speed, 3.0, AREA)
    np.testing.assert_allclose(rates, made.rates(SOME, 0.02, 0.01), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jacobian, made.jacobian(SOME, 0.02, 0.01), rtol=1e-9, atol=1e-9)


def test_the_filter_is_that_of_the_twin():
    """A second of bends with a late trailer sensor, tick by tick."""
    feed, random = LateralFeed(), np.random.default_rng(3)
    p, dt = feed.truck, 0.01
    walks = [float(p[f"combination_{name}_walk"]) for name in ("lateral_velocity", "yaw_rate", "articulation_rate")]
    feed.tick()
    bank, taken = 0.0, 0
    for k in range(100):
        speed, yaw_rate, angle, roll = 20.0, 0.05 * np.sin(0.05 * k), 0.01 * np.sin(0.05 * k + 0.2), 0.01
        reading = -0.02 * np.sin(0.05 * k - 0.5) + 0.002 * random.standard_normal() if k % 5 == 0 else None
        x, P = feed.step.combination
        told = feed.tick(speed, yaw_rate, angle, trailer=reading, roll=roll)
        lateral = speed * yaw_rate
        bank += dt / (float(p["bank_lag_s"]) + dt) * (roll - float(p["frame_roll_rad_per_mps2"]) * lateral - bank)
        turning = abs(lateral) > float(p["combination_turning_mps2"])
        made = twin.Combination(feed.vehicle, float(told["mass_kg"]), speed, 0.0, AREA)
        model = twin.Filter(p, x, P)
        model.predict(lambda state, made=made, angle=angle, bank=bank: made.rates(state, angle, bank), dt, [*walks, 0.0])
        learned = np.array([1, 1, 1, 1, 1, 1, not turning, turning, turning, 0, 0, 0], float)
        model.correct(np.eye(12)[twin.R], yaw_rate - model.x[twin.R], float(p["combination_yaw_rate_sigma"]), learned)
        if reading is not None:
            learned[twin.SENSOR] = abs(model.x[twin.ANGLE]) < 0.02 and not turning
            turning = turning or abs(model.x[twin.ANGLE]) > 0.05
            learned[[twin.TRAILER, twin.WHEELBASE]] = turning
            row = np.eye(12)[twin.ANGLE] + np.eye(12)[twin.SENSOR] - 0.04 * np.eye(12)[twin.G]
            sigma = float(p["articulation_sensor_sigma_rad"])
            if (reading - row @ model.x) ** 2 <= GATE**2 * (row @ model.P @ row + sigma**2):
                model.correct(row, reading - row @ model.x, sigma, learned)
                taken += 1
        x, P = feed.step.combination
        np.testing.assert_allclose(x, model.x, rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(P, model.P, rtol=1e-6, atol=1e-13)
    assert taken > 10


def travel(feed, seconds, true, sensed=True, bend=0.02):
    """A truck of 40 t by the kernel's own equations with `true` for what is to be found, through bends; what was told last, and
    its states."""
    x, told, random = true.copy(), None, np.random.default_rng(1)
    for k in range(round(seconds * 100)):
        angle = bend * np.sin(2.0 * np.pi * k / 1500.0) + true[twin.OFFSET]
        reading = x[twin.ANGLE] + true[twin.SENSOR] + 0.001 * random.standard_normal() if sensed and k % 5 == 0 else None
        told = feed.tick(20.0, x[twin.R] + 0.001 * random.standard_normal(), angle, trailer=reading, late_s=0.0)
        rates, J = yaw_plane_rates(VEHICLE, 40000.0, 20.0, 0.0, AREA, x, angle, 0.0)
        x[:4] += np.linalg.solve(np.eye(4) - 0.005 * J[:, :4], 0.01 * rates)
    return told, x


def with_true(**values):
    true = np.zeros(12)
    for name, value in values.items():
        true[getattr(twin, name)] = value
    return true


DOUBT_M = 0.04 * 7.7  # told with every wheelbase


def test_the_wheelbase_is_learned_from_a_trailer_sensor():
    told, _ = travel(LateralFeed(), 40.0, with_true(WHEELBASE=-0.08, SENSOR=0.003))
    assert abs(told["trailer_wheelbase_m"] - 0.92 * 7.7) < 3.0 * told["trailer_wheelbase_sigma_m"]
    assert abs(told["trailer_wheelbase_m"] - 0.92 * 7.7) < 0.25
    assert told["trailer_wheelbase_known"] == 1 and told["articulation_sensed"] == 1


def test_without_a_trailer_sensor_the_wheelbase_stays_the_configured_one_and_says_so():
    told, x = travel(LateralFeed(), 30.0, with_true(WHEELBASE=-0.08), sensed=False)
    assert told["trailer_wheelbase_m"] == 7.7 and told["trailer_wheelbase_known"] == 0
    assert told["trailer_wheelbase_sigma_m"] == pytest.approx(np.hypot(0.77, DOUBT_M)) and told["articulation_sensed"] == 0
    assert abs(told["articulation_angle"] - x[3]) < 3.0 * told["articulation_sigma"]


def test_the_steering_offset_is_learned_on_the_straight_and_not_in_bends():
    feed = LateralFeed()
    told, _ = travel(feed, 20.0, with_true(OFFSET=0.002), sensed=False, bend=0.0005)
    assert abs(told["steering_offset_rad"] - 0.002) < 0.0003 and told["steering_offset_known"] == 1
    before = float(told["steering_offset_rad"])
    for _ in range(200):
        told = feed.tick(20.0, 0.06, 0.014)
    assert told["steering_offset_rad"] == before


def test_soft_front_tyres_are_learned_in_bends_when_the_mass_is_known():
    true = with_true(FRONT=-0.2)
    told, _ = travel(LateralFeed(), 60.0, true, sensed=False)
    assert abs(told["front_tyre_factor"] - 0.8) < 3.0 * told["front_tyre_factor_sigma"] and told["front_tyre_factor"] < 0.9
    told, _ = travel(LateralFeed(mass_sigma_kg=12000.0), 20.0, true, sensed=False)
    assert told["front_tyre_factor"] == 1.0 and told["tyres_known"] == 0


def test_nothing_is_learned_before_the_yaw_rate_is_known():
    feed = LateralFeed()
    for _ in range(200):
        told = feed.tick(20.0, 0.02, 0.0, gyro_bias_sigma=0.002)
    assert told["steering_offset_rad"] == 0.0 and told["combination_tracked"] == 0


def test_a_trailer_sensor_that_lies_is_refused_then_believed_when_it_insists():
    feed = LateralFeed()
    travel(feed, 5.0, with_true(), bend=0.0)
    told = feed.tick(trailer=0.3, late_s=0.0)
    assert abs(told["articulation_angle"]) < 0.01
    for k in range(200):
        told = feed.tick(trailer=0.3 if k % 5 == 0 else None, late_s=0.0)
    assert abs(told["articulation_angle"]) < 0.1  # rolling straight it cannot be so, and the offset takes what it may


def test_another_trailer_forgets_what_came_with_the_old_one():
    feed = LateralFeed()
    told, _ = travel(feed, 40.0, with_true(WHEELBASE=-0.08, OFFSET=0.001))
    offset = float(told["steering_offset_rad"])
    assert told["trailer_wheelbase_known"] == 1
    feed.tick(connected=1.0)
    for _ in range(3):
        told = feed.tick(connected=0.0)
    assert told["trailer_wheelbase_m"] == 7.7 and told["trailer_wheelbase_known"] == 0
    assert told["steering_offset_rad"] == pytest.approx(offset, abs=1e-4)  # the tractor's own


ROWS = [{"wheelbase_m": 6.0, "wheelbase_sigma_m": 0.1, "tyre_factor": 1.0, "tyre_factor_sigma": 0.1},
        {"wheelbase_m": 7.1, "wheelbase_sigma_m": 0.05, "tyre_factor": 0.95, "tyre_factor_sigma": 0.1}]  # fmt: skip


def stored(rows):
    feed = LateralFeed()
    for i, row in enumerate(rows):
        for name, value in row.items():
            feed.truck["stored_trailer"][i][name] = value
    feed.step = type(feed.step)(feed.truck, feed.vehicle)
    return feed


def test_a_stored_trailer_is_restored_only_when_what_is_measured_agrees():
    true = with_true(WHEELBASE=7.1 / 7.7 - 1.0)
    feed = stored(ROWS)
    assert feed.tick()["trailer_restored"] == 0
    told, _ = travel(feed, 40.0, true)
    assert told["trailer_restored"] == 2 and told["trailer_wheelbase_sigma_m"] < np.hypot(0.05, DOUBT_M)
    told, _ = travel(stored(ROWS[:1]), 40.0, true)
    assert told["trailer_restored"] == 0 and abs(told["trailer_wheelbase_m"] - 7.1) < 0.25
    told, _ = travel(stored(ROWS), 20.0, true, sensed=False)
    assert told["trailer_restored"] == 0  # nothing to check it against


anything = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, -np.inf, 0.0]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(anything, anything, anything, anything), min_size=5, max_size=40))
def test_whatever_is_measured_sigmas_stay_sigmas(ticks):
    feed = LateralFeed()
    for speed, yaw_rate, angle, trailer in ticks:
        told = feed.tick(abs(speed) if np.isfinite(speed) else speed, yaw_rate, angle, trailer=trailer)
        for name in told.dtype.names:
            if name.endswith(("_sigma", "_sigma_m", "_sigma_rad", "_sigma_mps", "_sigma_s")) and not name.startswith("speed"):
                assert told[name] >= 0.0, name
    x, P = feed.step.combination
    assert np.all(np.isfinite(x)) and np.all(np.isfinite(P))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 30.0), st.floats(-0.2, 0.2), st.floats(-0.05, 0.05), st.booleans())
def test_the_covariance_stays_one(speed, yaw_rate, angle, sensed):
    feed = LateralFeed()
    for k in range(200):
        feed.tick(speed, yaw_rate, angle, trailer=0.05 if sensed and k % 5 == 0 else None)
    _, P = feed.step.combination
    scale = np.sqrt(np.diag(P))
    assert np.linalg.eigvalsh(P / np.outer(scale, scale)).min() > -1e-9
    np.testing.assert_allclose(P, P.T, rtol=1e-9, atol=1e-12)


def test_what_was_measured_is_stored_and_nothing_else():
    feed = LateralFeed()
    assert stored_trailer.row(feed.tick()) is None
    told, _ = travel(feed, 40.0, with_true(WHEELBASE=7.1 / 7.7 - 1.0))
    kept = stored_trailer.row(told)
    again, _ = travel(stored([kept]), 40.0, with_true(WHEELBASE=7.1 / 7.7 - 1.0))
    assert again["trailer_restored"] == 1 and abs(again["trailer_wheelbase_m"] - 7.1) < 0.25
    assert stored_trailer.row(again) is None  # told twice is not measured twice
