"""Actuation to CAN frames: TSC1 to engine and retarder, XBR to the brakes, TC1 to the gearbox, the supplier's
steering frames, the lights.

In the modes that drive every controller hears from us at its own period; when driving ends it hears a release a few
times, and then nothing more. In standby and shadow nothing is sent at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from autonomy import msg
from autonomy.msg.modes import DRIVING_MODES
from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CONTROLS, CommandConfig, Torque
from drivers.can.commanding.protection import seal
from drivers.steering.installed import load as load_steering
from drivers.steering.plugin import SteeringPlugin, SteeringRequest

__all__ = ["CommandEncoder"]

RELEASED = 0  # SPN 695 and 2916
MAXIMUM_MODE = 2  # SPN 2916: the highest of all demands counts, the driver's too [V]
LOWEST_PRIORITY = 3
MOST_TORQUE_PERCENT = 125.0
LEAST_TORQUE_PERCENT = -100.0  # a brake has no more to give [V]
XBR_FLOOR_MPS2 = -10.0  # the message's own use ends there; -15.687 is its last code [M]
HARDEST_MPS2 = 5.0  # a demand beyond it is an emergency: full urgency (UN R157 5.3.1.1)
ENGAGE, DISENGAGE, NO_REQUEST = 0, 1, 3  # SPN 683
NS = 1_000_000_000
LEFT, RIGHT = 1, 2  # Actuation.indicators

Frames = list[tuple[int, bytes]]


class CommandEncoder:
    """`frames(actuation)` gives what is due at the actuation's time, CanFrame rows (n,) of one bus.

    Raises UsageError for a steering plugin that is not there.
    """

    def __init__(self, config: CommandConfig, codec: Codec):
        self.config, self.codec, self.source_address = config, codec, config.source_address
        self.steering: SteeringPlugin | None = None
        self._commands: list[_Command] = []
        for name, part in config.torques().items():
            self._add(part.period_s, _TorqueCommand(self, part, SHARES[name]))
        if config.brake is not None:
            self._add(config.brake.period_s, self._brake)
        if config.gearbox is not None:
            self._add(config.gearbox.period_s, self._shift)
        if config.steering is not None:
            self.send_from(config.source_address)
            self._add(config.steering.period_s, self._steer)
        if config.lights is not None:
            self._add(config.lights.period_s, self._light)

    def send_from(self, source_address: int) -> None:
        """After our node had to take another address."""
        self.source_address = source_address
        if steering := self.config.steering:
            self.steering = load_steering(steering.plugin, source_address, steering.options)

    def frames(self, actuation: np.void) -> np.ndarray:
        drives = int(actuation["mode"]) in DRIVING_MODES
        time_ns = int(actuation["time_ns"])
        due = [command for command in self._commands if command.is_due(time_ns, drives)]
        sent = [frame for command in due for frame in command.make(actuation, drives)]
        rows = np.zeros(len(sent), msg.dtype("CanFrame"))
        for row, (identifier, data) in zip(rows, sent, strict=True):
            row["time_ns"], row["id"], row["bus"], row["length"] = time_ns, identifier, self.config.bus, len(data)
            row["data"][: len(data)] = np.frombuffer(data, np.uint8)
        return rows

    def _add(self, period_s: float, make: Callable[[np.void, bool], Frames]) -> None:
        self._commands.append(_Command(round(period_s * NS), self.config.release_frames, make))

    def _brake(self, actuation: np.void, drives: bool) -> Frames:
        brake, deceleration = self.config.brake, _number(actuation["brake_deceleration_mps2"])
        brakes = drives and deceleration > 0.0
        values = {
            "external_acceleration_demand": max(-deceleration, XBR_FLOOR_MPS2) if brakes else 0.0,
            "ebi_mode": brake.endurance_mode if brakes else 0,
            "xbr_priority": brake.priority if brakes else LOWEST_PRIORITY,
            "xbr_control_mode": MAXIMUM_MODE if brakes else RELEASED,
            "xbr_urgency": min(100.0, 100.0 * deceleration / HARDEST_MPS2) if brakes else 0.0,
        }
        return [self._encode("XBR", values, brake.address)]

    def _shift(self, actuation: np.void, drives: bool) -> Frames:
        request = (DISENGAGE if actuation["roll"] else ENGAGE) if drives else NO_REQUEST
        return [self._encode("TC1", {"disengage_driveline_request": request}, self.config.gearbox.address)]

    def _steer(self, actuation: np.void, drives: bool) -> Frames:
        mode = int(actuation["mode"]) if drives else RELEASED
        return self.steering.command(
            SteeringRequest(_number(actuation["road_wheel_angle_rad"]), mode, int(actuation["steering_channel"]))
        )

    def _light(self, actuation: np.void, drives: bool) -> Frames:
        lights, indicators = self.config.lights, int(actuation["indicators"])
        values = lights.off
        if drives and actuation["hazards"]:
            values = lights.hazards
        elif drives and indicators in (LEFT, RIGHT):
            values = lights.left if indicators == LEFT else lights.right
        return [self._encode(lights.message, values, lights.address)]

    def _encode(self, message: str, values: dict[str, float], address: int | None) -> tuple[int, bytes]:
        return self.codec.encode(
            message, values, bus=self.config.bus, source_address=self.source_address, destination=address
        )


class _Command:
    """When one controller hears from us."""

    def __init__(self, period_ns: int, release_frames: int, make: Callable[[np.void, bool], Frames]):
        self.make = make
        self._period_ns, self._release_frames = period_ns, release_frames
        self._next_ns: int | None = None
        self._releases_left = 0

    def is_due(self, time_ns: int, drives: bool) -> bool:
        if drives:
            self._releases_left = self._release_frames
        elif not self._releases_left:
            self._next_ns = None
            return False
        if self._next_ns is not None and time_ns < self._next_ns and drives:
            return False
        if not drives:  # a release waits for no period
            self._releases_left -= 1
        late = self._next_ns is None or time_ns >= self._next_ns + self._period_ns
        self._next_ns = (time_ns if late else self._next_ns) + self._period_ns
        return True


def _number(value: float) -> float:
    """A request that is not a number asks for nothing; the envelope has marked it already."""
    return float(value) if math.isfinite(value) else 0.0


# The engine is asked to drive, its brake to brake: two controllers, also where both are in one housing.
SHARES: dict[str, Callable[[np.void], float]] = {
    "engine": lambda actuation: max(_number(actuation["engine_torque_nm"]), 0.0),
    "engine_brake": lambda actuation: min(_number(actuation["engine_torque_nm"]), 0.0),
    "retarder": lambda actuation: min(_number(actuation["retarder_torque_nm"]), 0.0),
}


class _TorqueCommand:
    """TSC1 of the partner's share of the torque, sealed as it checks it."""

    def __init__(self, encoder: CommandEncoder, part: Torque, share: Callable[[np.void], float]):
        self._encoder, self._part, self._share = encoder, part, share
        self._counter = -1

    def __call__(self, actuation: np.void, drives: bool) -> Frames:
        part = self._part
        torque = self._share(actuation) * part.torque_ratio
        percent = min(max(100.0 * torque / part.reference_torque_nm, LEAST_TORQUE_PERCENT), MOST_TORQUE_PERCENT)
        values = {
            "override_control_mode": CONTROLS[part.control] if drives else RELEASED,
            "requested_speed_control_conditions": 0,
            "override_control_mode_priority": part.priority if drives else LOWEST_PRIORITY,
            "requested_torque": round(percent) if drives else 0.0,
            "control_purpose": part.purpose,
        }
        encoder = self._encoder
        identifier, data = encoder.codec.encode(
            "TSC1", values, bus=encoder.config.bus, source_address=encoder.source_address, destination=part.address, counter=0
        )
        self._counter += 1
        return [(identifier, seal(part.checksum, identifier, data, self._counter))]
