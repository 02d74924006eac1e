"""What a drive tells of the truck's forces, wheels and steering, a value a tick: bounded by the drive's length."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.calibration.drive import THINNED_TICKS
from autonomy.msg.modes import DRIVING_MODES
from autonomy.playback.engine import Block, Engine
from autonomy.playback.source import open_log
from autonomy.stack import Stack

_EGO, _SIGNAL = msg.constants("EgoState"), msg.constants("SignalSample")
COLUMNS = ("time_s", "speed", "ego_speed", "ego_speed_sigma", "ego_delay_sigma", "acceleration", "yaw_rate",
           "grade", "ego_known", "traction_n", "engine_speed",
           "gear_ratio", "brake_pedal", "brake_switch", "retarder_torque", "engine_brake_torque", "shaft_speed", "unsettled",
           "road_wheel_angle", "steering_age_s", "steering_known")  # fmt: skip
HELD = ("engine_speed", "gear_ratio", "brake_pedal", "brake_switch", "retarder_torque", "engine_brake_torque")
ASKED_BRAKE_MPS2, ASKED_RETARDER_NM, PEDAL, TOLD_BRAKE_NM = 0.02, -30.0, 0.01, -60.0  # as _observed.pxd takes them
SENT = ("road_wheel_angle_rad", "brake_deceleration_mps2", "retarder_torque_nm")


class TruckDrive(NamedTuple):
    """One run. Times in seconds since the log's first record."""

    states: np.ndarray  # dtype("TruckState"), thinned; the last tick's is the last
    seconds: np.ndarray  # of `states`
    ticks: dict[str, np.ndarray]  # COLUMNS
    shaft: np.ndarray  # (n, 2): time, rad/s
    wheel: np.ndarray  # (n, 2): time, m/s; of the source in use
    commands: np.ndarray  # (n, 4): time, SENT; NaN while nothing was
    trailer_sensed: bool
    parameters: np.ndarray  # 0-d, dtype("Parameters")

    @property
    def last(self) -> np.void:
        return self.states[-1]

    def sent(self, name: str) -> np.ndarray:
        """What was in force at each tick; NaN where nothing was."""
        if not len(self.commands):
            return np.full(len(self.ticks["time_s"]), np.nan)
        place = np.searchsorted(self.commands[:, 0], self.ticks["time_s"] + 0.005) - 1
        return np.where(place >= 0, self.commands[np.maximum(place, 0), 1 + SENT.index(name)], np.nan)

    def forces_known(self) -> np.ndarray:
        """Ticks in which the truck step would trust the forces, by what was sent then: a stack that runs again on the log with
        other values would send something else."""
        ticks, truck = self.ticks, self.parameters["truck"]
        with np.errstate(invalid="ignore", divide="ignore"):
            braked = (
                (ticks["brake_pedal"] > PEDAL) | (ticks["brake_switch"] > 0.5) | (ticks["retarder_torque"] < TOLD_BRAKE_NM)
                | (ticks["engine_brake_torque"] < TOLD_BRAKE_NM) | (self.sent("brake_deceleration_mps2") > ASKED_BRAKE_MPS2)
                | (self.sent("retarder_torque_nm") < ASKED_RETARDER_NM)
            )  # fmt: skip
            slip = np.abs(ticks["engine_speed"] / (ticks["shaft_speed"] * ticks["gear_ratio"]) - 1.0)
            slips = (ticks["gear_ratio"] > 0.0) & ~(slip < float(truck["clutch_slip_maximum"]))
            moving = ticks["speed"] > float(truck["mass_speed_minimum_mps"])
            straight = np.abs(ticks["speed"] * ticks["yaw_rate"]) < float(truck["mass_lateral_maximum_mps2"])
        calm = _since(ticks["time_s"], braked | slips | (ticks["unsettled"] > 0)) > float(truck["settle_s"])
        return calm & moving & straight & (ticks["ego_known"] > 0) & np.isfinite(ticks["traction_n"])


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
        return np.zeros((0, 1 + len(SENT)))
    found = [
        ((time_ns - reader.start_ns) / 1e9,
         *(float(sent[name]) if int(sent["mode"]) in DRIVING_MODES else np.nan for name in SENT))  # fmt: skip
        for time_ns, sent in reader.messages("/out/actuation")
    ]
    return np.array(found).reshape(-1, 1 + len(SENT))


