"""The plant with a gearbox that goes out of gear by itself, as makers offer it beside a plain cruise control."""

from __future__ import annotations

from hil.longitudinal.plant_train import PlantTrain

AFTER_S = 1.0  # without need of the engine, before it leaves the gear [D]
BELOW_MPS = 0.3  # under the set speed it goes back into gear [M] "just below"


class RollingTrain(PlantTrain):
    """Rolls from the set speed on while neither engine nor retarder is asked for, until either is, or the speed has fallen."""

    def __init__(self, name: str, overrides: dict | None, set_speed: float):
        self.set_speed, self.unasked_s, self.rolls = set_speed, 0.0, False
        super().__init__(name, overrides)

    def reset(self, speed: float) -> None:
        self.unasked_s, self.rolls = 0.0, False
        super().reset(speed)

    def step(self, actuation, grade: float) -> None:
        needed = actuation["engine_torque_nm"] > 0.0 and self.speed < self.set_speed
        held = actuation["retarder_torque_nm"] < 0.0 or actuation["brake_deceleration_mps2"] > 0.0
        self.unasked_s = 0.0 if needed or held else self.unasked_s + 0.01
        if self.rolls:
            self.rolls = not held and self.speed > self.set_speed - BELOW_MPS
        else:
            self.rolls = self.unasked_s > AFTER_S and self.speed >= self.set_speed
        told = actuation.copy()
        if self.rolls:
            told["roll"] = 1
        super().step(told, grade)
