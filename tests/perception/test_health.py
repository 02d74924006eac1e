"""Rain, spray and blocked glass (_health) beside the twin."""

import numpy as np
import pytest

from autonomy.perception import health_twin
from autonomy.perception.perceive import parameters
from tests.perception.scenes import HEIGHT_M, as_points, ground, perceiver, street


def with_drops(count: int, high_m: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    r, angle = rng.uniform(3.0, 14.0, count), rng.uniform(0, 2 * np.pi, count)
    drops = np.column_stack([r * np.cos(angle), r * np.sin(angle), rng.uniform(0.3, high_m, count) - HEIGHT_M])
    return as_points(np.vstack([ground(rng), drops]))


@pytest.mark.parametrize(
    "scan", [street(300, 64), with_drops(200, 5.0), as_points(np.full((10, 3), np.nan))], ids=["street", "rain", "nothing"]
)
def test_figures_are_those_of_the_twin(scan):
    found = perceiver().perceive(scan)
    wanted = health_twin.judge(found.points.astype(float), found.labels, parameters()["health"])
    if not wanted["points"]:
        assert found.health["blockage"] == 1.0
        return
    for name, value in wanted.items():
        assert found.health[name] == pytest.approx(value, rel=1e-3, abs=1.0 if name == "blocked_sectors" else 1e-3), name


def test_drops_everywhere_are_rain_and_low_ones_spray():
    dry = perceiver().perceive(as_points(ground(np.random.default_rng(1)))).health
    rain, spray = (perceiver().perceive(with_drops(400, high)).health for high in (8.0, 2.0))
    assert dry["rain"] < 0.02 < rain["rain"] and spray["spray"] > 0.02


def test_a_covered_side_is_blocked():
    points = street(300, 64)
    angle = np.arctan2(points["y"], points["x"])
    health = perceiver().perceive(points[(angle < 0.5) | (angle > 1.5)]).health
    assert health["blockage"] >= 0.1 and perceiver().perceive(points).health["blockage"] <= 0.02
