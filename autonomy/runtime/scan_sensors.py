"""The lidars and radars of a live run whose packets are scans: opens their sockets, starts their processes, tells how they are.

    sensors = ScanSensors(config, {"roof": "192.168.1.10:2368"}, priority=80)     # before any thread
    Loop(..., found=sensors.found, states=sensors.states)
    ...
    sensors.stop()
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Mapping
from typing import Any

from autonomy.config import Config
from autonomy.errors import UsageError
from autonomy.perception.stages import ScanSensor, sensors_of, stages_of
from autonomy.runtime import figures
from autonomy.runtime.keeper import HANG_S, tell_to_end
from autonomy.runtime.lockstep_scans import LockstepScans
from autonomy.runtime.scan_process import LiveSensor, read_forever
from autonomy.runtime.scan_rings import ACCOUNT, PROCESSES, ScanRings, raw_ring, shared
from drivers.ring import Ring
from drivers.udp.receiver import ANY_ADDRESS, UdpReceiver, place_of

__all__ = ["ScanSensors", "sockets_asked_for"]

JOIN_S = 5.0
SILENT_S = 2.0  # [D] twenty turns


class ScanSensors:
    """Of one run; without one in the configuration nothing is started. `lockstep`: no process is started, `take` does it all.
    Raises UsageError, EnvironmentFault."""

    def __init__(self, config: Config, sockets: dict[str, tuple[str, int]], priority: int, *, lockstep: bool = False):
        sensors = sensors_of(config)
        self.live: list[LiveSensor] = []
        self.accounts, self.processes = shared(ACCOUNT, len(sensors)), shared(PROCESSES, 1)
        self.rings = ScanRings.make() if sensors else None
        self._process = self._stepped = None
        self._told_silent = False
        self._reader_complaints: list[str] = []
        self._began_ns = time.monotonic_ns()
        stages_of(config)  # what is wrong with one is said here, not in a process of its own
        try:
            for sensor in sensors:
                self.live.append(LiveSensor(sensor, UdpReceiver(*sockets[sensor.name]), raw_ring()))
            if sensors and lockstep:
                self._stepped = LockstepScans(self.live, self.rings, self.accounts, self.processes, config)
            elif sensors:
                fork = multiprocessing.get_context("fork")
                self._process = fork.Process(target=read_forever, name="scan sensors",
                                             args=(self.live, self.rings, self.accounts, self.processes, config, priority,
                                                   os.getpid()))  # fmt: skip
                self._process.start()
        finally:
            if self._stepped is None:  # the process has its own
                self._close()

    def __enter__(self) -> ScanSensors:
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    @property
    def raw(self) -> dict[str, Ring]:
        """For the recorder, by topic; `found`: for the loop; `states`: those that the loop fills."""
        return {live.sensor.topic: live.raw for live in self.live}

    @property
    def found(self) -> list[Ring]:
        return [self.rings.found] if self.rings is not None else []

    @property
    def states(self) -> list[Ring]:
        return [self.rings.states] if self.rings is not None else []

    def take(self, time_ns: int, told: Mapping[int, int]) -> None:
        """In lockstep, before each tick: what came by that time of the rig's. Raises EnvironmentFault."""
        if self._stepped is not None:
            self._stepped.take(time_ns, told)

    def described(self) -> list[str]:
        """What runs: 'lidar roof (Pandar64) on UDP 0.0.0.0:2368 for obstacle, lane'."""
        return [f"{live.sensor.kind} {live.sensor.name} ({live.sensor.model}) on UDP {live.receiver.address}:{live.receiver.port}"
                f" for {', '.join(live.sensor.gives)}" for live in self.live]  # fmt: skip

    def look(self) -> list[str]:
        """News for whoever watches, once: sensors that nothing has come from."""
        if self._told_silent or time.monotonic_ns() - self._began_ns < SILENT_S * 1e9:
            return []
        self._told_silent = True
        return [f"{live.sensor.kind} {live.sensor.name}: nothing on UDP port {live.receiver.port} yet"
                for live, account in zip(self.live, self.accounts, strict=True) if not account["datagrams"]]  # fmt: skip

    def stop(self) -> None:
        if self._process is not None:
            self._reader_complaints = self._reader_is_well()
            tell_to_end(self._process.pid)
            self._process.join(JOIN_S)
            self._process = None
        self._close()

    def _close(self) -> None:
        for live in self.live:
            live.receiver.close()

    def complaints(self) -> list[str]:
        """Why a run with these sensors is no pass."""
        found = list(self._reader_complaints)
        if restarts := self.restarts:
            found.append(f"the scan process died or hung {restarts} times and was started again")
        for live, account in zip(self.live, self.accounts, strict=True):
            name = f"{live.sensor.kind} {live.sensor.name}"
            if account["skipped"]:
                found.append(f"{name}: {account['skipped']} scans left out, scan processing was too slow")
        return found

    @property
    def restarts(self) -> int:
        """Of the scan process."""
        return int(self.processes["restarts"][0])

    def _reader_is_well(self) -> list[str]:
        """Empty when it is."""
        if not self._process.is_alive():
            return [f"the process that reads lidars and radars died (exit code {self._process.exitcode})"]
        silent_s = (time.monotonic_ns() - int(self.processes["reader_beat_ns"][0])) / 1e9
        return [f"the process that reads lidars and radars hung for {silent_s:.1f} s"] if silent_s > HANG_S else []

    def counts(self) -> dict[str, int]:
        """Over all sensors, what is missing of their data, for the run's counts."""
        return {"datagrams": int(self.accounts["datagrams"].sum()),
                "datagrams_lost": int(self.accounts["lost"].sum() + self.accounts["without_room"].sum()),
                "datagrams_unrecorded": int(self.accounts["unrecorded"].sum()),
                "lists_lost": int(self.accounts["lists_lost"].sum()), "scan_restarts": self.restarts}  # fmt: skip

    def figures(self) -> dict[str, dict[str, Any]]:
        """Per sensor."""
        names = ("datagrams", "bytes", "lost", "without_room", "unrecorded", "clock_steps", "scans", "skipped", "lists",
                 "lists_lost", "malformed", "other", "missing", "without_ego")  # fmt: skip
        found = {}
        for live, account in zip(self.live, self.accounts, strict=True):
            latency = figures.percentiles(account["latency_ms"], int(account["latency_max_ns"]) / 1e6)
            found[live.sensor.name] = {"kind": live.sensor.kind, "model": live.sensor.model, "latency_ms": latency,
                                       **{name: int(account[name]) for name in names}}  # fmt: skip
        return found


def sockets_asked_for(given: dict[str, str], sensors: list[ScanSensor], config: str) -> dict[str, tuple[str, int]]:
    """Where to listen for each sensor: (address, port). `given`: by name "PORT" or "ADDRESS:PORT". Raises UsageError."""
    known = {sensor.name: sensor for sensor in sensors}
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"--udp {unknown[0]}: {config} has no such lidar or radar on UDP; known: {', '.join(known) or 'none'}")
    found = {name: (ANY_ADDRESS, sensor.port) for name, sensor in known.items()}
    for name, place in given.items():
        found[name] = place_of(name, place)
    if len(set(found.values())) < len(found):
        raise UsageError(f"{config}: the sensors {', '.join(found)} need a UDP port each; give --udp SENSOR=PORT")
    return found
