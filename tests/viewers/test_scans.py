"""What of scans is shown: thinned by label, bounded, always the same; which ten seconds of them a report gets."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy.perception.perceive import Found
from autonomy.perception.stage import Perceived
from autonomy.viewers import kept_scans, scan_messages, scans
from autonomy.viewers.kept_scans import KEPT_NS, KeptScans
from autonomy.viewers.scans import BOX, LINE, MOST_POINTS, POINT, ShownScan, ShownScans

SCAN_NS = 100_000_000
CAR, DEBRIS, STRUCTURE = 1, 5, 6
COUNTS = {0: 500, 1: 60_000, 2: 30_000, 3: 300, 4: 4_000, 5: 200}  # points by label, about as on a motorway
KERNEL_BOX = np.dtype([(name, "f8") for name in ("x", "y", "yaw", "length", "width")]
                      + [(name, "i4") for name in ("classification", "edge")])  # fmt: skip
KERNEL_LINE = np.dtype([("c", "f8", (4,)), ("x_min", "f8"), ("x_max", "f8"), ("side", "i4"), ("type", "i4"), ("edge_kind", "i4")])


def perceived(seed: int = 0, reach_m: float = 100.0) -> Perceived:
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.repeat(list(COUNTS), list(COUNTS.values()))).astype(np.uint8)
    points = draw.uniform(-1.0, 1.0, (len(labels), 4)).astype(np.float32) * np.array([reach_m, 0.4 * reach_m, 1, 1], np.float32)
    points[:3, 0] = np.nan, np.inf, 400.0
    boxes, lines = np.zeros(3, KERNEL_BOX), np.zeros(2, KERNEL_LINE)
    boxes["classification"], boxes["edge"], boxes["x"] = (CAR, STRUCTURE, DEBRIS), (0, 0, 1), 30.0
    lines["side"], lines["x_max"] = (0, 1), 50.0
    return Perceived(7 * SCAN_NS, 8 * SCAN_NS, {}, Found(labels, labels.astype(np.int32), points, boxes, lines,
                                                        np.zeros(256, np.float32), {}, {}))  # fmt: skip


def shown(seed: int = 0, **kwargs) -> ShownScan:
    found: list[ShownScan] = []
    ShownScans(found.append)(perceived(seed, **kwargs), 30)
    return found[0]


def scan(number: int, x: float = 0.0, *, users: int = 0, source: int = 30, y: float = 0.0) -> ShownScan:
    """Number `number` of a drive, with a car at x where that is not 0 and `users` more beside the road."""
    boxes = np.zeros(users + (x != 0.0), BOX)
    boxes["classification"], boxes["length"] = CAR, 4.0
    boxes["x"], boxes["y"] = 50.0, 12.0
    if x:
        boxes["x"][0], boxes["y"][0] = x, y
    points = np.zeros(3, POINT)
    points["x"] = number
    return ShownScan(number * SCAN_NS, (number + 1) * SCAN_NS, source, 90_000, points, boxes, np.zeros(0, LINE))


def kept(all_scans) -> tuple[list[int], dict[str, np.ndarray]]:
    keeper = KeptScans()
    for each in all_scans:
        keeper.add(each)
    arrays = keeper.arrays()
    return (arrays["time_ns"] // SCAN_NS).tolist(), arrays


def test_a_scan_is_thinned_to_its_bound_and_keeps_what_is_rare():
    found = shown()
    numbers = np.bincount(found.points["label"], minlength=6)
    assert len(found.points) == MOST_POINTS and found.scanned == sum(COUNTS.values())
    assert numbers[0] == 0, "what has no label is not shown"
    assert numbers[3] > 0.6 * COUNTS[3] and numbers[5] > 0.6 * COUNTS[5], "paint and noise are few: nearly all within reach"
    assert numbers[2] > 0.4 * MOST_POINTS and numbers[1] > 0.1 * MOST_POINTS
    for axis, low, high in (("x", -scans.BEHIND_M, scans.AHEAD_M), ("y", -scans.SIDE_M, scans.SIDE_M)):
        assert low <= found.points[axis].min() and found.points[axis].max() <= high
    assert not found.points["padding"].any()


def test_the_same_scan_gives_the_same_points_and_each_is_one_of_it():
    one, again = shown(3), shown(3)
    assert one.points.tobytes() == again.points.tobytes()
    near = perceived(3).found.points
    there = set(map(tuple, np.round(near[:, :2][np.isfinite(near[:, 0])] * 256).tolist()))
    assert there.issuperset(map(tuple, np.round(np.stack([one.points["x"], one.points["y"]], axis=1) * 256).tolist()))


def test_few_points_are_all_shown():
    found = perceived()
    few = np.zeros(10, np.uint8) + 2
    points = np.zeros((10, 4), np.float32)
    points[:, 0] = np.arange(10)
    less = Perceived(0, 1, {}, Found(few, few.astype(np.int32), points, found.found.obstacles[:0], found.found.lanes[:0],
                                     np.zeros(256, np.float32), {}, {}))  # fmt: skip
    seen: list[ShownScan] = []
    ShownScans(seen.append)(less, 30)
    assert seen[0].points["x"].tolist() == list(range(10))


def test_rails_walls_and_signs_are_marked():
    assert shown().boxes["is_fixed"].tolist() == [0, 1, 1]


def test_the_ten_seconds_about_the_nearest_car_ahead_are_kept():
    numbers, arrays = kept(scan(n, 20.0 + 0.5 * abs(n - 300)) for n in range(1000))
    assert numbers == list(range(250, 351))
    assert set(arrays) == set(kept_scans.ARRAYS)
    assert arrays["points"][0].tolist() == [25_000, 0] and arrays["points"].dtype == np.int16


def test_a_car_beside_or_behind_is_not_ahead_in_the_lane():
    cars = [scan(n, 30.0 if n == 100 else 10.0, y=0.0 if n == 100 else 3.5) for n in range(200)]
    assert kept(cars)[0] == list(range(50, 151))
    behind = [scan(n, -10.0 if n > 100 else 40.0) for n in range(300)]
    assert kept(behind)[0][0] == 0


def test_without_a_car_ahead_it_is_where_most_are():
    assert kept(scan(n, users=5 if n == 400 else 2) for n in range(600))[0] == list(range(350, 451))


def test_near_the_ends_they_are_ten_seconds_as_well():
    assert kept(scan(n, 20.0 if n == 10 else 0.0) for n in range(600))[0] == list(range(101))
    assert kept(scan(n, 20.0 if n == 590 else 0.0) for n in range(600))[0] == list(range(499, 600))
    assert kept(scan(n) for n in range(30))[0] == list(range(30))


def test_curved_lines_tell_what_is_ahead():
    lines = np.zeros(2, LINE)
    lines["side"], lines["x_max"] = (0, 1), 60.0
    lines["c"][:, 0], lines["c"][:, 2] = (1.75, -1.75), 0.002  # 5 m to the left at 50 m
    straight, curved = scan(1, 50.0, y=0.0), scan(1, 50.0, y=5.0)
    for each, ahead in ((straight, False), (curved, True)):
        told = kept_scans._telling(ShownScan(*list(vars(each).values())[:-1], lines))
        assert np.isfinite(told[0]) == ahead


def test_of_several_lidars_the_first_is_kept_and_without_scans_nothing():
    both = [scan(n, source=source) for n in range(20) for source in (31, 30)]
    assert set(kept(both)[1]["source"].tolist()) == {31}
    assert KeptScans().arrays() is None


def test_a_clock_that_is_set_back_ends_the_ten_seconds():
    numbers = [*range(100, 160), *range(0, 300)]
    times, _ = kept(scan(n, 20.0 if place == 30 else 0.0) for place, n in enumerate(numbers))
    assert times == sorted(set(times)) and 130 in times and len(times) <= 101
    last, _ = kept(scan(n, 20.0 if place == 65 else 0.0) for place, n in enumerate([*range(100, 160), *range(0, 10)]))
    assert last == list(range(10))


def test_memory_stays_bounded_however_long_the_drive():
    keeper = KeptScans()
    for n in range(3000):
        keeper.add(scan(n, 500.0 - 0.1 * n))  # nearer and nearer
        assert len(keeper._recent) <= KEPT_NS // SCAN_NS + 1 and len(keeper._kept) <= KEPT_NS // SCAN_NS + 1


def test_messages_come_five_times_a_second_of_each_sensor():
    taken: list = []
    messages = scan_messages.ScanMessages(taken.append)
    for n in range(50):
        for source in (30, 31):
            messages(scan(n, source=source))
    assert [each.topic for each in taken].count(scan_messages.POINTS) == 2 * 25 == len(taken) / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cloud_gives_its_points_back(seed):
    found = shown(seed)
    row = scan_messages.cloud(found)
    assert scan_messages.points_of(row).tobytes() == found.points.tobytes()
    assert row.dtype.itemsize < MOST_POINTS * POINT.itemsize + 512
