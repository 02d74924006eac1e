import numpy as np
import pytest

from autonomy import Stack, msg
from hil.suites import _fault_cases, faults


@pytest.mark.parametrize("name", ["steering_stuck", "engine_gone"])
def test_a_fault_is_told_answered_and_kept_within_the_lane(name):
    case = next(case for case in _fault_cases.cases() if case.name == name)
    rows = faults.judged(case, [_fault_cases.driven(case, 2)])
    judged = [row for row in rows if "after the injection" not in row["figure"]]  # that one has no aim
    assert len(judged) >= 3 and [row["figure"] for row in judged if row["met"] is not True] == []


def test_what_the_table_does_not_say_is_complained_about():
    case = next(case for case in _fault_cases.cases() if case.name == "retarder_weak")
    figure = {"early": [], "told_s": 20.4, "collisions": 0, "rolled_over": False, "unused": False, "minimal_risk_after_s": 3.0,
              "expected_after_s": 10.0, "end_speed": 5.0, "speed_limit": 0.0, "others": [], "acted_before": [], "highest": 4,
              "most": 4}  # fmt: skip
    assert len(faults.complaints(case, figure)) == 3
    assert faults.complaints(case, figure | {"told_s": None}) == ["never told"]


def test_every_row_of_the_table_has_a_cause_that_is_injected():
    words = {value: name.removeprefix("FAULT_").lower() for name, value in msg.constants("FaultRow").items()
             if name.startswith("FAULT_")}  # fmt: skip
    table = Stack.from_config("vehicles/demo_truck").parameters["faults"]["row"]["fault"]
    cases = _fault_cases.cases()
    assert {words[int(number)] for number in table if number} == {case.name for case in cases}
    assert all(case.faults or case.told for case in cases)
    assert {row for case in cases for row in case.consequences} <= {case.name for case in cases}
    assert len({case.title for case in cases}) == len(cases)


FIGURE = {"early": [], "told_s": 20.4, "passed_s": 20.3, "collisions": 0, "rolled_over": False, "unused": None, "others": [],
          "acted_before": [], "highest": 4, "most": 4, "minimal_risk_after_s": 10.0, "expected_after_s": 10.0, "end_speed": 0.0,
          "speed_limit": 0.0, "injected_s": 20.0, "truly_passed_s": 20.1, "true_when_told": 0.9, "true_threshold": 0.6,
          "true_unit": "", "detector": "retarder_response", "period_s": 0.1, "margin": 0.2}  # fmt: skip


def weak():
    return next(case for case in _fault_cases.cases() if case.name == "retarder_weak")


@pytest.mark.parametrize(("wrong", "what"), [({"others": ["mass_wrong"]}, "also told"), ({"acted_before": ["counter"]}, "before"),
                                             ({"highest": 4, "most": 2}, "by more"), ({"end_speed": 1.0}, "stand")])  # fmt: skip
def test_other_rows_and_other_answers_are_complaints(wrong, what):
    assert faults.complaints(weak(), FIGURE) == []
    found = faults.complaints(weak(), FIGURE | wrong)
    assert len(found) == 1 and what in found[0]


def test_late_by_the_truth_is_missed_even_if_the_detector_was_quick():
    rows = {row["figure"]: row for row in faults.judged(weak(), [FIGURE, FIGURE | {"truly_passed_s": 19.5}])}
    assert rows["retarder weak: told after"]["met"] and rows["retarder weak: told after the truth passed 0.6"]["met"] is False
    assert np.isclose(rows["retarder weak: told after the injection, truly wrong by 0.9"]["value"], 0.4)


def test_a_fault_in_standby_must_keep_the_stack_out_until_it_is_over():
    case = next(case for case in _fault_cases.cases() if case.ends == "refuses")
    figure = FIGURE | {"minimal_risk_after_s": None, "end_speed": 22.0, "highest": 1, "most": 1}
    assert faults.complaints(case, figure | {"over_s": 16.0, "engaged_s": 16.1}) == []
    assert "engaged with" in faults.complaints(case, figure | {"over_s": 16.0, "engaged_s": 6.0})[0]
    assert "does not engage" in faults.complaints(case, figure | {"over_s": 16.0, "engaged_s": None})[0]


# Told as missed in docs/faults.md
MISSED = ("EBC2 tells 3 m/s too much: told after the truth passed", "trailer's wheelbase told 1.7 m short",
          "steering stuck on the straight: told after the truth passed")  # docs/faults.md has why


@pytest.mark.slow
def test_the_rows_of_one_seed():
    rows = faults.rows(quick=True, jobs=2, output=None)
    assert [row["figure"] for row in rows if row["met"] is False and not row["figure"].startswith(MISSED)] == []
