"""A vehicle that cannot be is refused in a sentence."""

import pytest

from autonomy.errors import UsageError
from autonomy.stack import Stack


@pytest.mark.parametrize("key", ["trailer_cg_x_m", "trailer_tare_cg_x_m"])
def test_a_trailer_that_would_lift_the_fifth_wheel_is_refused(key):
    """Such a model steers 1 degree on a straight and leaves the lane."""
    with pytest.raises(UsageError, match=rf"\[vehicle\] {key} = 7.8 lies behind the trailer's axles.*= 7.7"):
        Stack.from_config("vehicles/demo_truck", {f"vehicle.{key}": 7.8})


def test_a_car_has_no_such_trailer():
    Stack.from_config("vehicles/toyota_rav4_comma2k19", {"vehicle.trailer_cg_x_m": 2.0})


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("mass_kg", 400e3, "must be at most 100000"),
        ("mass_kg", 40.0, "must be at least 500"),
        ("mass_kg", 6000.0, r"= 6000: the tractor alone weighs more, tractor_mass_kg = 7800"),
        ("mass_kg", 70e3, r"= 70000 is not between \[truck\] mass_minimum_kg = 7000 and mass_maximum_kg = 60000"),
        ("loaded_mass_kg", 14e3, r"= 14000: without load it weighs 14500"),
        ("trailer_cornering_stiffness", [0.0] * 4, "= 0 throughout: the trailer has no axle"),
        ("hitch_offset_m", -9.0, r"= -9: at 40000 kg the tractor's axles behind it would be lifted"),
        ("hitch_offset_m", 5.0, r"= 5: at 40000 kg the tractor's front axle would be lifted"),
        ("driven_axles", 0, r"= 0: the tractor has 1 behind its front axle"),
        ("driven_axles", 2, r"= 2: the tractor has 1 behind its front axle"),
        ("mass_sigma_kg", 1e6, "must be at most 50000"),
        ("wheel_radius_m", 0.001, "must be at least 0.15"),
        ("trailer_wheelbase_m", 77.0, "must be at most 20"),
        ("drag_area_m2", 1e6, "must be at most 30"),
        ("rolling_resistance", 5.0, "must be at most 0.1"),
        ("steering_delay_s", 5.0, "must be at most 0.6"),
    ],
)
def test_a_truck_that_no_road_has_is_refused(key, value, sentence):
    """One zero too many in the mass, and the truck left its lane by 9 m."""
    with pytest.raises(UsageError, match=rf"\[vehicle\] {key}.*{sentence}"):
        Stack.from_config("vehicles/demo_truck", {f"vehicle.{key}": value})
