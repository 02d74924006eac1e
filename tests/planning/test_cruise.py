import numpy as np
import pytest
from autonomy.planning._cruise import Kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.planning import cruise_twin
from tests.step_parameters import cruise_parameters

POINTS, STEP_M = cruise_twin.POINTS, cruise_twin.STEP_M
SET_SPEED = 80.0 / 3.6
OVERRUN, FULL, ROLL = cruise_twin.OVERRUN, cruise_twin.FULL, cruise_twin.ROLL
IN_GEAR = cruise_parameters(cruise={"roll_deceleration": 0.0})
ROLLING = cruise_parameters()


def horizon(grade=0.0, speed=SET_SPEED, mass=40_000.0, limit=100.0, gear=0, behind=0.0, lead=(np.nan, np.nan)):
    found = np.zeros((), msg.dtype("CruiseHorizon"))
    found["time_ns"], found["speed"], found["set_speed"], found["mass_kg"], found["gear"] = 10**9, speed, SET_SPEED, mass, gear
    found["grade"], found["limit"], found["time_behind_s"] = grade, limit, behind
    found["lead_speed"], found["lead_gap_error"] = lead
    return found


def plan(parameters=IN_GEAR, **told):
    return Kernel(*parameters).plan(horizon(**told))


def waves(amplitude, length_m, phase):
    return amplitude * np.sin(2.0 * np.pi * STEP_M * np.arange(POINTS) / length_m + phase)


hills = st.builds(waves, st.floats(0.0, 0.06), st.floats(400.0, 4000.0), st.floats(0.0, 6.3))


def test_on_the_level_the_set_speed_is_the_cheapest():
    found = plan()
    assert found["validity"] == 0
    assert np.abs(found["speed"][:40] - SET_SPEED).max() < 0.1 and np.abs(found["speed"] - SET_SPEED).max() < 0.6
    assert found["fuel_kg"] / (63 * STEP_M) * 1e5 / 0.836 == pytest.approx(33.0, abs=1.0)  # l/100 km: 4.1 kN of tyres and air


@settings(max_examples=12, deadline=None)
@given(hills, st.floats(14.0, 25.0), st.floats(15_000.0, 49_000.0), st.floats(-20.0, 20.0), st.booleans())
def test_the_plan_is_that_of_the_twin(grade, speed, mass, behind, rolls):
    parameters = ROLLING if rolls else IN_GEAR
    question = horizon(grade, speed, mass, behind=behind)
    question["reference_speed"], question["travelled_m"], question["elapsed_s"] = 0.5 * (speed + SET_SPEED), 0.1 * speed, 0.1
    question["late_exponent"], question["planned_later_s"] = -0.02 * behind, 0.3 * behind
    found, twin = Kernel(*parameters).plan(question), cruise_twin.plan(*parameters, question)
    assert found["time_price"] == pytest.approx(twin["price"], rel=1e-12)
    np.testing.assert_allclose(found["ceiling"], twin["ceiling"], rtol=1e-12)
    for name in ("reference_speed", "time_behind_s", "late_exponent"):
        assert found[name] == pytest.approx(twin[name], rel=1e-12, abs=1e-12)
    assert found["planned_later_s"] == pytest.approx(found["duration_s"] - twin["plain_s"], abs=1e-9)
    # Where two ways cost the same the grids' edges may choose: the cost is equal, the way nearly
    worth = (mass + 700.0) * 0.5 * (found["speed"][-1] ** 2 - twin["speed"][-1] ** 2) / (0.465 * 42.7e6 * 0.95)
    cost = found["fuel_kg"] - twin["fuel_kg"] + twin["price"] * (found["duration_s"] - twin["duration_s"]) - worth
    assert abs(cost) < 0.003 * twin["cost"] if twin["cost"] > 0.5 else abs(cost) < 0.005
    assert np.median(np.abs(found["speed"] - twin["speed"])) < 0.05


@settings(max_examples=150, deadline=None)
@given(hills, st.floats(10.0, 27.0), st.floats(7_000.0, 60_000.0), st.integers(0, 4), st.floats(12.0, 30.0), st.integers(5, 60))
def test_limits_are_kept_whatever_the_road(grade, speed, mass, gear, limit, where):
    limits = np.where(np.arange(POINTS) < where, 100.0, limit)
    found = plan(ROLLING, grade=grade, speed=speed, mass=mass, gear=gear, limit=limits)
    assert found["validity"] == 0 and np.isfinite(found["speed"]).all() and (found["speed"] > 8.9).all()
    assert (found["speed"][1:] <= found["ceiling"][1:] + 1e-9).all()
    assert (found["ceiling"] <= np.minimum(limits, SET_SPEED + 1.4) + 1e-9).all()
    fall = np.diff(found["ceiling"] ** 2) / (2.0 * STEP_M)
    assert fall.min() >= -IN_GEAR[0]["ceiling_deceleration"] - 1e-9
    assert found["fuel_kg"] >= 0.0 and found["duration_s"] > 0.0


