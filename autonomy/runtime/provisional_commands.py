"""Commands as CAN frames until the vehicle interface brings its own: TSC1 to the engine, XBR to the brakes, a steering setpoint.

TSC1 and XBR as SAE J1939-71 lays them out (the vehicle's j1939.dbc), with counters and checksums. The steering frame is of a
made-up supplier: there is no standard one.
"""

from __future__ import annotations

import struct

import numpy as np

from autonomy import msg
from drivers.can.codec import Codec
from drivers.can.tables import EXTENDED

BUS = 0
OWN_ADDRESS = 0x27  # cab controller
ENGINE, RETARDER, BRAKES = 0x00, 0x0F, 0x0B
REFERENCE_TORQUE_NM = {ENGINE: 2600.0, RETARDER: 1250.0}  # of the demonstration truck [M]; EC1 and RC tell it on a real one
TORQUE_CONTROL, NO_OVERRIDE = 2, 0  # SPN 695
HIGHEST_PRIORITY, LOW_PRIORITY = 0, 3  # SPN 897, SPN 1862
MAXIMUM_MODE, NO_BRAKE = 2, 0  # SPN 1863
STEERING_ID = EXTENDED | 0x0CFF1027  # proprietary B
STEERING = struct.Struct("<iBBBx")  # 1e-6 rad, mode, counter, xor of the bytes before
DRIVING_MODES = (1, 2)  # Actuation.mode


class CommandEncoder:
    """`frames(actuation)`: what to send this tick. In standby every request is a release."""

    def __init__(self, codec: Codec):
        self.codec = codec
        self.counter = 0

    def frames(self, actuation: np.void) -> np.ndarray:
        drives = int(actuation["mode"]) in DRIVING_MODES
        sent = [
            self._torque(ENGINE, float(actuation["engine_torque_nm"]), drives),
            self._torque(RETARDER, float(actuation["retarder_torque_nm"]), drives),
            self._brake(float(actuation["brake_deceleration_mps2"]), drives),
            (STEERING_ID, self._steering(float(actuation["road_wheel_angle_rad"]), int(actuation["mode"]))),
        ]
        rows = np.zeros(len(sent), msg.dtype("CanFrame"))
        for row, (identifier, data) in zip(rows, sent, strict=True):
            row["time_ns"], row["id"], row["bus"], row["length"] = actuation["time_ns"], identifier, BUS, len(data)
            row["data"] = np.frombuffer(data, np.uint8)
        return rows

    def _torque(self, destination: int, torque_nm: float, drives: bool) -> tuple[int, bytes]:
        share = min(max(100.0 * torque_nm / REFERENCE_TORQUE_NM[destination], -125.0), 125.0)
        values = {"override_control_mode": TORQUE_CONTROL if drives else NO_OVERRIDE,
                  "override_control_mode_priority": HIGHEST_PRIORITY if drives else LOW_PRIORITY,
                  "requested_torque": share if drives else 0.0}  # fmt: skip
        return self.codec.encode("TSC1", values, bus=BUS, source_address=OWN_ADDRESS, destination=destination)

    def _brake(self, deceleration_mps2: float, drives: bool) -> tuple[int, bytes]:
        brakes = drives and deceleration_mps2 > 0.0
        values = {"external_acceleration_demand": -min(deceleration_mps2, 10.0) if brakes else 0.0,
                  "xbr_priority": HIGHEST_PRIORITY if brakes else LOW_PRIORITY,
                  "xbr_control_mode": MAXIMUM_MODE if brakes else NO_BRAKE}  # fmt: skip
        return self.codec.encode("XBR", values, bus=BUS, source_address=OWN_ADDRESS, destination=BRAKES)

    def _steering(self, angle_rad: float, mode: int) -> bytes:
        self.counter = (self.counter + 1) % 16
        body = STEERING.pack(round(angle_rad * 1e6), mode, self.counter, 0)
        return STEERING.pack(round(angle_rad * 1e6), mode, self.counter, _xor(body))


def read_steering(data: bytes) -> tuple[float, int] | None:
    """(road wheel angle in rad, Actuation.mode), None when the checksum is wrong."""
    angle, mode, counter, check = STEERING.unpack(data)
    return (angle * 1e-6, mode) if check == _xor(STEERING.pack(angle, mode, counter, 0)) else None


def _xor(data: bytes) -> int:
    result = 0x5A
    for byte in data:
        result ^= byte
    return result
