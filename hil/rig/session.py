"""A run of the rig's sending side: lanes opened, kept filled, begun together, ended in order."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from autonomy.orderly_end import orderly_end
from autonomy.stolen_time import StolenTime
from hil.rig.feeder import Feeder
from hil.rig.lanes import Lane
from hil.rig.recorded import SERIAL
from hil.rig.targets import Target

__all__ = ["Pace", "Session"]

NS = 1_000_000_000
BEGIN_NS = 20_000_000  # from the start of the lanes to the first deadline
LONGEST_COURSE_S = 4096.0  # stretches that a port remembers
POLL_S = 0.05
SWITCH_INTERVAL_S = 5e-4  # between Python threads: what prepares the next seconds must not hold one that sends


class Pace(Protocol):
    """What a run is asked for, whatever it sends. `bare`: nothing, at the same deadlines."""

    for_s: float | None
    bare: bool
    patience_s: float
    late_limit_s: float
    loop: bool
    baud: int


class Session:
    """`tracks` give what is due; `lanes` are opened as targets come up. Raises EnvironmentFault."""

    def __init__(self, options: Pace, tracks: list):
        self.options, self.tracks = options, tracks
        self.lanes: dict[Target, Lane] = {}
        self.origin_ns = 0
        self.ended_ns = 0
        self.stolen = StolenTime()
        self.interrupted = False
        self._stopped = threading.Event()
        end_ns = None if options.for_s is None else round(options.for_s * NS)
        self.feeder = Feeder(tracks, self._lane_of, end_ns)

    def run(self, tell: Callable[[str], None]) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        try:
            with orderly_end(self._interrupt):
                self.feeder.fill(0)
                for lane in self.lanes.values():
                    if lane.target.kind == SERIAL:
                        tell(f"{lane.target}: {lane.where}")
                tell(f"sending onto {', '.join(str(target) for target in self.lanes)}" if not self.options.bare else "bare loop")
                for lane in self.lanes.values():
                    lane.start()
                for lane in self.lanes.values():
                    lane.is_ready.wait()
                self.origin_ns = time.monotonic_ns() + BEGIN_NS
                for lane in self.lanes.values():
                    lane.begin(self.origin_ns)
                self.feeder.run(self.origin_ns, self._is_over)
                for lane in self.lanes.values():
                    lane.port.close_input()
                while any(lane.is_alive() for lane in self.lanes.values()):
                    if self._is_over():
                        for lane in self.lanes.values():
                            lane.stop()
                    time.sleep(POLL_S)
        finally:
            sys.setswitchinterval(before)
            self.ended_ns = time.monotonic_ns()

    @property
    def seconds(self) -> float:
        return (self.ended_ns - self.origin_ns) / NS

    def close(self) -> None:
        for lane in self.lanes.values():
            lane.stop()
            if lane.is_alive():
                lane.join()
            lane.close()

    def _lane_of(self, target: Target) -> Lane:
        if target not in self.lanes:
            options = self.options
            stretch_s = max(1.0, (options.for_s or 0.0) / LONGEST_COURSE_S)
            lane = Lane(target, patience_ns=round(options.patience_s * NS), bucket_ns=round(stretch_s * NS), bare=options.bare,
                        baud=options.baud)  # fmt: skip
            self.lanes[target] = lane
            if self.origin_ns:  # new while it plays
                lane.start()
                lane.begin(self.origin_ns)
        return self.lanes[target]

    def _is_over(self) -> bool:
        return self._stopped.is_set()

    def _interrupt(self) -> None:
        self.interrupted = True
        self._stopped.set()
