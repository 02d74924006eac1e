"""Who drives while the stack does not: keeps the lane, holds against wind, keeps a set speed and a gap, sways a little."""

from __future__ import annotations

import math

from autonomy.tick_period import TICK_S
from hil.worlds.road import Road

LOOK_AHEAD_S, LOOK_AHEAD_LEAST_M = 1.6, 8.0
FORESIGHT_S = 0.5  # dead time and lag of the steering: so far ahead a bend is steered for
YAW_DAMPING_S = 0.2  # [C] of the yaw rate the road does not ask for: 40 t at 90 km/h sways up without
FELT_AFTER_S = 0.05  # [D] turning is felt late; at once it would be answered harder than a truck turns that follows at once
HELD_SHARE = 0.25  # [C] of the look-ahead's gain, per look-ahead time: more sways
HELD_MOST_RAD = 0.02  # [D] 15 m/s of wind on an empty truck at 90 km/h need 0.005
TURNED_RAD = 3e-4  # of turning back the play is crossed within
PAUSE_S = 0.5  # longer away from the wheel: what was held no longer counts
PRACTICE_S = 40.0
SWAY_M, SWAY_PERIOD_S = 0.12, 9.0  # [D] as a rested driver, so that estimators see some motion
SPEED_GAIN = 0.3
GAP_TIME_S, GAP_GAIN, GAP_SPEED_GAIN = 2.8, 0.03, 0.35
HARDEST_BRAKING, MOST_ACCELERATION = -2.0, 0.6


class Driver:
    """`wheelbase` and `understeer` (s2/m) as VehicleParameters means them, `play` (rad) of the steering: what the driver has
    learned of the truck."""

    def __init__(self, wheelbase: float, understeer: float, set_speed: float, phase: float, play: float = 0.0):
        self.wheelbase, self.understeer, self.set_speed, self.phase = wheelbase, understeer, set_speed, phase
        self.half_play, self.sway_m = 0.5 * play, SWAY_M
        self.angle_in_wind, self.yaw_in_wind = 0.0, 0.0
        self._begin(0.0)

    def steer(self, road: Road, s: float, lane_offset: float, state, time_s: float, wind_share: float = 0.0) -> float:
        """Road wheel angle that keeps the lane; `lane_offset` of its middle from the reference line, `state` has x, y, yaw,
        yaw_rate and speed, `wind_share` of the wind practised in is there."""
        speed, x, y = state["speed"], state["x"], state["y"]
        look = max(LOOK_AHEAD_LEAST_M, speed * LOOK_AHEAD_S)
        aside = lane_offset + self.sway_m * math.sin(self.phase + 2.0 * math.pi * time_s / SWAY_PERIOD_S)
        px, py, heading, curvature = road.at(s)
        off = (y - py) * math.cos(heading) - (x - px) * math.sin(heading) - aside
        turned = math.remainder(state["yaw"] - heading, 2.0 * math.pi) - wind_share * self.yaw_in_wind
        per_curvature = self.wheelbase + self.understeer * speed**2
        gain = per_curvature * 2.0 / look**2
        self._hold(-HELD_SHARE * gain * speed / look * off, time_s)
        bend = road.at(s + speed * FORESIGHT_S)[3]
        self.turning += TICK_S / FELT_AFTER_S * (state["yaw_rate"] - speed * curvature - self.turning)
        wanted = per_curvature * bend - gain * (off + look * turned) + self.held \
            + wind_share * self.angle_in_wind \
            - YAW_DAMPING_S * self.turning  # fmt: skip
        self.side = min(max(self.side + (wanted - self.wanted) / TURNED_RAD, -1.0), 1.0)
        self.wanted = wanted
        return wanted + self.side * self.half_play

    def practise(self, plant, surroundings, speed: float) -> None:
        """Learns on a straight what holds the truck in a wind, as who has driven in it before. The plant is to be reset then."""
        plant.reset(x=0.0, y=0.0, yaw=0.0, speed=speed)
        self.sway_m, names = 0.0, plant.state.dtype.names
        for k in range(round(PRACTICE_S / TICK_S)):
            state = dict(zip(names, plant.state.item(), strict=True))
            angle = self.steer(_Straight, state["x"], 0.0, state, k * TICK_S)
            plant.step(TICK_S, plant.drive(SPEED_GAIN * (speed - state["speed"]), surroundings, angle), surroundings)
        self.angle_in_wind, self.yaw_in_wind, self.sway_m = self.wanted, state["yaw"], SWAY_M
        self._begin(0.0)

    def _hold(self, rate: float, time_s: float) -> None:
        """What the hands have learned to hold against what pushes."""
        since = time_s - self.last_s
        if not 0.0 <= since <= PAUSE_S:
            self._begin(time_s)
            since = 0.0
        self.last_s = time_s
        self.held = min(max(self.held + rate * since, -HELD_MOST_RAD), HELD_MOST_RAD)

    def _begin(self, time_s: float) -> None:
        self.held, self.last_s, self.side, self.wanted, self.turning = 0.0, time_s, 0.0, 0.0, 0.0

    def accelerate(self, speed: float, gap_m: float | None, lead_speed: float) -> float:
        """m/s2; `gap_m` None with a free road."""
        wanted = SPEED_GAIN * (self.set_speed - speed)
        if gap_m is not None:
            wanted = min(wanted, GAP_SPEED_GAIN * (lead_speed - speed) + GAP_GAIN * (gap_m - GAP_TIME_S * speed))
        return min(max(wanted, HARDEST_BRAKING), MOST_ACCELERATION)


class _Straight:
    """A road along x."""

    @staticmethod
    def at(s: float) -> tuple[float, float, float, float]:
        return s, 0.0, 0.0, 0.0
