"""Packets of an emulated lidar to samples of the tick."""

import numpy as np
import pytest

from autonomy import config, msg
from autonomy.perception.stage import twist_of
from autonomy.perception.stages import stages_of
from drivers.udp.message import data_of
from hil.lidar.scene import Scene
from hil.sensors.lidar_line import LidarLine
from hil.worlds.motorway import Motorway

STANDING = {"kind": "car", "aside_m": 0.0, "place_m": 75.0, "speed_mps": 0.0}
SCENARIO = {"road": {"segments": [{"length_m": 600, "lanes": 3}]}, "set_speed_mps": 22.0, "traffic": [STANDING]}


def drive(gives, ticks=75, scenario=SCENARIO):
    """Everything perceived, and the truths by time."""
    lidar = {"name": "roof", "model": "Pandar64", "source": 30, "x_m": 5.0, "height_m": 3.25, "gives": gives,
             "cut_azimuth_rad": 4.71238898038469}  # fmt: skip
    (stage,) = stages_of(config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [lidar], "radar.sensor": []})).values()
    world, truths, found = Motorway(scenario), {}, []
    truth = world.reset(3)
    line = LidarLine(stage.sensor, Scene.of_world(world, 3), 3)
    ego = np.zeros(1, msg.dtype("EgoState"))[0]
    for _ in range(ticks):
        truths[truth.time_ns] = truth
        for record in line.read(truth):
            stage.take(data_of(record.data), record.time_ns)
            while stage.waits:
                found.append(stage.perceive(ego))
        ego["yaw"], ego["velocity"], ego["angular_rate"][2] = truth.ego.yaw, truth.velocity_enu(), truth.ego.yaw_rate
        truth = world.step(None, 0.01)
    return found, truths


@pytest.fixture(scope="module")
def perceived():
    return drive(["obstacle", "lane", "odometry"])


def test_a_standing_car_is_where_it_is_at_the_time_that_is_told(perceived):
    found, truths = perceived
    assert len(found) >= 5
    for scan in found[1:]:
        truth = truths[round(scan.valid_time_ns, -7)]
        car, ego = truth.actors[0], truth.ego
        cosine, sine = np.cos(ego.yaw), np.sin(ego.yaw)
        x, y = cosine * (car.x - ego.x) + sine * (car.y - ego.y), -sine * (car.x - ego.x) + cosine * (car.y - ego.y)
        rows = scan.samples["obstacle"]
        nearest = rows[np.argmin(np.hypot(rows["x"] - x, rows["y"] - y))]
        reach = 0.5 * (abs(np.cos(nearest["yaw"])) * nearest["length"] + abs(np.sin(nearest["yaw"])) * nearest["width"])
        assert nearest["x"] - reach == pytest.approx(x - 0.5 * car.length, abs=0.4)  # of a car ahead only the rear shows
        assert nearest["y"] == pytest.approx(y, abs=0.3)
        assert (rows["source"] == 30).all()
    last = found[-1].samples["obstacle"]  # which stand is known after five scans
    assert len(found) >= 6 and (np.abs(last["range_rate"] + 21.25) < 0.5).any()


def test_the_own_lane_lines_stand_where_the_road_has_them(perceived):
    found, truths = perceived
    for scan in found[1:]:
        road = truths[round(scan.valid_time_ns, -7)].road
        (row,) = scan.samples["lane"]
        assert row["left_quality"] >= 1 and row["right_quality"] >= 1
        assert row["left"][0] == pytest.approx(road.width_left - road.offset, abs=0.15)
        assert row["right"][0] == pytest.approx(-road.width_right - road.offset, abs=0.15)


def test_the_motion_between_two_scans_is_the_trucks(perceived):
    found, truths = perceived
    moved = [scan.samples["odometry"][0] for scan in found if "odometry" in scan.samples]
    assert len(moved) == len(found) - 1
    speed = np.array([truths[round(int(row["valid_time_ns"]), -7)].ego.velocity for row in moved])
    true = speed * 1e-9 * np.array([row["valid_time_ns"] - row["start_time_ns"] for row in moved])
    told, sigma = (np.array([row[name] for row in moved]) for name in ("translation", "sigma"))
    assert (sigma > 0.0).all() and (np.abs(told[:, 0] - true) < 4.5 * sigma[:, 0]).all()
    assert (np.abs(told[:, 1:]) < 0.05).all()
    assert told[:, 0].sum() == pytest.approx(true.sum(), rel=0.03)  # rails alone say little of the way along them


def test_the_same_packets_and_egos_give_the_same_bytes(perceived):
    again, _ = drive(["obstacle", "lane", "odometry"])
    for first, second in zip(perceived[0], again, strict=True):
        assert {kind: rows.tobytes() for kind, rows in first.samples.items()} == \
            {kind: rows.tobytes() for kind, rows in second.samples.items()}  # fmt: skip
        assert first.received_time_ns == second.received_time_ns > first.valid_time_ns


def test_a_scan_of_an_empty_road_is_a_look_that_saw_nothing():
    found, _ = drive(["obstacle"], scenario={**SCENARIO, "traffic": []})
    nothing = msg.constants("ObstacleSample")["CLASSIFICATION_NOTHING"]
    rows = [scan.samples["obstacle"] for scan in found]
    empty = [one for one in rows if one["classification"][0] == nothing]
    assert len(rows) == len(found) >= 5 and len(empty) >= 2
    for one in empty:
        assert len(one) == 1 and np.isnan(one["x"]).all() and one["existence"] == 0.0 and one["source"] == 30


def test_an_ego_state_that_knows_no_motion_moves_nothing():
    ego = np.zeros(1, msg.dtype("EgoState"))[0]
    ego["velocity"] = np.nan
    assert twist_of(ego) == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    ego["velocity"], ego["yaw"] = (0.0, 20.0, 0.0), np.pi / 2
    assert twist_of(ego)[0] == pytest.approx((20.0, 0.0, 0.0))
