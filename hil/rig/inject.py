"""The fault timeline on live buses: a gateway between the device under test and the rest of the truck.

    rest of the truck ── channel A ──[ gateway: faults ]── channel B ── device under test

What comes on A goes to B with every fault of the timeline in it (autonomy/faults, the same as in a replay; CAN FD frames as
they are); what comes on B goes to A as it is. Faults that need the rig (rig_faults.py) act on both ways. Each fault is a step of
the report: what it did, and whether it found anything to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
from autonomy.faults import timeline
from autonomy.faults.inject import Injector
from autonomy.faults.payload import load
from autonomy.msg import dtype
from autonomy.runtime.figures import percentiles_us
from autonomy.stack import Stack
from drivers.can.interface_kind import is_virtual
from drivers.can.transport import Transport, open_transport, room
from hil.loop.live import LiveSource
from hil.rig.relays import Relay
from hil.rig.rig_faults import DONE, FLOOD_ID, NO_RELAYS, RigFaults, split

__all__ = ["Gateway", "InjectOptions", "inject", "lines"]

NS = 1_000_000_000
CAN_FRAME = dtype("CanFrame")
PAUSE_S = 2e-4
SEND_TIMEOUT_S = 0.05
MOST_AT_ONCE = 256
HISTOGRAM_US = 20_000
LATE_US = 5_000.0  # p99 of a gateway's own delay: more than half a period of 10 ms says nothing of the device any more


@dataclass
class InjectOptions:
    """`pairs`: (A, B) of bus 0, 1 ...; `processes` {name: pid}."""

    timeline: str
    config: str
    interface: str
    pairs: list[tuple[str, str]]
    duration_s: float | None = None
    processes: dict[str, int] = field(default_factory=dict)
    relays: dict[str, Relay] = field(default_factory=dict)
    arm: bool = False


class Gateway:
    """`turn(now_ns)` moves what is there. `heard`, `passed`, `returned`, `held` (bus gone) and `untaken` count frames."""

    def __init__(self, faults: timeline.Timeline, stack: Stack, pairs: list[tuple[Transport, Transport]],
                 processes: dict[str, int], start_ns: int, relays: Mapping[str, Relay] = NO_RELAYS):  # fmt: skip
        self.pairs, self.start_ns = pairs, start_ns
        buses = list(range(len(pairs)))
        of_records, of_rig = split(faults)
        self.source = LiveSource(stack, [f"/raw/can/{bus}" for bus in buses], start_ns)
        self.injector = Injector(of_records, self.source)
        self.rig = RigFaults(of_rig, buses, processes, relays)
        self.faults = faults
        self.heard = self.passed = self.returned = self.held = self.untaken = self.flooded = 0
        self.delay_us = np.zeros(HISTOGRAM_US + 1, np.int64)
        self.longest_ns = 0
        self._rows = room(MOST_AT_ONCE)
        self._bus_of = {self.source.numbers[f"/raw/can/{bus}"]: bus for bus in buses}

    def turn(self, now_ns: int, clock_ns: Callable[[], int]) -> int:
        """Frames that were moved; the clock tells when they had been."""
        floods = self.rig.turn((now_ns - self.start_ns) / NS)
        moved = self._forth(now_ns, clock_ns)
        for bus, (_, device) in enumerate(self.pairs):
            moved += self._back(bus)
            if bus in floods:
                rows = np.zeros(floods[bus], CAN_FRAME)
                rows["id"], rows["length"] = FLOOD_ID, 8
                self.flooded += self._send(device, rows)
        return moved

    def _forth(self, now_ns: int, clock_ns: Callable[[], int]) -> int:
        arrived = []
        for bus, (rest, device) in enumerate(self.pairs):
            count, fd_count = rest.receive(*self._rows, 0.0)
            frames = self._rows[0][:count]
            frames["time_ns"], frames["bus"] = now_ns, bus
            self.heard += count + fd_count
            if bus in self.rig.closed:
                self.held += count + fd_count
                continue
            self.passed += self._send(device, self._rows[1][:fd_count])
            arrived += self.source.frames([frame.tobytes() for frame in frames], bus)
        batch = self.injector.step(self.source.batch(arrived), now_ns)
        for number, bus in self._bus_of.items():
            records = batch.records[batch.records["channel"] == number]
            if len(records):
                taken = self._send(self.pairs[bus][1], load(batch.data, records["offset"], CAN_FRAME))
                self.passed += taken
                delay_ns = clock_ns() - now_ns
                self.delay_us[min(delay_ns // 1000, HISTOGRAM_US)] += taken
                self.longest_ns = max(self.longest_ns, delay_ns)
        return len(arrived)

    def _back(self, bus: int) -> int:
        rest, device = self.pairs[bus]
        counts = device.receive(*self._rows, 0.0)
        if bus in self.rig.closed:
            self.held += sum(counts)
            return sum(counts)
        for rows, count in zip(self._rows, counts, strict=True):
            self.returned += self._send(rest, rows[:count])
        return sum(counts)

    def _send(self, node: Transport, rows: np.ndarray) -> int:
        taken = node.send(rows, SEND_TIMEOUT_S) if len(rows) else 0
        self.untaken += len(rows) - taken
        return taken

    def figures(self) -> dict[str, Any]:
        """The account, a step for each fault, and the verdict."""
        done = iter(self.injector.as_json())
        steps = []
        for fault in self.faults.faults:
            rig = self.rig.steps.get(fault.number)
            counts = {DONE[fault.kind]: rig["done"]} if rig is not None else next(done)["records"]
            did = rig["done"] if rig is not None else counts["touched"]
            steps.append({"number": fault.number, "source": fault.source, "kind": fault.kind, "start_s": fault.start_s,
                          "end_s": fault.end_s, "value": fault.value, "counts": counts, "did": int(did),
                          "note": rig["note"] if rig is not None else ""})  # fmt: skip
        delay = percentiles_us(self.delay_us, self.longest_ns)
        names = ("heard", "passed", "returned", "held", "untaken", "flooded")
        found = {"steps": steps, "counts": {name: getattr(self, name) for name in names}, "delay_us": delay}
        found["verdict"], found["exit_code"], found["reasons"] = _judged(found)
        return found


def inject(options: InjectOptions, tell: Callable[[str], None] = lambda line: None, *,
           ended: Callable[[], bool] = lambda: False) -> dict[str, Any]:  # fmt: skip
    """Until the duration is over or `ended`. Raises UsageError, EnvironmentFault."""
    faults = timeline.load(options.timeline)
    if of_truck := faults.of_truck():
        raise UsageError(f"{faults.where(of_truck[0])}: kind = '{of_truck[0].kind}' happens to a truck that drives; use it with "
                         "autonomy hil run")  # fmt: skip
    real = [name for pair in options.pairs for name in pair if not is_virtual(options.interface, name)]
    if real and not options.arm:
        raise UsageError(f"hil inject: {options.interface} {real[0]} leaves this machine and may move something; give --arm")
    stack = Stack.from_config(options.config)
    nodes: list[Transport] = []
    try:
        for pair in options.pairs:
            nodes += [open_transport(options.interface, pair[0]), open_transport(options.interface, pair[1])]
        pairs = list(zip(nodes[::2], nodes[1::2], strict=True))
        gateway = Gateway(faults, stack, pairs, options.processes, time.monotonic_ns(), options.relays)
        for relay in options.relays.values():
            relay.switch(True)
        tell(f"between {', '.join(f'{a} and {b}' for a, b in options.pairs)}: {len(faults.faults)} faults")
        end_ns = None if options.duration_s is None else gateway.start_ns + round(options.duration_s * NS)
        try:
            now_ns = gateway.start_ns
            while not ended() and (end_ns is None or now_ns < end_ns):
                now_ns = time.monotonic_ns()  # a last turn behind the end: what is due by then happens, however late we are
                if not gateway.turn(now_ns, time.monotonic_ns):
                    time.sleep(PAUSE_S)
        finally:
            gateway.rig.end()
        return gateway.figures()
    finally:
        for item in (*nodes, *options.relays.values()):
            item.close()


def lines(found: dict[str, Any]) -> list[str]:
    """The steps and the account for a terminal."""
    from autonomy.cli.can.table import table

    rows = []
    for step in found["steps"]:
        window = f"{step['start_s']:g} s to " + ("the end" if step["end_s"] is None else f"{step['end_s']:g} s")
        told = ", ".join(f"{count} {name}" for name, count in step["counts"].items() if count) or "nothing"
        rows.append(
            [str(step["number"]), step["source"], step["kind"], window, told + (f" ({step['note']})" if step["note"] else "")]
        )
    counts, delay = found["counts"], found["delay_us"]
    shown = [*table([">step", "source", "kind", "when", "did"], rows), ""]
    shown.append("frames       " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    if delay["p50"] is not None:
        shown.append("delay        " + ", ".join(f"{name} {value:.0f}" for name, value in delay.items()) + " us")
    return [*shown, f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _judged(found: dict[str, Any]) -> tuple[str, int, list[str]]:
    if found["counts"]["untaken"]:
        return "fail", FAIL, [f"{found['counts']['untaken']} frames found no room on their bus"]
    notes = [f"step {step['number']}: {step['note']}" for step in found["steps"] if step["note"]]
    if notes:
        return "fail", FAIL, notes
    reasons = [f"step {step['number']} ({step['kind']} of {step['source']}) found nothing to do" for step in found["steps"]
               if not step["did"]]  # fmt: skip
    if found["delay_us"]["p99"] is not None and found["delay_us"]["p99"] > LATE_US:
        reasons.append(f"the gateway's own delay is {found['delay_us']['p99'] / 1e3:.1f} ms at p99")
    return ("inconclusive", INCONCLUSIVE, reasons) if reasons else ("pass", PASS, [])
