"""Dense motorway traffic around a truck in the right lane, light enough for hours: three lanes of cars, vans and trucks by the
Intelligent Driver Model, lane changes and cut-ins, vehicles that wander in their lane, ones that stop in the lane and go on, and
standing vehicles and pedestrians on the hard shoulder. The road is straight; the truck keeps the middle of its lane. Who leaves
the window around the truck at one end comes in at the other as somebody else, so the traffic stays as dense as it began.

Deterministic by seed. Everything is in the vehicle frame of the truck (hil.sensors.detections.Scene).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hil.sensors.detections import PEDESTRIAN, Scene

STEP_S = 0.05
LANE_WIDTH_M = 3.75  # [V] RAA 2008, cross-section RQ 31, right lane
LANE_SPEEDS = (22.5, 26.0, 30.0)  # m/s, dense but flowing [D]
SPEED_SPREAD = (1.5, 2.0, 2.5)
BEHIND_M, AHEAD_M = -100.0, 200.0  # the window in which traffic lives
WINDOW_M = AHEAD_M - BEHIND_M
VEHICLES = (4, 7, 8)  # at first, by lane, beside the truck: 22 of a kilometre and lane [D]
MOST_VEHICLES = (6, 9, 9)
OWN_SPEED_MPS, OWN_FRONT_M, OWN_REAR_M = 22.2, 5.2, -11.5
SHOULDER_Y_M = -0.5 * LANE_WIDTH_M - 1.7
# Length, width, time gap, acceleration, comfortable braking, classification, share of the traffic by lane [D]
KINDS = {
    "car": (4.6, 1.85, 1.1, 1.5, 2.0, 1, (0.45, 0.75, 0.92)),
    "van": (6.0, 2.0, 1.2, 1.2, 2.0, 1, (0.10, 0.12, 0.08)),
    "truck": (16.5, 2.55, 1.5, 0.5, 1.5, 2, (0.45, 0.13, 0.0)),
}
CHANGE_DURATION_S = (3.0, 6.0)  # across the whole lane
CHANGE_EVERY_S = 1.5  # a lane change somewhere around the truck is tried so often
CUT_IN_SHARE = 0.5  # of these tries: into the truck's lane, ahead of it
CUT_IN_RANGE_M = (12.0, 70.0)
WANDERER_SHARE = 0.3
WANDER_M, CALM_M = 0.3, 0.08  # amplitude about the lane middle
WANDER_PERIOD_S = (8.0, 14.0)
STOP_EVERY_S, STOP_HOLD_S = 300.0, 8.0  # the vehicle ahead of the truck brakes to a stop, and goes on
SHOULDER_EVERY_S = 12.0  # something stands or walks on the hard shoulder
PEDESTRIAN_SHARE = 0.5


@dataclass
class Change:
    """A lane change, kept for the figures: when it began, how long it takes, from which offset to which."""

    number: int
    start_s: float
    duration_s: float
    origin_m: float
    target_m: float
    gap_m: float  # from the truck's front to the changer's rear at the beginning

    def offset(self, time_s: float) -> float:
        """The offset of smallest jerk at its ends, as hil.worlds.traffic."""
        share = min(max((time_s - self.start_s) / self.duration_s, 0.0), 1.0)
        return self.origin_m + (self.target_m - self.origin_m) * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


class Vehicle:
    """One road user: `x` of its rear relative to the truck's reference point, `y` of its middle."""

    def __init__(self, number: int, kind: str, x: float, lane: int, speed: float, random: np.random.Generator):
        self.number, self.kind, self.x, self.lane, self.speed, self.wanted = number, kind, x, lane, speed, speed
        self.length, self.width, self.time_gap, self.acceleration, self.braking, self.classification, _ = KINDS[kind]
        self.amplitude = WANDER_M if random.random() < WANDERER_SHARE else CALM_M * random.random()
        self.period = random.uniform(*WANDER_PERIOD_S)
        self.phase = random.uniform(0.0, 2.0 * math.pi)
        self.change: Change | None = None
        self.held_until = -1.0
        self.base = lane * LANE_WIDTH_M
        self.y, self.lateral = self.base, 0.0

    @property
    def wanders(self) -> bool:
        return self.amplitude == WANDER_M and self.change is None

    def place(self, time_s: float) -> None:
        base = self.base
        if self.change is not None:
            base = self.change.offset(time_s)
            if time_s >= self.change.start_s + self.change.duration_s:
                self.base = base = self.change.target_m
                self.change = None
        y = base + self.amplitude * math.sin(self.phase + 2.0 * math.pi * time_s / self.period)
        self.lateral, self.y = (y - self.y) / STEP_S, y


