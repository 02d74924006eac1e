"""Bends at the messages level: what a noisy camera sees is braked for only where the bend is tight."""

import pytest

import hil
from autonomy import Stack
from hil.sensors import Messages
from hil.worlds.motorway import Motorway

SPEED_MPS, CLOTHOID_M = 80 / 3.6, 80.0


def driven(radius: float) -> tuple[float, float]:
    """(lowest wanted acceleration, largest speed squared times curvature), m/s2, from 3 s after taking over."""
    segments = [{"length_m": 400.0}, {"length_m": CLOTHOID_M, "radius_m": radius}, {"length_m": 150.0, "radius_m": radius}]
    scenario = {"schema": "autonomy.scenario/1", "duration_s": 28.0, "set_speed_mps": SPEED_MPS,
                "ego": {"plant": "plants/eu_4x2_40t"}, "road": {"segments": segments}}  # fmt: skip
    stack, rows = Stack.from_config("vehicles/demo_truck"), []

    def watch(truth, out):
        if int(out["actuation"]["mode"]) in (1, 2):
            rows.append((float(out["plan"]["target_acceleration"]), truth.ego.velocity**2 * abs(truth.road.curvature)))

    hil.run(Motorway(scenario), stack, Messages(stack.config, seed=1), 28.0, seed=1, watch=watch, report=False)
    wanted, lateral = zip(*rows[300:], strict=True)
    return min(wanted), max(lateral)


@pytest.mark.slow
def test_a_bend_of_500_m_at_80_kmh_is_not_braked_for():
    wanted, lateral = driven(500.0)
    assert wanted > -0.1 and lateral == pytest.approx(0.99, abs=0.02)


@pytest.mark.slow
def test_a_bend_of_250_m_is_slowed_for():
    """1.98 m/s2 without: no map, the camera shows it from the beginning of its transition on."""
    wanted, lateral = driven(250.0)
    assert wanted < -0.7 and lateral < 1.75
