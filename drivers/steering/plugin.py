"""The border to a supplier's steering: a road wheel angle and a mode go in, CAN frames come out, and the other way."""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["SteeringPlugin", "SteeringRequest", "SteeringStatus"]


class SteeringRequest(NamedTuple):
    """Mode: 0 released, 1 active, 2 minimal-risk manoeuvre. Channel: 0 the first, 1 the one to fall back on."""

    road_wheel_angle_rad: float
    mode: int
    channel: int = 0


class SteeringStatus(NamedTuple):
    """What the actuator says of itself; the angle as measured."""

    road_wheel_angle_rad: float
    follows: bool
    driver_torque_nm: float | None = None


class SteeringPlugin(Protocol):
    """Made with (source address, options of the vehicle file). Pure: no bus, no clock."""

    def command(self, request: SteeringRequest) -> list[tuple[int, bytes]]:
        """Frames (identifier with bit 31, data) of one request; counters count up from call to call."""
        ...

    def read_command(self, identifier: int, data: bytes) -> SteeringRequest | None:
        """What an actuator makes of a frame: None for another frame or a broken one. For rigs."""
        ...

    def status(self, status: SteeringStatus) -> list[tuple[int, bytes]]:
        """Frames of an actuator's answer. For rigs."""
        ...

    def read_status(self, identifier: int, data: bytes) -> SteeringStatus | None:
        """The actuator's answer: None for another frame or a broken one."""
        ...
