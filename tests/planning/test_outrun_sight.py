"""The stop begins when nothing is seen of the lane and what was seen is used up, not for want of a camera alone."""

import pytest

from autonomy import msg
from tests.planning.test_plan import PLAN, VEHICLE, PlanStep, situation

LANE, STOP, LANE_LOST = msg.constants("LaneState"), 3, 3  # autonomy/msg/Plan.msg


@pytest.mark.parametrize("status, age_s, seen_m, stops", [
    ("COASTING", 1.6, 45.0, True), ("COASTING", 1.4, 45.0, False),  # a camera that is back within a moment ends nothing
    ("COASTING", 1.6, 160.0, False),  # a stored path goes on
    ("TRACKING", 0.1, 45.0, False)])  # fmt: skip
def test_a_lost_camera_ends_the_drive_before_its_sight_is_used_up(status, age_s, seen_m, stops):
    given = situation(speed=22.0)
    lane = given[4]
    lane["status"], lane["observation_age_s"], lane["valid_distance_m"] = LANE[f"STATUS_{status}"], age_s, seen_m
    lane["sigma"][:2] = 0.02, 0.001
    given[0]["engage"] = 1
    plan = PlanStep(PLAN, VEHICLE).step(*given)
    assert (plan["behaviour"] == STOP, plan["reason"] == LANE_LOST) == (stops, stops)
