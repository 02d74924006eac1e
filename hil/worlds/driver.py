"""Who drives while the stack does not: looks ahead along the lane, keeps a set speed and a gap, sways a little."""

from __future__ import annotations

import math

from hil.worlds.road import Road

LOOK_AHEAD_S, LOOK_AHEAD_LEAST_M = 1.4, 8.0
SWAY_M, SWAY_PERIOD_S = 0.12, 9.0  # [D] as a rested driver, so that estimators see some motion
SPEED_GAIN = 0.3
GAP_TIME_S, GAP_GAIN, GAP_SPEED_GAIN = 2.8, 0.03, 0.35
HARDEST_BRAKING, MOST_ACCELERATION = -2.0, 0.6


class Driver:
    """`wheelbase` and `understeer` (s2/m) as VehicleParameters means them: what the driver has learned of the truck."""

    def __init__(self, wheelbase: float, understeer: float, set_speed: float, phase: float):
        self.wheelbase, self.understeer, self.set_speed, self.phase = wheelbase, understeer, set_speed, phase

    def steer(
        self, road: Road, s: float, lane_offset: float, x: float, y: float, yaw: float, speed: float, time_s: float
    ) -> float:
        """Road wheel angle towards a point on the lane ahead; `lane_offset` of the lane's middle from the reference line."""
        look = max(LOOK_AHEAD_LEAST_M, speed * LOOK_AHEAD_S)
        aside = lane_offset + SWAY_M * math.sin(self.phase + 2.0 * math.pi * time_s / SWAY_PERIOD_S)
        px, py, heading, _ = road.at(s + look)
        dx, dy = px - aside * math.sin(heading) - x, py + aside * math.cos(heading) - y
        left = -dx * math.sin(yaw) + dy * math.cos(yaw)
        return (self.wheelbase + self.understeer * speed**2) * 2.0 * left / (dx * dx + dy * dy)

    def accelerate(self, speed: float, gap_m: float | None, lead_speed: float) -> float:
        """m/s2; `gap_m` None with a free road."""
        wanted = SPEED_GAIN * (self.set_speed - speed)
        if gap_m is not None:
            wanted = min(wanted, GAP_SPEED_GAIN * (lead_speed - speed) + GAP_GAIN * (gap_m - GAP_TIME_S * speed))
        return min(max(wanted, HARDEST_BRAKING), MOST_ACCELERATION)
