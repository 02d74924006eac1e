import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import BadInputError
from autonomy.geodesy import enu_to_geodetic
from autonomy.planning.route_grade import STEP_M, RouteGrade, restore

ORIGIN = (48.2, 11.6, 500.0)


def route(grade, heading=0.3):
    along = STEP_M * np.arange(len(grade))
    enu = np.column_stack([along * np.cos(heading), along * np.sin(heading), np.zeros(len(grade))])
    latitude, longitude, _ = enu_to_geodetic(enu, ORIGIN)
    return RouteGrade(latitude, longitude, np.array(grade, float), np.full(len(grade), 0.002), np.ones(len(grade)))


def test_what_is_saved_is_restored(tmp_path):
    stored = route(0.03 * np.sin(np.arange(200) / 9.0))
    stored.grade[50] = np.nan
    stored.save(tmp_path / "route.csv")
    found = restore(tmp_path / "route.csv")
    np.testing.assert_allclose(found.grade, stored.grade, atol=1e-6)
    np.testing.assert_allclose(found.latitude_deg, stored.latitude_deg, atol=1e-8)


@pytest.mark.parametrize("change, says", [
    (lambda text: text.replace("0.010000", "0.020000", 1), "sha256"),
    (lambda text: text[: len(text) // 2], "sha256"),
    (lambda text: text.replace("route_grade/1", "route_grade/9", 1), "another version"),
    (lambda text: "", "line 1")])  # fmt: skip
def test_a_file_that_was_changed_or_cut_is_refused(tmp_path, change, says):
    path = tmp_path / "route.csv"
    route(np.full(20, 0.01)).save(path)
    path.write_text(change(path.read_text()))
    with pytest.raises(BadInputError, match=says):
        restore(path)


def test_grades_no_road_has_and_points_out_of_place_are_refused(tmp_path):
    steep, apart = route(np.full(20, 0.01)), route(np.full(20, 0.01))
    steep.grade[7] = 0.4
    apart.latitude_deg[9] += 1e-3
    for wrong, says in ((steep, "line 10: grade"), (apart, "line 11: .* m to the next point")):
        wrong.save(tmp_path / "route.csv")
        with pytest.raises(BadInputError, match=says):
            restore(tmp_path / "route.csv")


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 4000.0), st.floats(-15.0, 15.0))
def test_the_place_on_the_route_is_found(along, aside):
    stored, heading = route(np.zeros(200)), 0.3
    east, north = along * np.cos(heading) - aside * np.sin(heading), along * np.sin(heading) + aside * np.cos(heading)
    latitude, longitude, _ = enu_to_geodetic(np.array([east, north, 0.0]), ORIGIN)
    assert stored.position(float(latitude), float(longitude)) == pytest.approx(along, abs=0.5)
    latitude, longitude, _ = enu_to_geodetic(np.array([east, north, 0.0]) + [60.0, -200.0, 0.0], ORIGIN)
    assert stored.position(float(latitude), float(longitude)) is None


def test_the_mean_over_longer_steps_keeps_the_height():
    stored = route(0.04 * np.sin(np.arange(400) / 5.0))
    grade, _ = stored.ahead(130.0, 100, 50.0)
    height = np.interp(130.0 + 5000.0, STEP_M * np.arange(401), np.concatenate([[0.0], np.cumsum(stored.grade * STEP_M)])) \
        - np.interp(130.0, STEP_M * np.arange(401), np.concatenate([[0.0], np.cumsum(stored.grade * STEP_M)]))  # fmt: skip
    assert np.sum(grade) * 50.0 == pytest.approx(height, abs=1e-9)
    assert np.isnan(stored.ahead(9_900.0, 64, 50.0)[0][5:]).all()  # behind its end


def test_learning_weighs_drives_by_their_sigma():
    stored = route(np.full(10, np.nan))
    places = np.linspace(0.0, 249.9, 1000)
    stored.learn(places, np.full(1000, 0.02), np.full(1000, 0.003))
    first = stored.sigma.copy()
    stored.learn(places, np.full(1000, 0.04), np.full(1000, 0.006))
    assert (stored.sigma < first).all() and (stored.drives == 3).all()
    assert ((stored.grade > 0.021) & (stored.grade < 0.029)).all()
