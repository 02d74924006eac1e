"""The labels of radar detections, stated plainly: landmarks and movers as objects, one scan after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from autonomy.msg import constants
from autonomy.perception.radar.parameters import Mounting, ScreenParameters

DETECTION = constants("RadarDetection")
INSIDE_GAIN, BIN_M, BINS, SIDE, REACH, MOST_BARRIERS, SHADOWED_LOOKS, LONG_HIDDEN_LOOKS = 0.2, 0.5, 80, 2, 4, 6, 5, 20


@dataclass
class Remembered:
    """A landmark, or a mover with its `speed` over ground along x. `place`: (2,) in the vehicle's frame."""

    place: np.ndarray
    speed: float = 0.0
    looks: int = 0
    age: int = 1
    missed: int = 0
    is_claimed: bool = False
    was_moving: bool = False
    was_passed: bool = False
    road_looks: int = 0
    shadowed: int = 0
    hidden: int = 0
    inside: float = 0.0
    bridges: int = 0
    verdict: str = ""
    powers: list[tuple[float, float]] = field(default_factory=list)  # (range, dBsm)
    heights: list[float] = field(default_factory=list)

    def is_steady(self, of: ScreenParameters) -> bool:
        return self.looks >= of.steady_looks and self.looks >= of.steady_share * self.age


