"""Pictures of scans: of any points they can be drawn, seen, and held in memory."""

import numpy as np
import pytest

from autonomy.msg import dtype
from autonomy.perception.perceive import Mounting, Perceiver, parameters
from autonomy.perception.picture import EMPTY, draw, missing, window
from tests.perception.scenes import HEIGHT_M, street

pytest.importorskip("matplotlib")


def scan(x, y) -> np.ndarray:
    points = np.zeros(len(x), dtype("LidarPoint"))
    points["x"], points["y"], points["z"] = x, y, -HEIGHT_M
    return points


def found_in(points: np.ndarray):
    return Perceiver(parameters(), Mounting(height_m=HEIGHT_M), max(len(points), 1)).perceive(points)


def size(path) -> tuple[int, int]:
    """(width, height) in pixels, of a PNG's header."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


RANDOM = np.random.default_rng(0)
ALONG, ACROSS = RANDOM.uniform(-150.0, 150.0, 2000), RANDOM.uniform(4.0, 5.0, 2000)
CLOUDS = {
    "none": ([], [], "no points"),
    "no_number": ([np.nan] * 9, [0.0] * 9, "no points"),
    "far": ([500.0] * 9, [3.0] * 9, "no points within 120 m"),
    "behind": ([-500.0] * 9, [-400.0] * 9, "no points within 120 m"),
    "one": ([5.0], [3.0], None),
    "strip_across": (ACROSS, ALONG, None),
    "strip_ahead": (ALONG, ACROSS, None),
    "beyond_measure": ([1e30, -1e30, 5.0], [0.0, 1e30, 3.0], None),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_any_cloud_gives_a_picture_of_bounded_size(name, tmp_path):
    """A strip of 240 m across made one of 57 000 rows."""
    x, y, said = CLOUDS[name]
    found = found_in(scan(np.array(x), np.array(y)))
    draw(tmp_path / "a.png", found, name)
    wide, tall = size(tmp_path / "a.png")
    assert 300 < tall <= 3300 and 600 < wide <= 1700
    west, east, south, north = window(found.points)
    assert west < east and south < north and missing(found.points) == said
    if said:
        assert (west, east, south, north) == EMPTY
    else:
        seen = (found.points[:, 0] >= west) & (found.points[:, 0] <= east) & (found.points[:, 1] >= south)
        assert (seen & (found.points[:, 1] <= north)).any()


def test_a_picture_shows_nearly_all_of_a_street():
    points = found_in(street(300, 64)).points
    west, east, south, north = window(points)
    inside = (points[:, 0] > west) & (points[:, 0] < east) & (points[:, 1] > south) & (points[:, 1] < north)
    assert inside.mean() > 0.97
