import pytest

from hil.suites import _fault_cases, faults


@pytest.mark.parametrize("name", ["steering_stuck", "engine_gone"])
def test_a_fault_is_told_answered_and_kept_within_the_lane(name):
    case = next(case for case in _fault_cases.cases() if case.name == name)
    rows = faults.judged(case, [_fault_cases.driven(case, 2)])
    assert [row["figure"] for row in rows if row["met"] is not True] == []


def test_what_the_table_does_not_say_is_complained_about():
    case = next(case for case in _fault_cases.cases() if case.name == "retarder_weak")
    figure = {"early": [], "told_s": 20.4, "collisions": 0, "rolled_over": False, "unused": False, "minimal_risk_after_s": 3.0,
              "expected_after_s": 10.0, "end_speed": 5.0, "speed_limit": 0.0}  # fmt: skip
    assert len(faults.complaints(case, figure)) == 3
    assert faults.complaints(case, figure | {"told_s": None}) == ["never told"]


@pytest.mark.slow
def test_the_rows_of_one_seed():
    rows = faults.rows(quick=True, jobs=2, output=None)
    assert [row["figure"] for row in rows if row["met"] is False] == []
