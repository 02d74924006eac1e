"""A drive without a clock, with lidar and radar: packets of emulated ones through reader and scan workers into a loop's rings."""

from __future__ import annotations

import numpy as np
from autonomy.runtime._journal import FRAME_ROW, TICK_ROW
from autonomy.runtime._loop import Loop

from autonomy import config
from autonomy.perception.stages import stages_of
from autonomy.runtime.journal import Journal, JournalRings, open_log
from autonomy.runtime.reception import FRAME
from autonomy.runtime.scan_process import LiveSensor, Reader
from autonomy.runtime.scan_rings import ACCOUNT, PROCESSES, ScanRings, list_journal, raw_ring, shared
from autonomy.runtime.scanning import ScanWorker
from autonomy.stack import Stack
from drivers.can.router import Router
from drivers.ring import Ring
from drivers.udp.message import data_of
from drivers.udp.receiver import Received
from hil.lidar.scene import Scene
from hil.sensors import Bytes
from hil.sensors.lidar_line import LidarLine
from hil.sensors.radar_line import RadarLine
from hil.worlds.motorway import Motorway

BUSES = (0, 1, 2)
SCENARIO = {"road": {"segments": [{"length_m": 600, "lanes": 3}]}, "set_speed_mps": 22.0,
            "traffic": [{"kind": "car", "aside_m": 0.0, "place_m": 75.0, "speed_mps": 0.0}]}  # fmt: skip
LIDAR = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.25, "cut_azimuth_rad": 3.14159,
         "gives": ["obstacle", "lane", "odometry"]}  # fmt: skip
UTC_NS = 1_700_000_000_000_000_000


class Socket:
    """A receiver that nobody reads."""

    port, lost = 2368, 0


class Desk:
    """Loop, journal, reader and worker, turned by hand; `now_ns` is everybody's clock."""

    def __init__(self, log_path=None, lidar=LIDAR):
        loaded = config.load("vehicles/demo_truck_lidar", {"lidar.sensor": [lidar]})
        self.stack = Stack.from_config("vehicles/demo_truck_lidar", {"lidar.sensor": [lidar]})
        self.stages = list(stages_of(loaded).values())
        live = [LiveSensor(stage.sensor, Socket(), raw_ring()) for stage in self.stages]
        self.rings, self.account = ScanRings.make(), shared(ACCOUNT, len(live))
        self.now_ns = 0
        self.reader = Reader(live, self.rings.datagrams, self.account)
        self.worker = ScanWorker(self.stages, self.rings, self.account, shared(PROCESSES, 1), lambda: self.now_ns)
        self.raw = live[0].raw
        self.arrivals = {bus: Ring(1 << 12, FRAME.size) for bus in BUSES}
        lists = list_journal()
        journal = JournalRings(Ring(1 << 14, FRAME_ROW.itemsize), Ring(64, TICK_ROW.itemsize), None, None, lists,
                               {item.sensor.topic: item.raw for item in live})  # fmt: skip
        path = np.zeros((0, 5))
        self.loop = Loop(self.stack.core, Router.from_config(loaded), path, [self.arrivals[bus] for bus in BUSES], journal.frames,
                         journal.ticks, set_speed_mps=22.0, found=[self.rings.found], lists=lists,
                         states=[self.rings.states])  # fmt: skip
        log = open_log(log_path, loaded, self.stack.parameters, path, "none", 1) if log_path else None
        self.journal = Journal(log, journal)
        self.outputs: list[np.void] = []

    def datagrams(self, items: list[tuple[int, bytes]], sensor: int = 0) -> None:
        """(time on the loop's clock, data), as they came from the socket of the sensor of that number just now."""
        for time_ns, data in items:
            self.reader.take(sensor, [Received(UTC_NS + time_ns, 0xC0A801C9, 2368, data)], self.now_ns, UTC_NS + self.now_ns)

    def scan(self) -> None:
        while self.worker.turn():
            pass

    def tick(self, time_ns: int) -> np.void:
        self.loop.step(time_ns, time_ns + 50_000)
        self.outputs.append(self.loop.output)
        return self.outputs[-1]

    def drive(self, ticks: int, perception_ns: int = 30_000_000) -> np.ndarray:
        """The outputs. Packets reach the worker at once; what it finds is there `perception_ns` later."""
        world, sensors = Motorway(SCENARIO), Bytes(config.load("vehicles/demo_truck"), 0)
        truth = world.reset(3)
        scene = Scene.of_world(world, 3)
        lines = [LidarLine(self.stages[0].sensor, scene, 3), RadarLine(self.stages[1].sensor, scene, 3)]
        last = dict.fromkeys(BUSES, 0)
        for _ in range(ticks):
            tick_ns = truth.time_ns
            for record in sensors.sense(truth):
                bus = record.data[12]
                last[bus] = max(last[bus], record.time_ns)
                self.arrivals[bus].push(last[bus].to_bytes(8, "little") + record.data[8:])
            self.now_ns = tick_ns
            for number, line in enumerate(lines):
                self.datagrams([(record.time_ns, data_of(record.data)) for record in line.read(truth)], number)
            self.tick(tick_ns)
            self.now_ns = tick_ns + perception_ns
            self.scan()
            if len(self.outputs) % 16 == 0:
                self.journal.drain()
            truth = world.step(None, 0.01)
        while self.journal.drain():
            pass
        self.journal.log.close()
        return np.array(self.outputs)
