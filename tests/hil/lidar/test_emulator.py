"""What must hold of every turn: nothing is seen through, the same seed gives the same bits, motion is undone by the poses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.errors import UsageError
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import model
from hil.lidar import Emulator, Label, Mounting, Puddle, Scene, Weather, blockage
from hil.lidar.emulator import beams, rotation
from hil.lidar.truth import lane_lines
from tests.hil.lidar.scenes import EXACT, actor_at, straight, turn_of, winding

ROAD = straight()
FRONT = Mounting(x_m=5.3, z_m=1.8)  # before the windscreen: nothing of the truck in view ahead
UTC_NS = 1_767_614_400 * 10**9


def points_in_world(emulator: Emulator, turn, kept: int = 0) -> np.ndarray:
    """(columns, rings, 3) NaN where nothing came back, each column put where the truck was when it was fired."""
    beam, origin, _ = beams(emulator.model, 2.0 * math.pi / emulator.columns)
    yaw = -np.unwrap(turn.azimuth)
    mounting = emulator.mounting
    poses = turn.poses[0] + emulator.column_offset_ns[:, None] / 1e8 * (turn.poses[1] - turn.poses[0])
    spin, body = (np.array([rotation(*angles) for angles in table]) for table in (np.outer(yaw, [1, 0, 0]), poses[:, 3:]))
    distance = np.where(turn.range_m[..., kept] > 0.0, turn.range_m[..., kept], np.nan)[..., None]
    in_sensor = np.einsum("cij,crj->cri", spin, beam * distance + origin)
    in_vehicle = in_sensor @ mounting.turn().T + [mounting.x_m, mounting.y_m, mounting.z_m]
    return np.einsum("cij,crj->cri", body, in_vehicle) + poses[:, None, :3]


@settings(max_examples=15, deadline=None)
@given(distance=st.floats(8.0, 90.0), speed=st.floats(0.0, 30.0), name=st.sampled_from(["VLP-16", "VLP-32C", "XT32"]))
def test_nothing_is_seen_behind_a_wall_and_motion_is_undone_by_the_poses(distance, speed, name):
    wall = actor_at(ROAD, 300.0 + distance + 0.5, 0.0, kind="wall", size=(1.0, 60.0, 60.0))
    emulator = Emulator(model(name), FRONT, Scene.bare(ROAD), optics=EXACT)
    turn = emulator.turn(*turn_of(ROAD, speed=speed, actors=[wall]))
    world = points_in_world(emulator, turn)
    seen = (np.abs(world[..., 1]) < 29.0) & (world[..., 0] > 306.0) & (world[..., 2] > 0.05)  # beside the road it is lower
    assert seen.any() and world[..., 0][seen].max() < 300.0 + distance + 0.004
    front = seen & (turn.labels[..., 0] == Label.OBSTACLE)
    assert front.sum() > 1000
    np.testing.assert_allclose(world[..., 0][front], 300.0 + distance, atol=0.004)


def test_without_the_poses_the_wall_would_be_bent():
    wall = actor_at(ROAD, 320.5, 0.0, kind="wall", size=(1.0, 60.0, 60.0))
    emulator = Emulator(model("XT32"), FRONT, Scene.bare(ROAD), optics=EXACT)
    turn = emulator.turn(*turn_of(ROAD, speed=25.0, actors=[wall]))
    turn.poses[1] = turn.poses[0]
    world = points_in_world(emulator, turn)
    front = (turn.labels[..., 0] == Label.OBSTACLE) & (np.abs(world[..., 1]) < 20.0)
    assert np.ptp(world[..., 0][front]) > 0.5


@pytest.mark.parametrize("returns", [1, 2])
def test_the_same_seed_gives_the_same_bits_whatever_came_before(returns):
    def emulator(seed):
        scene = Scene.motorway(winding(), 5, weather=Weather(rain_mm_h=20.0, spray_per_m=0.1), puddles_per_km=20.0)
        return Emulator(model("VLP-32C"), Mounting(), scene, seed, returns=returns)

    actors = [actor_at(winding(), 340.0, 3.5, speed=25.0)]
    wanted = turn_of(winding(), 300.0, actors=actors)
    first, second, other = emulator(1), emulator(1), emulator(2)
    second.turn(*turn_of(winding(), 700.0, time_ns=5 * 10**9))
    a, b, c = first.turn(*wanted), second.turn(*wanted), other.turn(*wanted)
    for name in ("range_m", "intensity", "labels", "instances"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert not np.array_equal(a.range_m, c.range_m)
    assert first.packets(a, UTC_NS).tobytes() == second.packets(b, UTC_NS).tobytes()


@pytest.mark.parametrize("name", ["VLP-32C", "Pandar64"])
def test_threads_give_the_bits_of_one(name):
    scene = Scene.motorway(winding(), 5, weather=Weather(rain_mm_h=20.0, spray_per_m=0.1), puddles_per_km=20.0)
    actors = [actor_at(winding(), 340.0, 3.5, speed=25.0), actor_at(winding(), 280.0, -3.5, number=2)]
    wanted = turn_of(winding(), 300.0, actors=actors)
    one, more = (Emulator(model(name), Mounting(), scene, 1, returns=2, threads=count).turn(*wanted) for count in (1, 3))
    for field in ("range_m", "intensity", "labels", "instances"):
        assert np.array_equal(getattr(one, field), getattr(more, field)), field
    assert one.boxes.table.tobytes() == more.boxes.table.tobytes() and one.boxes.table["rays"].min() > 0


def test_left_and_right_are_alike():
    emulator = Emulator(model("VLP-16"), FRONT, Scene.bare(ROAD), optics=EXACT, start_azimuth=0.0)

    def ranges(offset):
        turn = emulator.turn(*turn_of(ROAD, speed=0.0, actors=[actor_at(ROAD, 320.0, offset)]))
        return np.where(turn.labels[..., 0] == Label.OBSTACLE, turn.range_m[..., 0], 0.0)

    right, left = ranges(-3.5), ranges(3.5)
    mirrored = np.roll(left[::-1], 1, axis=0)  # column k against column -k; beams fire later by up to 0.1 degrees, to one side
    met = (right > 0.0) & (mirrored > 0.0)
    assert met.sum() > 0.9 * max((right > 0.0).sum(), (mirrored > 0.0).sum()) > 100
    assert np.median(np.abs(right - mirrored)[met]) < 0.02


def test_the_packets_decode_to_the_ranges_of_the_turn():
    for name, returns in (("VLP-16", 1), ("Pandar64", 1), ("OS1-64", 1), ("OS1-64-dual", 2)):
        emulator = Emulator(model(name), Mounting(), Scene.motorway(ROAD, 3), 1, returns=returns)
        turn = emulator.turn(*turn_of(ROAD, actors=[actor_at(ROAD, 330.0, 3.5)]))
        decoder = Decoder(name, clock="received")
        scans = [scan for packet in emulator.packets(turn, UTC_NS) for scan in decoder.feed(packet.tobytes(), UTC_NS)]
        points = np.concatenate([scan.points for scan in scans + decoder.finish()])
        strongest = turn.range_m[..., -1]
        seen = strongest > 0.0
        points = points[points["return_kind"] != msg.constants("LidarPoint")["RETURN_SECOND_STRONGEST"]]
        assert len(points) == seen.sum()
        distance = np.sqrt(points["x"] ** 2 + points["y"] ** 2 + points["z"] ** 2)
        np.testing.assert_allclose(np.sort(distance), np.sort(strongest[seen]), atol=0.02 + 1.5 * emulator.model.height_m)
        assert np.array_equal(np.sort(points["intensity"]), np.sort(turn.intensity[..., -1][seen]))


def test_of_two_returns_the_last_is_the_farther():
    scene = Scene.motorway(ROAD, 3, weather=Weather(rain_mm_h=40.0, spray_per_m=0.2))
    emulator = Emulator(model("XT32"), Mounting(), scene, 1, returns=2)
    turn = emulator.turn(*turn_of(ROAD, actors=[actor_at(ROAD, 320.0, 0.0, kind="truck", speed=22.0, size=(16.5, 2.55, 4.0))]))
    last, strongest = turn.range_m[..., 0], turn.range_m[..., 1]
    assert (last >= strongest).all() and (last > strongest + 0.5).sum() > 20
    assert ((last > 0.0) == (strongest > 0.0)).all()


def test_paint_is_brighter_than_asphalt_signs_brighter_than_white_and_wear_takes_paint_away():
    counts = {}
    for wear in (0.0, 0.5, 1.0):
        emulator = Emulator(model("VLS-128"), Mounting(), Scene.motorway(ROAD, 4, wear=wear), 1)
        turn = emulator.turn(*turn_of(ROAD))
        counts[wear] = (turn.labels == Label.MARKING).sum()
        if wear == 0.0:
            near = turn.range_m < 40.0
            paint, asphalt = (turn.intensity[(turn.labels == label) & near] for label in (Label.MARKING, Label.GROUND))
            assert np.percentile(paint, 10) > 1.5 * np.percentile(asphalt, 90)
            assert turn.intensity[turn.labels == Label.STRUCTURE].max() > 100
            assert set(np.unique(turn.instances[turn.labels == Label.MARKING])) <= {m.id for m in emulator.scene.markings}
    assert counts[1.0] == 0 and 0.3 < counts[0.5] / counts[0.0] < 0.7


def test_what_a_truck_hides_is_known():
    truck = actor_at(ROAD, 330.0, 0.0, 1, "truck", size=(16.5, 2.55, 4.0))
    hidden, free = actor_at(ROAD, 345.0, 0.0, 2), actor_at(ROAD, 345.0, 6.0, 3)
    emulator = Emulator(model("VLS-128"), FRONT, Scene.bare(ROAD), 1, optics=EXACT)
    boxes = emulator.turn(*turn_of(ROAD, actors=[truck, hidden, free])).boxes
    share = dict(zip(boxes.table["id"].tolist(), boxes.visible_share(), strict=True))
    assert share[1] == 1.0 and share[2] < 0.1 and share[3] > 0.9
    np.testing.assert_allclose(boxes.table["x"], [30.0, 45.0, 45.0], atol=0.01)
    np.testing.assert_allclose(boxes.table["y"], [0.0, 0.0, 6.0], atol=0.01)


def test_water_mirrors_the_ground_away_and_fog_and_dirt_take_returns():
    def share(label, weather=None, puddles=(), transmission=None):
        scene = Scene.bare(ROAD)
        scene.weather, scene.puddles = weather or Weather(), list(puddles)
        emulator = Emulator(model("XT32"), Mounting(), scene, 1, transmission=transmission)
        return (emulator.turn(*turn_of(ROAD)).labels == label).mean()

    dry, columns = share(Label.GROUND), 2000
    assert share(Label.GROUND, Weather(water_film=1.0)) < 0.1 * dry
    assert share(Label.GROUND, puddles=[Puddle(325.0, 0.0, 12.0, 3.0)]) < 0.99 * dry
    assert share(Label.GROUND, Weather(visibility_m=60.0)) < 0.9 * dry
    assert share(Label.NOISE) == 0.0 and share(Label.NOISE, Weather(rain_mm_h=30.0)) > 0.003
    assert share(Label.GROUND, transmission=blockage(columns, 32, 0.3, 1)) < 0.85 * dry


def test_spray_is_behind_the_wheels():
    car = actor_at(ROAD, 325.0, 0.0, speed=25.0)
    scene = Scene.bare(ROAD)
    scene.weather = Weather(spray_per_m=0.3)
    emulator = Emulator(model("VLS-128"), Mounting(), scene, 1)
    turn = emulator.turn(*turn_of(ROAD, actors=[car]))
    world = points_in_world(emulator, turn)[turn.labels[..., 0] == Label.NOISE]
    assert len(world) > 100
    assert (
        (world[:, 0] < 325.0 + 2.5 - 2.3).all() and (world[:, 0] > 325.0 - 2.3 - 7.5).all() and (np.abs(world[:, 1]) < 1.0).all()
    )


def test_lines_of_the_truth_are_where_paint_was_seen():
    road = winding()
    scene = Scene.motorway(road, 2, construction=(100.0, 600.0, 1.5))
    emulator = Emulator(model("VLS-128"), Mounting(), scene, 1, optics=EXACT)
    turn = emulator.turn(*turn_of(road, 300.0, speed=0.0))
    world = points_in_world(emulator, turn)
    level = turn.poses[0].copy()
    lines = lane_lines(scene, 300.0, level)
    checked = 0
    for marking, points in lines:
        seen = world[(turn.labels[..., 0] == Label.MARKING) & (turn.instances[..., 0] == marking.id)] - level[:3]
        c, s = math.cos(level[3]), math.sin(level[3])
        x, y = c * seen[:, 0] + s * seen[:, 1], c * seen[:, 1] - s * seen[:, 0]
        near = (x > max(points[0, 0], 5.0)) & (x < min(points[-1, 0], 60.0))
        off = np.abs(y[near] - np.interp(x[near], points[:, 0], points[:, 1]))
        reach = 0.5 * marking.width_m + (0.5 * (0.15 + marking.width_m) if marking.kind == "double" else 0.0)
        checked += near.sum()
        assert (off < reach + 0.03).all(), marking
    assert checked > 500


@pytest.mark.parametrize("wrong", [dict(returns=3), dict(transmission=np.ones((3, 3), np.float32))])
def test_bad_input_is_said(wrong):
    with pytest.raises(UsageError, match="lidar emulator"):
        Emulator(model("VLP-16"), Mounting(), Scene.bare(ROAD), **wrong)


def test_a_turn_needs_time():
    begin, _ = turn_of(ROAD)
    with pytest.raises(UsageError, match="end must come after"):
        Emulator(model("VLP-16"), Mounting(), Scene.bare(ROAD)).turn(begin, begin)


def test_beams_at_edges_meet_both_sides():
    car = actor_at(ROAD, 330.0, 0.0, size=(4.6, 1.85, 1.5))
    wall = actor_at(ROAD, 345.0, 0.0, 2, kind="wall", size=(1.0, 60.0, 30.0))
    counts = []
    for divergence in (0.0, 1.5):
        optics = replace(EXACT, divergence_mrad=divergence)
        emulator = Emulator(model("XT32"), FRONT, Scene.bare(ROAD), 1, returns=2, optics=optics)
        turn = emulator.turn(*turn_of(ROAD, speed=0.0, actors=[car, wall]))
        last, strongest = turn.range_m[..., 0], turn.range_m[..., 1]
        double = last > strongest + 1.0
        counts.append(int(double.sum()))
        assert set(np.unique(turn.instances[..., 1][double])) <= {0, 1, 2} and not (strongest > last).any()
    assert counts[0] == 0 and counts[1] > 4
