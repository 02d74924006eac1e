"""The competent and careful driver: UN R157 Annex 3, performance model 1 (Table 1). Own code from the text."""

from __future__ import annotations

from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_S
from hil.reference_drivers import Scene

PERCEPTION_DEVIATION_M = 0.375  # of the other's middle in its lane: from here its coming is perceived
RISK_EVALUATION_S = 0.4
REACTION_S = 0.75
ENGINE_DRAG = 0.4  # m/s2, meanwhile, the foot off the pedal [R from the JRC's code]
RAMP = 12.65  # m/s3: 0.6 s to 0.774 g
MOST = 0.774 * STANDARD_GRAVITY_MPS2
RISKY_TTC_S = 2.0  # a cut-in is one below this time to collision
BRAKING_LEAD = 1.0  # m/s2, [D] a lead is seen to brake beyond it


class CarefulDriver:
    """Perceives, evaluates the risk, then brakes all it can."""

    def begin(self) -> None:
        self.perceived_s: float | None = None
        self.risky_s: float | None = None
        self.braking = 0.0

    def step(self, scene: Scene | None) -> float:
        if scene is not None and self.perceived_s is None and _perceived(scene):
            self.perceived_s = 0.0
        if self.perceived_s is not None:
            self.perceived_s += TICK_S
            if self.risky_s is None and self.perceived_s >= RISK_EVALUATION_S and scene is not None and _risky(scene):
                self.risky_s = 0.0
        if self.risky_s is not None:
            self.risky_s += TICK_S
            self.braking = min(self.braking + RAMP * TICK_S, MOST) if self.risky_s > REACTION_S else ENGINE_DRAG
        if scene is not None and scene.speed <= scene.other_speed and scene.other_acceleration >= 0.0:
            self.braking = 0.0
        return -self.braking


def _perceived(scene: Scene) -> bool:
    if scene.side_speed > 0.0 and scene.side_gap > 0.0:
        return scene.lane_deviation > PERCEPTION_DEVIATION_M
    return scene.side_gap <= 0.0


def _risky(scene: Scene) -> bool:
    closing = scene.speed - scene.other_speed
    if scene.side_gap <= 0.0 and scene.other_acceleration < -BRAKING_LEAD:
        return True
    return closing > 0.0 and scene.gap < RISKY_TTC_S * closing
