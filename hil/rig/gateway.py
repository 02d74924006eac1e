"""The fault timeline on live buses, lines and sockets: a gateway between the device under test and the rest of the truck.

    rest of the truck ── A ──[ gateway: faults ]── B ── device under test

What comes on A goes to B with every fault of the timeline in it (autonomy/faults, the same as in a replay; CAN FD frames as
they are); what comes on B goes to A as it is. Faults that need the rig (rig_faults.py) act on both ways. Each fault is a step of
the report: what it did, and whether it found anything to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autonomy.errors import FAIL, INCONCLUSIVE, PASS
from autonomy.faults import timeline
from autonomy.faults.inject import Injector
from autonomy.msg import dtype
from autonomy.runtime.figures import percentiles_us
from autonomy.stack import Stack
from hil.loop.live import LiveSource, Row
from hil.rig.inject_paths import CanPath, GatewayPath
from hil.rig.relays import Relay
from hil.rig.rig_faults import DONE, FLOOD_ID, NO_RELAYS, RigFaults, split

__all__ = ["Gateway"]

NS = 1_000_000_000
CAN_FRAME = dtype("CanFrame")
MOST_AT_ONCE = 256  # of what a stall held back, so that it holds up no other path
HISTOGRAM_US = 20_000
LATE_US = 5_000.0  # p99 of a gateway's own delay: more than half a period of 10 ms says nothing of the device any more


class Gateway:
    """`turn(now_ns)` moves what is there. Records (frames, pieces of lines, datagrams) are counted as `heard`, `passed`,
    `returned`, `held` (nothing passes), `untaken` (no room)."""

    def __init__(self, faults: timeline.Timeline, stack: Stack, paths: Sequence[GatewayPath], processes: dict[str, int],
                 start_ns: int, relays: Mapping[str, Relay] = NO_RELAYS):  # fmt: skip
        self.paths, self.start_ns = paths, start_ns
        of_records, of_rig = split(faults)
        self.source = LiveSource(stack, [path.topic for path in paths], start_ns)
        self.injector = Injector(of_records, self.source)
        self.rig = RigFaults(of_rig, [path.name for path in paths], processes, relays)
        self.faults = faults
        self.heard = self.passed = self.returned = self.held = self.untaken = self.flooded = 0
        self.delay_us = np.zeros(HISTOGRAM_US + 1, np.int64)
        self.longest_ns = 0
        self._waiting: dict[str, list[Any]] = {path.name: [] for path in paths}
        self._closed: set[str] = set()

    def turn(self, now_ns: int, clock_ns: Callable[[], int]) -> int:
        """Records that were moved; the clock tells when they had been."""
        floods = self.rig.turn((now_ns - self.start_ns) / NS)
        for path in self.paths:
            if path.name in self.rig.closed ^ self._closed:
                path.plug(path.name not in self.rig.closed)
        self._closed = set(self.rig.closed)
        moved = self._forth(now_ns, clock_ns)
        for path in self.paths:
            moved += self._back(path, now_ns)
            if path.name in floods:
                rows = np.zeros(floods[path.name], CAN_FRAME)
                rows["id"], rows["length"] = FLOOD_ID, 8
                self.flooded += self._counted(len(rows), path.to_device(rows, now_ns))
        return moved

    def _forth(self, now_ns: int, clock_ns: Callable[[], int]) -> int:
        arrived: list[Row] = []
        catching_up = {name for name, waiting in self._waiting.items() if waiting}  # that late they are by a fault
        for path in self.paths:
            arrived += self._arrived(path, now_ns)
        batch = self.injector.step(self.source.batch(arrived), now_ns)
        for path in self.paths:
            records = batch.records[batch.records["channel"] == self.source.numbers[path.topic]]
            if len(records):
                taken = self._counted(len(records), path.give(batch, records, now_ns))
                self.passed += taken
                if path.name in catching_up:
                    continue
                delay_ns = clock_ns() - now_ns
                self.delay_us[min(delay_ns // 1000, HISTOGRAM_US)] += taken
                self.longest_ns = max(self.longest_ns, delay_ns)
        return len(arrived)

    def _arrived(self, path: GatewayPath, now_ns: int) -> list[Row]:
        """What is to be passed now, as records for the faults."""
        heard, number = path.hear(), self.source.numbers[path.topic]
        self.heard += len(heard)
        if isinstance(path, CanPath) and path.name not in self.rig.stalled:
            fd = path.take_fd()
            self.heard += len(fd)
            if path.name in self.rig.closed:
                self.held += len(fd)
            elif len(fd):
                self.passed += self._counted(len(fd), path.to_device(fd, now_ns))
        if path.name in self.rig.closed:
            self.held += len(heard)
            return []
        if path.name in self.rig.stalled:
            self._waiting[path.name] += heard
            self.rig.held_back(path.name, len(heard))
            return []
        waiting = self._waiting[path.name] + heard
        due, self._waiting[path.name] = waiting[:MOST_AT_ONCE], waiting[MOST_AT_ONCE:]
        return [(now_ns, number, body) for body in path.bodies(due, now_ns)]

    def _back(self, path: GatewayPath, now_ns: int) -> int:
        said = path.back()
        count = sum(len(item) if isinstance(item, np.ndarray) else 1 for item in said)
        if path.name in self.rig.closed:
            self.held += count
        elif count:
            self.returned += self._counted(count, path.answer(said, now_ns))
        return count

    def _counted(self, count: int, taken: int) -> int:
        self.untaken += count - taken
        return taken

    def end(self) -> None:
        """What a fault holds is let go: processes, relays, plugs."""
        self.rig.end()
        for path in self.paths:
            if path.name in self._closed:
                path.plug(True)

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
                          "note": rig["note"] if rig is not None else "", "cut": None})  # fmt: skip
        delay = percentiles_us(self.delay_us, self.longest_ns)
        names = ("heard", "passed", "returned", "held", "untaken", "flooded")
        counts = {name: getattr(self, name) for name in names} | {"lost": sum(path.lost() for path in self.paths)}
        counts["held"] += sum(map(len, self._waiting.values()))  # of a stall that did not end
        found = {"steps": steps, "counts": counts, "delay_us": delay, "log": None}
        found["verdict"], found["exit_code"], found["reasons"] = _judged(found)
        return found


def _judged(found: dict[str, Any]) -> tuple[str, int, list[str]]:
    reasons = [f"{found['counts'][name]} records {words}" for name, words in
               (("untaken", "found no room on their way"), ("lost", "were lost before the gateway heard them"))
               if found["counts"][name]]  # fmt: skip
    reasons += [f"step {step['number']}: {step['note']}" for step in found["steps"] if step["note"]]
    if reasons:
        return "fail", FAIL, reasons
    reasons = [f"step {step['number']} ({step['kind']} of {step['source']}) found nothing to do" for step in found["steps"]
               if not step["did"]]  # fmt: skip
    if not found["counts"]["heard"]:
        reasons.append("nothing was heard on any of its paths")
    if found["delay_us"]["p99"] is not None and found["delay_us"]["p99"] > LATE_US:
        reasons.append(f"the gateway's own delay is {found['delay_us']['p99'] / 1e3:.1f} ms at p99")
    return ("inconclusive", INCONCLUSIVE, reasons) if reasons else ("pass", PASS, [])
