"""What the truck's controllers make of our frames: for rigs and for hearing back what was sent.

Each request lives until its time-out; a frame with a wrong checksum or a counter that stands still is not obeyed, as a
partner would not. The rules are those of the same [command] table that the encoder follows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.msg.modes import DRIVING_MODES
from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CommandConfig, Torque, own_name
from drivers.can.commanding.command_encoder import DISENGAGE
from drivers.can.commanding.protection import is_sealed
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, NULL, parse
from drivers.can.tables import EXTENDED
from drivers.steering.installed import load as load_steering

__all__ = ["CommandDecoder"]

TSC1_PGN, TC1_PGN, XBR_PGN = 0x0000, 0x0100, 0x0400
TIMEOUT_NS = 300_000_000  # [D] a partner waits some periods, then goes back to its own default
STUCK_COUNTS = 3  # frames with the same counter that are still obeyed [D]


@dataclass
class _Heard:
    value: float
    time_ns: int


class CommandDecoder:
    """`take` frames in the order of their times, then ask `actuation`. `refused` counts reasons."""

    def __init__(self, config: CommandConfig, codec: Codec):
        self.config, self.codec = config, codec
        self.refused: Counter[str] = Counter()
        self._name = own_name(config).number.to_bytes(8, "little")
        self._obey(config.source_address)
        self._torques = {part.address: (name, part) for name, part in config.torques().items()}
        self._heard: dict[str, _Heard] = {}
        self._counters: dict[int, tuple[int, int]] = {}  # identifier: last counter, how often in a row

    def take(self, frames: np.ndarray) -> None:
        """CanFrame rows (n,)."""
        for time_ns, identifier, bus, length, _, _, data in frames.tolist():
            if bus == self.config.bus and identifier & EXTENDED:
                self._take(time_ns, identifier, bytes(data[:length]))

    def actuation(self, time_ns: int) -> np.void:
        """The requests in force as one Actuation: mode standby where the steering is not asked for."""
        row = np.zeros((), msg.dtype("Actuation"))
        row["time_ns"] = time_ns
        mode = int(self._value("mode", time_ns))
        row["mode"] = mode if mode in DRIVING_MODES else 0
        row["steering_channel"] = int(self._value("channel", time_ns))
        row["road_wheel_angle_rad"] = self._value("angle", time_ns)
        row["engine_torque_nm"] = self._value("engine", time_ns) + self._value("engine_brake", time_ns)
        row["retarder_torque_nm"] = self._value("retarder", time_ns)
        row["brake_deceleration_mps2"] = self._value("brake", time_ns)
        row["roll"] = int(self._value("roll", time_ns))
        return row[()]

    def _obey(self, address: int) -> None:
        """Who commands: the address that holds our NAME."""
        self._address, steering = address, self.config.steering
        self.steering = steering and load_steering(steering.plugin, address, steering.options)

    def _take(self, time_ns: int, identifier: int, data: bytes) -> None:
        request = self.steering.read_command(identifier, data) if self.steering else None
        if request is not None:
            self._heard["angle"] = _Heard(request.road_wheel_angle_rad, time_ns)
            self._heard["mode"] = _Heard(float(request.mode), time_ns)
            self._heard["channel"] = _Heard(float(request.channel), time_ns)
            return
        fields = parse(identifier)
        if fields.pgn == ADDRESS_CLAIMED and data == self._name and fields.source not in (NULL, self._address):
            self._obey(fields.source)
        if fields.source != self._address:
            return
        if fields.pgn == TSC1_PGN and fields.destination in self._torques:
            self._take_torque(time_ns, identifier, data, *self._torques[fields.destination])
        elif fields.pgn == XBR_PGN and self.config.brake and fields.destination == self.config.brake.address:
            self._take_brake(time_ns, identifier, data)
        elif fields.pgn == TC1_PGN and self.config.gearbox and fields.destination == self.config.gearbox.address:
            asked = self._values("TC1", identifier, data)["disengage_driveline_request"]
            self._heard["roll"] = _Heard(float(asked == DISENGAGE), time_ns)

    def _take_torque(self, time_ns: int, identifier: int, data: bytes, name: str, part: Torque) -> None:
        if not is_sealed(part.checksum, identifier, data):
            self.refused[f"{name}: checksum"] += 1
        elif part.checksum != "none" and self._stands_still(identifier, data):
            self.refused[f"{name}: counter stands still"] += 1
        else:
            values = self._values("TSC1", identifier, data)
            asked = values["requested_torque"] if values["override_control_mode"] >= 2 else 0.0
            self._heard[name] = _Heard(asked / 100.0 * part.reference_torque_nm / part.torque_ratio, time_ns)

    def _take_brake(self, time_ns: int, identifier: int, data: bytes) -> None:
        if not self.codec.checksum_holds(identifier, data, self.config.bus):
            self.refused["brake: checksum"] += 1
        elif self._stands_still(identifier, data):
            self.refused["brake: counter stands still"] += 1
        else:
            values = self._values("XBR", identifier, data)
            asked = -values["external_acceleration_demand"] if values["xbr_control_mode"] else 0.0
            self._heard["brake"] = _Heard(max(asked, 0.0), time_ns)

    def _stands_still(self, identifier: int, data: bytes) -> bool:
        counter = data[7] & 0xF
        last, times = self._counters.get(identifier, (-1, 0))
        times = times + 1 if counter == last else 0
        self._counters[identifier] = counter, times
        return times >= STUCK_COUNTS

    def _values(self, message: str, identifier: int, data: bytes) -> dict[str, float]:
        bus = self.config.bus
        values, _ = self.codec.decode(identifier, data, bus)
        return dict(zip(self.codec.signal_names(message, bus), np.nan_to_num(values), strict=True))

    def _value(self, name: str, time_ns: int) -> float:
        heard = self._heard.get(name)
        return heard.value if heard is not None and time_ns - heard.time_ns < TIMEOUT_NS else 0.0
