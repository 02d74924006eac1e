import numpy as np
import pytest

from autonomy import config
from autonomy.errors import UsageError
from hil.worlds.curved_road import CurvedRoad

VEHICLE = config.load("vehicles/demo_truck").section("vehicle")


def test_the_driver_keeps_the_lane_and_follows():
    world = CurvedRoad(VEHICLE)
    truth = world.reset(3)
    offsets, gaps = [], []
    for _ in range(6000):
        truth = world.step(None, 0.01)
        offsets.append(truth.road.offset)
        gaps.append(truth.actors[0].x)
    assert np.abs(offsets).max() < 0.3
    assert abs(truth.ego.velocity - truth.actors[0].speed) < 2.0


def test_a_scenario_it_does_not_read_is_told():
    with pytest.raises(UsageError, match="CurvedRoad reads no scenario, so not 'motorway'"):
        CurvedRoad().reset(0, "motorway")


def test_the_same_seed_is_the_same_drive():
    def drive(seed):
        world = CurvedRoad(VEHICLE)
        world.reset(seed)
        return [vars(world.step(None, 0.01).ego) for _ in range(500)][-1]

    assert drive(1) == drive(1) and drive(1) != drive(2)


def test_commands_act_after_dead_time_and_lag():
    world = CurvedRoad(VEHICLE)
    world.reset(0)
    angles = [world.step({"mode": 1, "road_wheel_angle_rad": 0.01, "acceleration_mps2": 0.0}, 0.01).ego.road_wheel_angle
              for _ in range(100)]  # fmt: skip
    dead, lag = (round(100 * VEHICLE[f"steering_{name}_s"]) for name in ("delay", "lag"))
    assert angles[dead - 1] == 0.0 and abs(angles[dead + lag - 1] - 0.01 * (1 - np.exp(-1.0))) < 1e-9
