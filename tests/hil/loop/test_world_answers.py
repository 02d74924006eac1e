"""A user's world that does not do what the loop needs is told so in a sentence, with the line where it failed."""

from __future__ import annotations

import math

import pytest

import hil
from autonomy import Stack
from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
from hil.loop.closed_loop import _verdict
from hil.loop.world_answers import answered, made_by
from hil.sensors import Perfect
from hil.world import Actor, Truth

BEGIN_NS = 10**9


class World:
    def __init__(self, first=None, later=None):
        self.first, self.later, self.time_ns = first, later, BEGIN_NS

    def reset(self, seed, scenario=None):
        return Truth(time_ns=BEGIN_NS) if self.first is None else self.first()

    def step(self, actuation, dt_s):
        self.time_ns += 10_000_000
        return self.later(self.time_ns)

    def close(self):
        pass


def fails():
    raise RuntimeError("boom")


def elsewhere(time_ns: int) -> Truth:
    truth = Truth(time_ns=time_ns)
    truth.ego.x = math.nan
    return truth


def changed(part: str, field: str, value):
    """A second answer with one field of its ego or road as given."""

    def later(time_ns: int) -> Truth:
        truth = Truth(time_ns=time_ns)
        setattr(getattr(truth, part) if part else truth, field, value)
        return truth

    return World(later=later)


class Car:
    """A user's own record of an actor: the fields of INTERFACES and no more."""

    id, classification, x, y, yaw, speed, acceleration, length, width, height = 7, "car", 60.0, 0.0, 0.0, 20.0, 0.0, 4.5, 1.8, 1.5

    def __init__(self, **other):
        self.__dict__.update(other)


@pytest.fixture(scope="module")
def stack():
    return Stack.from_config("vehicles/demo_truck")


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (World(first=fails), r"World: reset\(\) failed: RuntimeError: boom \(.*test_world_answers.py, line \d+\)"),
        (World(first=lambda: 5), r"reset\(\) returned int without time_ns, ego, road"),
        (World(later=lambda time_ns: 1 / 0), r"step\(\) failed: ZeroDivisionError"),
        (World(later=lambda time_ns: None), r"step\(\) returned NoneType without"),
        (
            World(later=lambda time_ns: Truth(time_ns=BEGIN_NS)),
            f"time_ns = {BEGIN_NS} after {BEGIN_NS}; each step has to be later",
        ),
        (World(later=elsewhere), r"step\(\) returned ego.x = nan"),
        (changed("ego", "roll", math.inf), r"step\(\) returned ego.roll = inf at \d+ ns; return a finite number$"),
        (changed("ego", "mass", "40 t"), r"returned ego.mass = '40 t'"),
        (changed("road", "corner_offsets", [0.1, math.nan]), r"returned road.corner_offsets with what is no finite number"),
        (changed("road", "curvature", math.nan), r"returned road.curvature = nan"),
        (changed("road", "preview", [(0.0, 0.0, 0.0)]), r"returned road.preview = .*pairs of finite numbers"),
        (changed("road", "preview", [(20.0, 0.0), (10.0, 0.0)]), r"road.preview = .*have to rise from 0"),
        (changed("", "actors", None), r"returned actors = None"),
        (changed("", "actors", [Car(id=1.5)]), r"actors\[0\].id = 1.5"),
        (changed("", "actors", [Car(), Car(speed=math.nan)]), r"actors\[1\].speed = nan"),
        (changed("", "actors", [Car()] * 10_000), r"10000 actors .*return the nearest"),
        (changed("", "info", None), r"info = None"),
    ],
)
def test_what_a_world_does_wrong_is_one_sentence(stack, world, sentence):
    with pytest.raises(UsageError, match=sentence):
        hil.run(world, stack, Perfect(stack.config), 1.0, report=False)


def test_a_world_that_cannot_be_made_is_told_so():
    with pytest.raises(UsageError, match=r"--world mine:World: cannot be made: RuntimeError: boom"):
        made_by("--world mine:World", fails)


def test_an_actor_of_a_users_own_class_is_seen_as_one_of_ours():
    world = changed("", "actors", [Car()])
    truth = answered(world, "step", None, None, 0.01)
    assert isinstance(truth.actors[0], Actor)
    assert (truth.actors[0].id, truth.actors[0].x, truth.actors[0].classification) == (7, 60.0, "car")


def test_a_world_that_does_not_tell_the_lines_gives_no_pass(stack):
    """A margin unknown at times is no margin: the verdict says so, and the report's line."""
    metrics = {"driven_s": 10.0, "distance_m": 200.0, "collisions": 0, "rolled_over": False, "out_of_lane_share": 0.0,
               "line_margin_min_m": math.nan}  # fmt: skip
    assert _verdict(metrics) == ("inconclusive", INCONCLUSIVE)
    assert _verdict(metrics | {"line_margin_min_m": 0.3}) == ("pass", PASS)
    assert _verdict(metrics | {"out_of_lane_share": 0.01}) == ("fail", FAIL)
