"""What the truck's controllers make of the command frames they hear: the newest requests, forgotten when they stop coming."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from autonomy import msg
from autonomy.runtime.provisional_commands import (
    BRAKES,
    DRIVING_MODES,
    ENGINE,
    OWN_ADDRESS,
    REFERENCE_TORQUE_NM,
    RETARDER,
    STEERING_ID,
    read_steering,
)  # fmt: skip
from drivers.can.codec import Codec
from drivers.can.j1939.identifier import parse
from drivers.can.tables import EXTENDED

TIMEOUT_S = 0.1  # ten periods: then a request counts as released
TSC1_PGN, XBR_PGN = 0x0000, 0x0400
GRAVITY = 9.80665  # m/s2, CGPM 1901
AIR_DENSITY = 1.2  # kg/m3 at 20 degrees C and sea level


class CommandReader(threading.Thread):
    """Listens to one bus. `received` counts frames, `unusable` those with a wrong checksum or no meaning here."""

    def __init__(self, bus, codec: Codec, clock: Callable[[], float] = time.monotonic):
        super().__init__(name="commands", daemon=True)
        self.bus, self.codec, self.clock = bus, codec, clock
        self.received = self.unusable = 0
        self._newest: dict[str, tuple[float, float]] = {}  # value, time
        self._lock = threading.Lock()
        self._stopping = False

    def run(self) -> None:
        while True:
            message = self.bus.recv(0.0 if self._stopping else 0.05)
            if message is None:
                if self._stopping:
                    return
                continue
            self.hear(message)

    def stop(self) -> None:
        """Ends behind the last frame that has arrived."""
        self._stopping = True

    def hear(self, message) -> None:
        """One message of the bus."""
        self.received += 1
        if not self.take(message.arbitration_id | (EXTENDED if message.is_extended_id else 0), bytes(message.data)):
            self.unusable += 1

    def take(self, identifier: int, data: bytes) -> bool:
        if identifier == STEERING_ID:
            found = read_steering(data)
            if found is not None:
                self._put(angle=found[0], mode=found[1])
            return found is not None
        fields = parse(identifier)
        if fields.source != OWN_ADDRESS or fields.pgn not in (TSC1_PGN, XBR_PGN):
            return False
        decoded = self.codec.decode(identifier, data, bus=0)
        if decoded is None:
            return False
        name = "TSC1" if fields.pgn == TSC1_PGN else "XBR"
        values = dict(zip(self.codec.signal_names(name, 0), decoded[0], strict=True))
        if name == "XBR" and fields.destination == BRAKES:
            self._put(brake=-values["external_acceleration_demand"] if values["xbr_control_mode"] else 0.0)
        elif name == "TSC1" and fields.destination in (ENGINE, RETARDER):
            share = values["requested_torque"] / 100.0 if values["override_control_mode"] else 0.0
            torque = share * REFERENCE_TORQUE_NM[fields.destination]
            self._put(**{"engine" if fields.destination == ENGINE else "retarder": torque})
        return True

    def actuation(self, vehicle, speed_mps: float) -> np.void | None:
        """The requests as one Actuation, None when nobody drives. `vehicle`: a table of the fields of VehicleParameters."""
        now = self.clock()
        with self._lock:
            fresh = {name: value for name, (value, at) in self._newest.items() if now - at < TIMEOUT_S}
        if int(fresh.get("mode", 0)) not in DRIVING_MODES:
            return None
        row = np.zeros((), msg.dtype("Actuation"))
        row["mode"], row["road_wheel_angle_rad"] = fresh["mode"], fresh["angle"]
        row["engine_torque_nm"], row["retarder_torque_nm"] = fresh.get("engine", 0.0), fresh.get("retarder", 0.0)
        row["brake_deceleration_mps2"] = fresh.get("brake", 0.0)
        row["acceleration_mps2"] = _acceleration(row, vehicle, speed_mps)
        return row[()]

    def _put(self, **values: float) -> None:
        now = self.clock()
        with self._lock:
            for name, value in values.items():
                self._newest[name] = value, now


def _acceleration(row: np.ndarray, vehicle, speed_mps: float) -> float:
    """m/s2 on a level road: the force balance of the whole combination, for worlds that take an acceleration only."""
    mass = float(vehicle["mass_kg"])
    torque = float(row["engine_torque_nm"] + row["retarder_torque_nm"])
    force = torque * float(vehicle["driveline_ratio"]) / float(vehicle["wheel_radius_m"])
    force -= 0.5 * AIR_DENSITY * float(vehicle["drag_area_m2"]) * speed_mps**2
    force -= float(vehicle["rolling_resistance"]) * mass * GRAVITY if speed_mps > 0.1 else 0.0
    return force / mass - float(row["brake_deceleration_mps2"])
