import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.planning.descent import SPEEDS, HeatBudget, budget_of, descents, entry_speed, steadied
from tests.step_parameters import known_truck, step_parameters, zeros

TRUCK = {"mass_kg": 40_000.0, "drag_area_m2": 6.0, "rolling_resistance": 0.006, "engine_force_n": 1000.0}
ROAD = np.where((np.arange(64) >= 20) & (np.arange(64) < 50), -0.06, 0.0)
BUDGET = HeatBudget(retarder_power_w=300e3, retarder_heat_j=10e6)


def test_what_goes_into_heat_is_what_the_budget_holds():
    limit = entry_speed(ROAD, 50.0, budget=BUDGET, **TRUCK)
    assert np.isinf(limit[:20]).all() and np.isinf(limit[50:]).all()
    speed, step = limit[20], SPEEDS[1] - SPEEDS[0]

    def excess(v):
        force = 40_000.0 * STANDARD_GRAVITY_MPS2 * (np.sin(0.06) - 0.006) - 0.5 * AIR_DENSITY_KGPM3 * 6.0 * v**2 - 1000.0
        return force * 1500.0 - (300e3 * 1500.0 / v + 10e6)

    assert excess(speed - step) < 0.0 < excess(speed + step) and abs(excess(speed)) < 0.01 * (300e3 * 1500.0 / speed + 10e6)


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


def test_a_descent_that_leaves_the_road_known_is_driven_by_what_is_cooled_away():
    endless = np.where(np.arange(64) >= 20, -0.06, 0.0)
    stored = HeatBudget(retarder_power_w=250e3, retarder_heat_j=30e6)
    assert entry_speed(endless, 50.0, budget=stored, **TRUCK)[20] == pytest.approx(
        entry_speed(endless, 50.0, budget=stored._replace(retarder_heat_j=0.0), **TRUCK)[20])  # fmt: skip
    unknown = endless.copy()
    unknown[50:] = np.nan
    ended = np.where(np.arange(64) < 50, endless, 0.0)
    assert entry_speed(unknown, 50.0, budget=stored, **TRUCK)[20] < entry_speed(ended, 50.0, budget=stored, **TRUCK)[20] - 0.5


def test_the_brakes_must_take_a_stop_from_the_speed_of_the_descent():
    cool, hot = (entry_speed(ROAD, 50.0, budget=BUDGET._replace(stop_heat_j=heat), **TRUCK)[30] for heat in (1e8, 5e6))
    assert hot < cool and 0.5 * 40_000.0 * hot**2 < 5e6


@pytest.mark.parametrize(
    "change",
    [
        {"friction": 0.3, "friction_low": 0.0},
        {"mass_high_kg": 55_000.0},
        {"retarder_cooled_w": 150e3},
        {"retarder_heat_left_j": 2e6},
        {"brake_heat_left_j": 4e6},
    ],
)
def test_the_estimates_decide_with_their_worse_end(change):
    parameters, faults = step_parameters(), zeros("FaultState")
    road = np.where((np.arange(64) >= 5) & (np.arange(64) < 60), -0.06, 0.0)

    def speed(truck, faults=faults):
        budget = budget_of(truck, faults, parameters["vehicle"], parameters["plan"])
        return entry_speed(road, 50.0, budget=budget, **(TRUCK | {"mass_kg": float(truck["mass_high_kg"])}))[30]

    assert speed(known_truck(**change)) < speed(known_truck()) - 0.1
    lost = zeros("FaultState")
    lost["unusable"] = msg.constants("FaultRow")["UNUSABLE_RETARDER"]
    assert speed(known_truck(), lost) < 0.8 * speed(known_truck())


def test_on_a_descent_the_limit_rises_slowly_only():
    limit = np.array([18.0, 18.0, np.inf, 12.0])
    np.testing.assert_allclose(steadied(limit, 15.0, 0.1), [15.005, 15.005, np.inf, 12.0])
    np.testing.assert_allclose(steadied(limit, np.inf, 0.1), limit)
    np.testing.assert_allclose(steadied(limit, 20.0, 0.1), limit)
