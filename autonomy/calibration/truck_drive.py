"""What a drive tells of the truck's forces, wheels and steering, a value a tick: bounded by the drive's length."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.calibration.drive import THINNED_TICKS
from autonomy.playback.engine import Block, Engine
from autonomy.playback.source import open_log
from autonomy.stack import Stack

_EGO, _SIGNAL = msg.constants("EgoState"), msg.constants("SignalSample")
COLUMNS = ("time_s", "speed", "ego_speed", "ego_speed_sigma", "ego_delay_sigma", "acceleration", "yaw_rate", "roll", "grade", "ego_known", "traction_n", "learning", "engine_speed",
           "shaft_speed", "gear_ratio", "road_wheel_angle", "steering_age_s", "steering_known")  # fmt: skip
HELD = {"engine_speed": "ENGINE_SPEED", "gear_ratio": "GEAR_RATIO"}  # signals, each as told last


class TruckDrive(NamedTuple):
    """One run. Times in seconds since the log's first record."""

    states: np.ndarray  # dtype("TruckState"), thinned; the last tick's is the last
    seconds: np.ndarray  # of `states`
    ticks: dict[str, np.ndarray]  # COLUMNS
    shaft: np.ndarray  # (n, 2): time, rad/s
    wheel: np.ndarray  # (n, 2): time, m/s; of the source in use
    trailer: np.ndarray  # (n, 2): time, rad, of a trailer sensor
    commands: np.ndarray  # (n, 2): time, rad of the road wheels as they were sent; NaN while none was
    parameters: np.ndarray  # 0-d, dtype("Parameters")

    @property
    def last(self) -> np.void:
        return self.states[-1]


def run(log: Path, config: str | None = None, overrides: dict[str, Any] | None = None) -> TruckDrive:
    """Raises UsageError and BadInputError."""
    source = open_log(log, config, overrides)
    collector = _Collector(source.reader.start_ns)
    with source.reader:
        commands = _commands(source.reader)
        Engine(source, Stack(source.parameters, source.config), keep_frames=True).run(
            source.reader.batches(past_damage=True), [collector]
        )
    return collector.finish(commands, source.parameters)


def _commands(reader) -> np.ndarray:
    """What the log says was sent: a stack that runs again with other values would send something else."""
    if "/out/actuation" not in reader.topics:
        return np.zeros((0, 2))
    found = [
        ((time_ns - reader.start_ns) / 1e9, float(sent["road_wheel_angle_rad"]) if int(sent["mode"]) in (1, 2) else np.nan)
        for time_ns, sent in reader.messages("/out/actuation")
    ]
    return np.array(found).reshape(-1, 2)


class _Collector:
    """A sink for `Engine`."""

    def __init__(self, start_ns: int):
        self._start_ns = start_ns
        self._states, self._ticks = [], []
        self._samples: dict[str, list[np.ndarray]] = {"shaft": [], "wheel": [], "trailer": []}
        self._held = dict.fromkeys([*HELD, "shaft_speed"], np.nan)
        self._last: np.ndarray | None = None

    def __call__(self, block: Block) -> None:
        out, frames = block.outputs, block.frames
        ego, vehicle, truck = out["ego"], out["vehicle"], out["truck"]
        self._last = truck[-1:].copy()
        self._states.append(truck[out["tick_index"] % THINNED_TICKS == 0].copy())
        held = {
            name: self._hold(name, *self._signals(frames, _SIGNAL[signal]), len(out)) for name, signal in HELD.items()
        }
        known = ego["status"] & _EGO["STATUS_YAW_ALIGNED"] != 0
        steering = (vehicle["steering_validity"] == 0) & np.isfinite(vehicle["road_wheel_angle"])
        shaft_rows, shaft = self._list(frames, "shaft", "shaft_speed")
        ticks, angles = self._signals(frames, _SIGNAL["TRAILER_ARTICULATION"], with_time=True)
        _, wheel = self._list(frames, "wheel", "vehicle_speed", vehicle["speed_source"])
        self._samples["shaft"].append(shaft)
        self._samples["wheel"].append(wheel)
        self._samples["trailer"].append(np.column_stack([ticks, angles]))
        self._ticks.append(np.column_stack([
            self._seconds(out["tick_time_ns"]), np.where(np.isfinite(truck["speed"]), truck["speed"], ego["speed"]),
            ego["speed"], ego["speed_scale_sigma"] * ego["speed"], ego["wheel_delay_sigma_s"], ego["acceleration"][:, 0], ego["angular_rate"][:, 2], ego["roll"], ego["grade"], known, truck["traction_n"],
            truck["mass_learning"], held["engine_speed"],
            self._hold("shaft_speed", shaft_rows, shaft[:, 1], len(out)), held["gear_ratio"], vehicle["road_wheel_angle"],
            vehicle["steering_age_s"], steering,
        ]))  # fmt: skip

    def _seconds(self, time_ns) -> np.ndarray:
        return (np.asarray(time_ns, np.int64) - self._start_ns) / 1e9

    def _signals(self, frames, number: int, with_time: bool = False):
        """Ticks of the block (or times) and values of one signal's samples."""
        items, counts = frames["signal"]["items"], frames["signal"]["count"]
        used = np.arange(items.shape[1]) < counts[:, None]
        rows, places = np.nonzero(used & (items["signal"] == number) & (items["validity"] == 0) & np.isfinite(items["value"]))
        chosen = items[rows, places]
        return (self._seconds(chosen["valid_time_ns"]) if with_time else rows), chosen["value"]

    def _list(self, frames, kind: str, field: str, sources=None):
        """Ticks of the block, and (n, 2) time and value of the samples of a kind; `sources`: by tick, whose."""
        items, counts = frames[kind]["items"], frames[kind]["count"]
        used = (np.arange(items.shape[1]) < counts[:, None]) & (items["validity"] == 0)
        values = items[field]
        if kind == "wheel":  # as the truck step takes them
            front = 0.5 * (items["front_left"] + items["front_right"])
            values = np.where(np.isfinite(values), values, front)
            used &= items["source"] == sources[:, None]
        rows, places = np.nonzero(used & np.isfinite(values))
        times = self._seconds(items["valid_time_ns"][rows, places])
        return rows, np.column_stack([times, values[rows, places]])

    def _hold(self, name: str, rows: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
        """(count,) the value told last at each tick of the block."""
        found = np.full(count, np.nan)
        found[rows] = values
        found[0] = self._held[name] if np.isnan(found[0]) else found[0]
        place = np.maximum.accumulate(np.where(np.isfinite(found), np.arange(count), 0))
        found = found[place]
        self._held[name] = found[-1]
        return found

    def finish(self, commands: np.ndarray, parameters: np.ndarray) -> TruckDrive:
        states = np.concatenate([*self._states, self._last])
        ticks = np.concatenate(self._ticks)
        samples = {name: np.concatenate(parts) for name, parts in self._samples.items()}
        return TruckDrive(states, self._seconds(states["time_ns"]), dict(zip(COLUMNS, ticks.T, strict=True)), samples["shaft"],
                          samples["wheel"], samples["trailer"], commands, parameters)  # fmt: skip
