"""Runs a log through the stack and keeps the columns a calibration needs: bounded by the drive's length, not by its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.config import Config
from autonomy.errors import BadInputError
from autonomy.playback.engine import Block, Engine
from autonomy.playback.source import open_log
from autonomy.stack import Stack

THINNED_TICKS = 20  # states move slowly: five a second show how they settle
_EGO = msg.constants("EgoState")
GNSS_AIDS = (_EGO["AID_GNSS_POSITION"], _EGO["AID_GNSS_VELOCITY"])
MOVING_MPS = 3.0


# [C] the ego filter settles in 5 s, and a manoeuvre takes as long: shorter drives give numbers whose sigmas are too small
SHORTEST_S = 20.0


class CalibrationDrive(NamedTuple):
    """One run. Times in seconds since the log's first record; `motion` (n, 4): time, steering wheel angle, yaw rate, speed."""

    states: np.ndarray  # dtype("EgoState"), thinned
    seconds: np.ndarray  # of `states`
    motion: np.ndarray  # every tick in which the vehicle moves and both are known
    gnss_nis: float  # sum over all GNSS measurements offered
    gnss_degrees_of_freedom: int
    vehicle: dict[str, Any]  # the [vehicle] section in force
    ego: dict[str, Any]  # the [ego] section in force
    config: Config | None = None  # all of it

    @property
    def is_long_enough(self) -> bool:
        return float(np.ptp(self.seconds)) >= SHORTEST_S

    @property
    def last(self) -> np.void:
        return self.states[-1]


def run(log: Path, config: str | None = None, overrides: dict[str, Any] | None = None) -> CalibrationDrive:
    """Raises UsageError and BadInputError; BadInputError also when the filter never started."""
    source = open_log(log, config, overrides)
    collector = _Collector(source.reader.start_ns)
    with source.reader:
        Engine(source, Stack(source.parameters, source.config), keep_frames=False).run(
            source.reader.batches(past_damage=True), [collector]
        )
    return collector.finish(log, source.config)


class _Collector:
    """A sink for `Engine`."""

    def __init__(self, start_ns: int):
        self._start_ns = start_ns
        self._states: list[np.ndarray] = []
        self._motion: list[np.ndarray] = []
        self._last: np.void | None = None

    def __call__(self, block: Block) -> None:
        out = block.outputs
        ego, vehicle = out["ego"], out["vehicle"]
        self._last = ego[-1].copy()
        self._states.append(ego[out["tick_index"] % THINNED_TICKS == 0].copy())
        known = (
            (ego["status"] & _EGO["STATUS_YAW_ALIGNED"] != 0) & (vehicle["steering_validity"] == 0) & (ego["speed"] > MOVING_MPS)
        )
        if known.any():
            seconds = (ego["time_ns"][known] - self._start_ns) / 1e9
            columns = (seconds, vehicle["steering_wheel_angle"][known], ego["angular_rate"][known, 2], ego["speed"][known])
            self._motion.append(np.column_stack(columns))

    def finish(self, log: Path, config: Config) -> CalibrationDrive:
        if self._last is None or not self._last["status"] & _EGO["STATUS_TILT_ALIGNED"]:
            raise BadInputError(f"{log}: the ego filter never started; a calibration needs inertial samples and a drive")
        states = np.concatenate([*self._states, self._last[None]])
        states = states[states["status"] & _EGO["STATUS_TILT_ALIGNED"] != 0]
        aids = self._last["aids"][list(GNSS_AIDS)]
        motion = np.concatenate(self._motion) if self._motion else np.zeros((0, 4))
        return CalibrationDrive(
            states, (states["time_ns"] - self._start_ns) / 1e9, motion, float(aids["nis_sum"].sum()),
            int(aids["degrees_of_freedom"].sum()), config.section("vehicle"), config.section("ego"), config,
        )  # fmt: skip
