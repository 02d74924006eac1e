"""The radars of a vehicle file as the rig drives them: waves through the world, packets as they leave the sensor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from autonomy.errors import UsageError
from autonomy.perception.radar.sensors import RadarSensor
from drivers.radar.encoder import ars548_detections
from drivers.udp.message import message
from hil.lidar.scene import Scene
from hil.radar.emulator import Emulator
from hil.radar.emulator import RadarSensor as Emulated
from hil.radar.rows import radar_detections
from hil.sensors.realism import SENSORS, UTC_START_NS
from hil.sensors.records import RawRecord
from hil.world import Truth

CYCLE_NS = round(SENSORS["radar"].period_s * 1e9)
ADDRESS, GROUP = 0x0A0D0171, 0xE0000202  # 10.13.1.113, as shipped [M], to the multicast 224.0.2.2


class RadarLine:
    """One radar that looks ahead along the truck. `lead_ns`: how long before they leave its packets are given, at most the
    radar's own latency. Raises UsageError."""

    def __init__(self, sensor: RadarSensor, scene: Scene, seed: int, lead_ns: int = 0):
        if sensor.y_m or sensor.yaw:
            raise UsageError(f"[[radar.sensor]] ({sensor.name}): the emulated radar sits in the truck's middle and looks ahead; "
                             "y_m and yaw must be 0")  # fmt: skip
        if lead_ns > round(sensor.latency_s * 1e9):
            raise UsageError(f"[[radar.sensor]] ({sensor.name}): latency_s = {sensor.latency_s:g} is too short for a rig that "
                             f"makes its packets {lead_ns / 1e9:g} s before they leave")  # fmt: skip
        self.sensor, self.lead_ns = sensor, lead_ns
        self.emulator = Emulator(scene, seed, Emulated(mounting_x_m=sensor.x_m, mounting_z_m=sensor.height_m))
        self.latency_ns = round(sensor.latency_s * 1e9)
        self.next_ns: int | None = None
        self.counter = 0
        self.waiting: deque[tuple[int, bytes]] = deque()

    def read(self, truth: Truth, is_silent: bool = False) -> Iterator[RawRecord]:
        """The packets that are there by the truth's time and the lead."""
        if self.next_ns is None or truth.time_ns >= self.next_ns:
            self.next_ns = (truth.time_ns if self.next_ns is None else self.next_ns) + CYCLE_NS
            self.counter += 1
            if not is_silent:
                self._measure(truth)
        while self.waiting and self.waiting[0][0] <= truth.time_ns + self.lead_ns:
            time_ns, data = self.waiting.popleft()
            yield RawRecord(time_ns, self.sensor.topic, data)

    def _measure(self, truth: Truth) -> None:
        rows = radar_detections(self.emulator.measure(truth), self.emulator.sensor)
        packet = ars548_detections(rows, UTC_START_NS + truth.time_ns, self.counter)
        time_ns = truth.time_ns + self.latency_ns
        self.waiting.append((time_ns, message(time_ns, (ADDRESS, self.sensor.port), (GROUP, self.sensor.port), packet)))
