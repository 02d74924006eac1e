"""The road's curvature as a profile fixed to the road: what the lane's preview is made of."""

import numpy as np
import pytest
from autonomy.estimation.lane._lane import LaneStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.estimation.lane.profile_twin import PART_SIGMA, PARTS, STEP_M, TRUE_AT, CurvatureProfile, parts_of, scale_of_errors
from hil.lane_road import Camera, Drive
from hil.sensors.line_fit import line_cubic, middle_ahead
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()["lane"]
BEND = ((150.0, 0.0), (80.0, 1 / 500), (200.0, 1 / 500), (80.0, 0.0), (400.0, 0.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(-0.002, 0.002), st.floats(25.0, 90.0)), min_size=1, max_size=12))
def test_the_estimate_is_the_least_squares_of_walk_and_cubics(observed):
    """However much was seen from where: the weighted residuals' normal equations hold."""
    profile = CurvatureProfile(6e-5, 0.0)
    rows, wanted = [np.eye(len(profile.vector))[0] / 5e-3], [0.0]
    for station, c2, reach in observed:
        seen = np.array([0.0, 0.0, c2, 0.0])
        profile.observe(station, reach, seen, np.zeros(4), 0.01)  # the estimate is still nought
        weights, parts = profile.weights(station, reach), parts_of(seen, reach)
        rows += [weights[k] / (0.01 * PART_SIGMA[k]) for k in (2, 3)]
        wanted += [parts[k] / (0.01 * PART_SIGMA[k]) for k in (2, 3)]
    profile.solve()
    for k in range(len(profile.vector) - 1):
        row = np.zeros(len(profile.vector))
        row[k], row[k + 1] = -1.0, 1.0
        rows.append(row / (6e-5 * np.sqrt(STEP_M)))
        wanted.append(0.0)
    expected, *_ = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)
    np.testing.assert_allclose(profile.curvature, expected, atol=1e-8)


@pytest.mark.parametrize("reach", [30.0, 80.0, 117.5])
def test_weights_are_the_derivative_of_the_fit(reach):
    profile = CurvatureProfile(6e-5, 0.0)
    profile.curvature = np.zeros(len(profile.vector))
    weights = profile.weights(12.3, reach)
    for node in (8, 12, 20):
        profile.curvature[:] = 0.0
        profile.curvature[node] = 1e-6
        np.testing.assert_allclose(parts_of(profile.fit(12.3, reach), reach), 1e-6 * weights[:, node], rtol=1e-4, atol=1e-11)


@pytest.mark.parametrize("radius", [150.0, -100.0, 250.0])
@pytest.mark.parametrize("left, slope", [(0.0, 0.0), (2.0, -0.05)])
def test_weights_are_the_derivative_of_the_fit_in_a_tight_bend_too(radius, left, slope):
    """80 m of R 100 m turn by 46 degrees: taken for straight, the weights made the profile run away."""
    profile = CurvatureProfile(6e-5, 0.0)
    profile.curvature = np.full(len(profile.vector), 1.0 / radius)
    before, weights = profile.fit(12.3, 80.0, left, slope), profile.weights(12.3, 80.0, left, slope)
    for node in (8, 12, 20):
        profile.curvature[:] = 1.0 / radius
        profile.curvature[node] += 1e-6
        moved = parts_of(profile.fit(12.3, 80.0, left, slope) - before, 80.0)
        # A cubic does not follow an arc to its very ends; and a line aside is longer or shorter than the road
        np.testing.assert_allclose(moved[2:], 1e-6 * weights[2:, node], atol=0.06 * np.abs(1e-6 * weights[2:]).max())


def test_a_road_that_turns_out_of_sight_is_left_alone():
    profile = CurvatureProfile(6e-5, 0.0)
    profile.curvature = np.full(len(profile.vector), 1.0 / 50.0)
    before = profile.vector.copy()
    profile.observe(12.3, 80.0, np.array([1.8, 0.0, 0.01, 0.0]), np.zeros(4), 0.01)
    assert profile.fit(12.3, 80.0) is None and (profile.vector == before).all()


