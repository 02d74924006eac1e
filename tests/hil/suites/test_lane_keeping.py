import pytest

from hil.suites import lane_keeping


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S-bend R 500 m, 80 km/h", "gusts 15 m/s, 80 km/h", "empty, straight, 90 km/h"])
def test_the_combination_stays_in_its_lane(name):
    case = next(case for case in lane_keeping.cases() if case["name"] == name)
    figure = lane_keeping.together([lane_keeping.drive((case, lane_keeping.PLAY_RAD, lane_keeping.SEEDS[0]))])
    rows = lane_keeping.judged(name, lane_keeping.PLAY_RAD, figure)
    missed = [row["figure"] for row in rows if not row["met"]]
    assert not missed, missed


def test_the_wide_play_is_told_and_not_judged():
    figure = {"p99": 1.0, "peak": 1.0, "margin": -1.0, "jerk": 9.0, "reversals": 9.0, "driven": True,
              "stop_valid": 0.99, "stop_margin": -0.1, "speed": 20.0}
    assert {row["met"] for row in lane_keeping.judged("straight", lane_keeping.WIDE_PLAY_RAD, figure)} == {None}
    assert {row["met"] for row in lane_keeping.judged("straight", lane_keeping.PLAY_RAD, figure)} == {False, None}
    undriven = lane_keeping.judged("straight", lane_keeping.PLAY_RAD, figure | {"driven": False})
    assert {(row["value"], row["met"]) for row in undriven} == {(None, False), (None, None)}
