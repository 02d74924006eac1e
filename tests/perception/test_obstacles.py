"""Clusters (_clusters), boxes (_boxes), classes (_classify) and free space (_free_space) beside their twins."""

import numpy as np
import pytest
from autonomy.perception._classify import classified
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception import boxes_twin, classify_twin, clusters_twin, free_space_twin
from autonomy.perception.perceive import CLASSES, parameters
from tests.perception.scenes import HEIGHT_M, as_points, box, ground, perceiver, street

# Every cluster is an obstacle, and there are no road edges
EVERYTHING = {"sightings__points_at_1m": 0.0, "sightings__points_least": 0.0, "sightings__over_m": 1e9,
              "sightings__board_bottom_m": 1e9, "sightings__floating_m": 1e9, "sightings__scatter_cells": 1e9,
              "sightings__solid_points": 0.0}  # fmt: skip
PERCEIVER = perceiver(**EVERYTHING, edges__cells_least=1e9)
SECTIONS = parameters()


def partition(labels: np.ndarray) -> np.ndarray:
    """Numbers in order of first appearance."""
    _, first, of = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[of]


def test_clusters_are_those_of_the_twin():
    found = PERCEIVER.perceive(street(250, 64))
    assert found.counts["obstacles_without_room"] == 0
    above = (found.labels == 2) | ((found.labels == 0) & np.isfinite(found.points[:, 3]))
    points = found.points[above].astype(float)
    wanted = clusters_twin.find_clusters(points, points[:, 3], np.array([0.0, 0.0, HEIGHT_M]), SECTIONS["clusters"])
    np.testing.assert_array_equal(partition(found.instances[above]), partition(wanted))


def test_boxes_hold_their_points_as_the_twin_says():
    rng = np.random.default_rng(1)
    cars = [((20.0, 5.0), 0.3), ((-15.0, -6.0), -0.7), ((30.0, -10.0), 1.2)]
    points = np.vstack([ground(rng), *(box(rng, middle, (4.5, 1.8, 1.5), yaw) for middle, yaw in cars)])
    found = PERCEIVER.perceive(as_points(points))
    cells = found.cells
    for number, obstacle in enumerate(found.obstacles):
        inside = found.instances == number
        if (
            inside.sum() < 300
            or CLASSES[obstacle["classification"]] == "car"
            and obstacle["width"] == SECTIONS["classes"]["car_width"]
        ):
            continue
        mine = cells[cells["parent"] == obstacle["cluster"]]
        places = np.column_stack([mine["x"], mine["y"]]).astype(float)
        best = boxes_twin.closeness(places, boxes_twin.direction(places, 0.1), 0.1)
        assert boxes_twin.closeness(places, obstacle["yaw"], 0.1) >= 0.9 * best  # it looks at every sixth degree first
        wanted = boxes_twin.enclose(found.points[inside, :3].astype(float), float(obstacle["yaw"]))
        for name in ("x", "y", "z", "length", "width", "height"):
            assert obstacle[name] == pytest.approx(wanted[name], abs=2e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_car_of_which_two_sides_show_is_found_as_it_stands(seed):
    rng = np.random.default_rng(seed)
    yaw, angle, far = rng.uniform(-np.pi / 2, np.pi / 2), rng.uniform(0, 2 * np.pi), rng.uniform(10.0, 25.0)
    middle = far * np.array([np.cos(angle), np.sin(angle)])
    points = np.vstack([ground(rng), box(rng, tuple(middle), (4.5, 1.85, 1.5), yaw, 1500)])
    found = perceiver().perceive(as_points(points))
    nearest = found.obstacles[np.argmin(np.hypot(found.obstacles["x"] - middle[0], found.obstacles["y"] - middle[1]))]
    assert CLASSES[nearest["classification"]] == "car"
    assert np.hypot(nearest["x"] - middle[0], nearest["y"] - middle[1]) < 0.35
    assert abs(np.sin(nearest["yaw"] - yaw)) < 0.12
    assert abs(nearest["length"] - 4.5) < 0.4 and abs(nearest["width"] - 1.85) < 0.4


@given(st.floats(0.1, 30.0), st.floats(0.01, 5.0), st.floats(0.1, 4.5), st.floats(0.0, 4.0), st.floats(-1.5, 1.5),
       st.integers(1, 500), st.booleans(), st.floats(-50.0, 50.0), st.floats(-50.0, 50.0))  # fmt: skip
def test_classes_are_those_of_the_twin(length, width, top, bottom, yaw, points, edge, x, y):
    given_box = {"x": x, "y": y, "yaw": yaw, "length": max(length, width), "width": min(length, width), "top": max(top, bottom),
                 "bottom": min(top, bottom), "points": points, "edge": edge}  # fmt: skip
    p, found = SECTIONS["classes"], classified(SECTIONS["classes"], given_box)
    kind = classify_twin.kind_of(p, given_box)
    assert found["classification"] == kind
    assert found["score"] == pytest.approx(classify_twin.score(points, kind))
    wanted = classify_twin.completed(p, given_box) if kind == classify_twin.CAR else given_box
    for name in ("x", "y", "length", "width"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-9)
    assert np.sin(found["yaw"] - wanted["yaw"]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("size", "name"), [((4.4, 1.8, 1.5), "car"), ((16.5, 2.55, 4.0), "truck"), ((0.4, 0.5, 1.75),
                         "pedestrian"),
                                            ((0.4, 0.4, 0.5), "debris"), ((2.1, 0.7, 1.5), "motorcycle")])  # fmt: skip
def test_road_users_are_told_apart(size, name):
    rng = np.random.default_rng(2)
    points = np.vstack([ground(rng), box(rng, (18.0, 5.0), size, 0.0, 1200)])
    found = perceiver().perceive(as_points(points)).obstacles
    assert [CLASSES[k] for k in found["classification"]] == [name]


def test_a_bridge_stands_over_the_road_not_on_it():
    rng = np.random.default_rng(6)
    deck = np.column_stack([rng.uniform(28, 36, 3000), rng.uniform(-20, 20, 3000), rng.uniform(4.8, 6.0, 3000) - HEIGHT_M])
    found = perceiver().perceive(as_points(np.vstack([ground(rng), deck])))
    assert len(found.obstacles) == 0 and (found.labels[-3000:] == 0).all()


def test_free_space_ends_where_the_twin_says():
    found = PERCEIVER.perceive(street(250, 64))
    cells = found.cells[found.cells["parent"] >= 0]
    wanted = free_space_twin.find(np.column_stack([cells["x"], cells["y"]]).astype(float), SECTIONS["ground"]["far_m"])
    assert np.isclose(found.free_space, wanted, atol=1e-3).mean() > 0.98  # a cell on a sector's edge may count for its neighbour