@pytest.mark.parametrize("reach", [30.0, 80.0])
def test_errors_of_a_fitted_cubic_are_independent_in_its_parts(reach):
    """Points alike: part k errs by sqrt(2 k + 1) of the scale that the sigmas of the coefficients tell."""
    s = (np.arange(400) + 0.5) * reach / 400
    to_parts = PARTS @ np.linalg.pinv(np.vander(s / reach, 4, increasing=True))
    covariance = to_parts @ to_parts.T / len(s) * 20.0**2 * 0.04**2
    sigma = np.sqrt(np.diag(np.linalg.inv(PARTS) @ covariance @ np.linalg.inv(PARTS).T)) / reach ** np.arange(4)
    scale = scale_of_errors(sigma, reach)
    np.testing.assert_allclose(covariance, scale**2 * np.diag(PART_SIGMA**2), rtol=0.02, atol=0.02 * scale**2)


@pytest.mark.parametrize("begins_m", [-60.0, -20.0, 10.0, 40.0])
def test_a_cubic_tells_the_curvature_where_its_fourth_power_does_not_count(begins_m):
    """Over 80 m with the end of a transition in them: at these two places the cubic's curvature is the line's."""
    s = np.arange(0.0, 80.1, 2.5)
    curvature = np.interp(s, [begins_m, begins_m + 80.0], [0.0, 0.002])
    c = line_cubic(*middle_ahead(s, curvature, 0.0, 0.0), 0.0)
    told = [2.0 * c[2] + 6.0 * c[3] * share * 80.0 for share in TRUE_AT]
    true = np.interp(np.array(TRUE_AT) * 80.0, s, curvature)
    assert np.abs(told - true).max() < 1.0e-4


def previews(drive):
    states = drive.through(PARAMETERS)
    ahead = 5.0 * np.arange(32)
    truth = np.interp(drive.s[:, None] + ahead, drive.s_road, drive.curvature_road)
    return states, truth


def test_a_bend_is_in_the_preview_before_the_truck_is_in_the_bend():
    drive = Drive(BEND, 24.0, seed=4)
    states, truth = previews(drive)
    settled = drive.time_s > 2.0
    error = (states["preview"] - truth)[settled]
    # Without the profile the extrapolated clothoid is off by 45 % of 1/500 1/m at 40 m
    assert np.abs(error[:, :5]).max() < 2.5e-4  # 20 m
    assert np.sqrt(np.mean(error[:, 8] ** 2)) < 1.5e-4  # 40 m
    before = (drive.s > 120.0) & (drive.s < 145.0)  # the bend begins at 150 m
    assert states["preview"][before, 9].min() > 0.1 * truth[before, 9].max()


def test_heading_is_not_off_by_what_the_cubic_misses():
    """A cubic over 70 m is 3 mrad off beside the vehicle where a transition begins; that is 7 cm/s at 25 m/s."""
    drive = Drive(BEND, 24.0, camera=Camera(noise=0.0), sway_m=0.0)
    states, _ = previews(drive)
    settled = drive.time_s > 2.0
    assert np.abs(states["heading_error"] - drive.heading_error)[settled].max() < 2.5e-3
    assert np.abs(states["offset"] - drive.offset)[settled].max() < 0.04


def test_a_standing_truck_learns_nothing_more_from_the_same_picture():
    drive = Drive(((400.0, 0.0),), 6.0, seed=1)
    step = LaneStep(PARAMETERS)
    for frame, ego in drive.frames():
        ego["speed"] = 0.0
        ego["velocity"][:] = 0.0
        ego["angular_rate"][2] = 0.0
        state = step.step(frame, ego)
        if state["status"]:
            assert np.abs(np.diff(state["preview"])).max() < 1e-3
