import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.errors import BadInputError
from autonomy.geodesy import geodetic_to_enu
from autonomy.planning.route_figures import figures_of
from autonomy.planning.route_grade import STEP_M, restore
from autonomy.planning.route_learning import drive_of, road_of, teach
from tests.planning.test_route_grade import ORIGIN

SPEED, TICK_S = 22.0, 0.01


def hill(along):
    return 0.03 * np.sin(along / 150.0)


def driven(length_m=1500.0, begin_m=0.0, curvature=1 / 500, noise=0.0, sigma=0.003, backwards=False, origin=ORIGIN, bias=0.0):
    """(EgoState, TruckState) along an arc, a row a tick."""
    along = np.arange(begin_m, begin_m + length_m, SPEED * TICK_S)
    along = along[::-1] if backwards else along
    ego, truck = np.zeros(len(along), msg.dtype("EgoState")), np.zeros(len(along), msg.dtype("TruckState"))
    angle = along * curvature
    ego["time_ns"] = truck["time_ns"] = (np.arange(len(along)) * TICK_S * 1e9).astype(np.int64)
    ego["position"][:, 0] = np.sin(angle) / curvature
    ego["position"][:, 1] = (1.0 - np.cos(angle)) / curvature
    ego["position"][:, :2] += noise * np.random.default_rng(1).standard_normal((len(along), 2))
    for name, value in zip(("latitude_deg", "longitude_deg", "altitude_m"), origin, strict=True):
        ego[f"origin_{name}"] = value
    ego["status"], ego["speed"], ego["sigma"] = 4, SPEED, 1.0
    ego["course"] = angle + (np.pi if backwards else 0.0)
    truck["grade"], truck["grade_sigma"] = (-1.0 if backwards else 1.0) * hill(along) + bias, sigma
    return ego, truck


def learned(*drives):
    found = [drive_of([drive]) for drive in drives]
    route = road_of(found[0])
    return route, [teach(route, drive) for drive in found]


def middles(route):
    return STEP_M * (np.arange(len(route)) + 0.5)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([1 / 500, -1 / 80, 1 / 25, 1e-6]), st.floats(0.0, 0.3))
def test_way_and_grade_of_one_drive(curvature, noise):
    ego, truck = driven(length_m=150.0 if abs(curvature) > 0.01 else 1500.0, curvature=curvature, noise=noise)
    route, (taught,) = learned((ego, truck))
    points = geodetic_to_enu(route.latitude_deg, route.longitude_deg, np.full(len(route), ORIGIN[2]), ORIGIN)[:, :2]
    assert np.abs(np.hypot(*np.diff(points, axis=0).T) - STEP_M).max() < 0.01
    nearest = [np.hypot(*(ego["position"][:, :2] - point).T).min() for point in points]
    assert max(nearest) < 0.3 + 5.0 * noise
    assert taught.on_m > 100.0 and taught.off_m == 0.0
    known = np.isfinite(route.grade[:-1])
    assert known.all() and np.abs(route.grade - hill(middles(route)))[:-1].max() < 0.004


def test_what_is_learned_is_a_sound_file(tmp_path):
    route, _ = learned(driven(curvature=1 / 30, length_m=180.0))
    route.save(tmp_path / "a.route")
    assert len(restore(tmp_path / "a.route")) == len(route)


def test_pieces_of_a_drive_are_the_whole_drive():
    ego, truck = driven(noise=0.1)
    whole, pieces = drive_of([(ego, truck)]), drive_of((ego[k : k + 700], truck[k : k + 700]) for k in range(0, len(ego), 700))
    assert abs(len(whole.grade) - len(pieces.grade)) <= 1 + len(ego) // 700  # a step between two pieces is not driven
    assert (np.diff(pieces.course) > 0.0).all()


def test_drives_are_joined_by_their_weights():
    route, taught = learned(driven(), driven(begin_m=500.0, length_m=1500.0, sigma=0.001, bias=0.004, origin=ORIGIN))
    once, twice = route.drives == 1, route.drives == 2
    assert once[:19].all() and twice[21:58].all()
    error = route.grade - hill(middles(route))
    assert np.abs(error[:19]).max() < 0.001 and np.median(error[21:58]) == pytest.approx(0.0031, abs=3e-4)
    assert (route.sigma[21:58] < 0.0025).all() and taught[1].off_m == pytest.approx(500.0, abs=60.0)


def test_the_other_direction_is_another_road():
    _, taught = learned(driven(), driven(backwards=True))
    assert taught[1].on_m == 0.0 and taught[1].off_m > 1400.0


def test_a_filter_that_began_anew_on_the_way_does_not_move_the_road():
    ego, truck = driven()
    half = len(ego) // 2
    moved = geodetic_to_enu(ORIGIN[0] + 0.01, ORIGIN[1] - 0.01, ORIGIN[2], ORIGIN)
    ego["position"][half:] -= moved
    ego["origin_latitude_deg"][half:] += 0.01
    ego["origin_longitude_deg"][half:] -= 0.01
    (again, _), (route, _) = learned((ego, truck)), learned(driven())
    assert len(again) == len(route)
    np.testing.assert_allclose(again.latitude_deg, route.latitude_deg, atol=1e-6)


@pytest.mark.parametrize("change", [lambda ego: ego["status"].fill(0), lambda ego: ego["speed"].fill(1.0),
                                    lambda ego: ego["sigma"].fill(30.0)])  # fmt: skip
def test_a_drive_without_a_place_lays_no_road(change):
    ego, truck = driven(length_m=200.0)
    change(ego)
    with pytest.raises(BadInputError, match="less than 25 m"):
        learned((ego, truck))


def test_figures_of_a_route_are_those_of_the_hill():
    route, _ = learned(driven())
    found = figures_of(route)
    assert found["length_m"] == found["known_m"] == pytest.approx(1500.0, abs=STEP_M)
    assert found["grade_maximum"] == pytest.approx(0.03, abs=0.001) and found["drives_maximum"] == 1.0
    assert found["climbed_m"] - found["descended_m"] == pytest.approx(150.0 * 0.03 * (1.0 - np.cos(10.0)), abs=0.4)
