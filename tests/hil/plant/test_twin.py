"""The kernel against two bodies held together by an explicit force, against hand-written small-angle matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hil.plant import Plant, PlantCommand, plant_twin
from hil.plant.linear import linearise

PLANTS = {name: Plant.load(f"plants/{name}") for name in ("eu_4x2_40t", "us_6x4_53ft", "openpbs_6x2")}
LINEAR = {name: Plant.load(f"plants/{name}", {"plant.linear": 1}) for name in PLANTS}
WITHOUT_ENGINE = {"engine.inertia": 0.0, "tyres.wheel_inertia": 0.0, "plant.inner_step_s": 0.002}


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


@st.composite
def states(draw):
    x = np.zeros(26)
    limits = ((-1e3, 1e3), (-1e3, 1e3), (-4, 4), (-2, 35), (-3, 3), (-0.6, 0.6), (-0.6, 0.6), (-1.5, 1.5))
    x[:8] = [draw(numbers(*limit)) for limit in limits]
    x[8:13] = [draw(numbers(-0.3, 0.3)) for _ in range(4)] + [draw(numbers(-6, 3))]
    x[13:18] = [draw(numbers(-0.1, 0.1)) for _ in range(5)]
    x[18:26] = [draw(numbers(-1.6, 1.6)) for _ in range(8)]
    return x


@settings(max_examples=150, deadline=None)
@given(states(), st.sampled_from(sorted(PLANTS)), st.booleans(), numbers(-0.6, 0.6), numbers(-3e4, 3e4), numbers(-0.12, 0.12),
       numbers(-0.1, 0.1), numbers(0.05, 1.0), numbers(-30, 30), numbers(-30, 30),
       st.lists(st.sampled_from((0.0, 0.0, 0.5, 0.75, 1.0)), min_size=8, max_size=8))  # fmt: skip
def test_the_kernel_says_what_two_bodies_and_a_fifth_wheel_force_say(
    x, name, linear, angle, force, grade, bank, friction, east, north, slips
):
    plant = (LINEAR if linear else PLANTS)[name]
    road = plant.kernel.surroundings
    road["grade"], road["bank"], road["friction"], road["wind_x"], road["wind_y"] = grade, bank, friction, east, north
    kernel, _ = plant.kernel.derivative(x, angle, force, wheel_slip=slips)
    twin = plant_twin.derive(plant.parameters, x, angle, drive_force=force, grade=grade, bank=bank, friction=friction,
                             wind=(east, north), wheel_slip=slips)  # fmt: skip
    used = 18 + int(plant.parameters["axles"])
    np.testing.assert_allclose(kernel[:used], twin[:used], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", sorted(LINEAR))
@pytest.mark.parametrize("speed", [10.0, 22.2, 29.0])
def test_small_angles_are_the_textbook_matrices(name, speed):
    linear = linearise(LINEAR[name], speed)
    A, B = plant_twin.linear_matrices(LINEAR[name].parameters, speed)
    to_rates = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, -1, 1, 0], [0, 0, 0, 1.0]])  # articulation rate, not the trailer's
    # the linear configuration keeps the air: compare without
    plant = Plant.load(f"plants/{name}", {"plant.linear": 1, "air.drag_area_m2": 0, "air.tractor_side_area_m2": 0,
                                          "air.trailer_side_area_m2": 0, "tyres.rolling_resistance": 0})  # fmt: skip
    bare = linearise(plant, speed)
    np.testing.assert_allclose(to_rates @ bare.A @ np.linalg.inv(to_rates), A, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(to_rates @ bare.B, B, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(linear.modes()[0], bare.modes()[0], rtol=0.03)  # and the air changes little


def test_integration_is_that_of_a_library():
    plant = Plant.load("plants/eu_4x2_40t", {"steering.delay_s": 0.0, "steering.lag_s": 1e-6, "steering.maximum_rate": 1e9,
                                             "steering.play": 0.0, **WITHOUT_ENGINE})  # fmt: skip
    plant.reset(speed=20.0)
    plant.step(0.002, PlantCommand(0.02))
    begin = plant.kernel.memory["state"].copy()
    found = solve_ivp(lambda t, x: plant_twin.derive(plant.parameters, x, 0.02, drive_force=0.0), (0.0, 3.0), begin, rtol=1e-9,
                      atol=1e-9)  # fmt: skip
    for _ in range(300):
        plant.step(0.01, PlantCommand(0.02))
    ours = plant.kernel.memory["state"]
    assert abs(found.y[0, -1] - ours[0]) < 1e-3 and abs(found.y[1, -1] - ours[1]) < 1e-3
    np.testing.assert_allclose(ours[3:12], found.y[3:12, -1], atol=1e-5)
