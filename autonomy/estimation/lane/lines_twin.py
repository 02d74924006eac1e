"""Which lines of a sample belong to the lane, stated plainly; tests hold ext/autonomy/estimation/lane/_lines.pxd to it.

A side may have two lines: a yellow one beside one that is not replaces it when it fits, else the better one counts. Of two
sides that go apart (width, or mean heading) one leaves: the one held already, the one without temporary marking, else the
one that fits worse. A line that fits badly for long is held off until it fits well for long, or has run in parallel far.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial

from autonomy.estimation.lane.lane_twin import ROWS, LaneTwin
from autonomy.estimation.lane.profile_twin import (
    ANEW_M,
    APART,
    BENT_APART,
    BENT_DOUBTFUL,
    BENT_MORE,
    EARLIER_M,
    LONGEST_M,
    OTHER_ROAD,
    PART_SIGMA,
    PROFILE_SIGMA,
    SHORTEST_M,
    STEP_M,
    TRUE_AT,
    CurvatureProfile,
    parts_of,
    scale_of_errors,
)

TURNING_SHARE, STRICT = 0.25, 0.25
RECALLED = (2.0e-4, 2.0e-5)  # sigmas of curvature and its rate, of the profile beneath a vehicle that sees nothing
UNDECIDED_M = 25.0  # sides that go apart for longer, and neither leaves: the profile is another road's
# What is straight in the difference of two cubics, told where they begin: of errors 1 m each, and of what the profile does not
# know yet, a tenth of what the curved parts of one image tell
OFFSET_SIGMA, SLOPE_SIGMA = 2.0, 2.0 * math.sqrt(3.0 + (45.0 + 252.0) / 10.0)
SIDES = ("left", "right")
YELLOW = 2


@dataclass
class Side:
    turning: float = 0.0
    bending: float = 0.0
    seen_ns: int = 0
    misfits: int = 0
    fits: int = 0
    parallel_m: float = 0.0
    held: bool = False
    used: bool = False


@dataclass
class Seen:
    """A line at a tick: measurements (distance, heading, curvature, curvature rate), their sigmas, and the cubic as told."""

    z: np.ndarray
    sigma: np.ndarray
    colour: int
    reach: float
    cubic: np.ndarray
    scale: float  # m, of the cubic's errors
    own: np.ndarray  # what a cubic makes of the profile there
    bent: float  # scales, second part of the difference
    profiled: bool  # runs as the profile does
    place: float = 0.0  # squared innovations as shares of the gate
    turn: float = 0.0
    turned: float = 0.0


class LinesTwin(LaneTwin):
    """The lane step without a path, for samples that begin with both lines."""

    def __init__(self, parameters) -> None:
        super().__init__(parameters)
        self.sides = {"left": Side(), "right": Side()}
        self.last_line_ns = 0
        self.stations: list[float] = []  # m driven, at each tick
        self.profile: CurvatureProfile | None = None
        self.earlier: list[CurvatureProfile] = []  # profiles while both sides showed one road, the older one first
        self.apart, self.apart_station = False, 0.0
        self.seen_to = 0.0  # m driven, where the lines seen last end

    def tick(self, time_ns: int, dt: float, speed: float, drift: float, yaw_rate: float) -> None:
        super().tick(time_ns, dt, speed, drift, yaw_rate)
        self.stations.append((self.stations[-1] if self.stations else 0.0) + speed * dt)
        if self.profile is None:
            self.profile = CurvatureProfile(float(self.parameters["profile_walk"]), self.stations[-1])
        self.profile.move(self.stations[-1])

    def recall(self) -> None:
        """After the samples of a tick: what is beneath now was seen ahead, a node of the profile at a time."""
        here, before = self.stations[-1], self.stations[-2] if len(self.stations) > 1 else 0.0
        unseen_s = (self.times_ns[-1] - self.last_line_ns) * 1e-9
        if self.first is None or self.apart or here >= self.seen_to or unseen_s <= self.parameters["coast_after_s"]:
            return
        if here // STEP_M != before // STEP_M:
            curvature, rate = self.profile.curvature_and_rate(here)
            self.add(len(self.stations) - 1, [("curvature", curvature, RECALLED[0]), ("curvature_rate", rate, RECALLED[1])])

    def bring(self, sample, name: str, tick: int) -> Seen | None:
        """A line as it is at the tick, seen a little before."""
        if not sample[f"{name}_quality"]:
            return None
        p = self.parameters
        _, speed, drift, yaw_rate = self.motions[tick]
        wait = (self.times_ns[tick] - int(sample["valid_time_ns"])) * 1e-9
        s, turned = speed * wait, yaw_rate * wait
        seen = np.array(sample[name])
        told = p["quality_sigma_scale"][sample[f"{name}_quality"] - 1] * np.array(sample[f"{name.removesuffix('_second')}_sigma"])
        sigma = np.concatenate([told[:2], np.hypot(told[2:], p["line_shape_sigma"]) * (2.0, 6.0)])
        reach = min(float(sample[f"{name}_range_m"]), LONGEST_M)
        here, own, cubic = self.stations[tick] - s, np.zeros(4), seen.copy()
        scale, bent, profiled = scale_of_errors(told, reach), 0.0, False
        fit = self.profile.fit(here, reach, *seen[:2]) if reach > SHORTEST_M and self.profile.holds(here, reach) else None
        if fit is not None:
            own = fit  # what a cubic makes of this road beside the vehicle
            parts = parts_of(seen - own, reach)
            bent, second = parts[2] / scale, np.array([[12.0, 60.0 * (2.0 * at - 1.0)] for at in TRUE_AT]) / reach**2
            noise = (second**2 @ PART_SIGMA[2:] ** 2) * scale**2 + PROFILE_SIGMA**2
            profiled = bool(np.all((second @ parts[2:]) ** 2 <= p["gate"] * noise))
        if profiled:
            cubic[:2] += parts[0] - parts[1], 2.0 * parts[1] / reach
            sigma[:2] = np.hypot((OFFSET_SIGMA * scale, SLOPE_SIGMA * scale / reach), p["line_sway_sigma"])
        moved = Polynomial(cubic)(Polynomial([s, 1.0])).coef - (0.5 * s * turned + drift * wait, turned, 0.0, 0.0)
        cosine = 1.0 / math.hypot(1.0, moved[1])
        z = np.array([moved[0] * cosine, -math.atan(moved[1]), 2.0 * moved[2] * cosine**3, 6.0 * moved[3]])
        return Seen(z, sigma, int(sample[f"{name}_colour"]), reach, seen, scale, own, bent, profiled)

    def look_at_curvature(self, sample, tick: int, lines: list[Seen], temporary: bool, apart: bool) -> None:
        """Lines used observe the profile; what they say of curvature is then the profile's own."""
        here = self.stations[tick]
        seen_from = here - self.motions[tick][1] * (self.times_ns[tick] - int(sample["valid_time_ns"])) * 1e-9
        undecided = apart and self.apart and seen_from - self.apart_station > UNDECIDED_M
        if apart and not undecided:
            self.return_to_earlier(here, seen_from)
        elif abs(seen_from - self.profile.observed_station) > ANEW_M:
            self.profile.misfits = 0 if all(line.profiled for line in lines) else self.profile.misfits + 1
            if undecided or self.profile.misfits >= OTHER_ROAD or temporary != self.profile.temporary:
                self.profile.begin(here)
                self.earlier = []
                self.profile.temporary = temporary
                for line in lines:
                    line.own = np.zeros(4)
            for line in lines:
                self.profile.observe(seen_from, line.reach, line.cubic, line.own, line.scale)
            self.profile.solve()
            self.profile.observed_station, self.apart = seen_from, False
            if not self.earlier:
                self.earlier = [deepcopy(self.profile)] * 2
            elif abs(seen_from - self.earlier[1].observed_station) > EARLIER_M:
                self.earlier = [self.earlier[1], deepcopy(self.profile)]
        for line in lines:
            line.z[2:] = self.profile.curvature_and_rate(here)

    def return_to_earlier(self, here: float, seen_from: float) -> None:
        """The profile has followed the line that leaves for some metres: as it was before that."""
        if self.apart:
            return
        self.apart, self.apart_station = True, seen_from
        if self.earlier:
            self.profile = deepcopy(self.earlier[0])
            self.earlier[1] = self.earlier[0]
            self.profile.move(here)

    def first_sight(self, left: Seen, right: Seen) -> tuple[float, float]:
        """Offset and heading from two lines of one lane, or from one of two that are not alike."""
        p, half = self.parameters, float(self.parameters["default_half_width_m"])
        alike = (left.z[1] - right.z[1]) ** 2 <= p["gate"] * (left.sigma[1] ** 2 + right.sigma[1] ** 2)
        if alike and p["width_minimum_m"] <= left.z[0] - right.z[0] <= p["width_maximum_m"]:
            return -0.5 * (left.z[0] + right.z[0]), 0.5 * (left.z[1] + right.z[1])
        worse = (abs(left.z[0] - half), abs(right.z[0] + half)) if alike else (abs(left.z[1]), abs(right.z[1]))
        return (half - left.z[0], left.z[1]) if worse[0] <= worse[1] else (-half - right.z[0], right.z[1])

    def ratio(self, x, P, what: str, z: float, sigma: float) -> tuple[float, float]:
        """Innovation, and its square as a share of the gate."""
        row = np.array(ROWS[what], float)
        innovation = z - row @ x
        return innovation, innovation**2 / ((row @ P @ row + sigma**2) * self.parameters["gate"])

    def choose(self, lines: list[Seen | None], side: str, x, P) -> tuple[Seen | None, bool]:
        """The line that counts on a side, and whether the side has a temporary one."""
        there = [line for line in lines if line is not None]
        for line in there:
            _, line.place = self.ratio(x, P, side, line.z[0], line.sigma[0])
            line.turned, line.turn = self.ratio(x, P, "heading", line.z[1], line.sigma[1])
        yellow = [line for line in there if line.colour == YELLOW]
        temporary = len(there) == 2 and len(yellow) == 1
        if temporary and max(yellow[0].place, yellow[0].turn) <= 1.0:
            return yellow[0], True
        return min(there, key=lambda line: line.place + line.turn, default=None), temporary

    def leaving(self, left: Seen, right: Seen, x, P, temporary: tuple[bool, bool]) -> str | None:
        width = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0])
        variance = width @ P @ width + left.sigma[0] ** 2 + right.sigma[0] ** 2
        wide = (left.z[0] - right.z[0] - width @ x) ** 2 / (variance * self.parameters["gate"])
        sides, diverging = self.sides, self.parameters["diverging_rad"]
        if wide <= 1.0 and abs(sides["left"].turning - sides["right"].turning) <= diverging and not self.bent_apart():
            return None
        if sides["left"].held != sides["right"].held:
            return "left" if sides["left"].held else "right"
        if temporary[0] != temporary[1]:
            return "right" if temporary[0] else "left"
        scores = [line.place + (sides[side].turning / diverging) ** 2 + (sides[side].bending / BENT_APART) ** 2
                  for side, line in zip(SIDES, (left, right), strict=True)]  # fmt: skip
        return "left" if scores[0] > scores[1] else "right"

    def bent_apart(self) -> bool:
        """The far end of a line that leaves does so first."""
        less, more = sorted(abs(side.bending) for side in self.sides.values())
        return self.bent() > BENT_APART and more > BENT_MORE * less

    def bent(self) -> float:
        return abs(self.sides["left"].bending - self.sides["right"].bending)

    def judge(self, side: Side, line: Seen, leaves: bool) -> None:
        p, fits = self.parameters, line.place <= 1.0 and line.turn <= 1.0 and not leaves
        side.used = False
        if not side.held:
            side.used, side.misfits = fits, 0 if fits else side.misfits + 1
            if side.misfits >= p["hold_after"]:
                side.held, side.fits, side.parallel_m = True, 0, 0.0
            return
        well = fits and line.place <= STRICT and abs(side.turning) <= p["diverging_rad"] and abs(side.bending) <= BENT_APART
        side.fits = side.fits + 1 if well else 0
        if side.fits >= p["readmit_after"]:
            side.held, side.misfits, side.used = False, 0, True

    def adopted(self, side: Side, other: Side, within: bool, driven_m: float) -> bool:
        if not (side.held and other.used and within and abs(side.turning - other.turning) <= self.parameters["diverging_rad"]):
            side.parallel_m = 0.0
            return False
        side.parallel_m += driven_m
        if side.parallel_m >= self.parameters["adopt_after_m"]:
            side.held, side.misfits, side.used = False, 0, True
        return side.used

    def observe(self, sample) -> None:
        p, tick = self.parameters, self.tick_of(int(sample["valid_time_ns"]))
        seen = {side: [self.bring(sample, name, tick) for name in (side, f"{side}_second")] for side in SIDES}
        if self.first is None:
            self.begin(tick, *self.first_sight(seen["left"][0], seen["right"][0]))
        x, P = self.at(tick)
        chosen, temporary = {}, {}
        for side in SIDES:
            line, temporary[side] = self.choose(seen[side], side, x, P)
            self.sides[side].used = False
            if line is None:
                continue
            chosen[side], state = line, self.sides[side]
            if (int(sample["valid_time_ns"]) - state.seen_ns) * 1e-9 > p["coast_after_s"]:
                state.turning = state.bending = 0.0
            state.turning += TURNING_SHARE * (line.turned - state.turning)
            state.bending += TURNING_SHARE * (line.bent - state.bending)
            state.seen_ns = int(sample["valid_time_ns"])
        both = len(chosen) == 2
        gone = self.leaving(chosen["left"], chosen["right"], x, P, tuple(temporary.values())) if both else None
        for side, line in chosen.items():
            self.judge(self.sides[side], line, gone == side)
        found: list[tuple[str, float, float]] = []
        if both:
            driven_m = self.motions[tick][1] * (int(sample["valid_time_ns"]) - self.last_line_ns) * 1e-9
            within = p["width_minimum_m"] <= chosen["left"].z[0] - chosen["right"].z[0] <= p["width_maximum_m"]
            for side, other in (SIDES, SIDES[::-1]):
                if self.adopted(self.sides[side], self.sides[other], within, driven_m):
                    found.append((f"loosen_{side}", 0.0, abs(self.ratio(x, P, side, chosen[side].z[0], 1.0)[0])))
                    break
        used = {side: line for side, line in chosen.items() if self.sides[side].used}
        if used:
            turned_apart = abs(self.sides["left"].turning - self.sides["right"].turning) > APART * p["diverging_rad"]
            held = any(side.held for side in self.sides.values())
            apart = both and not held and (turned_apart or self.bent() > BENT_DOUBTFUL)
            self.look_at_curvature(sample, tick, list(used.values()), any(temporary[side] for side in used), apart)
        for side, line in chosen.items():
            if self.sides[side].used:
                found += [(side, line.z[0], line.sigma[0]), ("heading", line.z[1], line.sigma[1])]
                found += [(what, line.z[place], line.sigma[place]) for place, what in ((2, "curvature"), (3, "curvature_rate"))
                          if self.ratio(x, P, what, line.z[place], line.sigma[place])[1] <= 1.0]  # fmt: skip
        if any(side.used for side in self.sides.values()):
            found.append(("asymmetry", 0.0, float(p["width_symmetry_sigma"])))
            self.add(tick, found)
            wait = (self.times_ns[tick] - int(sample["valid_time_ns"])) * 1e-9
            if int(sample["valid_time_ns"]) >= self.last_line_ns:
                self.last_line_ns = int(sample["valid_time_ns"])
                self.seen_to = self.stations[tick] - self.motions[tick][1] * wait + max(line.reach for line in used.values())
