import numpy as np
import pytest
from autonomy.estimation.truck._truck import MassKernel
from hypothesis import given
from hypothesis import strategies as st

from autonomy.estimation.truck.mass_twin import MassTwin
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()
TRUCK, VEHICLE = PARAMETERS["truck"], PARAMETERS["vehicle"]
DT = 0.01
FULL = 2300.0 * 0.96  # N m behind the efficiency


class Road:
    """A truck of one mass: force as told, specific force as it makes, whatever error each has."""

    def __init__(
        self, mass, seed=0, *, resistance=0.006 * STANDARD_GRAVITY_MPS2, wind=0.0, torque_error=0.0, force_scale=1.0, noise=0.02
    ):
        self.mass, self.resistance, self.wind, self.torque_error, self.force_scale, self.noise = (
            mass, resistance, wind, torque_error, force_scale, noise)  # fmt: skip
        self.random = np.random.default_rng(seed)
        self.speed = 5.0

    def accelerate(self, kernel, seconds, share=1.0, grade=0.0):
        """Forces change with the gears, as speed does."""
        for _ in range(round(seconds / DT)):
            per_torque = min(5.1 * 9.0, 0.9 * 150.0 / max(self.speed, 2.0))
            force = share * FULL * per_torque / 0.96
            if share * FULL * self.speed * per_torque > 350e3:
                force = 350e3 / self.speed
            rotating = 576.0 + 3.5 * per_torque**2
            air = 0.5 * AIR_DENSITY_KGPM3 * 6.0 * (self.speed + self.wind) * abs(self.speed + self.wind)
            slope = STANDARD_GRAVITY_MPS2 * grade
            acceleration = (force - air - self.mass * (slope + self.resistance)) / (self.mass + rotating)
            told = force * self.force_scale + per_torque * self.torque_error
            kernel.step(DT, True, told, per_torque, rotating, self.speed, acceleration,
                        acceleration + slope + self.noise * self.random.standard_normal())  # fmt: skip
            self.speed = max(self.speed + acceleration * DT, 2.0)


def new() -> MassKernel:
    return MassKernel(TRUCK, VEHICLE)


def drive(kernel, road, laps=3):
    for _ in range(laps):
        road.speed = 5.0
        road.accelerate(kernel, 20.0)
        kernel.step(DT, False)
        road.accelerate(kernel, 20.0, share=0.3)
        kernel.step(DT, False)


@given(st.lists(st.tuples(st.floats(-2e4, 5e4), st.floats(5.0, 45.0), st.floats(-500.0, 3e3), st.floats(2.0, 25.0),
                          st.floats(-0.6, 1.5), st.floats(0.0, 3e3)), min_size=1, max_size=30))  # fmt: skip
