"""Turns of the lidar emulator on a motorway with traffic, furniture and rain, packets included, against real time.

By one thread in processor time, and by as many as there are processors in time passed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

AIM = 40.0  # times real time, 64 beams
ROUNDS = 15
TURN_S = 0.1
DRIVE_S = 4.0  # of the motorway scenario, one turn after the other
SENSORS = ("VLP-16", "Pandar64", "VLS-128")
AIMED = "Pandar64"
SEED = 3


def rows() -> list[dict]:
    """A row a sensor, one of the aimed one by all processors; the peer is the sensor itself, which needs TURN_S for a turn."""
    drive, processors = _drive(), len(os.sched_getaffinity(0))
    found = [_row(name, f"{name}, a turn with packets", drive, 1, time.process_time, None) for name in SENSORS]
    return [*found, _row(AIMED, f"{AIMED}, the same on {processors} processors", drive, processors, time.perf_counter, AIM)]


def _row(name: str, title: str, drive: tuple, threads: int, clock: Callable[[], float], aim: float | None) -> dict:
    from drivers.lidar.model import model
    from hil.lidar import Emulator, Mounting, Scene, Weather

    world, truths = drive
    scene = Scene.of_world(world, SEED, weather=Weather(rain_mm_h=5.0, spray_per_m=0.05), puddles_per_km=5.0)
    emulator = Emulator(model(name), Mounting(), scene, SEED, threads=threads)
    median = float(np.median([_seconds(emulator, truths, clock) for _ in range(ROUNDS)]))
    ratio = TURN_S / median
    return {"kernel": f"lidar emulator, {title}", "ours_ns": 1e9 * median, "peer": "real time", "peer_version": None,
            "peer_ns": 1e9 * TURN_S, "ratio": ratio, "aim": f">= {aim:g}x" if aim else None,
            "met": ratio >= aim if aim else None}  # fmt: skip


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


def _seconds(emulator, truths: list, clock: Callable[[], float]) -> float:
    """Of a turn, on average over the drive: new windows are part of it."""
    began = clock()
    for begin, end in zip(truths, truths[1:], strict=False):
        emulator.packets(emulator.turn(begin, end))
    return (clock() - began) / (len(truths) - 1)
