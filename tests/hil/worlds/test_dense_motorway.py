import numpy as np

from hil.worlds.dense_motorway import CHANGE_DURATION_S, LANE_WIDTH_M, OWN_FRONT_M, OWN_REAR_M, WANDER_M, DenseMotorway


def drive(seed, seconds):
    world = DenseMotorway(seed)
    for _ in range(round(seconds / 0.05)):
        world.step()
        yield world


def test_the_same_seed_gives_the_same_drive():
    one, two, other = ([*drive(seed, 30.0)][-1].scene() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one.x, other.x)


def test_bodies_never_stand_in_one_another():
    for world in drive(3, 120.0):
        for lane in range(3):
            places = sorted((rear, front) for rear, front, *_ in world._queue(lane))
            assert all(a[1] <= b[0] + 1e-9 for a, b in zip(places, places[1:], strict=False))
    assert all(not (v.lane == 0 and v.x < OWN_FRONT_M and v.x + v.length > OWN_REAR_M) for v in world.vehicles)


def test_there_is_all_that_is_promised():
    kinds, widest, slowest = set(), 0.0, 99.0
    for world in drive(4, 400.0):
        kinds |= set(world.scene().classification.tolist())
        widest = max(widest, max(abs(v.y - v.base) for v in world.vehicles if v.change is None))
        slowest = min(slowest, min(v.speed for v in world.vehicles if v.lane == 0))
    assert kinds == {1, 2, 4}
    assert 0.95 * WANDER_M < widest < WANDER_M + 0.05
    assert slowest == 0.0
    assert len([change for change in world.changes if change.target_m == 0.0]) >= 20
    assert all(CHANGE_DURATION_S[0] <= change.duration_s <= CHANGE_DURATION_S[1] for change in world.changes)
    assert all(abs(change.target_m - change.origin_m) == LANE_WIDTH_M for change in world.changes)
