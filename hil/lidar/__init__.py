"""A lidar emulator: rays of a real sensor's beams over a motorway scene, with truth, as packets. See docs/lidar-emulator.md.

Emulator(model, Mounting(), scene, seed).turn(truth_at_begin, truth_at_end) -> Turn;  Emulator.packets(turn)
Scene.motorway(road, seed, ...), Scene.of_world(world, seed, ...), Scene.bare(road)
"""

from __future__ import annotations

from hil.lidar.emulator import Emulator, Mounting, Turn
from hil.lidar.labels import Label
from hil.lidar.scene import Puddle, Scene
from hil.lidar.weather import Weather, blockage

__all__ = ["Emulator", "Label", "Mounting", "Puddle", "Scene", "Turn", "Weather", "blockage"]
