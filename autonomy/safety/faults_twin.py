"""The fault table stated plainly; tests hold ext/autonomy/safety/_faults.pyx to it.

`Table` judges values that detectors have found. `Hearing` is one sender: when it was heard, since when it has no value, how often
it repeated itself. The three functions below are the models that the actuators are compared with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from autonomy import msg

WORDS, STATUS = msg.constants("FaultRow"), msg.constants("FaultState")
ANY_SOURCE = 65535
STANDBY_CLEAR_S = 5.0  # of rows that stay as long as the stack drives
EVENT_WINDOW_NS, EVENTS = 1_000_000_000, 4
LISTS = {"STEERING": ("steering", "steering_wheel_angle"), "WHEEL": ("wheel", "vehicle_speed"), "SHAFT": ("shaft", "shaft_speed"),
         "IMU": ("imu", "angular_rate_z"), "GNSS": ("gnss", "latitude_deg"), "SIGNAL": ("signal", "value")}  # fmt: skip
OF_SUBJECT = {WORDS[f"SUBJECT_{name}"]: told for name, told in LISTS.items()}


def elapsed_s(then_ns: int, now_ns: int) -> float:
    return (now_ns - then_ns) * 1e-9


@dataclass
class Hearing:
    """What one row's sender said."""

    value: float = 0.0
    heard_ns: int | None = None
    void_ns: int | None = None
    good_ns: list[int] = field(default_factory=list)

    def hear(self, row: np.void, frame: np.ndarray, now_ns: int) -> None:
        if int(row["subject"]) not in OF_SUBJECT:
            return
        kind, name = OF_SUBJECT[int(row["subject"])]
        for sample in frame[kind]["items"][: int(frame[kind]["count"])]:
            if int(row["source"]) not in (ANY_SOURCE, int(sample["source"])) or (
                kind == "signal" and sample["signal"] != row["signal"]
            ):
                continue
            value = float(sample[name])
            if kind == "wheel" and not math.isfinite(value):
                value = float(sample["front_left"])
            self.heard_ns = now_ns
            if int(sample["validity"]) or not math.isfinite(value):
                self.void_ns = now_ns if self.void_ns is None else self.void_ns
                continue
            self.value, self.void_ns = value, None
            self.good_ns = [*self.good_ns, now_ns][-EVENTS:]

    def measure(self, row: np.void, now_ns: int) -> float:
        """What the detectors that only listen say; NaN = nothing to judge by."""
        detector, period = int(row["detector"]), float(row["period_s"])
        if detector == WORDS["DETECTOR_SILENT"]:
            return math.nan if self.heard_ns is None else elapsed_s(self.heard_ns, now_ns) / period
        if detector == WORDS["DETECTOR_NOT_AVAILABLE"]:
            return 0.0 if self.void_ns is None else elapsed_s(self.void_ns, now_ns) / period
        if detector == WORDS["DETECTOR_EVENT"]:
            return float(sum(then > now_ns - EVENT_WINDOW_NS for then in self.good_ns))
        assert detector == WORDS["DETECTOR_BELOW"], "a detector with a model"
        return math.nan if self.heard_ns is None else self.value


@dataclass
class _Row:
    passed_ns: int | None = None
    told_ns: int | None = None
    gone_ns: int | None = None


class Table:
    """Time limits and actions of `rows`, dtype("FaultRow")."""

    def __init__(self, rows: np.ndarray, hand_over_s: float):
        self.rows, self.hand_over_s = rows[rows["detector"] != 0], hand_over_s
        self.memory = [_Row() for _ in self.rows]
        self.asked_ns: int | None = None
        self.stopping = False

    def judge(self, values: list[float], now_ns: int, driving: bool) -> dict[str, Any]:
        """status (by row), action, unusable, speed_limit_mps, take_over_s (None = not asked)."""
        status = [self._status(*parts, driving, now_ns) for parts in zip(self.memory, self.rows, values, strict=True)]
        acted = [row for row, found in zip(self.rows, status, strict=True) if found == STATUS["STATUS_ACTED"]]
        action = max((int(row["action"]) for row in acted), default=0)
        limits = [float(row["speed_limit_mps"]) for row in acted
                  if row["action"] >= WORDS["ACTION_LIMIT_SPEED"] and row["speed_limit_mps"] > 0.0]  # fmt: skip
        self.stopping = self.stopping and driving
        if not driving or action < WORDS["ACTION_HAND_OVER"]:
            self.asked_ns = None
        elif self.asked_ns is None:
            self.asked_ns = now_ns
        left = None if self.asked_ns is None else max(self.hand_over_s - elapsed_s(self.asked_ns, now_ns), 0.0)
        self.stopping = self.stopping or left == 0.0
        return {"status": status, "action": WORDS["ACTION_MINIMAL_RISK"] if self.stopping else action, "take_over_s": left,
                "unusable": reduce(or_, (int(row["unusable"]) for row in acted), 0),
                "speed_limit_mps": min(limits, default=0.0)}  # fmt: skip

    @staticmethod
    def _status(memory: _Row, row: np.void, value: float, driving: bool, now_ns: int) -> int:
        clear_s = float(row["clear_after_s"]) if driving or row["clear_after_s"] > 0.0 else STANDBY_CLEAR_S
        below = row["detector"] == WORDS["DETECTOR_BELOW"]
        if value < row["threshold"] if below else value > row["threshold"]:
            memory.gone_ns = None
            memory.passed_ns = now_ns if memory.passed_ns is None else memory.passed_ns
            if memory.told_ns is None and elapsed_s(memory.passed_ns, now_ns) >= row["within_s"]:
                memory.told_ns = now_ns
        else:
            memory.passed_ns = None
            if memory.told_ns is not None and math.isfinite(value) and clear_s > 0.0:
                memory.gone_ns = now_ns if memory.gone_ns is None else memory.gone_ns
                if elapsed_s(memory.gone_ns, now_ns) >= clear_s:
                    memory.told_ns = memory.gone_ns = None
        if memory.told_ns is not None:
            return STATUS["STATUS_ACTED" if elapsed_s(memory.told_ns, now_ns) >= row["act_after_s"] else "STATUS_TOLD"]
        if memory.passed_ns is not None:
            return STATUS["STATUS_SUSPECTED"]
        return STATUS["STATUS_GOOD" if math.isfinite(value) else "STATUS_UNKNOWN"]


def wheels(sent: np.ndarray, delay_s: float, lag_s: float, rate: float, dt_s: float, start: float,
           play_rad: float = 0.0) -> np.ndarray:  # fmt: skip
    """rad (n,) where the road wheels should be by each tick: what was sent, a dead time later, lagged, no faster than `rate`,
    and behind the play."""
    ticks = int(100.0 * delay_s + 0.5)
    out, angle, wheel = np.empty(len(sent)), start, start
    for k in range(len(sent)):
        aim = sent[k - ticks] if k >= ticks else 0.0
        angle += min(max((aim - angle) * dt_s / (lag_s + dt_s), -rate * dt_s), rate * dt_s)
        out[k] = wheel = min(max(wheel, angle - 0.5 * play_rad), angle + 0.5 * play_rad)
    return out


def retarder_lacking(sent: np.ndarray, told: float, least_nm: float, dt_s: float) -> float:
    """Share of the torque asked for (N m, <= 0) that is not there; what is asked rises with a lag of 1 s and falls at once."""
    asked = 0.0
    for torque in -sent:
        asked = min(asked + (torque - asked) * dt_s / (1.0 + dt_s), torque)
    return math.nan if asked < least_nm else 1.0 + told / asked
