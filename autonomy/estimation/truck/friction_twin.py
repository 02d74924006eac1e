"""The hint of the friction stated plainly: what was used was there; where ABS or traction control stepped in, that was all."""

from __future__ import annotations

import math
from typing import NamedTuple

from autonomy.axle_loads import axle_shares
from autonomy.physics import STANDARD_GRAVITY_MPS2

CONTROLLED_SHARE, LIMIT_SIGMA_SHARE, LIMIT_WEIGHT, BRAKED_FROM_MPS = 0.85, 0.2, 0.03, 3.0
LIMIT_ENDS_S = 0.5  # between two ticks at the limit: another event
DRIVEN = 1
KEYS = ("friction_hold_s", "friction_slip", "friction_cold_c", "friction_assumed", "friction_assumed_sigma")


class Told(NamedTuple):
    friction: float
    sigma: float
    low: float
    known: bool
    warning: bool


class Friction:
    """`p`: dtype("TruckParameters"), `vehicle`: dtype("VehicleParameters")."""

    def __init__(self, p, vehicle):
        self.p = {name: float(p[name]) for name in KEYS}
        self.vehicle = vehicle
        self.shown = self.limit = 0.0
        self.shown_s = self.limit_s = self.slipped_s = -math.inf

    def step(self, now_s: float, mass: float, speed: float, force: float, brake_force: float, lateral: float, excess: float,
             abs_active: bool, traction_control: bool, air_c: float) -> Told:  # fmt: skip
        """`force` N of the driven wheels, NaN not known; `brake_force` N of all; `excess`: share by which they turn too fast."""
        weight = mass * STANDARD_GRAVITY_MPS2
        aside = 0.0 if math.isnan(lateral) else lateral / STANDARD_GRAVITY_MPS2
        braked = brake_force / weight if speed > BRAKED_FROM_MPS else 0.0
        load = axle_shares(self.vehicle, mass)[DRIVEN] * weight * float(self.vehicle["driven_axles"])
        driven = 0.0 if math.isnan(force) else abs(force) / load
        used = math.hypot(max(driven, braked), aside)
        if used > self.shown or now_s - self.shown_s > self.p["friction_hold_s"]:
            self.shown, self.shown_s = used, now_s
        held_back = driven if force < 0.0 else 0.0
        locking, spinning = abs_active and max(braked, held_back) > 0.02, traction_control and driven > 0.02
        if locking or spinning:
            used = math.hypot(max(braked, held_back) if locking else driven, aside)
            if now_s - self.limit_s > LIMIT_ENDS_S:
                self.limit = used
            self.limit += LIMIT_WEIGHT * (used - self.limit)
            self.limit_s = self.slipped_s = self.shown_s = now_s
            self.shown = self.limit
        if excess > self.p["friction_slip"]:
            self.slipped_s = now_s
        return self._told(now_s, air_c)

    def _told(self, now_s: float, air_c: float) -> Told:
        hold_s = self.p["friction_hold_s"]
        warning = air_c < self.p["friction_cold_c"] or now_s - self.slipped_s < hold_s
        if now_s - self.limit_s < hold_s:
            friction = self.limit / CONTROLLED_SHARE
            return Told(friction, LIMIT_SIGMA_SHARE * friction + 0.02, self.shown, True, warning)
        return Told(max(self.shown, self.p["friction_assumed"]), self.p["friction_assumed_sigma"], self.shown, False, warning)
