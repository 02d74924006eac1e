"""How the figures of a descent are judged, on drives that are made up."""

import numpy as np
import pytest

from autonomy.planning.cruise import POINTS, STEP_M, RoadAhead
from hil.suites import descent
from hil.suites.descent import COLUMNS, DESCENT_M, SET_SPEED, Case, Drive, Known


def made_up(over=0.0, rise=20.0, fall_at=2200.0, end=None, margin=0.3) -> Drive:
    """Evenly to the foot of the slope and beyond, or to a stop at `end`."""
    place = np.arange(600.0, 8400.0 if end is None else end, 0.5)
    row = dict.fromkeys(COLUMNS, np.zeros(len(place)))
    row |= {"place": place, "allowed": np.where(place > fall_at, 15.0, SET_SPEED), "mode": np.ones(len(place))}
    row |= {"speed": row["allowed"] + over, "brake_c": np.linspace(20.0, 20.0 + rise, len(place))}
    row |= {"margin": np.full(len(place), margin), "mass_high": np.full(len(place), 43e3)}
    if end is not None:
        row["speed"][-1] = 0.0
    return Drive(row, 0, False)


def misses(rows):
    return [row["figure"] for row in rows if row["met"] is False]


def test_a_drive_by_the_plan_meets_every_aim():
    rows = descent.descended("x", made_up(), known=True)
    assert not misses(rows)
    assert next(row["value"] for row in rows if "planned, before" in row["figure"]) == descent.crest() - 2200.5


def test_each_aim_can_be_missed():
    assert "over the speed" in misses(descent.descended("x", made_up(over=0.7), True))[0]
    assert "rise" in misses(descent.descended("x", made_up(rise=250.0), True))[0]
    late = made_up(fall_at=3000.0)
    assert any("before the crest" in figure for figure in misses(descent.descended("x", late, True)))
    assert all("entry speed" in figure or "truth" in figure for figure in misses(descent.descended("x", late, known=False)))
    assert "line" in misses(descent.descended("x", made_up(margin=-0.1), True))[0]


def test_a_failing_retarder_must_end_in_a_stop_on_the_slope():
    half = descent.LEVEL_M + descent.CURVE_M + 0.6 * DESCENT_M
    assert not misses(descent.halted("x", made_up(end=half)))
    assert len(misses(descent.halted("x", made_up()))) == 2


def test_the_true_slope_and_heat_judge_beside_the_plan():
    places, allowed = descent.truly_allowed(made_up(), 3000.0)
    whole = descent.truly_allowed(made_up(), np.inf)[1]
    assert places[0] == descent.crest() and 15.0 < allowed[0] < whole[0] - 1.0
    too_fast = misses(descent.descended("x", made_up(over=allowed[0] - 15.0 + 1.0), True))
    assert [figure for figure in too_fast if "over the entry speed" in figure]
    assert not [figure for figure in misses(descent.descended("x", made_up(over=1.0), True)) if "entry speed" in figure]


@pytest.mark.parametrize("known", [True, False])
def test_the_map_that_a_drive_is_told_has_an_error_that_grows_and_fades_along_the_road(known):
    flat, place = RoadAhead(*np.zeros((3, POINTS))), [0.0]
    told = Known(lambda out: flat, lambda: place[0], Case("x", 21, known=known))
    if not known:
        assert np.isnan(told(None).grade).all() and not told(None).limit.any()
        return
    first = told(None)
    place[0] = 100.0
    steps = round(100.0 / STEP_M)
    assert np.array_equal(told(None).grade[:-steps], first.grade[steps:]), "the same place has the same error"
    assert 0.2 * descent.MAP_SIGMA < first.grade.std() < 3.0 * descent.MAP_SIGMA and (first.sigma == descent.MAP_SIGMA).all()


@pytest.mark.slow
def test_the_drives_of_the_quick_suite_meet_their_aims(tmp_path):
    rows = descent.rows(quick=True, jobs=2, output=tmp_path)
    assert len(rows) > 10 and misses(rows) == []