class DenseMotorway:
    """`step()` moves STEP_S on; `scene()` is what is around, `changes` all lane changes so far."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng((seed, 77))
        self.time_s, self.own_speed, self.next_number = 0.0, OWN_SPEED_MPS, 0
        self.vehicles: list[Vehicle] = []
        self.standing: list[list[float]] = []  # number, x, y, along speed, length, width, classification
        self.changes: list[Change] = []
        self.next_change, self.next_stop = 3.0, 40.0
        self.next_shoulder = 5.0
        for lane in range(3):
            step = WINDOW_M / (VEHICLES[lane] + (lane == 0))
            for place in range(VEHICLES[lane]):
                x = (place + (lane == 0)) * step + self.random.uniform(-0.1, 0.1) * step
                self.vehicles.append(self._somebody(lane, x - WINDOW_M if x > AHEAD_M else x))

    def _somebody(self, lane: int, x: float) -> Vehicle:
        random = self.random
        kind = str(random.choice(list(KINDS), p=[row[6][lane] for row in KINDS.values()]))
        speed = LANE_SPEEDS[lane] + SPEED_SPREAD[lane] * float(np.clip(random.standard_normal(), -2.0, 2.0))
        self.next_number += 1
        return Vehicle(self.next_number, kind, x, lane, speed, random)

    def scene(self) -> Scene:
        rows = [(v.number, v.classification, v.x + 0.5 * v.length, v.y, v.speed, v.lateral,
                 math.atan2(v.lateral, max(v.speed, 3.0)), v.length, v.width) for v in self.vehicles]  # fmt: skip
        rows += [(s[0], s[6], s[1] + 0.5 * s[4], s[2], s[3], 0.0, 0.0, s[4], s[5]) for s in self.standing]
        columns = np.array(rows, float).reshape(-1, 9).T
        return Scene(columns[0].astype(np.int64), columns[1].astype(np.uint8), *columns[2:])

    def step(self) -> None:
        lanes = [self._queue(lane) for lane in range(3)]
        accelerations = {}
        own = self._follow(self.own_speed, OWN_SPEED_MPS, 1.8, 0.8, 1.8, OWN_FRONT_M, OWN_REAR_M, lanes[0], None)
        for vehicle in self.vehicles:
            wanted = 0.0 if self.time_s < vehicle.held_until else vehicle.wanted
            # Who changes lanes minds both
            among = lanes[vehicle.lane] if vehicle.change is None else lanes[vehicle.lane] + lanes[self._origin(vehicle)]
            accelerations[vehicle.number] = self._follow(
                vehicle.speed, wanted, vehicle.time_gap, vehicle.acceleration, vehicle.braking, vehicle.x + vehicle.length,
                vehicle.x, among, vehicle.number)  # fmt: skip
        before = self.own_speed
        self.own_speed = max(0.0, self.own_speed + own * STEP_S)
        moved = 0.5 * (before + self.own_speed) * STEP_S
        self.time_s += STEP_S
        for vehicle in self.vehicles:
            was = vehicle.speed
            vehicle.speed = max(0.0, was + accelerations[vehicle.number] * STEP_S)
            vehicle.x += 0.5 * (was + vehicle.speed) * STEP_S - moved
            vehicle.place(self.time_s)
        for row in self.standing:
            row[1] += row[3] * STEP_S - moved
        self._come_and_go()
        self._events()

    def _origin(self, vehicle: Vehicle) -> int:
        return round(vehicle.change.origin_m / LANE_WIDTH_M)

    def _queue(self, lane: int) -> list[tuple[float, float, float, int]]:
        """(rear, front, speed, number) of who is in a lane or comes into it; the truck is in the right one."""
        found = [(v.x, v.x + v.length, v.speed, v.number) for v in self.vehicles
                 if v.lane == lane or (v.change is not None and self._origin(v) == lane)]  # fmt: skip
        if lane == 0:
            found.append((OWN_REAR_M, OWN_FRONT_M, self.own_speed, 0))
        return found

    @staticmethod
    def _follow(speed: float, wanted: float, time_gap: float, acceleration: float, braking: float, front: float, rear: float,
                among: list, number: int | None) -> float:
        """m/s2 of the Intelligent Driver Model behind the nearest ahead (Treiber, Hennecke, Helbing 2000)."""
        if wanted <= 0.0:
            return -braking * 1.5 if speed > 0.0 else 0.0
        gap, lead_speed = math.inf, 0.0
        for other_rear, _, other_speed, other in among:
            away = (other_rear - rear) % WINDOW_M - (front - rear)
            if other != (number or 0) and away < gap:
                gap, lead_speed = away, other_speed
        free = 1.0 - (speed / wanted) ** 4
        if gap == math.inf:
            return max(acceleration * free, -braking)
        gap = max(gap, 0.5)
        needed = 3.0 + max(0.0, speed * time_gap + speed * (speed - lead_speed) / (2.0 * math.sqrt(acceleration * braking)))
        return max(acceleration * (free - (needed / gap) ** 2), -7.0)

    def _come_and_go(self) -> None:
        """Over the edge: somebody else of the same size and speed, with a number of its own."""
        for vehicle in self.vehicles:
            over = WINDOW_M if vehicle.x < BEHIND_M else -WINDOW_M if vehicle.x >= AHEAD_M else 0.0
            if over != 0.0:
                vehicle.x += over
                self.next_number += 1
                vehicle.number = self.next_number
        self.standing = [row for row in self.standing if row[1] > BEHIND_M]

    def _events(self) -> None:
        random, now = self.random, self.time_s
        if now >= self.next_change:
            self.next_change = now + random.uniform(0.5, 1.5) * CHANGE_EVERY_S
            self._try_change(cut_in=random.random() < CUT_IN_SHARE)
        if now >= self.next_stop:
            self.next_stop = now + random.uniform(0.7, 1.3) * STOP_EVERY_S
            ahead = [v for v in self.vehicles if v.lane == 0 and v.change is None and v.x > OWN_FRONT_M + 40.0]
            if ahead:
                min(ahead, key=lambda v: v.x).held_until = now + STOP_HOLD_S + 9.0
        if now >= self.next_shoulder:
            self.next_shoulder = now + random.uniform(0.5, 1.5) * SHOULDER_EVERY_S
            if random.random() < PEDESTRIAN_SHARE:
                row = [SHOULDER_Y_M + random.uniform(-0.8, 0.3), random.choice((-1.3, 0.0, 1.3)), 0.5, 0.6, PEDESTRIAN]
            else:
                length, width, *_, classification, _ = KINDS[str(random.choice(list(KINDS)))]
                row = [SHOULDER_Y_M - 0.2, 0.0, length, width, classification]
            self.next_number += 1
            self.standing.append([self.next_number, AHEAD_M, *row])

    def _try_change(self, cut_in: bool) -> None:
        """Somebody who has room in the next lane goes there; `cut_in`: from the middle lane to right ahead of the truck."""
        free = [v for v in self.vehicles if v.change is None and v.speed > 5.0 and v.held_until < self.time_s
                and v.kind != "truck"]  # fmt: skip
        near, far = (OWN_FRONT_M + gap for gap in CUT_IN_RANGE_M)
        pairs = [(v, lane) for v in free for lane in (v.lane - 1, v.lane + 1) if 0 <= lane < 3
                 and sum(other.lane == lane for other in self.vehicles) < MOST_VEHICLES[lane]
                 and (cut_in == (lane == 0 and near < v.x < far)) and (lane != 0 or v.x > near)]  # fmt: skip
        self.random.shuffle(pairs)
        if sum(v.lane == 0 for v in self.vehicles) > VEHICLES[0]:   # a full right lane is left first
            pairs.sort(key=lambda pair: pair[0].lane != 0)
        for vehicle, lane in pairs:
            if all(self._room(vehicle, *other[:3]) for other in self._queue(lane)):
                change = Change(vehicle.number, self.time_s, self.random.uniform(*CHANGE_DURATION_S), vehicle.base,
                                lane * LANE_WIDTH_M, vehicle.x - OWN_FRONT_M)  # fmt: skip
                vehicle.change, vehicle.lane = change, lane
                if lane == 0:
                    vehicle.wanted = LANE_SPEEDS[0] + self.random.uniform(-1.0, 2.0)
                self.changes.append(change)
                return

    @staticmethod
    def _room(vehicle: Vehicle, rear: float, front: float, speed: float) -> bool:
        ahead = (rear - vehicle.x) % WINDOW_M - vehicle.length
        behind = (vehicle.x - rear) % WINDOW_M - (front - rear)
        return ahead > 6.0 + max(0.0, 2.0 * (vehicle.speed - speed)) and behind > 6.0 + max(0.0, 2.0 * (speed - vehicle.speed))
