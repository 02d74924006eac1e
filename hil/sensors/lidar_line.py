"""The lidars of a vehicle file as the rig drives them: rays through the world, packets as they leave the sensor."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from autonomy.perception.sensors import LidarSensor
from drivers.lidar.model import LidarModel, model
from drivers.udp.message import message
from hil.lidar.emulator import Emulator, Mounting
from hil.lidar.optics import optics_of
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
    the motion they have then, which in a tenth of a second is off by millimetres.

    `lead_ns`: how long before they leave its packets are given, for a rig that sends each at its own moment; a turn is then
    decided that much before it begins. `lidar`: the model as the unit's calibration file has it, where there is one.
    """

    def __init__(self, sensor: LidarSensor, scene: Scene, seed: int, lead_ns: int = 0, lidar: LidarModel | None = None):
        self.sensor, self.lead_ns = sensor, lead_ns
        mounting = Mounting(sensor.x_m, sensor.y_m, sensor.height_m, sensor.yaw, sensor.pitch, sensor.roll)
        self.emulator = Emulator(lidar or model(sensor.model), mounting, scene, seed, rate_hz=sensor.rate_hz,
                                 start_azimuth=sensor.cut_azimuth_rad, optics=optics_of(sensor.model),
                                 threads=len(os.sched_getaffinity(0)))  # fmt: skip
        self.turn_ns = round(NS / sensor.rate_hz)
        self.next_ns: int | None = None
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.turn = None  # the newest, with its truth: lasts until the next

    def read(self, truth: Truth) -> Iterator[RawRecord]:
        """The packets that are there by the truth's time and the lead."""
        if self.next_ns is None or truth.time_ns >= self.next_ns:
            self.next_ns = truth.time_ns + self.turn_ns
            self._turn(later(truth, self.lead_ns) if self.lead_ns else truth)
        while self.waiting and self.waiting[0][0] <= truth.time_ns + self.lead_ns:
            time_ns, data = self.waiting.popleft()
            yield RawRecord(time_ns, self.sensor.topic, data)

    def _turn(self, truth: Truth) -> None:
        end = later(truth, self.turn_ns)
        self.turn = self.emulator.turn(truth, end)
        packets = self.emulator.packets(self.turn, UTC_START_NS)
        columns = len(self.turn.column_time_ns) // len(packets)
        for packet, done_ns in zip(packets, self.turn.column_time_ns[columns - 1 :: columns].tolist(), strict=True):
            time_ns = done_ns + CABLE_NS
            body = message(time_ns, SENSOR, (BROADCAST, self.sensor.port), packet.tobytes())
            self.waiting.append((time_ns, body))


def later(truth: Truth, elapsed_ns: int) -> Truth:
    """The truck and all others a little later, with the motion they have."""
    elapsed_s = elapsed_ns / NS
    actors = [replace(actor, x=actor.x + actor.speed * elapsed_s * math.cos(actor.yaw),
                      y=actor.y + actor.speed * elapsed_s * math.sin(actor.yaw)) for actor in truth.actors]  # fmt: skip
    return replace(truth, time_ns=truth.time_ns + elapsed_ns, ego=gone_on(truth.ego, elapsed_s), actors=actors)


def gone_on(ego: EgoTruth, elapsed_s: float) -> EgoTruth:
    """Where the reference point is after a while of the same acceleration and yaw rate."""
    yaw = ego.yaw + ego.yaw_rate * elapsed_s
    along = (ego.velocity + 0.5 * ego.acceleration * elapsed_s) * elapsed_s
    across = ego.lateral_velocity * elapsed_s
    middle = 0.5 * (ego.yaw + yaw)
    cosine, sine = math.cos(middle), math.sin(middle)
    return replace(ego, x=ego.x + cosine * along - sine * across, y=ego.y + sine * along + cosine * across, yaw=yaw,
                   velocity=ego.velocity + ego.acceleration * elapsed_s)  # fmt: skip
