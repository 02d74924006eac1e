"""The rig's driver: what drives until the stack is fit."""

import pytest

import hil
from autonomy import Stack
from autonomy import config as configuration
from hil.sensors import Messages
from hil.suites.lane_keeping import EMPTY, LOADED, stack_overrides
from hil.worlds.motorway import Motorway

SPEED_MPS = 25.0


def scenario(plant: str, wind_from_deg: float, wind_mps: float = 15.0) -> dict:
    return {"set_speed_mps": SPEED_MPS, "ego": {"plant": plant, "overrides": {"steering.play": 0.00175}},
            "road": {"segments": [{"length_m": 1900.0}]}, "wind": {"speed_mps": wind_mps, "from_deg": wind_from_deg}}  # fmt: skip


@pytest.mark.parametrize("wind_from_deg", [90.0, -90.0])
@pytest.mark.parametrize("plant", [EMPTY, LOADED])
def test_the_driver_holds_the_truck_in_a_side_wind(plant, wind_from_deg):
    world = Motorway(scenario(plant, wind_from_deg))
    world.reset(11)
    offsets = [abs(world.step(None, 0.01).road.offset) for _ in range(1500)]
    assert max(offsets) < 0.55 and sum(offsets[-500:]) / 500 < 0.3


def test_a_driver_without_wind_sways_no_more_than_drivers_do():
    world = Motorway(scenario(LOADED, 90.0, 0.0))
    world.reset(1)
    offsets = [abs(world.step(None, 0.01).road.offset) for _ in range(3000)]
    assert 0.1 < max(offsets) < 0.4, "estimators see some motion"


@pytest.mark.parametrize("wind_from_deg", [90.0, -90.0])
def test_an_empty_truck_in_a_side_wind_is_taken_over_and_kept_without_losing_ego(wind_from_deg):
    """With side slip trusted to 0.04 m/s its roll was taken for wind's push, ego lost and the truck driven off the road."""
    told = stack_overrides(EMPTY)
    stack = Stack.from_config("vehicles/demo_truck", overrides=told)
    rows = []

    def watch(truth, out):
        axles = max(abs(float(offset)) for offset in truth.road.axle_offsets)
        rows.append((int(out["actuation"]["mode"]), int(out["ego"]["resets"]), axles))

    world = Motorway(scenario(EMPTY, wind_from_deg))
    hil.run(world, stack, Messages(configuration.load("vehicles/demo_truck", told), seed=11), 30.0, seed=11, watch=watch,
            report=False)  # fmt: skip
    modes, resets, axles = zip(*rows, strict=True)
    assert 1 in modes and 2 not in modes and max(resets) == 0
    assert max(axles) < 0.7 and max(axles[-500:]) < 0.35
