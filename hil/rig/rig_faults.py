"""Faults that need a rig: a bus that is gone or flooded, a plug that is pulled, a process that is killed or hangs.

source = "can0"      bus_off, unplug: nothing passes while it lasts; flood: `value` frames a second of the identifier that wins
                     every arbitration (0x000), 1000 without a value; stall: what is for the device waits and comes at the end
source = "gnss"      unplug, stall of a serial line or a UDP stream of the gateway
source = "ignition"  unplug: the relay of that name is open while it lasts
source = "stack"     process_kill (SIGKILL at the start), process_hang (SIGSTOP, SIGCONT at the end): of --process stack=PID
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Mapping
from types import MappingProxyType

from autonomy.errors import UsageError
from autonomy.faults.timeline import RIG_KINDS, Fault, Timeline
from hil.rig.relays import Relay

__all__ = ["DONE", "FLOOD_ID", "RigFaults", "split"]

BUS = re.compile(r"can(\d+)")
OF_BUS, OF_PATH, OF_PROCESS = ("bus_off", "flood"), ("unplug", "stall"), ("process_kill", "process_hang")
DONE = {"bus_off": "bus gone", "unplug": "unplugged", "stall": "records held back", "flood": "frames sent",
        "process_kill": "process killed", "process_hang": "process stopped"}  # fmt: skip
NO_RELAYS: Mapping[str, Relay] = MappingProxyType({})
FLOOD_HZ = 1000.0
MOST_FLOOD_HZ = 20_000.0
FLOOD_ID = 0


def split(faults: Timeline) -> tuple[Timeline, Timeline]:
    """(what happens to records, what needs the rig)."""
    rig = tuple(fault for fault in faults.faults if fault.kind in RIG_KINDS)
    return Timeline(faults.path, tuple(fault for fault in faults.of_records().faults if fault not in rig)), Timeline(
        faults.path, rig
    )


class RigFaults:
    """`turn(now_s)` often, with seconds from the start; nothing passes the paths in `closed`, and what is for the device waits in
    those `stalled`. `steps` tells what happened.

    `paths`: the names of buses, lines and streams. `kill(pid, signal)` is the system's. Raises UsageError for a source that is no
    path, process or relay of the rig.
    """

    def __init__(self, faults: Timeline, paths: list[str], processes: dict[str, int], relays: Mapping[str, Relay] = NO_RELAYS,
                 kill: Callable[[int, int], None] = os.kill):  # fmt: skip
        self.closed: set[str] = set()
        self.stalled: dict[str, int] = {}  # the number of the fault
        self._faults, self._processes, self._relays, self._kill = faults, processes, relays, kill
        self._open: set[str] = set()
        self._sent: dict[int, int] = {}  # frames of a flood, by the fault's number
        self._stopped: set[int] = set()
        self._over: set[int] = set()
        self.steps = {fault.number: {"done": 0, "note": ""} for fault in faults.faults}
        for fault in faults.faults:
            where = faults.where(fault)
            if fault.kind == "unplug" and fault.source in relays:
                continue
            possible = [path for path in paths if BUS.fullmatch(path)] if fault.kind in OF_BUS else paths
            if fault.kind in (*OF_BUS, *OF_PATH) and fault.source not in possible:
                what = "bus" if fault.kind in OF_BUS else "bus, line or stream"
                raise UsageError(f"{where}: source = '{fault.source}' is no {what} of this rig; there are "
                                 f"{', '.join(possible) or 'none'}")  # fmt: skip
            if fault.kind in OF_PROCESS and fault.source not in processes:
                raise UsageError(
                    f"{where}: source = '{fault.source}' is no process of this rig; give --process {fault.source}=PID"
                )
            if fault.kind == "flood" and not 0.0 <= fault.value <= MOST_FLOOD_HZ:
                raise UsageError(f"{where}: value = {fault.value:g} frames a second is not within 0..{MOST_FLOOD_HZ:g}")

    def turn(self, now_s: float) -> dict[str, int]:
        """How many frames of a flood are due now, by bus."""
        floods: dict[str, int] = {}
        closed: set[str] = set()
        stalled: dict[str, int] = {}
        opened: set[str] = set()
        for fault in self._faults.faults:
            if now_s < fault.start_s:
                continue
            active = fault.end_s is None or now_s < fault.end_s
            if fault.kind in OF_PROCESS:
                self._signal(fault, active)
            elif fault.source in self._relays:
                opened |= {fault.source} if active else set()
                self.steps[fault.number]["done"] = 1
            elif fault.kind == "flood":
                due = self._flood(fault, now_s)
                if due:
                    floods[fault.source] = floods.get(fault.source, 0) + due
            elif active and fault.kind == "stall":
                stalled[fault.source] = fault.number
            elif active:
                closed.add(fault.source)
                self.steps[fault.number]["done"] = 1
        self.closed, self.stalled = closed, stalled
        self._switch(opened)
        return floods

    def held_back(self, path: str, count: int) -> None:
        """So many records of a stalled path wait."""
        self.steps[self.stalled[path]]["done"] += count

    def end(self) -> None:
        """Lets processes go on that still hang, and closes all relays."""
        self._switch(set())
        for fault in self._faults.faults:
            if fault.kind in OF_PROCESS:
                self._signal(fault, False)

    def _switch(self, opened: set[str]) -> None:
        for name in sorted(opened ^ self._open):
            self._relays[name].switch(name not in opened)
        self._open = opened

    def _flood(self, fault: Fault, now_s: float) -> int:
        until_s = now_s if fault.end_s is None else min(now_s, fault.end_s)
        wanted = int((until_s - fault.start_s) * (fault.value or FLOOD_HZ))
        due = wanted - self._sent.get(fault.number, 0)
        self._sent[fault.number] = wanted
        self.steps[fault.number]["done"] = wanted
        return max(due, 0)

    def _signal(self, fault: Fault, active: bool) -> None:
        process = self._processes[fault.source]
        step = self.steps[fault.number]
        if active and fault.number not in self._stopped:
            self._stopped.add(fault.number)
            try:
                self._kill(process, signal.SIGKILL if fault.kind == "process_kill" else signal.SIGSTOP)
                step["done"] = 1
            except OSError as error:
                step["note"] = f"process {process}: {error.strerror}"
        elif not active and fault.kind == "process_hang" and fault.number in self._stopped - self._over:
            self._over.add(fault.number)
            with contextlib.suppress(OSError):  # it may have ended itself
                self._kill(process, signal.SIGCONT)
