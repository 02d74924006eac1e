"""Health, estimators, aids and inputs as ROS diagnostics: a level, a sentence and the figures behind it, once a second and
whenever health, mode or behaviour change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.msg.modes import MINIMAL_RISK
from autonomy.report.sections.health import BEHAVIOURS, LANES, LEVELS, MODES, REASONS, plain_bit
from autonomy.report.words import AIDS
from autonomy.viewers.moments import EVERY_TICKS, Moments
from autonomy.viewers.standard.memory import Bytes

OK, WARN, ERROR, STALE = range(4)  # DiagnosticStatus.level
HARDWARE = "autonomy"
EVERY_MOMENTS = 10
ARRAY = Bytes("diagnostic_msgs/DiagnosticArray", 16384)
AID_REASONS = {
    0: (OK, "used"),
    1: (STALE, "never seen"),
    2: (STALE, "stale"),
    3: (WARN, "gated: far from what the filter expects"),
    4: (OK, "does not apply now"),
    5: (ERROR, "invalid"),
}
VALIDITIES = {0: (OK, "ok"), 1: (STALE, "not available"), 2: (ERROR, "error"), 3: (STALE, "stale")}
LANE_LEVELS = {0: STALE, 1: OK, 2: WARN}
INPUTS = ("speed", "steering", "imu", "gnss", "radar")  # with <name>_validity and <name>_age_s in VehicleState


class Status(NamedTuple):
    level: int
    name: str
    message: str
    values: dict[str, str]


class Diagnostics:
    """Remembers what the last message said, to notice a change."""

    def __init__(self) -> None:
        self._last: tuple | None = None

    def messages(self, moments: Moments) -> tuple[np.ndarray, Bytes, np.ndarray]:
        """(times, layout, messages) of those that are due."""
        outputs, times, found = moments.outputs, [], []
        due = outputs["tick_index"] % (EVERY_MOMENTS * EVERY_TICKS) == 0
        keys = zip(
            outputs["health"]["level"].tolist(), outputs["health"]["faults"].tolist(),
            outputs["actuation"]["mode"].tolist(), outputs["plan"]["behaviour"].tolist(), strict=True,
        )  # fmt: skip
        for row, key in enumerate(keys):
            if due[row] or key != self._last:
                self._last = key
                time_ns = int(outputs["tick_time_ns"][row])
                times.append(time_ns)
                found.append(_body(time_ns, statuses(outputs[row])))
        return np.array(times, np.int64), ARRAY, ARRAY.rows(found)


def statuses(output: np.void) -> list[Status]:
    """What one OutputFrame says of itself."""
    estimates = [_ego(output["ego"]), _lane(output["lane"])]
    return [_health(output), _plan(output), *estimates, *_aids(output["ego"]), *_inputs(output["vehicle"])]


def _health(output: np.void) -> Status:
    health = output["health"]
    faults = flags("Health", "FAULT_", int(health["faults"]))
    level = int(health["level"])
    message = LEVELS.get(level, str(level)) + (": " + ", ".join(faults) if faults else "")
    values = {"faults": ", ".join(faults) or "none", "samples lost to full lists": str(health["overflow"])}
    return Status(min(level, ERROR), "health", message, values)


def _plan(output: np.void) -> Status:
    plan, actuation = output["plan"], output["actuation"]
    mode, behaviour = MODES.get(int(actuation["mode"]), "?"), BEHAVIOURS.get(int(plan["behaviour"]), "?")
    stops = actuation["mode"] == MINIMAL_RISK or plan["behaviour"] == 3
    values = {
        "mode": mode,
        "behaviour": behaviour,
        "why not keep lane": REASONS.get(int(plan["reason"]), "none"),
        "limited": ", ".join(flags("Actuation", "LIMITED_", int(actuation["limited"]))) or "none",
        "target speed, m/s": figure(plan["target_speed"]),
        "lead distance, m": figure(output["tracks"]["lead_distance"]),
        "fallback stop, m": figure(plan["fallback_distance"]) if plan["fallback_valid"] else "none",
    }
    return Status(WARN if stops else OK, "mode and behaviour", f"{mode}, {behaviour}", values)


def _ego(ego: np.void) -> Status:
    bits = msg.constants("EgoState")
    status = int(ego["status"])
    if status & bits["STATUS_DIVERGED"]:
        level, message = ERROR, "diverged"
    elif not status & bits["STATUS_POSITION_VALID"]:
        level, message = STALE, "no position yet"
    elif status & bits["STATUS_DEAD_RECKONING"]:
        level, message = WARN, "dead reckoning"
    else:
        level, message = OK, "position valid"
    sigma = ego["sigma"]
    values = {
        "state": ", ".join(flags("EgoState", "STATUS_", status)) or "none",
        "position sigma, m": figure(np.hypot(sigma[0], sigma[1])),
        "velocity sigma, m/s": figure(np.hypot(sigma[3], sigma[4])),
        "heading sigma, deg": figure(np.degrees(sigma[8])),
        "resets": str(ego["resets"]),
        "late measurements": str(ego["late_measurements"]),
    }
    return Status(level, "ego filter", message, values)


def _lane(lane: np.void) -> Status:
    status = int(lane["status"])
    values = {
        "offset, m": figure(lane["offset"]),
        "heading error, deg": figure(np.degrees(lane["heading_error"])),
        "observed before, s": figure(lane["observation_age_s"]),
        "known ahead, m": figure(lane["valid_distance_m"]),
    }
    return Status(LANE_LEVELS.get(status, STALE), "lane", LANES.get(status, str(status)), values)


def _aids(ego: np.void) -> Iterator[Status]:
    for (key, name), aid in zip(AIDS.items(), ego["aids"], strict=True):
        level, message = AID_REASONS.get(int(aid["fault"]), (ERROR, "?"))
        degrees = int(aid["degrees_of_freedom"])
        last = int(aid["last_used_time_ns"])
        values = {
            "accepted": str(aid["accepted"]),
            "rejected": str(aid["rejected"]),
            "test ratio": figure(aid["test_ratio"]),
            "NIS per degree of freedom": figure(aid["nis_sum"] / degrees) if degrees else "-",
            "used before, s": figure((int(ego["time_ns"]) - last) / 1e9) if last else "never",
        }
        yield Status(level, f"aid: {name or key}", message, values)


def _inputs(vehicle: np.void) -> Iterator[Status]:
    for name in INPUTS:
        level, message = VALIDITIES.get(int(vehicle[f"{name}_validity"]), (ERROR, "?"))
        yield Status(level, f"input: {name}", message, {"age, s": figure(vehicle[f"{name}_age_s"])})


def flags(message: str, prefix: str, bits: int) -> list[str]:
    """The names of the flags that are set."""
    named = msg.constants(message).items()
    return [plain_bit(key.removeprefix(prefix)) for key, bit in named if key.startswith(prefix) and bits & bit]


def figure(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "-"


def _body(time_ns: int, found: list[Status]) -> bytes:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    body = bytearray(struct.pack("<iI", (seconds + 2**31) % 2**32 - 2**31, nanoseconds))
    body += _string("")
    _put_count(body, len(found))
    for status in found:
        body.append(status.level)  # alone needs no alignment: it follows the text before it at once
        for text in (status.name, status.message, HARDWARE):
            _put_string(body, text)
        _put_count(body, len(status.values))
        for key, value in status.values.items():
            _put_string(body, key)
            _put_string(body, value)
    return bytes(body)


def _put_count(body: bytearray, count: int) -> None:
    body += bytes(-len(body) % 4) + struct.pack("<I", count)


def _put_string(body: bytearray, text: str) -> None:
    body += bytes(-len(body) % 4) + _string(text)


@lru_cache(4096)
def _string(text: str) -> bytes:
    data = text.encode("ascii", "replace") + b"\0"
    return struct.pack("<I", len(data)) + data