def test_speed_is_given_up_before_a_descent_and_gathered_before_a_climb():
    places = STEP_M * np.arange(POINTS)
    steep = (places > 800.0) & (places < 2000.0)
    down, up = np.where(steep, -0.04, 0.0), np.where(steep, 0.04, 0.0)
    before = slice(6, 17)
    assert plan(grade=down)["speed"][before].min() < SET_SPEED - 1.0
    assert OVERRUN in plan(grade=down)["drive"][:40]
    assert plan(grade=up)["speed"][before].max() > SET_SPEED + 0.3
    assert FULL in plan(grade=up)["drive"][10:40]


def test_rolls_out_of_gear_only_where_it_may_and_loses_little_speed():
    gentle = np.full(POINTS, -0.007)
    assert ROLL not in plan(grade=gentle)["drive"] and ROLL not in plan(grade=waves(0.05, 900.0, 0.0))["drive"]
    assert ROLL in plan(ROLLING, grade=gentle)["drive"]
    assert ROLL not in plan(ROLLING, grade=0.01)["drive"]
    for grade in (gentle, waves(0.01, 900.0, 0.0)):
        found = plan(ROLLING, grade=grade)
        rolls = np.flatnonzero(found["drive"][:-1] == ROLL)
        lost = (found["speed"][rolls] ** 2 - found["speed"][rolls + 1] ** 2) / (2.0 * STEP_M)
        assert len(rolls) > 5 and lost.max() <= ROLLING[0]["roll_deceleration"] + 1e-9


def test_who_is_late_drives_faster_and_never_below_the_band_by_itself():
    assert plan(behind=10.0)["speed"][30] > SET_SPEED + 0.4 and plan(behind=-10.0)["speed"][30] < SET_SPEED - 0.4
    places = STEP_M * np.arange(POINTS)
    steep = np.where(places > 1500.0, -0.06, 0.0)
    assert plan(grade=steep, behind=-25.0)["speed"].min() > SET_SPEED - IN_GEAR[0]["band_below_mps"] - 0.3


def test_a_lead_is_closed_in_on_slowly():
    assert plan(lead=(20.0, 0.0))["speed"][-1] <= 20.0 + 1e-9
    assert plan(lead=(20.0, 30.0))["ceiling"].max() == pytest.approx(21.0)


def test_a_grade_that_is_not_known_is_taken_for_level():
    unknown = horizon(np.nan)
    doubted = horizon(0.05)
    doubted["grade_sigma"] = 0.02
    for question in (unknown, doubted):
        np.testing.assert_array_equal(Kernel(*IN_GEAR).plan(question)["speed"], plan()["speed"])


@pytest.mark.parametrize("field, value", [
    ("speed", np.nan), ("speed", 3.0), ("speed", 80.0), ("set_speed", np.nan), ("set_speed", 5.0), ("mass_kg", np.nan),
    ("mass_kg", 0.0), ("limit", np.nan), ("limit", -1.0), ("travelled_m", np.nan), ("travelled_m", -5.0),
    ("elapsed_s", np.inf), ("time_behind_s", np.nan),
    ("late_exponent", np.nan), ("planned_later_s", np.inf), ("reference_speed", np.nan)])  # fmt: skip
def test_a_question_without_sense_gets_no_plan(field, value):
    question = horizon()
    question[field] = value
    answer = Kernel(*IN_GEAR).plan(question)
    assert answer["validity"] == 1 and np.isfinite(answer["time_behind_s"])


def test_the_same_question_has_the_same_answer_to_the_bit():
    kernel, question = Kernel(*ROLLING), horizon(waves(0.03, 900.0, 1.0))
    first = kernel.plan(question).tobytes()
    kernel.plan(horizon(waves(0.05, 700.0, 0.0), speed=18.0))
    assert kernel.plan(question).tobytes() == first


def test_what_the_truck_will_be_late_by_and_was_for_long_makes_time_dearer():
    def price(**told):
        question = horizon()
        question["reference_speed"], question["travelled_m"], question["elapsed_s"] = SET_SPEED, 0.1 * SET_SPEED, 0.1
        for name, value in told.items():
            question[name] = value
        return float(Kernel(*IN_GEAR).plan(question)["time_price"])

    assert price(planned_later_s=5.0) == pytest.approx(price(time_behind_s=5.0), rel=1e-12)
    assert price(late_exponent=0.3) / price() == pytest.approx(np.exp(0.3), rel=1e-9)
    assert price(late_exponent=9.0, time_behind_s=99.0) / price() == pytest.approx(np.exp(1.2), rel=1e-9)
    grades = waves(0.04, 2000.0, 0.0)
    assert plan(grade=grades)["planned_later_s"] > 1.0  # what a climb costs, beside one that shifts down at once


def test_time_is_compared_with_a_plain_cruise_control():
    question = horizon(0.0, speed=20.0)
    question["reference_speed"], question["travelled_m"], question["elapsed_s"] = SET_SPEED, 2.0, 0.1
    found = Kernel(*IN_GEAR).plan(question)
    assert found["time_behind_s"] == pytest.approx(0.1 - 2.0 / SET_SPEED, abs=1e-6)
    question["paused"] = 1
    assert Kernel(*IN_GEAR).plan(question)["time_behind_s"] == 0.0
