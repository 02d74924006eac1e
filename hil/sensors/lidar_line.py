"""The lidars of a vehicle file as the rig drives them: rays through the world, packets as they leave the sensor."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from autonomy.perception.sensors import LidarSensor
from drivers.lidar.model import model
from drivers.udp.message import message
from hil.lidar.emulator import Emulator, Mounting
from hil.lidar.scene import Scene
from hil.sensors.realism import UTC_START_NS
from hil.sensors.records import RawRecord
from hil.world import EgoTruth, Truth

NS = 1_000_000_000
CABLE_NS = 200_000  # from a packet's last firing to the host [M]
SENSOR = 0xC0A801C9, 10_000  # 192.168.1.201, as shipped [M]; it broadcasts
BROADCAST = 0xFFFFFFFF


class LidarLine:
    """One lidar. It turns on its own; what it sees of a turn is decided when the turn begins: the truck and all others go on with
    the motion they have then, which in a tenth of a second is off by millimetres."""

    def __init__(self, sensor: LidarSensor, scene: Scene, seed: int):
        self.sensor = sensor
        mounting = Mounting(sensor.x_m, sensor.y_m, sensor.height_m, sensor.yaw, sensor.pitch, sensor.roll)
        self.emulator = Emulator(model(sensor.model), mounting, scene, seed, rate_hz=sensor.rate_hz,
                                 start_azimuth=sensor.cut_azimuth_rad)  # fmt: skip
        self.turn_ns = round(NS / sensor.rate_hz)
        self.next_ns: int | None = None
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.turn = None  # the newest, with its truth: lasts until the next

    def read(self, truth: Truth) -> Iterator[RawRecord]:
        """The packets that are there by the truth's time."""
        if self.next_ns is None or truth.time_ns >= self.next_ns:
            self.next_ns = truth.time_ns + self.turn_ns
            self._turn(truth)
        while self.waiting and self.waiting[0][0] <= truth.time_ns:
            time_ns, data = self.waiting.popleft()
            yield RawRecord(time_ns, self.sensor.topic, data)

    def _turn(self, truth: Truth) -> None:
        end = replace(truth, time_ns=truth.time_ns + self.turn_ns, ego=gone_on(truth.ego, self.turn_ns / NS))
        self.turn = self.emulator.turn(truth, end)
        packets = self.emulator.packets(self.turn, UTC_START_NS)
        columns = len(self.turn.column_time_ns) // len(packets)
        for packet, done_ns in zip(packets, self.turn.column_time_ns[columns - 1 :: columns].tolist(), strict=True):
            time_ns = done_ns + CABLE_NS
            body = message(time_ns, SENSOR, (BROADCAST, self.sensor.port), packet.tobytes())
            self.waiting.append((time_ns, body))


def gone_on(ego: EgoTruth, elapsed_s: float) -> EgoTruth:
    """Where the reference point is after a while of the same acceleration and yaw rate."""
    yaw = ego.yaw + ego.yaw_rate * elapsed_s
    along = (ego.velocity + 0.5 * ego.acceleration * elapsed_s) * elapsed_s
    across = ego.lateral_velocity * elapsed_s
    middle = 0.5 * (ego.yaw + yaw)
    cosine, sine = math.cos(middle), math.sin(middle)
    return replace(ego, x=ego.x + cosine * along - sine * across, y=ego.y + sine * along + cosine * across, yaw=yaw,
                   velocity=ego.velocity + ego.acceleration * elapsed_s)  # fmt: skip
