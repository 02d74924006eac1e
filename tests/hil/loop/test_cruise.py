import numpy as np
import pytest

import hil
from autonomy import Stack, replay
from autonomy.geodesy import geodetic_to_enu
from autonomy.log.reader import LogReader
from autonomy.planning.recorded_drive import outputs_of
from autonomy.planning.route_grade import STEP_M
from autonomy.planning.route_learning import drive_of, road_of, teach
from autonomy.planning.stored_road import Standing, StoredRoad
from hil.sensors import ORIGIN, Messages, WithCruise
from hil.worlds.motorway import Motorway


def test_plans_are_followed_recorded_and_replayed_to_the_same_bytes(tmp_path):
    stack, world = Stack.from_config("vehicles/demo_truck", {"plan.overspeed_mps": 1.4}), Motorway()
    senses = WithCruise(Messages(stack.config, 1), stack.parameters, world)
    run = hil.run(world, stack, senses, 12.0, 1, output_dir=tmp_path / "run", watch=senses.watch)
    plan = run.topic("plan")
    assert (plan["cruise"][700:] == 1).all() and run.metrics["drops"]["cruise"]["used"] > 100
    again = replay(run.log_path)
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert replay(run.log_path, mode="frames").metrics["output_sha256"] == run.metrics["output_sha256"]
    assert run.metrics["fuel_kg"] > 0.0 and np.isfinite(run.metrics["co2_g_per_tkm"])
    assert "tonne" in run.report_path.read_text()


def test_the_next_drive_follows_what_one_has_learned(tmp_path):
    stack, world = Stack.from_config("vehicles/demo_truck", {"plan.overspeed_mps": 1.4}), Motorway()
    first = hil.run(world, stack, Messages(stack.config, 1), 12.0, 1, output_dir=tmp_path / "first", report=False)
    with LogReader(first.log_path) as log:
        drive = drive_of(outputs_of(log))
    route = road_of(drive)
    assert teach(route, drive).off_m == 0.0 and np.isfinite(route.grade[:-1]).all()
    road = StoredRoad(route)
    senses = WithCruise(Messages(stack.config, 2), stack.parameters, world, road)
    again = hil.run(world, stack, senses, 8.0, 2, report=False, watch=senses.watch)
    assert road.standing == Standing.ON and (again.topic("plan")["cruise"][700:] == 1).all()


@pytest.mark.slow
def test_a_grade_learned_with_noisy_sensors_is_the_roads(tmp_path):
    stack, world = Stack.from_config("vehicles/demo_truck"), Motorway()
    senses = Messages(stack.config, 1)
    first = hil.run(world, stack, senses, 150.0, 1, output_dir=tmp_path / "first", report=False, scenario="hills")
    with LogReader(first.log_path) as log:
        drive = drive_of(outputs_of(log))
    route = road_of(drive)
    teach(route, drive)
    error = (route.grade - grades_along(world.road, route))[:-2]
    assert len(error) * STEP_M > 3000.0 and np.sqrt(np.mean(error**2)) < 0.002
    assert np.sqrt(np.mean((error / route.sigma[:-2]) ** 2)) < 1.0


def grades_along(road, route) -> np.ndarray:
    """The road's own, means over the 25 m behind each point of the route."""
    points = geodetic_to_enu(route.latitude_deg, route.longitude_deg, np.full(len(route), ORIGIN[2]), ORIGIN)
    found, s = [], 0.0
    for x, y, _ in points:
        s, _ = road.project(x, y, s + 0.5 * STEP_M, rounds=6)
        found.append(np.mean([np.arctan(road.value("grade", s + STEP_M * share)) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]))
    return np.array(found)
