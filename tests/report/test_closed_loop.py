"""The page of a drive in closed loop: the truck's own figures first, what happened when, what was checked."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from autonomy import msg
from autonomy.report import page, summary
from autonomy.report.drive import Drive
from autonomy.report.plot import Level, Line, value_range
from autonomy.report.sections import birdseye, combination, commands, outcome
from tests.report import drives

ACTIVE = 1
FIGURES = {
    "collisions": 0, "driven_s": 20.0, "distance_m": 440.0, "out_of_lane_share": 0.0, "line_margin_min_m": 0.21,
    "axle_offset_p99_m": 0.2, "axle_offset_max_m": 0.25, "speed_kept": 0.97, "set_speed_mps": 22.2, "min_headway_s": 1.5,
    "min_ttc_s": None, "jerk_p99_mps3": 0.4, "hard_brakes": 0, "acceleration_min_mps2": -0.7, "rolled_over": False,
    "replay_equal": True, "scenario": "A bend & a <tunnel>", "plant_differences": [],
    "faults": [{"source": "gnss", "kind": "drop", "start_s": 12.0, "end_s": 15.0, "value": None}],
}  # fmt: skip


@pytest.fixture
def driven():
    """25 s; the stack drives from 5 s on, a left bend from 10 s to 15 s, a climb to the end."""
    run = drives.run(2500)
    run.metrics |= FIGURES
    time_ns = run.outputs["vehicle"]["time_ns"]
    run.outputs["actuation"]["mode"] = np.where(np.arange(2500) >= 500, ACTIVE, 0)
    wave = np.sin(np.arange(2000) / 100.0)
    names = ("speed", "acceleration", "lateral_acceleration", "offset", "tractor_offset", "trailer_offset", "margin", "headway",
             "road_wheel_angle", "articulation", "trailer_lateral_acceleration", "front_axle_offset", "drive_axle_offset",
             "last_axle_offset", "curvature", "grade")  # fmt: skip
    run.truth = {name: wave.copy() for name in names} | {"time_ns": time_ns[500:].copy(), "tick": np.arange(500, 2500)}
    run.truth["curvature"] = np.where((np.arange(2000) >= 500) & (np.arange(2000) < 1000), 1 / 900, 0.0)
    run.truth["grade"] = np.full(2000, 0.02)
    return run


def test_the_page_begins_with_the_truck(driven):
    text = page.render(Drive(driven))
    assert "Drive in closed loop: A bend &amp; a &lt;tunnel&gt;" in text and text.index("Nearest corner to a line") > 0
    places = [text.index(f'<section id="{anchor}"') for anchor in ("outcome", "birdseye", "combination", "drive", "provenance")]
    assert places == sorted(places) and text.count("What was checked") == 1


def test_what_happened_is_told_by_strips(driven):
    (figure,) = outcome.section(Drive(driven)).figures
    for word in ("left bend, 10.0", "climb, 5.0", "gnss drop, 12.0", "active, 5.0", "driver, 0.0"):
        assert word in figure.svg, word
    assert "right bend" not in figure.svg and "descent" not in figure.svg


def test_another_vehicle_that_comes_between_is_a_cut_in(driven):
    tracks = driven.outputs["tracks"]
    tracks["lead_distance"], tracks["lead_track_id"] = 80.0, 3
    tracks["lead_distance"][1200:], tracks["lead_track_id"][1200:] = 25.0, 4
    (figure,) = outcome.section(Drive(driven)).figures
    assert "cut-in, 12.0" in figure.svg
    tracks["lead_track_id"] = 3
    assert "cut-in" not in outcome.section(Drive(driven)).figures[0].svg


def test_from_above_the_simulation_knows_the_lanes_beside_and_the_true_articulation(driven, monkeypatch):
    vehicle = np.zeros((), msg.dtype("VehicleParameters"))
    vehicle["has_trailer"], vehicle["front_overhang_m"], vehicle["rear_overhang_m"], vehicle["width_m"] = 1, 5.2, 11.3, 2.55
    monkeypatch.setattr(Drive, "vehicle", vehicle)

    def shown():
        (figure,) = birdseye.section(Drive(driven)).figures
        scenes = [text.split("|") for text in figure.svg.partition('data-scenes="')[2].partition('"')[0].split(";")]
        return figure, scenes[0], scenes[-1]

    driven.outputs["lane"]["status"], driven.outputs["lane"]["valid_distance_m"] = 2, 100.0
    driven.truth["articulation"] = np.full(2000, 0.1)
    figure, before, _ = shown()
    assert "lanes beside" not in str(figure.legend)
    driven.truth |= {"lane_width": np.full(2000, 3.5), "lanes_left": np.full(2000, 2.0), "lanes_right": np.zeros(2000)}
    figure, before, after = shown()
    assert "lanes beside" in str(figure.legend) and before[2].count("L") == 0 and after[2].count("M") == 2
    bent = after[-1]
    driven.truth["articulation"] = np.zeros(2000)
    _, first, last = shown()
    assert last[-1] != bent and first[-1] == before[-1], "its own angle before it drove"
    driven.truth = {name: values[:0] for name, values in driven.truth.items()}
    assert birdseye.section(Drive(driven)).figures, "a simulation in which the stack never drove"


def test_a_failed_check_is_marked(driven):
    driven.metrics |= {"collisions": 1, "verdict": "fail", "exit_code": 1}
    (table,) = outcome.section(Drive(driven)).tables
    marked = [row[0] for row, flag in zip(table.rows, table.flags, strict=True) if flag]
    assert marked == ["No collision"]


def test_runs_of_older_versions_show_the_furthest_axles(driven):
    for name in ("front_axle_offset", "curvature", "grade"):
        del driven.truth[name]
    assert "tractor, the furthest" in str(combination.section(Drive(driven)).figures[0].legend)
    assert outcome.section(Drive(driven)).figures


def test_a_standing_truck_without_a_lead_warns_nobody(driven):
    driven.truth["headway"], driven.truth["speed"] = np.full_like(driven.truth["speed"], np.inf), 0.0 * driven.truth["speed"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert combination.section(Drive(driven)).figures


def test_nobody_is_compared_with_a_driver_when_the_stack_drove(driven):
    section = commands.section(Drive(driven))
    assert section.tables == () and "driver" not in str([figure.legend for figure in section.figures])
    assert not [line for line in summary.replay_lines(driven.metrics) if line.startswith("driver")]


def test_a_level_at_the_upper_end_keeps_its_word_above_it():
    line = Line(np.arange(3.0), np.array([0.0, 5.0, 10.0]), "s1")
    low, high = value_range([line, Level(10.0, "asked for")])
    assert high - 10.0 > 0.1 * (high - low)
    assert value_range([line, Level(1e6, "far")])[1] < 20.0
