"""The fuzzy safety model: UN R157 Annex 3, performance model 2; Mattas et al., "Fuzzy Surrogate Safety Metrics for
real-time assessment of rear-end collision risk", Accident Analysis and Prevention 148 (2020). Own code from the formulas.
"""

from __future__ import annotations

import math

from autonomy.tick_period import TICK_S
from hil.reference_drivers import Scene

REACTION_S = 0.75
COMFORT, MOST, OTHER_MOST = 4.0, 6.0, 7.0  # m/s2
MARGIN_M = 2.0  # d1
JERK = 12.65  # m/s3
SIDE_MARGIN_S = 0.1


class FuzzySafetyModel:
    """Reacts as soon as what it sees is unsafe at all; brakes a reaction time later."""

    def begin(self) -> None:
        self.waited_s: float | None = None
        self.braking = 0.0

    def step(self, scene: Scene | None) -> float:
        wanted = 0.0 if scene is None or not enters(scene) else deceleration(scene)
        if wanted > 0.0 and self.waited_s is None:
            self.waited_s = 0.0
        elif wanted == 0.0 and self.braking == 0.0:
            self.waited_s = None
        if self.waited_s is not None:
            self.waited_s += TICK_S
        if self.waited_s is None or self.waited_s <= REACTION_S:
            wanted = 0.0
        self.braking = min(max(wanted, self.braking - JERK * TICK_S), self.braking + JERK * TICK_S)
        return -self.braking


def enters(scene: Scene) -> bool:
    """In the way already, or there before the truck is past it."""
    if scene.side_gap <= 0.0:
        return True
    closing = scene.speed - scene.other_speed
    if scene.side_speed <= 0.0 or closing <= 0.0:
        return False
    passing_s = (scene.gap + scene.own_length + scene.other_length) / closing
    return scene.side_gap / scene.side_speed < passing_s + SIDE_MARGIN_S


def deceleration(scene: Scene) -> float:
    """m/s2, positive."""
    critical = critical_safety(scene)
    if critical > 0.0:
        return critical * (MOST - COMFORT) + COMFORT
    return proactive_safety(scene) * COMFORT


def proactive_safety(scene: Scene) -> float:
    """PFS, 0 safe to 1 unsafe: could one stop behind the other if it braked as hard as it can?"""
    own, other = scene.speed, scene.other_speed
    reaction = own * REACTION_S
    safe = reaction + own**2 / (2.0 * COMFORT) - other**2 / (2.0 * OTHER_MOST) + MARGIN_M
    unsafe = reaction + own**2 / (2.0 * MOST) - other**2 / (2.0 * OTHER_MOST)
    return _ramp(scene.gap - MARGIN_M, safe, unsafe) if unsafe < safe else float(scene.gap - MARGIN_M < unsafe)


def critical_safety(scene: Scene) -> float:
    """CFS, 0 safe to 1 unsafe: is a collision near if the other goes on as it does?"""
    if scene.speed <= scene.other_speed:
        return 0.0
    own = max(scene.acceleration, -COMFORT)
    later = scene.speed + own * REACTION_S
    covered = (0.5 * (scene.speed + later) - scene.other_speed) * REACTION_S
    if later <= scene.other_speed:
        safe = unsafe = (scene.speed - scene.other_speed) ** 2 / (2.0 * abs(own))
    else:
        safe = covered + (later - scene.other_speed) ** 2 / (2.0 * COMFORT)
        unsafe = covered + (later - scene.other_speed) ** 2 / (2.0 * MOST)
    return _ramp(scene.gap, safe, unsafe)


def _ramp(distance: float, safe: float, unsafe: float) -> float:
    if distance <= unsafe:
        return 1.0
    if distance >= safe:
        return 0.0
    return 1.0 if math.isclose(safe, unsafe) else (distance - safe) / (unsafe - safe)
