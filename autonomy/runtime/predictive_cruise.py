"""The predictive cruise control of a live run: reads the stored route, starts the process that plans, tells how it is.

    cruise = PredictiveCruise(stack.parameters, "home.route")     # before any thread
    Loop(..., found=cruise.found, outputs=cruise.outputs)
    ...
    cruise.stop()

    loop ─ ring of outputs ─ planner ─ ring of plans ─ loop
                                └─ kept by a process of one thread, which may fork
"""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.planning.route_grade import RouteGrade, restore
from autonomy.planning.stored_road import Standing
from autonomy.runtime import figures
from autonomy.runtime.cruise_planning import CRUISE_ACCOUNT, CruiseRings, CruiseWorker
from autonomy.runtime.keeper import HANG_S, Keeper, has_to_end, start_worker, tell_to_end
from autonomy.runtime.scan_rings import shared
from drivers.ring import Ring

__all__ = ["PredictiveCruise"]

POLL_S = 0.05
JOIN_S = 5.0
STEADY_LOOKS = 10  # a standing that lasts so long is told: a second of the run's own looking
LOCKSTEP_PLAN_NS = 20_000_000  # where the rig tells the time: what a plan is taken to need


class PredictiveCruise:
    """Of one run; without a route nothing is started. Raises BadInputError when the route's file is not sound.

    `lockstep`: plans in the caller's process, in `turn`.
    """

    def __init__(self, parameters: np.ndarray, route_file: str | None, *, lockstep: bool = False):
        self.route_file = route_file
        self.route = None if route_file is None else restore(Path(route_file))
        self.account = shared(CRUISE_ACCOUNT, 1)
        self.rings = None if self.route is None else CruiseRings.make()
        self._process = self._worker = None
        self._keeper_complaints: list[str] = []
        self._told, self._looks = int(Standing.NO_POSITION), 0
        self._now_ns = 0
        if self.route is None:
            return
        if lockstep:
            self._worker = CruiseWorker(parameters, self.route, self.rings, self.account[0], lambda: self._now_ns)
            return
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=_keep_forever, name="cruise planner",
                                     args=(parameters, self.route, self.rings, self.account[0], os.getpid()))  # fmt: skip
        self._process.start()

    def __enter__(self) -> PredictiveCruise:
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    @property
    def found(self) -> list[Ring]:
        return [] if self.rings is None else [self.rings.found]

    @property
    def outputs(self) -> list[Ring]:
        return [] if self.rings is None else [self.rings.outputs]

    def turn(self, tick_ns: int) -> None:
        """In lockstep, behind each tick: what is planned from it is there LOCKSTEP_PLAN_NS later."""
        if self._worker is not None:
            self._now_ns = tick_ns + LOCKSTEP_PLAN_NS
            self._worker.turn()

    def described(self) -> str | None:
        """What runs: 'predictive cruise control on home.route: 12.3 km, grade known on 98 %, plans ten times a second'."""
        if self.route is None:
            return None
        known = 100.0 * float(np.isfinite(self.route.grade[:-1]).mean())
        return (f"predictive cruise control on {self.route_file}: {self.route.length_m / 1e3:.1f} km, grade known on {known:.0f} "
                "%, plans ten times a second; off the route none, and the set speed is kept as without")  # fmt: skip

    def look(self) -> list[str]:
        """News for whoever watches: how the truck stands to the route, when that has changed for good."""
        standing = int(self.account["standing"][0])
        if self.route is None or standing == self._told or not int(self.account["standings"][0].sum()):
            self._looks = 0
            return []
        self._looks += 1
        if self._looks < STEADY_LOOKS:
            return []
        self._told, position = standing, float(self.account["position_m"][0])
        return [f"route: {Standing(standing).words}" + (f", {position / 1e3:.1f} km from its start" if position >= 0.0 else "")]

    def stop(self) -> None:
        if self._process is not None:
            self._keeper_complaints = self._keeper_is_well()
            tell_to_end(self._process.pid)
            self._process.join(JOIN_S)
            self._process = None

    def _keeper_is_well(self) -> list[str]:
        """Empty when it is."""
        if not self._process.is_alive():
            return [f"the process that keeps the cruise planner died (exit code {self._process.exitcode})"]
        silent_s = (time.monotonic_ns() - int(self.account["keeper_beat_ns"][0])) / 1e9
        return [f"the process that keeps the cruise planner hung for {silent_s:.1f} s"] if silent_s > HANG_S else []

    def complaints(self) -> list[str]:
        """Why a run with this route is no pass."""
        restarts = int(self.account["restarts"][0])
        told = [f"the cruise planner died or hung {restarts} times and was started again"] if restarts else []
        return self._keeper_complaints + told

    def lists_lost(self) -> int:
        return int(self.account["lists_lost"][0])

    def figures(self) -> dict[str, Any] | None:
        """None without a route. `standings`: tenths of a second by how the truck stood to the route."""
        if self.route is None:
            return None
        account = self.account[0]
        return {
            "file": str(self.route_file), "length_m": self.route.length_m, "plans": int(account["plans"]),
            "lists_lost": self.lists_lost(), "restarts": int(account["restarts"]),
            "standings": {case.name.lower(): int(account["standings"][case]) for case in Standing},
            "replan_ms": figures.percentiles(account["solve_ms"], int(account["solve_max_ns"]) / 1e6),
            "latency_ms": figures.percentiles(account["latency_ms"], int(account["latency_max_ns"]) / 1e6),
        }  # fmt: skip


def _keep_forever(parameters: np.ndarray, route: RouteGrade, rings: CruiseRings, account: np.ndarray, parent: int) -> None:
    """The keeper's process, until its parent is gone or tells it to end."""
    ends = has_to_end(parent)

    def worker() -> CruiseWorker:
        return CruiseWorker(parameters, route, rings, account)

    keeper = Keeper(lambda: start_worker(worker), lambda: int(account["beat_ns"]))
    try:
        while not ends():
            time.sleep(POLL_S)
            keeper.look()
            account["restarts"], account["process"] = keeper.restarts, keeper.process
            account["keeper_beat_ns"] = time.monotonic_ns()
    finally:
        keeper.stop()
