import math
import subprocess
import sys

import pytest

from autonomy.errors import EnvironmentFault
from hil.worlds.sumo import SumoMotorway
from hil.worlds.sumo_traffic import library


def test_without_sumo_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sumo", None)
    with pytest.raises(EnvironmentFault, match=r"\[traffic\]"):
        library()


def test_libsumos_advice_on_other_packages_reaches_nobody():
    pytest.importorskip("sumo")
    code = "from hil.worlds.sumo_traffic import library; library()"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == found.stderr == ""


@pytest.fixture
def world():
    pytest.importorskip("sumo")
    world = SumoMotorway({"ego": {"place_m": 300.0}, "road": {"segments": [{"length_m": 5000.0, "lanes": 3}]}})
    yield world
    world.close()


def test_sumo_sees_the_truck_where_it_is_and_its_drivers_mind_it(world):
    truth = world.reset(2)
    assert len(truth.actors) >= 5
    for _ in range(2000):
        truth = world.step(None, 0.01)
        for actor in truth.actors:
            s, offset = world.road.project(actor.x, actor.y, world.s + (actor.x - truth.ego.x) * math.cos(truth.ego.yaw))
            if abs(s - world.s) < 12.0 and abs(offset - world.offset) < 1.5:
                pytest.fail(f"{actor.classification} {actor.id} inside the truck")
    x, y = world.traffic.sumo.vehicle.getPosition("ego")
    front = world.body.front
    assert math.hypot(x - truth.ego.x - front * math.cos(truth.ego.yaw), y - truth.ego.y - front * math.sin(truth.ego.yaw)) < 2.5


def test_the_same_seed_is_the_same_traffic(world):
    def actors(seed):
        world.reset(seed)
        return [vars(actor) for actor in [world.step(None, 0.01) for _ in range(300)][-1].actors]

    first = actors(1)
    assert first == actors(1) != actors(3)


@pytest.mark.slow
def test_sumo_drives_the_truck_by_its_own_models_too():
    pytest.importorskip("sumo")
    from hil.worlds.sumo import road_of
    from hil.worlds.sumo_driver import SumoDriver

    found = SumoDriver(road_of(0), 0, "IDM").drive()
    assert found["distance_m"] > 4500.0 and found["hard_brakes"] < 20 and len(found["jerk"]) > 1000
