"""A long-range radar emulator: reflections, ghosts and clutter as detections. See docs/radar-emulator.md.

Emulator(scene, seed).measure(truth) -> Detections
"""

from __future__ import annotations

from hil.radar.emulator import Detections, Emulator, Origin

__all__ = ["Detections", "Emulator", "Origin"]
