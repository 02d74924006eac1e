"""Turns of the lidar emulator on a motorway with traffic, furniture and rain, packets included, against real time."""

from __future__ import annotations

import time

import numpy as np

AIM = 40.0  # times real time, 64 beams
ROUNDS = 15
TURN_S = 0.1
DRIVE_S = 4.0  # of the motorway scenario, one turn after the other
SENSORS = ("VLP-16", "Pandar64", "VLS-128")
AIMED = "Pandar64"
SEED = 3


def rows() -> list[dict]:
    """A row a sensor; the peer is the sensor itself, which needs TURN_S for a turn."""
    from drivers.lidar.model import model
    from hil.lidar import Emulator, Mounting, Scene, Weather

    world, truths = _drive()
    found = []
    for name in SENSORS:
        scene = Scene.of_world(world, SEED, weather=Weather(rain_mm_h=5.0, spray_per_m=0.05), puddles_per_km=5.0)
        emulator = Emulator(model(name), Mounting(), scene, SEED)
        times = [_seconds(emulator, truths) for _ in range(ROUNDS)]
        median = float(np.median(times))
        ratio, aimed = TURN_S / median, name == AIMED
        found.append({"kernel": f"lidar emulator, {name}, a turn with packets", "ours_ns": 1e9 * median, "peer": "real time",
                      "peer_version": None, "peer_ns": 1e9 * TURN_S, "ratio": ratio, "aim": f">= {AIM:g}x" if aimed else None,
                      "met": ratio >= AIM if aimed else None})  # fmt: skip
    return found


def _drive() -> tuple:
    """A world and its truths a turn apart."""
    from hil.worlds.motorway import Motorway

    world = Motorway()
    truths = [world.reset(SEED)]
    for _ in range(round(DRIVE_S / TURN_S)):
        for _ in range(round(TURN_S / 0.01)):
            truth = world.step(None, 0.01)
        truths.append(truth)
    return world, truths


def _seconds(emulator, truths: list) -> float:
    """Of a turn, on average over the drive: new windows are part of it."""
    began = time.process_time()
    for begin, end in zip(truths, truths[1:], strict=False):
        emulator.packets(emulator.turn(begin, end))
    return (time.process_time() - began) / (len(truths) - 1)
