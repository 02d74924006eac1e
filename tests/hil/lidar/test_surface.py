"""The window's cells (_cells) against the road's own functions, its bins against the lines, its puddles against ellipses."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.lidar import Puddle, Scene
from hil.lidar.surface import BIN_D_M, BIN_S_M, CELL_M, WET_PER_D, WET_PER_S, Window
from tests.hil.lidar.scenes import winding

ROAD = winding()
SCENE = Scene.motorway(ROAD, 1, construction=(100.0, 700.0, 1.5))
WINDOW = Window(SCENE, 320.0)


@settings(max_examples=200, deadline=None)
@given(st.floats(190.0, 590.0), st.floats(-12.0, 35.0))
def test_a_cell_knows_place_height_and_slope_of_the_road(s, d):
    x, y, heading, _ = ROAD.at(s)
    world = np.array([[x - d * math.sin(heading), y + d * math.cos(heading), 0.0]])
    place = WINDOW.points(world)[0]
    height, _, _ = WINDOW.ground(place[0], place[1])
    assert abs(height + WINDOW.origin[2] - ROAD.value("z", s) - ROAD.value("bank", s) * d) < 0.005
    i, j = int((place[0] - WINDOW.corner[0]) / CELL_M), int((place[1] - WINDOW.corner[1]) / CELL_M)
    cell = WINDOW.cells[i, j].astype(float)
    dx, dy = place[0] - WINDOW.corner[0] - (i + 0.5) * CELL_M, place[1] - WINDOW.corner[1] - (j + 0.5) * CELL_M
    along = cell[2] * dx - cell[1] * dy
    assert abs(cell[0] + cell[1] * dx + cell[2] * dy - 0.5 * cell[7] * along**2 - d) < 0.003
    assert abs(cell[6] + along / (1.0 - cell[7] / (1.0 + cell[7] * cell[0]) * d) - s) < 0.05


@settings(max_examples=200, deadline=None)
@given(st.floats(190.0, 590.0), st.integers(0, len(SCENE.markings) - 1))
def test_every_line_is_in_the_bins_that_it_passes(s, number):
    marking = SCENE.markings[number]
    if not marking.start_m <= s < marking.end_m:
        return
    row, column = int((s - WINDOW.s) / BIN_S_M), int((float(marking.offset_at(s)) - WINDOW.d) / BIN_D_M)
    around = WINDOW.bins[row, max(column - 1, 0) : column + 2].ravel()
    told = {int(WINDOW.lines["instance"][entry - 1]) for entry in around if entry}
    assert marking.id in told


def test_no_line_was_left_out():
    assert WINDOW.bins_left_out == 0


def test_a_puddle_is_where_it_is_said_to_be():
    scene = Scene.bare(ROAD)
    scene.puddles = [Puddle(330.0, 3.0, 20.0, 4.0)]
    window = Window(scene, 320.0)

    def film(s, d):
        return int(window.wet[int((s - window.s) * WET_PER_S), int((d - window.d) * WET_PER_D)])

    assert film(330.0, 3.0) == 255 and film(337.0, 3.0) == 255
    assert film(342.0, 3.0) == film(330.0, 6.0) == film(318.0, 3.0) == 0


def test_windows_of_one_anchor_are_alike():
    again = Window(SCENE, 320.0)
    assert np.array_equal(again.cells, WINDOW.cells) and np.array_equal(again.furniture, WINDOW.furniture)
