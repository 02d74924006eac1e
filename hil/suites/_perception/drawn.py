"""What the emulated lidar sees of one of the suite's drives, as the picture in docs/lidar-emulator.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hil.lidar import Emulator, Weather
from hil.lidar.drawing import draw_turn
from hil.suites._perception.case import Case
from hil.suites._perception.drive import MOUNTING, Drive

TURN = 200  # of the drive: 20 s after its begin
CASE = Case("sites", "VLS-128", 1, 0.1 * TURN)
WEATHER = Weather(rain_mm_h=5.0, spray_per_m=0.06)


def draw(path: Path) -> None:
    """Raises MissingPackage without matplotlib."""
    drive = Drive(CASE)
    emulator = Emulator(drive.emulator.model, MOUNTING, replace(drive.scene, weather=WEATHER), CASE.seed)
    turn = emulator.turn(drive.truth(TURN), drive.truth(TURN + 1))
    draw_turn(emulator, turn, path, f"{emulator.model.name}, construction lines, rain of {WEATHER.rain_mm_h:g} mm/h and spray")