class ScreenTwin:
    def __init__(self, of: ScreenParameters, mounting: Mounting):
        self.of, self.mounting = of, mounting
        self.landmarks: list[Remembered] = []
        self.movers: list[Remembered] = []
        self.barriers: list[float] = []
        self.unwatched = of.watched_scans + 1

    def screen(self, rows: np.ndarray, elapsed_s: float, speed: float, yaw_rate: float, velocity: np.ndarray, sigma: float,
               curvature: float) -> None:  # fmt: skip
        """Writes over_ground, looks and label of `rows`. `velocity` (2,) of the sensor, `sigma` of it."""
        self.curvature = curvature
        self.unwatched += 1
        self._move(elapsed_s, speed, yaw_rate)
        seen = [self._see(rows, i, velocity, sigma) for i in range(len(rows))]
        self._see_passing()
        self._find_barriers()
        for i, (row, one) in enumerate(zip(rows, seen, strict=True)):
            if one is None:
                continue
            memory = one["memory"]
            row["looks"] = memory.looks
            if self._is_second_bounce(rows, seen, i):
                name = "SECOND_BOUNCE"
            else:
                name = self._standing(row, one) if one["stands"] else self._moving(row, one)
            row["label"] = DETECTION[f"LABEL_{name}"]

    def see_road(self, looks: list[int]) -> None:
        """What a lidar saw at each landmark: 0 nothing, 1 road, 2 something that stands."""
        self.unwatched = 0
        for one, look in zip(self.landmarks, looks, strict=True):
            one.road_looks = 0 if look == 2 else one.road_looks + (look == 1)

    @property
    def _is_watched(self) -> bool:
        return self.unwatched <= self.of.watched_scans

    @property
    def _sure(self) -> float:
        return self.of.sure_watched if self._is_watched else self.of.decided

    def _offset(self, place: np.ndarray) -> float:
        return place[1] - 0.5 * self.curvature * place[0] ** 2

    def _move(self, elapsed_s: float, speed: float, yaw_rate: float) -> None:
        turn, ahead = yaw_rate * elapsed_s, speed * elapsed_s
        back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        for one in self.landmarks + self.movers:
            one.place = back @ (one.place + [one.speed * elapsed_s, 0.0] - [ahead, 0.5 * ahead * turn])
            one.age, one.missed, one.is_claimed = one.age + 1, one.missed + 1, False
        self.landmarks = [
            one for one in self.landmarks if one.missed <= self.of.landmark_kept and one.place[0] > self.mounting.x_m
        ]
        self.movers = [one for one in self.movers if one.missed <= self.of.mover_kept]

    def _see(self, rows: np.ndarray, i: int, velocity: np.ndarray, sigma: float) -> dict | None:
        row = rows[i]
        row["label"], row["looks"], row["over_ground"] = 0, 0, math.nan
        if not (np.isfinite([row["range"], row["azimuth"], row["range_rate"]]).all() and row["range"] > 0.0):
            return None
        level = math.cos(row["elevation"]) if math.isfinite(row["elevation"]) else 1.0
        yaw = row["azimuth"] + self.mounting.yaw
        look = np.array([math.cos(yaw), math.sin(yaw)])
        place = [self.mounting.x_m, self.mounting.y_m] + row["range"] * level * look
        row["over_ground"] = row["range_rate"] + level * look @ velocity
        of_azimuth = row["azimuth_sigma"] if row["azimuth_sigma"] > 0.0 else self.of.azimuth_sigma
        rate_sigma = row["range_rate_sigma"] if row["range_rate_sigma"] > 0.0 else 0.0
        along = look[0] * level
        one = {
            "place": place,
            "offset": self._offset(place),
            "offset_sigma": math.sqrt(0.04 + (row["range"] * of_azimuth) ** 2),
            "stands": abs(row["over_ground"]) < max(self.of.standing_mps, 3.0 * math.hypot(rate_sigma, sigma)),
            "is_hidden": bool(
                (
                    (rows["range"] + self.of.shadow_m < row["range"])
                    & (np.abs(rows["azimuth"] - row["azimuth"]) * rows["range"] < self.of.corridor_m)
                ).any()
            ),
            "speed": row["over_ground"] / math.copysign(max(abs(along), 0.3), along),
        }
        one["memory"] = self._landmark(row, one) if one["stands"] else self._mover(one)
        return one

    def _nearest(self, among: list[Remembered], one: dict, gate_x: float, gate_y: float) -> Remembered | None:
        scale = [gate_x, gate_y + 3.0 * one["offset_sigma"]]
        distances = [float((((one["place"] - other.place) / scale) ** 2).sum()) for other in among]
        return among[int(np.argmin(distances))] if distances and min(distances) < 1.0 else None

    def _landmark(self, row: np.void, one: dict) -> Remembered:
        of = self.of
        found = self._nearest([other for other in self.landmarks if not other.is_claimed], one, of.landmark_gate_x_m,
                              of.landmark_gate_y_m)  # fmt: skip
        if found is None:
            found = Remembered(one["place"])
            before = self._nearest(self.movers, one, of.mover_gate_x_m, of.mover_gate_y_m)
            found.was_moving = before is not None and before.looks >= of.steady_looks and abs(before.speed) < of.stopping_mps
            self.landmarks.append(found)
        found.looks, found.missed, found.is_claimed = found.looks + 1, 0, True
        gain = max(1.0 / found.looks, 0.2)
        found.place = found.place + gain * (one["place"] - found.place)
        found.inside += max(gain, INSIDE_GAIN) * (float(abs(one["offset"]) < of.corridor_m) - found.inside)
        found.bridges += bool(row["flags"] & DETECTION["FLAG_BRIDGE"])
        found.shadowed = SHADOWED_LOOKS if one["is_hidden"] else max(found.shadowed - 1, 0)
        if math.isfinite(row["rcs_dbsm"]) and not one["is_hidden"]:
            if found.hidden >= LONG_HIDDEN_LOOKS and self._is_watched:
                found.powers.clear()
            found.powers.append((row["range"], row["rcs_dbsm"]))
        found.hidden = found.hidden + 1 if one["is_hidden"] else 0
        if math.isfinite(row["elevation"]):
            found.heights.append(self.mounting.z_m + row["range"] * math.sin(row["elevation"]))
        verdict = self._verdict(found, row["range"])
        if found.verdict != "OBSTACLE" or verdict == "OVERHEAD":
            found.verdict = verdict
        return found

    def _verdict(self, one: Remembered, distance: float) -> str:
        of = self.of
        if one.was_passed or 2 * one.bridges > one.looks:
            return "OVERHEAD"
        if one.looks >= of.moved_looks and one.was_moving:
            return "OBSTACLE"
        if one.road_looks >= of.road_looks:
            return "OVERHEAD"
        if one.looks < of.obstacle_looks or one.looks < of.steady_share * one.age:
            return ""
        is_inside = one.inside >= of.inside_share
        if len(one.heights) >= of.obstacle_looks:
            height, spread = np.mean(one.heights), 2.0 * np.std(one.heights) / math.sqrt(len(one.heights))
            if height - spread > of.overhead_m:
                return "OVERHEAD"
            return "OBSTACLE" if is_inside and height + spread < of.overhead_m else ""
        ratio, near = self._overhead_ratio(one), of.near_watched_m if self._is_watched else of.near_m
        if ratio > of.decided:
            return "OVERHEAD"
        near = min(near, of.near_watched_m) if ratio > 0.0 else near
        return "OBSTACLE" if is_inside and (ratio < -self._sure or (distance < near and not one.shadowed)) else ""

    def _overhead_ratio(self, one: Remembered) -> float:
        """Exponential likelihoods, each with its own best mean: of a cross section that sinks as it comes near, of one that
        stays."""
        if len(one.powers) < 2:
            return 0.0
        distance, rcs = np.array(one.powers).T
        power = 10.0 ** (0.1 * rcs)
        loss = 10.0 ** (-0.1 * np.minimum(self.of.overhead_drop_db_m2 / distance**2, self.of.overhead_drop_most_db))
        sinking, flat = (power / loss).mean() * loss, power.mean()
        return float((np.log(flat / sinking) + power / flat - power / sinking).sum())

    def _mover(self, one: dict) -> Remembered:
        of = self.of
        free = [other for other in self.movers if not other.is_claimed and abs(one["speed"] - other.speed) < of.mover_gate_mps]
        found = self._nearest(free, one, of.mover_gate_x_m, of.mover_gate_y_m)
        if found is None:
            found = Remembered(one["place"], one["speed"])
            self.movers.append(found)
        found.looks, found.missed, found.is_claimed = found.looks + 1, 0, True
        gain = max(1.0 / found.looks, 1.0 / 3.0)
        found.place = found.place + gain * (one["place"] - found.place)
        found.speed += gain * (one["speed"] - found.speed)
        return found

    def _see_passing(self) -> None:
        of = self.of
        for mover in self.movers:
            if mover.is_claimed and mover.looks >= of.steady_looks and abs(mover.speed) >= of.stopping_mps:
                for one in self.landmarks:
                    apart = np.abs(mover.place - one.place)
                    if apart[0] < of.passed_x_m and apart[1] < of.passed_y_m:
                        one.was_passed, one.verdict = True, "OVERHEAD"

    def _find_barriers(self) -> None:
        offsets = np.array([self._offset(one.place) for one in self.landmarks if one.looks >= 2])
        ahead = np.array([one.place[0] for one in self.landmarks if one.looks >= 2])
        bins = np.floor((offsets + 0.5 * BINS * BIN_M) / BIN_M)
        is_free = np.ones(BINS, bool)
        self.barriers = []
        while len(self.barriers) < MOST_BARRIERS:
            free = np.array([0 <= bin < BINS and is_free[int(bin)] for bin in bins], bool)
            around = [
                np.flatnonzero((np.abs(bins - bin) <= SIDE) & free) if is_free[bin] else [] for bin in range(SIDE, BINS - SIDE)
            ]
            best = int(np.argmax([len(members) for members in around]))
            if len(around[best]) < self.of.barrier_points:
                return
            members, best = around[best], best + SIDE
            is_free[max(best - REACH, 0) : best + REACH + 1] = False
            offset = offsets[members].mean()
            if np.ptp(ahead[members]) >= self.of.barrier_length_m and abs(offset) > self.of.corridor_m + self.of.barrier_half_m:
                self.barriers.append(float(offset))

    def _is_second_bounce(self, rows: np.ndarray, seen: list[dict | None], i: int) -> bool:
        of, memory = self.of, seen[i]["memory"]
        if rows["range"][i] > 2.0 * of.bounce_reach_m:
            return False
        if memory.is_steady(of) or (seen[i]["stands"] and memory.looks >= of.steady_looks):
            return False
        usable = np.array([one is not None for one in seen])
        usable[i] = False
        near = usable & (np.abs(rows["range"][i] - 2.0 * rows["range"]) < of.bounce_m)
        near &= np.abs(rows["range_rate"][i] - 2.0 * rows["range_rate"]) < of.bounce_mps
        return bool((near & (np.abs(rows["azimuth"][i] - rows["azimuth"]) < of.bounce_azimuth)).any())

    def _is_mirror(self, one: dict) -> bool:
        of, own = self.of, one["memory"]
        if abs(one["offset"]) < of.corridor_m:
            return False
        for wall in self.barriers:
            is_beyond = (one["offset"] - wall) * wall > 0.0
            if is_beyond != (one["speed"] > 0.0) or (not is_beyond and own.is_steady(of)):
                continue
            for other in self.movers:
                offset = self._offset(other.place)
                if (other is not own and other.looks > own.looks and (offset - wall) * (one["offset"] - wall) < 0.0
                        and abs(other.place[0] - one["place"][0]) < of.mirror_x_m
                        and abs(other.speed - one["speed"]) < of.mirror_mps
                        and abs(offset + one["offset"] - 2.0 * wall) < of.mirror_y_m + 3.0 * one["offset_sigma"]):  # fmt: skip
                    return True
        return False

    def _standing(self, row: np.void, one: dict) -> str:
        of, memory = self.of, one["memory"]
        if memory.verdict == "OVERHEAD":
            return "OVERHEAD"
        if abs(one["offset"]) < of.corridor_m:
            return memory.verdict or "UNCONFIRMED"
        half = max(2.0 * one["offset_sigma"], of.barrier_half_m)
        if any(abs(one["offset"] - wall) < half for wall in self.barriers):
            return "BARRIER"
        is_ahead = abs(one["place"][1]) < of.corridor_m + 2.0 * one["offset_sigma"]
        if is_ahead and memory.verdict != "OBSTACLE" and self._overhead_ratio(memory) > -self._sure:
            return "UNCONFIRMED"
        if memory.looks >= of.standing_looks and memory.looks >= of.steady_share * memory.age:
            return "STANDING"
        return "CLUTTER" if row["existence"] < of.weak_existence and memory.looks == 1 else "UNCONFIRMED"

    def _moving(self, row: np.void, one: dict) -> str:
        of, memory = self.of, one["memory"]
        if self._is_mirror(one):
            return "MIRROR"
        if memory.looks >= of.moving_looks and (memory.looks >= of.steady_share * memory.age or memory.looks >= of.sure_looks):
            return "MOVING"
        return "CLUTTER" if row["existence"] < of.weak_existence else "UNCONFIRMED"
