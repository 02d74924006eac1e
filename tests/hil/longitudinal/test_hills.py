import numpy as np
import pytest

from hil.longitudinal.hill_drive import surveyed
from hil.longitudinal.hills import LEAD_IN_M, POINT_M, generated, recorded


def test_the_same_seed_is_the_same_road_and_it_ends_as_it_began():
    one, other = generated(5, 8000.0), generated(6, 8000.0)
    np.testing.assert_array_equal(one.grade, generated(5, 8000.0).grade)
    assert np.abs(one.grade - other.grade).max() > 0.01
    count = round(LEAD_IN_M / POINT_M) - 20
    assert np.abs(one.grade[:count]).max() < 1e-12 and np.abs(one.grade[-count:]).max() < 1e-12
    assert np.sum(one.grade) * POINT_M == pytest.approx(0.0, abs=2.0)  # m; what is cut off at three sigma
    assert one.grade.std() == pytest.approx(0.018, rel=0.25)


def test_a_cycles_grade_is_laid_over_the_distance_driven(tmp_path):
    path = tmp_path / "cycle.csv"
    rows = ["cycSecs,cycMps,cycGrade", *(f"{t},{20.0 if t < 100 else 0.0},{0.03 if 50 <= t < 75 else 0.0}" for t in range(150))]
    path.write_text("\n".join(rows))
    hills = recorded(path)
    assert hills.length_m == pytest.approx(3 * LEAD_IN_M + 2000.0, abs=30.0)
    assert hills.at(LEAD_IN_M + 1250.0) == pytest.approx(np.arctan(0.03)) and hills.at(LEAD_IN_M + 1800.0) == 0.0
    assert recorded(path, 1000.0).length_m == pytest.approx(3 * LEAD_IN_M + 1000.0)


def test_a_survey_is_as_wrong_as_it_says():
    hills = generated(7)
    exact, noisy = surveyed(hills, 0.0), surveyed(hills, 0.0, sigma=0.003, seed=1)
    error = noisy.grade - exact.grade
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.003, rel=0.3)
    assert np.corrcoef(error[:-1], error[1:])[0, 1] > 0.8
