"""Bright runs (_bright), lines (_lanes), sides (_lane_sides), memory (_lane_memory), road edges (_edges) beside twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception import bright_twin, edges_twin, lane_memory_twin, lanes_twin
from autonomy.perception.perceive import EDGES, SIDES, TYPES, parameters
from tests.perception.scenes import HEIGHT_M, as_points, ground, perceiver, street

SECTIONS = parameters()


def road(rng: np.random.Generator, lines: list[tuple[float, bool]], heading: float = 0.0, bend: float = 0.0, rings: int = 40):
    """(xyz, intensity): arcs of a lidar's rings on flat ground, brighter on lines (offset, dashed) of 0.15 m."""
    x = np.repeat(3.0 + 55.0 * np.linspace(0.0, 1.0, rings) ** 2, 400)
    x = np.concatenate([x, -x / 2])
    y = np.tile(np.linspace(-14.0, 14.0, 400), 2 * rings) + rng.uniform(-0.03, 0.03, len(x))
    aside = y - x * (heading + x * bend)
    bright = np.zeros(len(x), bool)
    for offset, is_dashed in lines:
        on = np.abs(aside - offset) < 0.09
        bright |= on & (np.mod(x, 12.0) < 6.0) if is_dashed else on
    return np.column_stack([x, y, np.full(len(x), -HEIGHT_M)]), np.where(bright, 50, 10) + rng.integers(0, 4, len(x))


