import numpy as np
import pytest

import hil
from autonomy import config
from autonomy.errors import UsageError
from hil import drive
from hil.world import CurvedRoad
from tests.step_parameters import StepStack, step_parameters

CONFIG = config.load("vehicles/demo_truck")


def closed_loop(sensors, duration_s=16.0, **scenario):
    """All steps around the true ego motion."""
    world = CurvedRoad(CONFIG.section("vehicle"))
    ego = lambda: (world.ego.x, world.ego.y, world.ego.yaw, world.ego.velocity, world.ego.yaw_rate)  # noqa: E731
    return hil.run(world, StepStack(step_parameters(), ego), sensors, duration_s, seed=1, scenario=scenario)


@pytest.mark.parametrize("sensors", [hil.sensors.Perfect(CONFIG), hil.sensors.Messages(CONFIG, 1)], ids=["perfect", "messages"])
def test_the_steps_keep_lane_and_gap(sensors):
    result = closed_loop(sensors)
    metrics = result.metrics
    assert result.verdict == "pass" and metrics["collisions"] == 0
    assert metrics["lane_offset_rms_m"] < 0.1 and metrics["out_of_lane_share"] == 0.0
    assert metrics["min_headway_s"] > 2.0 and metrics["hard_brakes"] == 0 and metrics["jerk_p99_mps3"] < 1.0
    assert (result.topic("plan")["behaviour"] == 2).any()


def test_a_lead_that_is_too_near_is_given_room_gently():
    result = closed_loop(hil.sensors.Perfect(CONFIG), 20.0, lead_gap_m=30.0)
    assert result.metrics["acceleration_min_mps2"] > -1.5
    assert np.nanmax(result.topic("tracks")["lead_distance"][-10:]) - 5.2 > 38.0


def test_faults_are_refused_with_a_sentence():
    with pytest.raises(UsageError, match="fault"):
        hil.run(None, None, None, 1.0, faults="f.toml")


def test_the_recorded_drive_is_the_same_bytes_for_the_same_seed(tmp_path):
    first = drive.record(tmp_path / "a.mcap", duration_s=3.0, seed=4).read_bytes()
    assert first == drive.record(tmp_path / "b.mcap", duration_s=3.0, seed=4).read_bytes()
    assert first != drive.record(tmp_path / "c.mcap", duration_s=3.0, seed=5).read_bytes()
