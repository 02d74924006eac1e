"""Every fuzz target by its name."""

from __future__ import annotations

from tests.fuzz.targets import can, importers, lidar, points, radar, recordings, serial, texts, tick
from tests.fuzz.targets.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (recordings, importers, texts, can, serial, lidar, radar, points, tick)
    for target in module.TARGETS
}