def test_the_filter_is_that_of_the_twin(bins):
    kernel, twin = new(), MassTwin(TRUCK, VEHICLE)
    for values in bins:
        kernel.update(0.5, *values)
        twin.predict(0.5)
        twin.update(*values)
        np.testing.assert_allclose(kernel.state, twin.x, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(kernel.covariance, twin.P, rtol=1e-6, atol=1e-13)
        assert np.all(np.diag(kernel.covariance) > 0.0)


@pytest.mark.parametrize("mass", [8000.0, 14500.0, 27300.0, 40000.0, 49000.0, 56000.0])
def test_the_mass_is_found_from_empty_to_full(mass):
    kernel = new()
    drive(kernel, Road(mass))
    told = kernel.told()
    assert told["mass_excited"] == 1 and abs(told["mass_kg"] / mass - 1.0) < 0.02
    assert told["mass_low_kg"] < mass < told["mass_high_kg"]


@pytest.mark.parametrize("error", [{"wind": 8.0}, {"wind": -8.0}, {"resistance": 0.09}, {"resistance": 0.03},
                                   {"torque_error": 30.0}, {"torque_error": -30.0}, {"force_scale": 1.02}])  # fmt: skip
@pytest.mark.parametrize("mass", [14500.0, 40000.0])
def test_what_else_is_wrong_does_not_bias_it_beyond_its_sigma(mass, error):
    kernel = new()
    drive(kernel, Road(mass, **error), laps=4)
    told = kernel.told()
    assert abs(told["mass_kg"] - mass) < 3.0 * told["mass_sigma_kg"]
    assert abs(told["mass_kg"] / mass - 1.0) < 0.05


def test_until_it_is_excited_the_configured_value_stands_with_wide_bounds():
    kernel, road = new(), Road(14500.0)
    road.speed = 20.0
    road.accelerate(kernel, 3.0, share=0.15)
    told = kernel.told()
    assert told["mass_excited"] == 0 and told["mass_kg"] == VEHICLE["mass_kg"]
    assert told["mass_low_kg"] <= 14500.0 and told["mass_high_kg"] >= 49000.0


def test_an_interrupted_bin_is_thrown_away():
    kernel = new()
    before = kernel.state
    for _ in range(20):
        for _ in range(40):  # 0.4 s of a bin of 0.5 s
            kernel.step(DT, True, 1e5, 40.0, 1e3, 10.0, 3.0, 3.0)
        kernel.step(DT, False)
    np.testing.assert_array_equal(kernel.state, before)


def test_another_trailer_is_learned_anew_after_one_acceleration_that_leaves_no_doubt():
    kernel = new()
    drive(kernel, Road(40000.0))
    assert kernel.told()["mass_resets"] == 0
    drive(kernel, Road(14500.0, seed=1), laps=2)
    told = kernel.told()
    assert told["mass_resets"] == 1 and abs(told["mass_kg"] / 14500.0 - 1.0) < 0.03


@pytest.mark.parametrize("mass", [8000.0, 14500.0, 27300.0])
def test_the_sigma_holds_another_trailer_from_its_first_seconds_on(mass):
    """Nobody told that 40 t became `mass`: four seconds of acceleration show it."""
    kernel, road = new(), Road(mass, seed=1)
    drive(kernel, Road(40000.0))
    road.speed = 5.0
    road.accelerate(kernel, 4.0)
    for _ in range(20):
        road.accelerate(kernel, 1.0)
        told = kernel.told()
        assert abs(told["mass_kg"] - mass) < 3.0 * told["mass_sigma_kg"]
        assert told["mass_low_kg"] < mass < told["mass_high_kg"]


def test_a_sigma_widened_by_a_gust_of_force_is_narrow_again_after_the_acceleration():
    kernel, road = new(), Road(40000.0)
    drive(kernel, road)
    before = float(kernel.told()["mass_sigma_kg"])
    road.speed = 5.0
    road.force_scale = 1.5  # for a second: a torque that is told wrongly
    road.accelerate(kernel, 2.0)
    wide = float(kernel.told()["mass_sigma_kg"])
    road.force_scale = 1.0
    road.accelerate(kernel, 20.0)
    for _ in range(400):
        kernel.step(DT, False)
    assert wide > 2.0 * before and float(kernel.told()["mass_sigma_kg"]) < 1.3 * before and kernel.told()["mass_resets"] == 0


def test_the_same_trailer_in_wind_and_hills_is_not_taken_for_another():
    kernel, road = new(), Road(40000.0)
    for lap in range(12):
        road.wind = 6.0 * np.sin(lap)
        road.speed = 5.0
        for grade in (0.0, 0.03, -0.02):
            road.accelerate(kernel, 12.0, grade=grade)
            kernel.step(DT, False)
    assert kernel.told()["mass_resets"] == 0


def test_a_long_standstill_makes_it_unknown_again():
    kernel = new()
    drive(kernel, Road(40000.0))
    for _ in range(3100):
        kernel.step(0.1, False, speed=0.0)
    kernel.step(DT, False, speed=3.0)
    told = kernel.told()
    assert told["mass_excited"] == 0 and told["mass_kg"] == VEHICLE["mass_kg"] and told["mass_resets"] == 1


def test_what_is_not_a_number_changes_nothing():
    kernel = new()
    before = kernel.state
    for _ in range(200):
        kernel.step(DT, False, *[np.nan] * 6)
    np.testing.assert_array_equal(kernel.state, before)
