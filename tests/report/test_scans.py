"""The section of what the lidar sees: its scenes, its size, and that it is there only where scans are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from autonomy.report import page, scan_picture
from autonomy.report.drive import Drive
from autonomy.report.scan_picture import RASTER, cells, dots, packed
from autonomy.report.sections import scans as section
from autonomy.viewers.scans import BOX, LINE, MOST_POINTS
from tests.report import drives

SCANS = 100
LETTERS = "".join(scan_picture.LETTERS)


def arrays(count: int = SCANS, points: int = MOST_POINTS) -> dict[str, np.ndarray]:
    """Of a drive of `drives.run()`: scans from 10 s on, with as many points as there may be."""
    draw = np.random.default_rng(0)
    boxes, lines = np.zeros(40 * count, BOX), np.zeros(2 * count, LINE)
    boxes["x"], boxes["y"] = draw.uniform(-30, 150, len(boxes)), draw.uniform(-20, 20, len(boxes))
    boxes["length"], boxes["width"], boxes["classification"] = 4.5, 1.9, np.arange(len(boxes)) % 7
    lines["side"], lines["x_min"], lines["x_max"] = np.arange(len(lines)) % 2, -10.0, 60.0
    lines["c"][:, 0] = np.where(lines["side"] == 0, 1.75, -1.75)
    places = draw.uniform((-6000, -3000), (16000, 3000), (points * count, 2)).astype(np.int16)
    return {
        "time_ns": drives.START_NS + 10_000_000_000 + np.arange(count) * 100_000_000,
        "source": np.full(count, 30, np.uint16), "scanned": np.full(count, 90_000, np.uint32), "points": places,
        "labels": (np.arange(len(places)) % 5 + 1).astype(np.uint8), "boxes": boxes, "lines": lines,
        "point_count": np.full(count, points, np.uint32), "box_count": np.full(count, 40, np.uint32),
        "line_count": np.full(count, 2, np.uint32),
    }  # fmt: skip


@pytest.fixture(scope="module")
def run():
    found = drives.run()
    found.scans = arrays()
    return found


@pytest.fixture(scope="module")
def svg(run) -> str:
    (figure,) = section.section(Drive(run)).figures
    return figure.svg


def unpacked(text: str) -> list[int]:
    """As the page's script does it."""
    place = step = shift = 0
    found = []
    for letter in text.removeprefix("*"):
        bits = LETTERS.index(letter)
        step |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            place, step, shift = place + step, 0, 0
            found.append(place)
    return found


def test_a_run_with_scans_has_the_section_behind_the_birds_eye_view(run):
    text = page.render(Drive(run))
    places = [text.index(f'<section id="{anchor}"') for anchor in ("drive", "birdseye", "scans", "errors")]
    assert places == sorted(places) and text.count('class="plot birdseye"') == 2


def test_a_run_without_has_none():
    plain = drives.run(500)
    assert section.section(Drive(plain)) is None and 'id="scans"' not in page.render(Drive(plain))


def test_a_scene_a_scan_and_less_than_two_megabytes_of_them(svg):
    scenes = svg.partition('data-scenes="')[2].partition('"')[0].split(";")
    assert len(scenes) == SCANS and len(svg) < 2_000_000
    names = svg.partition('data-parts="')[2].partition('"')[0].split()
    assert all(len(scene.split("|")) == 2 + len(names) for scene in scenes)
    assert all(f'class="scene {name}"' in svg for name in names)
    assert [float(scene.partition("|")[0]) for scene in scenes] == pytest.approx(np.arange(10.0, 20.0, 0.1), abs=0.006)
    assert re.search(r"10\.00 s, 5.000 of 90.000 points", scenes[0])
    assert not any("nan" in part for scene in scenes for part in scene.split("|") if not part.startswith("*"))


def test_of_a_long_run_that_shows_few_ticks_the_tracks_are_those_at_the_scans_time(run):
    asked = []
    long = drives.run()
    long.scans, long.shown_ticks = run.scans, np.arange(0, 6000, 37)
    long.shown = lambda name: long.outputs[name][long.shown_ticks]
    long.sampled = lambda name, ticks: asked.append(ticks) or long.outputs[name][ticks]
    section.section(Drive(long))
    assert np.array_equal(long.outputs["vehicle"]["time_ns"][asked[0]], run.scans["time_ns"])


def test_the_scene_of_a_page_without_scripts_is_one_of_them(svg):
    still = int(svg.partition('data-still="')[2].partition('"')[0])
    scene = svg.partition('data-scenes="')[2].partition('"')[0].split(";")[still].split("|")
    names = svg.partition('data-parts="')[2].partition('"')[0].split()
    for name in ("paint", "thing"):
        drawn = svg.partition(f'class="scene {name}" d="')[2].partition('"')[0]
        assert drawn == dots(np.array(unpacked(scene[2 + names.index(name)])))
    assert f'class="scene car" d="{scene[2 + names.index("car")]}"' in svg


def test_dots_are_where_the_points_are():
    points = np.array([[0.0, 0.0], [100.0, 5.0], [-20.0, -10.0], [300.0, 0.0], [0.0, 60.0]])
    found = cells(points)
    assert len(found) == 3, "what lies outside is not drawn"
    pairs = np.array([pair.split() for pair in dots(found).replace("h0", "").split("M")[1:]], float)
    metres = {(x / scan_picture.PIXELS_PER_M - 30.0, (scan_picture.MIDDLE - y) / scan_picture.PIXELS_PER_M) for x, y in pairs}
    for x, y in points[:3]:
        assert min(np.hypot(x - a, y - b) for a, b in metres) < 0.13  # a cell is 0.08 m


@pytest.mark.parametrize("places", [[], [0], [0, 1, 31, 32, 33, 1100], [RASTER[0] * RASTER[1] - 1], [5, 40_000, 1_300_000]])
def test_packing_gives_back_what_was_packed(places):
    assert unpacked(packed(np.array(places, np.int64))) == places


def test_boxes_have_the_style_of_their_class():
    boxes = np.zeros(7, BOX)
    boxes["classification"], boxes["length"], boxes["width"], boxes["x"] = np.arange(7), 4.0, 2.0, 20.0
    boxes["is_fixed"][0] = 1
    lane, _, tracks = (np.zeros(1, dtype) for dtype in (LINE, LINE, drives.dtype_without_tracks()["tracks"]))
    found = scan_picture.scene(np.zeros((0, 2)), np.zeros(0, np.uint8), boxes, lane[:0], tracks[0], None, 0.0)
    counts = {name: found[name].count("Z") for name in ("fixed", "other", "car", "truck", "person")}
    assert counts == {"fixed": 2, "other": 1, "car": 1, "truck": 1, "person": 2}
    assert found["lines"] == scan_picture.NOWHERE
