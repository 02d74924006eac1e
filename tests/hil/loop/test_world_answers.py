"""A user's world that does not do what the loop needs is told so in a sentence, with the line where it failed."""

from __future__ import annotations

import math

import pytest

import hil
from autonomy import Stack
from autonomy.errors import UsageError
from hil.loop.world_answers import made_by
from hil.sensors import Perfect
from hil.world import Truth

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
    ],
)
def test_what_a_world_does_wrong_is_one_sentence(stack, world, sentence):
    with pytest.raises(UsageError, match=sentence):
        hil.run(world, stack, Perfect(stack.config), 1.0, report=False)


def test_a_world_that_cannot_be_made_is_told_so():
    with pytest.raises(UsageError, match=r"--world mine:World: cannot be made: RuntimeError: boom"):
        made_by("--world mine:World", fails)
