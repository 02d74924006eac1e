"""A long-range radar emulator: reflections, ghosts and clutter as detections and as CAN frames. See docs/radar-emulator.md.

Emulator(scene, seed).measure(truth) -> Detections;  TargetList().frames(detections, codec) -> CAN frames
"""

from __future__ import annotations

from hil.radar.emulator import Detections, Emulator, Origin
from hil.radar.targets import TargetList

__all__ = ["Detections", "Emulator", "Origin", "TargetList"]
