"""A steering actuator of no supplier: setpoint and answer as proprietary B frames with a counter and a CRC.

Bytes 1-4 the road wheel angle in microradians (signed, Intel), byte 5 the mode (3 bits), the channel and a counter (high nibble),
byte 6 the driver's torque in 0.1 N m (signed, answer only), byte 7 reserved, byte 8 CRC-8 SAE J1850 of the seven before.
"""

from __future__ import annotations

import math
import struct

from drivers.can.checksums import crc8_j1850
from drivers.can.j1939.identifier import build
from drivers.steering.plugin import SteeringRequest, SteeringStatus

__all__ = ["SimulatedSteering"]

COMMAND_PGN, STATUS_PGN = 0xFF10, 0xFF11
PRIORITY = 3
LAYOUT = struct.Struct("<iBbB")
PER_RADIAN = 1e6
NOT_AVAILABLE = -128
MOST_RAD = 2.0
SECOND_CHANNEL = 8  # in the low nibble of byte 5


class SimulatedSteering:
    """The simulated plugin."""

    def __init__(self, source_address: int, actuator_address: int = 0x13):
        self.command_identifier = build(PRIORITY, COMMAND_PGN, source_address)
        self.status_identifier = build(PRIORITY, STATUS_PGN, actuator_address)
        self._counters = {self.command_identifier: 0, self.status_identifier: 0}

    def command(self, request: SteeringRequest) -> list[tuple[int, bytes]]:
        code = request.mode | request.channel * SECOND_CHANNEL
        return [self._frame(self.command_identifier, request.road_wheel_angle_rad, code, NOT_AVAILABLE)]

    def read_command(self, identifier: int, data: bytes) -> SteeringRequest | None:
        found = self._read(self.command_identifier, identifier, data)
        return None if found is None else SteeringRequest(found[0], found[1] % SECOND_CHANNEL, found[1] // SECOND_CHANNEL)

    def status(self, status: SteeringStatus) -> list[tuple[int, bytes]]:
        torque = NOT_AVAILABLE if status.driver_torque_nm is None else min(max(round(10.0 * status.driver_torque_nm), -127), 127)
        return [self._frame(self.status_identifier, status.road_wheel_angle_rad, int(status.follows), torque)]

    def read_status(self, identifier: int, data: bytes) -> SteeringStatus | None:
        found = self._read(self.status_identifier, identifier, data)
        if found is None:
            return None
        return SteeringStatus(found[0], bool(found[1]), None if found[2] == NOT_AVAILABLE else found[2] / 10.0)

    def _frame(self, identifier: int, angle_rad: float, mode: int, torque: int) -> tuple[int, bytes]:
        if not math.isfinite(angle_rad) or abs(angle_rad) > MOST_RAD:
            raise ValueError(f"road wheel angle {angle_rad} rad: must be a number within +-{MOST_RAD:g}")
        counter = self._counters[identifier] = (self._counters[identifier] + 1) % 16
        body = LAYOUT.pack(round(angle_rad * PER_RADIAN), mode | counter << 4, torque, 0xFF)
        return identifier, body + bytes([crc8_j1850(body)])

    @staticmethod
    def _read(wanted: int, identifier: int, data: bytes) -> tuple[float, int, int] | None:
        if identifier != wanted or len(data) != 8 or crc8_j1850(data[:7]) != data[7]:
            return None
        angle, mode, torque, _ = LAYOUT.unpack(data[:7])
        return angle / PER_RADIAN, mode & 0xF, torque
