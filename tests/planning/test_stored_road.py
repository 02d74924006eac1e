import numpy as np

from autonomy.planning.cruise import POINTS, UNKNOWN_ROAD
from autonomy.planning.stored_road import PLACE_SIGMA_M, Standing, StoredRoad
from tests.planning.test_route_grade import ORIGIN, route

HEADING = 0.3


def output(place, grade=0.02, course=HEADING, sigma=1.0, status=4):
    position = (place * np.cos(HEADING), place * np.sin(HEADING), 0.0)
    ego = {"status": status, "position": position, "grade": grade, "course": course, "speed": 22.0, "sigma": np.full(9, sigma),
           "origin_latitude_deg": ORIGIN[0], "origin_longitude_deg": ORIGIN[1], "origin_altitude_m": ORIGIN[2]}  # fmt: skip
    return {"ego": ego}


def test_on_the_route_what_lies_ahead_is_told():
    road = StoredRoad(route(np.full(400, 0.02)))
    ahead = road(output(1000.0))
    assert road.standing == Standing.ON and abs(road.position_m - 1000.0) < 0.5
    np.testing.assert_allclose(ahead.grade, np.full(POINTS, 0.02), atol=1e-9)


def test_where_the_place_is_not_known_or_another_way_is_driven_nothing_is_told():
    road = StoredRoad(route(np.full(400, 0.02)))
    for out, standing in ((output(1000.0, status=0), Standing.NO_POSITION), (output(-500.0), Standing.OFF),
                          (output(1000.0, sigma=PLACE_SIGMA_M), Standing.PLACE_IN_DOUBT),
                          (output(1000.0, course=HEADING + np.pi), Standing.OFF),
                          (output(1000.0, course=HEADING + 1.2), Standing.OFF), (output(1000.0), Standing.ON)):  # fmt: skip
        ahead = road(out)
        assert road.standing == standing
        assert (ahead is UNKNOWN_ROAD) == (standing != Standing.ON)


def test_a_standing_truck_needs_no_course():
    road, out = StoredRoad(route(np.full(400, 0.02))), output(1000.0, course=HEADING + np.pi)
    out["ego"]["speed"] = 0.0
    road(out)
    assert road.standing == Standing.ON


def test_a_road_that_is_driven_otherwise_than_stored_is_not_believed():
    right, wrong = StoredRoad(route(np.full(400, 0.02))), StoredRoad(route(np.full(400, 0.02)))
    for place in np.arange(0.0, 1000.0, 10.0):
        kept, lost = right(output(place, 0.021)), wrong(output(place, -0.01))
    assert np.isfinite(kept.grade).all() and len(kept.grade) == POINTS
    assert np.isnan(lost.grade).all() and wrong.standing == Standing.OTHER_GRADE


def test_a_road_of_which_nothing_was_learned_is_not_told():
    road = StoredRoad(route(np.full(400, np.nan)))
    assert road(output(1000.0)) is UNKNOWN_ROAD and road.standing == Standing.NOT_LEARNED
