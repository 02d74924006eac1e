"""The lidars of a live run: opens their sockets, starts their processes, tells how they are.

    lidars = LiveLidars(config, {"roof": "192.168.1.10:2368"}, priority=80)     # before any thread
    Loop(..., found=lidars.found, lists=lidars.lists, states=lidars.states)
    ...
    lidars.stop()
"""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

from autonomy.config import Config
from autonomy.errors import UsageError
from autonomy.perception.sensors import LidarSensor, read
from autonomy.perception.stage import LidarStage
from autonomy.runtime import figures
from autonomy.runtime.lidar_process import HANG_S, LiveLidar, read_forever
from autonomy.runtime.lidar_rings import LidarRings, list_journal, shared_account
from drivers.ring import Ring
from drivers.udp.receiver import ANY_ADDRESS, UdpReceiver, place_of

__all__ = ["LiveLidars", "sockets_asked_for"]

JOIN_S = 5.0
SILENT_S = 2.0  # [D] twenty turns


class LiveLidars:
    """Of one run; without a lidar in the configuration nothing is started. Raises UsageError, EnvironmentFault."""

    def __init__(self, config: Config, sockets: dict[str, tuple[str, int]], priority: int):
        sensors = read(config.sections.get("lidar", {}), str(config.path))
        self.lidars: list[LiveLidar] = []
        self.accounts = shared_account(len(sensors))
        self.lists = list_journal() if sensors else None
        self._process = None
        self._told_silent = False
        self._reader_complaints: list[str] = []
        self._began_ns = time.monotonic_ns()
        vehicle = config.section("vehicle")
        try:
            for sensor in sensors:
                LidarStage(sensor, vehicle)  # what is wrong with it is said here, not in a process of its own
                self.lidars.append(LiveLidar(sensor, UdpReceiver(*sockets[sensor.name]), LidarRings.make()))
            if sensors:
                fork = multiprocessing.get_context("fork")
                self._process = fork.Process(target=read_forever, name="lidars",
                                             args=(self.lidars, self.accounts, vehicle, priority, os.getpid()))  # fmt: skip
                self._process.start()
        finally:
            for lidar in self.lidars:
                lidar.receiver.close()  # the process has its own

    def __enter__(self) -> LiveLidars:
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    @property
    def raw(self) -> dict[str, Ring]:
        """For the recorder, by topic; `found`: for the loop; `states`: those that the loop fills."""
        return {lidar.sensor.topic: lidar.rings.raw for lidar in self.lidars}

    @property
    def found(self) -> list[Ring]:
        return [lidar.rings.found for lidar in self.lidars]

    @property
    def states(self) -> list[Ring]:
        return [lidar.rings.states for lidar in self.lidars]

    def described(self) -> list[str]:
        """What runs: 'lidar roof (Pandar64) on UDP 0.0.0.0:2368 for obstacle, lane'."""
        return [f"lidar {lidar.sensor.name} ({lidar.sensor.model}) on UDP {lidar.receiver.address}:{lidar.receiver.port} "
                f"for {', '.join(lidar.sensor.gives)}" for lidar in self.lidars]  # fmt: skip

    def look(self) -> list[str]:
        """News for whoever watches, once: lidars that nothing has come from."""
        if self._told_silent or time.monotonic_ns() - self._began_ns < SILENT_S * 1e9:
            return []
        self._told_silent = True
        return [f"lidar {lidar.sensor.name}: nothing on UDP port {lidar.receiver.port} yet"
                for lidar, account in zip(self.lidars, self.accounts, strict=True) if not account["datagrams"]]  # fmt: skip

    def stop(self) -> None:
        if self._process is not None:
            self._reader_complaints = self._reader_is_well()
            self._process.terminate()
            self._process.join(JOIN_S)
            self._process = None

    def complaints(self) -> list[str]:
        """Why a run with these lidars is no pass."""
        found = list(self._reader_complaints)
        for lidar, account in zip(self.lidars, self.accounts, strict=True):
            name = f"lidar {lidar.sensor.name}"
            if account["restarts"]:
                found.append(f"{name}: its scan process died or hung {account['restarts']} times and was started again")
            if account["skipped"]:
                found.append(f"{name}: {account['skipped']} scans left out, scan processing was too slow")
        return found

    def _reader_is_well(self) -> list[str]:
        """Empty when it is."""
        if not self._process.is_alive():
            return [f"the process that reads the lidars died (exit code {self._process.exitcode})"]
        silent_s = (time.monotonic_ns() - int(self.accounts["reader_beat_ns"].min())) / 1e9
        return [f"the process that reads the lidars hung for {silent_s:.1f} s"] if silent_s > HANG_S else []

    def counts(self) -> dict[str, int]:
        """Over all lidars, what is missing of their data, for the run's counts."""
        return {"datagrams": int(self.accounts["datagrams"].sum()),
                "datagrams_lost": int(self.accounts["lost"].sum() + self.accounts["without_room"].sum()),
                "datagrams_unrecorded": int(self.accounts["unrecorded"].sum()),
                "lists_lost": int(self.accounts["lists_lost"].sum())}  # fmt: skip

    def figures(self) -> dict[str, dict[str, Any]]:
        """Per lidar."""
        names = ("datagrams", "bytes", "lost", "without_room", "unrecorded", "clock_steps", "scans", "skipped", "lists",
                 "lists_lost", "without_ego", "restarts")  # fmt: skip
        found = {}
        for lidar, account in zip(self.lidars, self.accounts, strict=True):
            latency = figures.percentiles(account["latency_ms"], int(account["latency_max_ns"]) / 1e6)
            found[lidar.sensor.name] = {"model": lidar.sensor.model, **{name: int(account[name]) for name in names},
                                        "latency_ms": latency}  # fmt: skip
        return found


def sockets_asked_for(given: dict[str, str], sensors: list[LidarSensor], config: str) -> dict[str, tuple[str, int]]:
    """Where to listen for each lidar: (address, port). `given`: by name "PORT" or "ADDRESS:PORT". Raises UsageError."""
    known = {sensor.name: sensor for sensor in sensors}
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"--udp {unknown[0]}: {config} has no lidar of that name; known: {', '.join(known) or 'none'}")
    found = {name: (ANY_ADDRESS, sensor.port) for name, sensor in known.items()}
    for name, place in given.items():
        found[name] = place_of(name, place)
    if len(set(found.values())) < len(found):
        raise UsageError(f"{config}: the lidars {', '.join(found)} need a UDP port each; give --udp LIDAR=PORT")
    return found
