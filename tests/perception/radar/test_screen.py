"""Labels of radar detections: kernel (_screen) and twin agree; ghosts go, road users stay, obstacles are confirmed first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from autonomy.perception.radar._screen import ScreenKernel
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from autonomy.msg import dtype
from autonomy.perception.radar.parameters import ScreenParameters
from autonomy.perception.radar.processing import DETECTION, KEPT, RadarProcessor
from autonomy.perception.radar.screen_twin import ScreenTwin
from tests.perception.radar.scans import CYCLE_S, MOUNTING, detections, road

VELOCITY = 22.0
CYCLE_NS = round(CYCLE_S * 1e9)


def label(name: str) -> int:
    return DETECTION[f"LABEL_{name}"]


def driven(scans, velocity: float = VELOCITY):
    processor = RadarProcessor()
    return [processor.process(rows, 10**9 + place * CYCLE_NS, velocity) for place, rows in enumerate(scans)]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), velocity=st.floats(0.0, 30.0), yaw_rate=st.floats(-0.1, 0.1), has_elevation=st.booleans(),
       is_watched=st.booleans())  # fmt: skip
def test_kernel_and_twin_give_the_same_labels(seed, velocity, yaw_rate, has_elevation, is_watched):
    random = np.random.default_rng(seed)
    kernel, twin = ScreenKernel(ScreenParameters(), MOUNTING), ScreenTwin(ScreenParameters(), MOUNTING)
    curvature = yaw_rate / velocity if velocity > 3.0 else 0.0
    for scan in range(40):
        rows = road(scan, random, velocity, 60.0)
        if has_elevation:
            rows["elevation"] = random.normal(0.02, 0.02, len(rows))
        rows["range"][random.random(len(rows)) < 0.02] = np.nan
        rows["flags"][random.random(len(rows)) < 0.05] = DETECTION["FLAG_BRIDGE"]
        plain = rows.copy()
        own = np.array([velocity, yaw_rate * MOUNTING.x_m])
        kernel.screen(rows.view(np.uint8), CYCLE_S, velocity, yaw_rate, *own, 0.05, curvature)
        twin.screen(plain, CYCLE_S, velocity, yaw_rate, own, 0.05, curvature)
        assert np.array_equal(rows["label"], plain["label"]) and np.array_equal(rows["looks"], plain["looks"])
        assert np.allclose(rows["over_ground"], plain["over_ground"], atol=1e-9, equal_nan=True)
        assert np.allclose(kernel.barriers(), twin.barriers, atol=1e-9)
        places = kernel.places()
        assert np.allclose(places, [one.place for one in twin.landmarks], atol=1e-6) if places else not twin.landmarks
        if is_watched and scan % 2:
            looks = random.integers(0, 3, len(places)).tolist()
            kernel.see_road(looks)
            twin.see_road(looks)


def test_rails_are_barriers_and_their_mirror_images_go():
    random = np.random.default_rng(3)
    results = driven(road(scan, random) for scan in range(60))[20:]
    assert all(min(abs(np.array(one.barriers) - 6.0)) < 0.5 and min(abs(np.array(one.barriers) + 5.0)) < 0.5 for one in results)
    rows = np.concatenate([one.detections for one in results])
    lateral = rows["range"] * np.sin(rows["azimuth"])
    ghosts = rows[(abs(lateral - 8.5) < 1.2) & (rows["over_ground"] > 20.0)]
    assert len(ghosts) > 5 and (ghosts["label"] == label("MIRROR")).mean() > 0.9
    real = rows[(rows["over_ground"] > 20.0) & (lateral < 5.0) & (rows["existence"] > 0.5)]
    assert (real["label"] == label("MOVING")).mean() > 0.98


def test_a_second_bounce_goes_and_a_convoy_at_twice_the_distance_stays():
    random = np.random.default_rng(0)
    lead = [detections([20.0], [0.0], [VELOCITY + 1.0], VELOCITY, random=random) for _ in range(60)]
    ghost = [
        detections([MOUNTING.x_m + 2.0 * (20.0 - MOUNTING.x_m)], [0.0], [VELOCITY + 2.0], VELOCITY, random=random) for _ in lead
    ]
    now_and_then = driven(np.concatenate(both) if place % 4 == 0 else both[0] for place, both in
                          enumerate(zip(lead, ghost, strict=True)))  # fmt: skip
    assert all(one.detections["label"][1] == label("SECOND_BOUNCE") for one in now_and_then[::4])
    always = driven(np.concatenate(both) for both in zip(lead, ghost, strict=True))
    assert all(one.detections["label"][1] == label("MOVING") for one in always[6:])


def approach(from_m: float, to_m: float, rcs_of, elevation_of=lambda distance: np.nan, seed: int = 0):
    random = np.random.default_rng(seed)
    scans = []
    for distance in np.arange(from_m, to_m, -VELOCITY * CYCLE_S):
        fading = 10.0 * math.log10(max(random.exponential(), 1e-3))
        scans.append(detections([MOUNTING.x_m + distance], [0.0], [0.0], VELOCITY, random=random, rcs=rcs_of(distance) + fading,
                                elevation=elevation_of(distance)))  # fmt: skip
    return [one.detections["label"][0] for one in driven(scans)], np.arange(from_m, to_m, -VELOCITY * CYCLE_S)


def overhead(distance: float) -> float:
    return 22.0 - 0.48 * math.degrees(4.3 / distance) ** 2


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_in_the_corridor_is_an_obstacle_when_it_is_confirmed(seed):
    labels, distances = approach(160.0, 15.0, lambda _: 12.0, seed=seed)
    first = labels.index(label("OBSTACLE"))
    assert distances[first] >= 39.0 and set(labels[:8]) == {label("UNCONFIRMED")}
    assert set(labels[first:]) == {label("OBSTACLE")}  # it stays one


@pytest.mark.parametrize("seed", range(5))
def test_a_bridge_is_told_by_its_sinking_cross_section_and_never_an_obstacle(seed):
    labels, _ = approach(160.0, 28.0, overhead, seed=seed)
    assert label("OBSTACLE") not in labels and labels[-1] == label("OVERHEAD")


def test_what_a_lead_drives_through_is_above_the_road_and_what_it_drives_round_is_not():
    def seen(round_it: bool) -> list[int]:
        random, scans = np.random.default_rng(0), []
        for scan in range(110):
            standing, lead = 140.0 - VELOCITY * scan * CYCLE_S, 60.0
            aside = 3.5 if round_it and abs(standing - lead) < 60.0 else 0.0
            scans.append(detections([standing, lead], [0.0, aside], [0.0, VELOCITY], VELOCITY, random=random))
        return [int(one.detections["label"][0]) for one in driven(scans)]

    assert set(seen(False)[95:]) == {label("OVERHEAD")} and label("OBSTACLE") not in seen(False)
    assert set(seen(True)[100:]) == {label("OBSTACLE")}


def test_elevation_tells_a_bridge_from_a_car_far_away():
    height = lambda metres: lambda distance: math.asin((metres - MOUNTING.z_m) / distance)  # noqa: E731
    labels, distances = approach(160.0, 120.0, lambda _: 15.0, height(5.5))
    assert labels[-1] == label("OVERHEAD") and label("OBSTACLE") not in labels
    labels, distances = approach(160.0, 120.0, lambda _: 15.0, height(0.8))
    assert distances[labels.index(label("OBSTACLE"))] > 140.0


def test_what_was_seen_to_brake_to_a_stand_is_an_obstacle_at_once():
    random, scans, at, speed = np.random.default_rng(0), [], 90.0, 6.0
    for _ in range(60):
        scans.append(detections([MOUNTING.x_m + at], [0.0], [speed], VELOCITY, random=random))
        at, speed = at + (speed - VELOCITY) * CYCLE_S, max(speed - 6.0 * CYCLE_S, 0.0)
    labels = [int(one.detections["label"][0]) for one in driven(scans)]
    stood = 20
    assert set(labels[3:17]) == {label("MOVING")} and label("OBSTACLE") in labels[stood : stood + 8]


def test_a_wrong_way_driver_in_the_own_lane_is_kept():
    random = np.random.default_rng(0)
    scans = [np.concatenate([road(scan, random), detections([150.0 - 47.0 * scan * CYCLE_S], [0.3], [-25.0], VELOCITY)])
             for scan in range(50)]  # fmt: skip
    assert all(one.detections["label"][-1] == label("MOVING") for one in driven(scans)[2:])


def test_a_pause_forgets_and_the_memory_has_an_end():
    processor, random = RadarProcessor(), np.random.default_rng(0)
    for scan in range(10):
        processor.process(road(scan, random), 10**9 + scan * CYCLE_NS, VELOCITY)
    assert processor.counts()["landmarks"] > 5
    assert (processor.process(road(0, random), 10**11, VELOCITY).detections["looks"] <= 1).all()
    for scan in range(3):
        many = detections(random.uniform(10.0, 200.0, 800), random.uniform(-60.0, 60.0, 800), 0.0, VELOCITY)
        processor.process(many, 10**11 + (scan + 1) * CYCLE_NS, VELOCITY)
    assert processor.counts()["landmarks"] <= 512 and processor.counts()["overflow"] > 0


def test_limits():
    processor = RadarProcessor()
    empty = np.zeros(0, dtype("RadarDetection"))
    assert len(processor.process(empty, 0, VELOCITY).kept) == 0
    unknown = processor.process(detections([30.0], [0.0], [5.0], VELOCITY), CYCLE_NS)
    assert unknown.detections["label"][0] == label("NONE") and not unknown.motion.is_known
    with pytest.raises(UsageError, match="RadarDetection"):
        processor.process(np.zeros(3), 0)
    with pytest.raises(ValueError, match="801 detections"):
        processor.process(np.zeros(801, dtype("RadarDetection")), 2 * CYCLE_NS, VELOCITY)
    assert {int(kept) for kept in KEPT} == {label("MOVING"), label("OBSTACLE"), label("STANDING")}


def watched_approach(look: int | None, moved_before: bool = False) -> list[int]:
    """Labels of one thing ahead, from 70 m to 15 m, of which a lidar says `look` from 45 m on; None: there is no lidar."""
    random, labels, x = np.random.default_rng(2), [], 70.0
    kernel = ScreenKernel(ScreenParameters(), MOUNTING)
    for scan in range(50):
        stood = not (moved_before and scan < 12)
        rows = detections([x], [0.0], [0.0 if stood else 2.0], VELOCITY, random=random, rcs=random.normal(5.0, 1.0))
        rows["rcs_dbsm"] = np.nan  # nothing is known of its strength
        kernel.screen(rows.view(np.uint8), CYCLE_S, VELOCITY, 0.0, VELOCITY, 0.0, 0.05, 0.0)
        labels.append(int(rows["label"][0]))
        if look is not None and scan % 2:
            kernel.see_road([look if x < 45.0 else 0 for _ in kernel.places()])
        x -= (VELOCITY - (0.0 if stood else 2.0)) * CYCLE_S
    return labels


def test_what_a_lidar_sees_road_through_is_above_it_and_silence_decides_nothing():
    seen, silent, stands, alone = watched_approach(1), watched_approach(0), watched_approach(2), watched_approach(None)
    assert label("OBSTACLE") not in seen and seen[-1] == label("OVERHEAD")
    assert all(labels[-1] == label("OBSTACLE") for labels in (silent, stands, alone))
    begins = [labels.index(label("OBSTACLE")) for labels in (silent, stands, alone)]
    assert begins[0] == begins[1] > begins[2]  # who is watched is waited for, ten metres longer


def test_what_was_seen_to_move_before_it_stood_is_no_bridge_whatever_a_lidar_sees():
    labels = watched_approach(1, moved_before=True)
    assert label("OVERHEAD") not in labels and labels[-1] == label("OBSTACLE")


def watched_bridge(seed: int, hidden_m: tuple[float, float] = (0.0, 0.0), weaker_before_db: float = 0.0) -> list[int]:
    """Labels of a bridge from 150 m to 45 m, a lidar saying nothing; something 30 m nearer while it is `hidden_m` ahead."""
    random, processor, labels = np.random.default_rng(seed), RadarProcessor(), []
    for scan, distance in enumerate(np.arange(150.0, 45.0, -VELOCITY * CYCLE_S)):
        power = overhead(distance) - (weaker_before_db if distance > hidden_m[0] else 0.0) + 10.0 * np.log10(random.exponential())
        rows = detections([MOUNTING.x_m + distance], [0.0], [0.0], VELOCITY, random=random, rcs=power)
        if hidden_m[0] > distance > hidden_m[1]:
            rows = np.concatenate([rows, detections([distance - 30.0], [0.0], [VELOCITY], VELOCITY, random=random)])
        found = processor.process(rows, 10**9 + scan * CYCLE_NS, VELOCITY)
        processor.see_road(np.zeros((0, 4), np.float32), np.zeros(0, np.uint8), (4.0, 0.0, 3.0), 0.0, VELOCITY, 0.0)
        labels.append(int(found.detections["label"][0]))
    return labels


def test_where_a_lidar_watches_hardly_a_bridge_is_taken_for_an_obstacle():
    taken = [label("OBSTACLE") in watched_bridge(seed) for seed in range(150)]
    assert sum(taken) <= 4, "one in 110"


def test_what_was_seen_before_something_hid_it_is_not_compared_with_what_is_seen_after():
    """A bridge at the end of a climb, weak at first, then behind the lead for two seconds, then in full."""
    taken = [label("OBSTACLE") in watched_bridge(seed, (130.0, 85.0), 12.0) for seed in range(40)]
    assert sum(taken) <= 1
