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