def _since(time_s: np.ndarray, happens: np.ndarray) -> np.ndarray:
    """s since it happened last, at each tick; long ago before it did."""
    place = np.maximum.accumulate(np.where(happens, np.arange(len(time_s)), -1))
    return np.where(place >= 0, time_s - time_s[np.maximum(place, 0)], 1e9)


class _Collector:
    """A sink for `Engine`."""

    def __init__(self, start_ns: int):
        self._start_ns = start_ns
        self._states, self._ticks = [], []
        self._samples: dict[str, list[np.ndarray]] = {"shaft": [], "wheel": []}
        self._trailer_sensed = False
        self._held = dict.fromkeys([*HELD, "shaft_speed"], np.nan)
        self._last: np.ndarray | None = None

    def __call__(self, block: Block) -> None:
        out, frames = block.outputs, block.frames
        ego, vehicle, truck = out["ego"], out["vehicle"], out["truck"]
        self._last = truck[-1:].copy()
        self._states.append(truck[out["tick_index"] % THINNED_TICKS == 0].copy())
        held = [self._hold(name, *self._signals(frames, _SIGNAL[name.upper()]), len(out)) for name in HELD]
        known = ego["status"] & _EGO["STATUS_YAW_ALIGNED"] != 0
        steering = (vehicle["steering_validity"] == 0) & np.isfinite(vehicle["road_wheel_angle"])
        shaft_rows, shaft = self._list(frames, "shaft", "shaft_speed")
        self._trailer_sensed |= len(self._signals(frames, _SIGNAL["TRAILER_ARTICULATION"])[0]) > 0
        _, wheel = self._list(frames, "wheel", "vehicle_speed", vehicle["speed_source"])
        self._samples["shaft"].append(shaft)
        self._samples["wheel"].append(wheel)
        speed = np.where(np.isfinite(truck["speed"]), truck["speed"], ego["speed"])
        motion = [speed, ego["speed"], ego["speed_scale_sigma"] * ego["speed"], ego["wheel_delay_sigma_s"],
                  ego["acceleration"][:, 0], ego["angular_rate"][:, 2], ego["grade"], known]  # fmt: skip
        shaft_speed = self._hold("shaft_speed", shaft_rows, shaft[:, 1], len(out))
        self._ticks.append(np.column_stack([
            self._seconds(out["tick_time_ns"]), *motion, truck["traction_n"], *held, shaft_speed, _unsettled(frames),
            vehicle["road_wheel_angle"], vehicle["steering_age_s"], steering,
        ]))  # fmt: skip

    def _seconds(self, time_ns) -> np.ndarray:
        return (np.asarray(time_ns, np.int64) - self._start_ns) / 1e9

    def _signals(self, frames, number: int):
        """Ticks of the block and values of one signal's samples."""
        items, counts = frames["signal"]["items"], frames["signal"]["count"]
        used = np.arange(items.shape[1]) < counts[:, None]
        rows, places = np.nonzero(used & (items["signal"] == number) & (items["validity"] == 0) & np.isfinite(items["value"]))
        chosen = items[rows, places]
        return rows, chosen["value"]

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
                          samples["wheel"], commands, self._trailer_sensed, parameters)  # fmt: skip


def _unsettled(frames) -> np.ndarray:
    """Ticks that bring a shaft sample with the clutch open or a gear changing."""
    items, counts = frames["shaft"]["items"], frames["shaft"]["count"]
    used = (np.arange(items.shape[1]) < counts[:, None]) & (items["validity"] == 0)
    return (used & ((items["driveline_engaged"] == 0) | (items["shift_in_progress"] == 1))).any(axis=1)
