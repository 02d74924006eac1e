import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.planning.descent import SPEEDS, HeatBudget, descents, entry_speed

TRUCK = {"mass_kg": 40_000.0, "drag_area_m2": 6.0, "rolling_resistance": 0.006, "engine_force_n": 1000.0}
ROAD = np.where((np.arange(64) >= 20) & (np.arange(64) < 50), -0.06, 0.0)
BUDGET = HeatBudget(retarder_power_w=300e3, retarder_heat_j=10e6)


def test_what_goes_into_heat_is_what_the_budget_holds():
    limit = entry_speed(ROAD, 50.0, budget=BUDGET, **TRUCK)
    assert np.isinf(limit[:20]).all() and np.isinf(limit[50:]).all()
    speed, step = limit[20], SPEEDS[1] - SPEEDS[0]

    def excess(v):
        force = 40_000.0 * 9.80665 * (np.sin(0.06) - 0.006) - 0.6 * 6.0 * v**2 - 1000.0
        return force * 1500.0 - (300e3 * 1500.0 / v + 10e6)

    assert excess(speed) <= 0.0 < excess(speed + step)


@settings(max_examples=100, deadline=None)
@given(st.floats(5e4, 6e5), st.floats(0.0, 3e7), st.floats(15_000.0, 49_000.0))
def test_a_larger_budget_or_a_lighter_truck_is_never_slower(power, heat, mass):
    def speed(**changed):
        told = {"power": power, "heat": heat, "mass": mass} | changed
        budget = HeatBudget(retarder_power_w=told["power"], retarder_heat_j=told["heat"])
        return entry_speed(ROAD, 50.0, budget=budget, **(TRUCK | {"mass_kg": told["mass"]}))[30]

    assert speed(power=1.2 * power) >= speed() and speed(heat=heat + 1e6) >= speed() and speed(mass=0.9 * mass) >= speed()


def test_without_a_budget_nothing_is_limited_and_without_any_the_slowest_is_taken():
    assert np.isinf(entry_speed(ROAD, 50.0, budget=HeatBudget(), **TRUCK)).all()
    assert entry_speed(ROAD, 50.0, budget=HeatBudget(0.0, 0.0, 0.0), **TRUCK)[30] == pytest.approx(SPEEDS[0])


def test_a_short_flat_within_does_not_end_a_descent():
    road = ROAD.copy()
    road[30:34] = 0.0
    assert descents(road, 50.0) == [(20, 50)]
    road[30:42] = 0.0
    assert descents(road, 50.0) == [(20, 30), (42, 50)]
