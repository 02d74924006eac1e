"""What stands is told from what walks or drives by a few scans; the own motion and its turns do not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.perception.samples import near_faces, tell_standing
from autonomy.perception.standing import LEAST_LOOKS, Standing

PERIOD_S = 0.1


def told(speed, own_speed=22.0, yaw_rate=0.0, begin=(100.0, 1.0), scans=12, seed=0, hidden=()):
    """(scans,) whether one thing that drives along x over ground is told to stand; None where it is not seen."""
    random, memory, found = np.random.default_rng(seed), Standing(), []
    place, heading, own = np.array(begin, float), 0.0, np.zeros(2)
    for scan in range(scans):
        if scan:
            middle = heading + 0.5 * yaw_rate * PERIOD_S
            own = own + own_speed * PERIOD_S * np.array([np.cos(middle), np.sin(middle)])
            heading += yaw_rate * PERIOD_S
            place = place + [speed * PERIOD_S, 0.0]
        turn = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])
        face = turn @ (place - own) + random.normal(0.0, (0.1, 0.3))
        faces = np.zeros((0, 2)) if scan in hidden else face[None]
        stands = memory.update(faces, (own_speed, 0.0), yaw_rate, PERIOD_S if scan else 0.0)
        found.append(bool(stands[0]) if len(stands) else None)
    return found


@settings(max_examples=30, deadline=None)
@given(own_speed=st.floats(0.0, 30.0), yaw_rate=st.floats(-0.05, 0.05), seed=st.integers(0, 2**31))
def test_what_stands_is_told_after_half_a_second_however_the_truck_moves(own_speed, yaw_rate, seed):
    found = told(0.0, own_speed, yaw_rate, seed=seed, scans=10)
    assert not any(found[: LEAST_LOOKS - 1]) and np.mean(found[LEAST_LOOKS:]) > 0.5


@pytest.mark.parametrize("speed", [-25.0, 3.0, 5.0, 15.0, 22.0, 30.0])
def test_what_drives_is_not(speed):
    assert not any(any(told(speed, seed=seed)) for seed in range(20))


def test_a_look_missed_is_bridged_and_many_are_not():
    assert told(0.0, hidden=(5,))[6] and not told(0.0, hidden=(5, 6, 7, 8, 9))[10]


def test_two_things_one_behind_the_other_keep_their_places():
    memory = Standing()
    for scan in range(8):
        faces = np.array([[80.0 - 2.2 * scan, 0.0], [74.0, 4.0], [90.0 - 2.2 * scan, 0.2]])
        stands = memory.update(faces, (22.0, 0.0), 0.0, PERIOD_S if scan else 0.0)
    assert stands.tolist() == [True, False, True]


def test_no_faces_and_more_than_there_is_room_for():
    memory = Standing()
    assert memory.update(np.zeros((0, 2)), (20.0, 0.0), 0.0, 0.0).shape == (0,)
    many = np.random.default_rng(0).uniform(-50.0, 50.0, (300, 2))
    assert memory.update(many, (20.0, 0.0), 0.0, 0.1).shape == (300,)


def test_the_range_rate_is_that_of_a_thing_that_stands_along_the_sight():
    rows = np.zeros(2, msg.dtype("ObstacleSample"))
    rows["x"], rows["y"], rows["length"], rows["width"], rows["range_rate"] = (45.0, 35.0), (0.0, 30.0), 4.0, 2.0, np.nan
    tell_standing(rows, np.array([True, False]), (20.0, 0.0), 0.1, (5.0, 0.0))
    assert rows["range_rate"][0] == pytest.approx(-20.0) and np.isnan(rows["range_rate"][1])
    tell_standing(rows, np.array([True, True]), (20.0, 0.0), 0.0, (5.0, 0.0))
    assert rows["range_rate"][1] == pytest.approx(-20.0 * np.sqrt(0.5)) and rows["velocity_x"].tolist() == [0.0, 0.0]
    assert near_faces(rows, (5.0, 0.0))[0] == pytest.approx([43.0, 0.0])
