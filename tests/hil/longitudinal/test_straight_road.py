"""The radar of the straight road sees what the rig's does."""

from __future__ import annotations

from autonomy import Stack
from hil.longitudinal.disturbance_runs import RampBrakes
from hil.longitudinal.straight_road import Other, StraightRoad

HIDDEN, AHEAD = Other(1, 155.0, 0.0, 20.0, 0.0, 0.0), Other(2, 145.0, 0.0, 20.0, 0.0, 0.0)
SECONDS = 10


def seen(**radar) -> list[int]:
    """Numbers of the targets that the stack is given while both keep their distance."""
    road = StraightRoad(Stack.from_config("vehicles/demo_truck"), RampBrakes(), **radar)
    road.begin(20.0)
    found: list[int] = []
    for _ in range(100 * SECONDS):
        road.step([HIDDEN, AHEAD])
        rows = road.frame["radar"][0]
        found += rows["items"][: rows["count"]]["target_id"].tolist()
    return found


def test_a_noisy_radar_often_misses_who_is_hidden_far_ahead():
    found = seen(noise=5)
    assert found.count(2) > 0.95 * 20 * SECONDS and 0.3 * 20 * SECONDS < found.count(1) < 0.75 * 20 * SECONDS


def test_an_exact_radar_misses_nobody():
    found = seen(radar=True)
    assert found.count(1) == found.count(2) == 100 * SECONDS
