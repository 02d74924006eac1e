"""A drive without a clock: world and sensors hand their frames to a loop's rings, the loop is stepped, the journal written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from autonomy.runtime._journal import FRAME_ROW, TICK_ROW
from autonomy.runtime._loop import Loop

from autonomy import msg
from autonomy.runtime.cruise_planning import CruiseRings
from autonomy.runtime.journal import Journal, JournalRings, open_log
from autonomy.runtime.reception import FRAME
from autonomy.runtime.scan_rings import list_journal
from autonomy.runtime.transmission import Transmitter
from autonomy.stack import Stack
from drivers.can.commanding import command_config
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.router import Router
from drivers.ring import Ring
from hil.loop.reference import centre_line
from hil.sensors import Bytes
from hil.worlds.curved_road import CurvedRoad

VEHICLE = "vehicles/demo_truck"
PERIOD_NS = 10_000_000
SET_SPEED = 22.0
BUSES = (0, 1, 2)


@cache
def parts() -> tuple[Stack, Router]:
    stack = Stack.from_config(VEHICLE)
    return stack, Router.from_config(stack.config)


class SilentBus:
    """Takes everything."""

    def __init__(self) -> None:
        self.frames: list[np.void] = []

    def send(self, frames, timeout_s) -> int:
        self.frames += [row.copy() for row in frames]
        return len(frames)


@dataclass
class Rig:
    """A loop with its rings, a bus that only listens, and the log its journal goes to."""

    stack: Stack
    loop: Loop
    arrivals: dict[int, Ring]
    rings: JournalRings
    journal: Journal
    commands: Ring | None
    transmitter: Transmitter | None
    outputs: list

    @classmethod
    def build(cls, log_path: Path | None, path: np.ndarray, *, active: bool = False, engage_tick: int | None = None,
              slots: int = 1 << 12, tick_slots: int = 64, cruise: CruiseRings | None = None) -> Rig:  # fmt: skip
        loaded, router = parts()
        stack = Stack(loaded.parameters, loaded.config)
        arrivals = {bus: Ring(slots, FRAME.size) for bus in BUSES}
        sent = {0: Ring(256, FRAME.size)}
        commands = Ring(16, msg.dtype("Actuation").itemsize) if active else None
        frames, ticks = Ring(1 << 14, FRAME_ROW.itemsize), Ring(tick_slots, TICK_ROW.itemsize)
        lists = None if cruise is None else list_journal()
        loop = Loop(stack.core, router, path, [arrivals[0], sent[0], arrivals[1], arrivals[2]], frames, ticks, commands=commands,
                    set_speed_mps=SET_SPEED, engage_tick=engage_tick, found=[cruise.found] if cruise else (), lists=lists,
                    outputs=[cruise.outputs] if cruise else ())  # fmt: skip
        transmitter = (
            Transmitter(
                CommandEncoder(command_config.read(stack.config.section("command"), VEHICLE), router.codec),
                commands,
                -1,
                {0: SilentBus()},
                sent,
            )
            if active
            else None
        )
        log = open_log(log_path, stack.config, stack.parameters, path, "a test's", PERIOD_NS) if log_path else None
        rings = JournalRings(frames, ticks, None, None, lists)
        return cls(stack, loop, arrivals, rings, Journal(log, rings), commands, transmitter, [])

    def step(self, tick_time_ns: int) -> np.void:
        self.loop.step(tick_time_ns, tick_time_ns + 50_000)
        self.outputs.append(self.loop.output)
        return self.outputs[-1]

    def close(self) -> np.ndarray:
        """Writes the log; the outputs of all ticks."""
        while self.journal.drain():
            pass
        self.journal.log.close()
        return np.array(self.outputs)


def drive(log_path: Path, *, ticks: int, active: bool, engage_tick: int | None = None, seed: int = 0,
          delayed_share: float = 0.0, cruise: CruiseRings | None = None,
          beside: Callable[[int], None] = lambda tick_ns: None) -> tuple[Rig, np.ndarray]:  # fmt: skip
    """Closed loop for `ticks`. `delayed_share` of the frames reach their ring only after the tick of their stamp. `beside` is
    called behind each tick."""
    stack, _ = parts()
    world = CurvedRoad(stack.config.section("vehicle"))
    sensors = Bytes(stack.config, seed)
    random = np.random.default_rng(seed)
    rig = Rig.build(log_path, centre_line(world), active=active, engage_tick=engage_tick, cruise=cruise)
    truth = world.reset(seed)
    waiting: dict[int, list[bytes]] = {bus: [] for bus in BUSES}
    last = dict.fromkeys(BUSES, 0)
    for _ in range(ticks):
        for record in sensors.sense(truth):
            bus = record.data[12]
            last[bus] = max(last[bus], record.time_ns)
            waiting[bus].append(last[bus].to_bytes(8, "little") + record.data[8:])
        for bus, frames in waiting.items():
            kept = int(random.random() < delayed_share) * len(frames) // 2
            for frame in frames[: len(frames) - kept]:
                rig.arrivals[bus].push(frame)
            waiting[bus] = frames[len(frames) - kept :]
        out = rig.step(truth.time_ns)
        beside(truth.time_ns)
        if active:
            send(rig, truth.time_ns)
        if len(rig.outputs) % 16 == 0:
            rig.journal.drain()
        truth = world.step(out["actuation"], 0.01)
    return rig, rig.close()


def send(rig: Rig, now_ns: int) -> None:
    """What the transmitter's thread does, at a time of ours."""
    newest = np.frombuffer(rig.commands.pop(), msg.dtype("Actuation"))[0]
    for place, frame in enumerate(rig.transmitter.encoder.frames(newest)):
        data = frame["data"].tobytes()
        rig.transmitter.rings[0].push(FRAME.pack(now_ns + 300_000 + place, int(frame["id"]), 0, len(data), 1, data))
