"""SUMO's traffic about our truck: libsumo runs it in this process, the truck is moved by hand, the others see it.

SUMO steps ten times a second; between its steps the others go on as they were going. What it leaves to chance it draws from
the seed. Beside what its drivers do by themselves, some are told to: cut in close, brake hard ahead, stand in a queue.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
from pathlib import Path

import numpy as np

from autonomy.errors import MissingPackage
from hil.world import Actor
from hil.worlds import sumo_network
from hil.worlds.road import Road
from hil.worlds.sumo_network import EGO, EGO_LENGTH_M, LANES
from hil.worlds.traffic import BESIDE_M, SIGHT_M, EgoPlace

STEP_S = 0.1
WARM_UP_S = 150.0  # until the road is full
CLEARED_AHEAD_M, CLEARED_BEHIND_M = 70.0, 40.0  # in the truck's lane when it enters
LANE_CHANGE_S = 4.0
KINDS = {"car": (4.6, 1.85, 1.5), "van": (6.0, 2.0, 2.6), "truck": (16.5, 2.55, 4.0)}
# What is arranged, and how often: s between the middles of the draws. So hard that SUMO's IDM as the truck brakes harder than
# 3 m/s2 some dozens of times in 100 km [C]
CUT_IN_EVERY_S, BRAKING_EVERY_S, QUEUE_AFTER_S, QUEUE_LASTS_S = 35.0, 50.0, 130.0, 25.0
CUT_IN_GAP_M = (10.0, 32.0)  # car's rear ahead of the truck's front
CUT_IN_SPEED = (0.82, 1.02)  # of the truck's, reached within CUT_IN_SLOWS_S
CUT_IN_SLOWS_S = 4.0
BRAKING_DECELERATION = (2.5, 4.5)  # m/s2
QUEUE_AHEAD_M = (450.0, 650.0)


class SumoTraffic:
    """Has the face of hil.worlds.traffic.Traffic. One at a time in a process: libsumo knows only one simulation."""

    ego_type = "ego"

    def __init__(self, road: Road, seed: int):
        self.road, self.seed = road, seed
        self.sumo = library()
        self._folder = tempfile.TemporaryDirectory(prefix="autonomy-sumo-")
        self._running = False

    def reset(self, random: np.random.Generator, ego: EgoPlace) -> None:
        self.random = random
        network, demand = sumo_network.build(self.road, Path(self._folder.name))
        self._start(network, demand)
        for _ in range(round(WARM_UP_S / STEP_S)):
            self.sumo.simulationStep()
        self._enter(ego)
        self._waited_s = 0.0
        self._restore: list[tuple[float, str]] = []
        self._next_cut_in_s = float(random.uniform(10.0, CUT_IN_EVERY_S))
        self._next_braking_s = float(random.uniform(15.0, BRAKING_EVERY_S))
        self._queue_s = float(random.uniform(0.8, 1.2)) * QUEUE_AFTER_S
        self._seen = self._read()

    def step(self, time_s: float, dt_s: float, ego: EgoPlace) -> None:
        self._waited_s += dt_s
        if self._waited_s < STEP_S - 1e-6:
            return
        self._waited_s = 0.0
        self._move_ego(ego)
        self._arrange(time_s, ego)
        self.sumo.simulationStep()
        self._seen = self._read()

    def actors(self, ego: EgoPlace) -> list[Actor]:
        ahead = self._waited_s
        found = []
        for number, kind, x, y, yaw, speed, acceleration in self._seen:
            length, width, height = KINDS[kind]
            along = speed * ahead - 0.5 * length  # SUMO tells the front
            found.append(Actor(number, kind, x + along * math.cos(yaw), y + along * math.sin(yaw), yaw, speed, acceleration,
                               length, width, height))  # fmt: skip
        found.sort(key=lambda actor: (actor.x - ego.x) ** 2 + (actor.y - ego.y) ** 2)
        return found

    def lead(self, ego: EgoPlace) -> tuple[float, float] | None:
        best = None
        for actor in self.actors(ego):
            s, offset = self.road.project(actor.x, actor.y, ego.s + math.hypot(actor.x - ego.x, actor.y - ego.y))
            gap = s - 0.5 * actor.length - ego.s - ego.front
            beside = abs(offset - ego.offset) > 0.5 * (actor.width + ego.width) + BESIDE_M
            if not beside and -EGO_LENGTH_M < gap < SIGHT_M and s > ego.s and (best is None or gap < best[0]):
                best = gap, actor.speed
        return best

    def close(self) -> None:
        if self._running:
            self.sumo.close()
            self._running = False

    def _start(self, network: Path, demand: Path) -> None:
        self.close()
        command = ["sumo", "-n", str(network), "-r", str(demand), "--step-length", str(STEP_S), "--seed", str(self.seed + 1),
                   "--lanechange.duration", str(LANE_CHANGE_S), "--collision.action", "none", "--no-step-log", "true",
                   "--no-warnings", "true", "--time-to-teleport", "-1", "--default.speeddev", "0",
                   "--step-method.ballistic", "true", "--threads", "1"]  # fmt: skip
        self.sumo.start(command)
        self._running = True

    def _enter(self, ego: EgoPlace) -> None:
        vehicle = self.sumo.vehicle
        for name in vehicle.getIDList():
            x, y = vehicle.getPosition(name)
            s, offset = self.road.project(x, y, ego.s)
            near = -CLEARED_BEHIND_M - ego.rear < s - ego.s < CLEARED_AHEAD_M + ego.front + 20.0
            if near and abs(offset - ego.offset) < 0.6 * self.road.lane_width:
                vehicle.remove(name)
        vehicle.add(EGO, "through", typeID=self.ego_type, depart="now", departLane="0", departPos="0", departSpeed="0")
        vehicle.setLaneChangeMode(EGO, 0)
        vehicle.setSpeedMode(EGO, 0)
        self._move_ego(ego)
        self.sumo.simulationStep()
        variables = self.sumo.constants
        vehicle.subscribeContext(EGO, variables.CMD_GET_VEHICLE_VARIABLE, SIGHT_M,
                                 [variables.VAR_POSITION, variables.VAR_ANGLE, variables.VAR_SPEED, variables.VAR_ACCELERATION,
                                  variables.VAR_TYPE])  # fmt: skip
        self._numbers: dict[str, int] = {}
        self._move_ego(ego)
        self.sumo.simulationStep()

    def _move_ego(self, ego: EgoPlace) -> None:
        x, y = ego.x + ego.front * math.cos(ego.yaw), ego.y + ego.front * math.sin(ego.yaw)
        vehicle = self.sumo.vehicle
        vehicle.moveToXY(EGO, "", -1, x, y, angle=math.degrees(0.5 * math.pi - ego.yaw) % 360.0, keepRoute=1)
        vehicle.setSpeed(EGO, ego.speed)

    def _read(self) -> list[tuple]:
        constants = self.sumo.constants
        seen = []
        for name, told in self.sumo.vehicle.getContextSubscriptionResults(EGO).items():
            if name == EGO:
                continue
            number = self._numbers.setdefault(name, len(self._numbers) + 1)
            x, y = told[constants.VAR_POSITION]
            yaw = math.radians(90.0 - told[constants.VAR_ANGLE])
            speed, acceleration = told[constants.VAR_SPEED], told[constants.VAR_ACCELERATION]
            seen.append((number, told[constants.VAR_TYPE], x, y, yaw, speed, acceleration))
        return sorted(seen)

    def _arrange(self, time_s: float, ego: EgoPlace) -> None:
        vehicle = self.sumo.vehicle
        for item in [item for item in self._restore if item[0] <= time_s]:
            self._restore.remove(item)
            if item[1] in vehicle.getIDList():
                vehicle.setSpeed(item[1], -1)
        if time_s >= self._next_cut_in_s and self._cut_in(ego):
            self._next_cut_in_s = time_s + float(self.random.uniform(0.6, 1.4)) * CUT_IN_EVERY_S
        if time_s >= self._next_braking_s and self._brake(time_s, ego):
            self._next_braking_s = time_s + float(self.random.uniform(0.6, 1.4)) * BRAKING_EVERY_S
        if time_s >= self._queue_s and self._queue(time_s, ego):
            self._queue_s = math.inf

    def _around(self, ego: EgoPlace) -> list[tuple[str, float, int, float]]:
        """(name, gap from the truck's front to the rear, lane from the right, speed) of who is near, in a fixed order."""
        vehicle, found = self.sumo.vehicle, []
        for name in sorted(self.sumo.vehicle.getContextSubscriptionResults(EGO)):
            if name == EGO:
                continue
            x, y = vehicle.getPosition(name)
            s, offset = self.road.project(x, y, ego.s + (x - ego.x) * math.cos(ego.yaw) + (y - ego.y) * math.sin(ego.yaw))
            found.append((name, s - vehicle.getLength(name) - ego.s - ego.front, round(offset / self.road.lane_width),
                          vehicle.getSpeed(name)))  # fmt: skip
        return found

    def _cut_in(self, ego: EgoPlace) -> bool:
        """A car one lane to the left moves into the truck's lane close ahead, whoever is there."""
        vehicle = self.sumo.vehicle
        own = round(ego.offset / self.road.lane_width)
        for name, gap, lane, speed in self._around(ego):
            if lane == own + 1 and CUT_IN_GAP_M[0] < gap < CUT_IN_GAP_M[1] and speed > ego.speed - 3.0 and "truck" not in \
                    vehicle.getTypeID(name):  # fmt: skip
                vehicle.changeLane(name, max(vehicle.getLaneIndex(name) - 1, 0), 8.0)
                vehicle.slowDown(name, max(ego.speed * float(self.random.uniform(*CUT_IN_SPEED)), 5.0), CUT_IN_SLOWS_S)
                self._restore.append((self._now() + 8.0, name))
                return True
        return False

    def _brake(self, time_s: float, ego: EgoPlace) -> bool:
        """Who is ahead in the truck's lane brakes to less than half its speed, and drives off again."""
        own = round(ego.offset / self.road.lane_width)
        ahead = [item for item in self._around(ego) if item[2] == own and 10.0 < item[1] < 120.0]
        if not ahead:
            return False
        name, _, _, speed = min(ahead, key=lambda item: item[1])
        low = speed * float(self.random.uniform(0.3, 0.6))
        self.sumo.vehicle.slowDown(name, low, (speed - low) / float(self.random.uniform(*BRAKING_DECELERATION)))
        self._restore.append((time_s + 8.0, name))
        return True

    def _queue(self, time_s: float, ego: EgoPlace) -> bool:
        """Those some hundred metres ahead stop, one in each lane; the others queue behind them."""
        vehicle, stopped = self.sumo.vehicle, set()
        low, high = QUEUE_AHEAD_M
        if ego.s + high > self.road.length - 400.0:
            return True
        for name in sorted(vehicle.getIDList()):
            if name == EGO:
                continue
            x, y = vehicle.getPosition(name)
            s, offset = self.road.project(x, y, ego.s + low)
            lane = round(offset / self.road.lane_width)
            if ego.s + low < s < ego.s + high and lane not in stopped and 0 <= lane < LANES and abs(offset) < 12.0:
                vehicle.slowDown(name, 0.0, 7.0)
                self._restore.append((time_s + QUEUE_LASTS_S, name))
                stopped.add(lane)
        return bool(stopped)

    def _now(self) -> float:
        return self.sumo.simulation.getTime() - WARM_UP_S


def library():
    """libsumo. Raises EnvironmentFault."""
    try:
        import sumo

        tools = str(Path(sumo.SUMO_HOME) / "tools")
        if tools not in sys.path:
            sys.path.append(tools)  # its wheel brings traci there
        # It asks on standard output to uninstall a pyarrow of another version than its own, which it writes its files with: we
        # have it write none
        with contextlib.redirect_stdout(io.StringIO()):
            import libsumo
    except ImportError as error:
        raise MissingPackage("SUMO's traffic", f"eclipse-sumo and libsumo ({error})", "traffic") from None
    return libsumo