def test_runs_are_those_of_the_twin():
    found = perceiver().perceive(street(1200, 64))
    is_ground = np.isin(found.labels, (1, 3))
    points = street(1200, 64)
    wanted = bright_twin.find_runs(*found.points[is_ground, :2].T, points["intensity"][is_ground], SECTIONS["markings"])
    runs = found.runs
    assert len(wanted) >= 40 and abs(len(runs) - len(wanted)) <= 2
    same = np.abs(runs["x"][:, None] - wanted[:, 0]) + np.abs(runs["y"][:, None] - wanted[:, 1]) < 0.01
    assert same.any(axis=1).mean() > 0.97
    pairs = np.argmax(same, axis=1)[same.any(axis=1)]
    np.testing.assert_allclose(runs["weight"][same.any(axis=1)], wanted[pairs, 2], atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_lines_lie_where_they_were_painted(seed):
    rng = np.random.default_rng(seed)
    heading, bend, left = rng.uniform(-0.04, 0.04), rng.uniform(-8e-4, 8e-4), rng.uniform(1.2, 2.3)
    painted = [(left, True), (left - 3.5, False), (left + 3.5, True), (left - 7.0, False)]
    found = perceiver().perceive(as_points(*road(rng, painted, heading, bend)))
    lines = {SIDES[line["side"]]: line for line in found.lanes}
    for side, (offset, is_dashed) in zip(("left", "right"), painted, strict=False):
        line = lines[side]
        for x in (0.0, 20.0, 40.0):
            assert np.polyval(line["c"][::-1], x) == pytest.approx(
                offset + heading * x + bend * x**2, abs=0.06 if x < 30 else 0.12
            )
        assert TYPES[line["type"]] == ("dashed" if is_dashed else "solid")
        assert 0.0 < line["sigma_m"] < 0.1


def test_a_line_is_the_least_squares_one_of_the_twin():
    rng = np.random.default_rng(9)
    found = perceiver().perceive(as_points(*road(rng, [(1.7, False), (-1.8, False)], 0.02, 4e-4)))
    runs, p = found.runs, SECTIONS["lanes"]
    shape = lanes_twin.vote(runs["x"], runs["y"], runs["weight"], p)
    assert shape == pytest.approx((0.02, 4e-4), abs=0.004)
    offsets = lanes_twin.peaks(runs["x"], runs["y"], runs["weight"], shape, p)
    assert sorted(offsets[:2]) == pytest.approx([-1.8, 1.7], abs=0.1)
    for line in found.lanes[found.lanes["side"] < 2]:
        near = np.abs(runs["y"] - np.polyval(line["c"][::-1], runs["x"])) < p["inlier_m"]
        sigma = np.array([30.0, p["parallel_heading"], 0.5 * p["parallel_curvature"], lanes_twin.SNAP])
        c, covariance = lanes_twin.fit(runs["x"][near].astype(float), runs["y"][near].astype(float), line["c"], sigma, p)
        for x in (0.0, 30.0):
            assert np.polyval(c[::-1], x) == pytest.approx(np.polyval(line["c"][::-1], x), abs=5e-3)
        np.testing.assert_allclose(line["sigma"], np.sqrt(np.diag(covariance)), rtol=0.1)


@pytest.mark.parametrize("patch", ["bright", "dark", "edge"])
def test_patches_and_the_asphalts_end_are_no_lines(patch):
    rng = np.random.default_rng(7)
    xyz, intensity = road(rng, [(1.75, False), (-1.75, False)])
    if patch == "bright":
        intensity[(np.abs(xyz[:, 1] - 4.5) < 0.6) & (xyz[:, 0] > 5.0)] += 40
    elif patch == "dark":
        intensity[np.abs(xyz[:, 1]) < 0.6] = 2
    else:
        intensity[xyz[:, 1] > 4.0] += 30
    found = perceiver().perceive(as_points(xyz, intensity))
    assert sorted(SIDES[line["side"]] for line in found.lanes) == ["left", "right"]


def test_no_intensity_no_lines():
    assert len(perceiver().perceive(as_points(ground(np.random.default_rng(8)), 0)).lanes) == 0


def sides(found) -> dict[str, np.void]:
    return {SIDES[line["side"]]: line for line in found.lanes if line["side"] < 2}


def driven(scenes: list, speed: float = 22.0) -> list:
    """What is found of scenes (painted, heading) a tenth of a second apart."""
    rng, one = np.random.default_rng(14), perceiver()
    return [one.perceive(as_points(*road(rng, painted)), (speed, 0.0, 0.0), elapsed_s=0.1 if k else 0.0)
            for k, painted in enumerate(scenes)]  # fmt: skip


WHITE = [(1.75, True), (-1.75, True)]


@pytest.mark.parametrize("shift", [0.9, 1.3, 1.7, -1.1])
def test_of_two_sets_of_lines_the_one_about_the_vehicle_is_told_and_near_only(shift):
    yellow = [(1.75, False), (-1.75, False)]
    old = [(offset + shift, False) for offset, _ in yellow]
    found = driven([WHITE] * 3 + [yellow + old] * 6)
    assert sides(found[2])["left"]["x_max"] > 40.0
    p = SECTIONS["lanes"]
    for one in found[4:]:
        for side, offset in (("left", 1.75), ("right", -1.75)):
            if side in sides(one):
                line = sides(one)[side]
                assert line["c"][0] == pytest.approx(offset, abs=0.3)
                told_near = line["x_max"] <= p["contest_told_m"]
                runs = one.runs
                beside = [lanes_twin.is_contested(runs["x"], runs["y"], other["c"], p) for other in sides(one).values()]
                assert told_near == any(beside) and told_near
    assert len(sides(found[-1])) == 2


@pytest.mark.parametrize("shift", [0.12, -0.12])
def test_where_another_set_parts_ahead_the_lines_are_told_to_there(shift):
    rng, one = np.random.default_rng(17), perceiver()
    for k in range(2):
        xyz, intensity = road(rng, [(1.75, False), (-1.75, False)])
        for offset in (1.75, -1.75):
            on = np.abs(xyz[:, 1] - offset - shift * (xyz[:, 0] - 18.0)) < 0.09
            intensity[on & (xyz[:, 0] > 18.0)] = 50
        found = one.perceive(as_points(xyz, intensity), (22.0, 0.0, 0.0), elapsed_s=0.1 if k else 0.0)
    lines = sides(found)
    wanted = min(lanes_twin.parts_at(found.runs["x"], found.runs["y"], line["c"], SECTIONS["lanes"]) for line in lines.values())
    assert set(lines) == {"left", "right"} and 8.0 <= wanted <= 20.0
    assert all(line["x_max"] == pytest.approx(wanted) for line in lines.values())
    assert lines["left"]["c"][0] == pytest.approx(1.75, abs=0.1) and lines["right"]["c"][0] == pytest.approx(-1.75, abs=0.1)


def test_where_nobody_drives_in_the_middle_of_either_set_no_side_is_told():
    sets = [(offset + shift, dashed) for offset, dashed in WHITE for shift in (0.6, -0.7)]
    found = driven([WHITE] * 3 + [sets] * 22)
    assert [len(sides(one)) for one in found[:3]] == [2, 2, 2]
    assert all(len(sides(one)) == 0 for one in found[-3:])


def test_a_side_alone_does_not_jump_and_is_taken_anew_when_it_was_long_gone():
    found = driven([WHITE] * 3 + [[(-0.9, False)]] * 2, speed=0.0)
    assert "right" not in sides(found[-1]) or sides(found[-1])["right"]["c"][0] == pytest.approx(-1.75, abs=0.35)
    one, rng = perceiver(), np.random.default_rng(15)
    told = [sides(one.perceive(as_points(*road(rng, [(-0.9, False)])), (22.0, 0.0, 0.0), elapsed_s=0.1 * (k > 0)))
            for k in range(3)]  # fmt: skip
    assert told[-1]["right"]["c"][0] == pytest.approx(-0.9, abs=0.1)


def test_worn_dashes_that_this_scan_hardly_shows_are_told_by_those_before():
    rng, one = np.random.default_rng(16), perceiver()
    shown = []
    for k in range(12):
        xyz, intensity = road(rng, WHITE)
        worn = rng.random(len(xyz)) < 0.5
        hidden = (xyz[:, 1] > 0.0) & ((xyz[:, 0] > 12.0) | worn) if k > 5 else worn  # a truck beside hides most of the left line
        shown.append(one.perceive(as_points(xyz, np.where(hidden, 12, intensity)), (22.0, 0.0, 0.0), elapsed_s=0.1 * (k > 0)))
    assert all(set(sides(found)) == {"left", "right"} for found in shown[2:])


def test_runs_of_the_scan_before_come_along_as_the_twin_moves_them():
    rng = np.random.default_rng(10)
    one = perceiver()
    first = one.perceive(as_points(*road(rng, [(1.75, True), (-1.75, False)])))
    held = np.column_stack([first.runs[name] for name in ("x", "y", "weight")])
    second = one.perceive(as_points(ground(rng), 10), (22.0, 0.1, 0.0), (0.0, 0.0, 0.2), elapsed_s=0.1)
    wanted = lane_memory_twin.moved(held, (22.0, 0.1), 0.2, 0.1)
    wanted = wanted[wanted[:, 0] >= -SECTIONS["markings"]["behind_m"]]
    older = second.runs[second.runs["slab"] < 0]
    np.testing.assert_allclose(np.column_stack([older[name] for name in ("x", "y", "weight")]), wanted, atol=1e-4)
    assert (one.perceive(as_points(ground(rng), 10)).runs["slab"] >= 0).all()  # no time told: all forgotten


def rail(rng: np.random.Generator, offset: float, count: int = 4000) -> np.ndarray:
    return np.column_stack(
        [rng.uniform(-50, 60, count), rng.normal(offset, 0.02, count), rng.uniform(0.45, 0.75, count) - HEIGHT_M]
    )


def test_a_rail_bounds_the_road_and_a_car_beside_it_stays_a_car():
    rng = np.random.default_rng(11)
    xyz, intensity = road(rng, [(1.75, False), (-1.75, False)])
    car = np.column_stack([np.full(300, 18.0), rng.uniform(4.9, 6.7, 300), rng.uniform(0.2, 1.5, 300) - HEIGHT_M])
    points = as_points(np.vstack([xyz, rail(rng, 7.0), car]), np.concatenate([intensity, np.full(4300, 30)]))
    found = perceiver().perceive(points)
    edge = found.lanes[found.lanes["side"] == SIDES.index("left_edge")]
    assert len(edge) == 1 and edge["c"][0, 0] == pytest.approx(7.0, abs=0.1) and EDGES[edge["edge_kind"][0]] == "rail"
    assert (found.labels[len(xyz) : len(xyz) + 4000] == 4).mean() > 0.95
    assert (found.labels[-300:] == 2).mean() > 0.9
    cells = found.cells
    wanted = edges_twin.edge_offsets(
        cells["x"].astype(float), cells["y"].astype(float), cells["top"], (0.0, 0.0), SECTIONS["edges"]
    )
    assert min(abs(offset - 7.0) for offset in wanted) < 0.3


def test_vehicles_in_a_row_are_no_edge():
    rng = np.random.default_rng(12)
    xyz, intensity = road(rng, [(1.75, False), (-1.75, False)])
    cars = [
        np.column_stack([rng.uniform(s, s + 4.5, 400), np.full(400, 4.0), rng.uniform(0.2, 1.2, 400) - HEIGHT_M])
        for s in range(-40, 50, 14)
    ]
    points = as_points(np.vstack([xyz, *cars]), np.concatenate([intensity, np.full(400 * len(cars), 30)]))
    assert not np.isin(perceiver().perceive(points).lanes["side"], (4, 5)).any()
