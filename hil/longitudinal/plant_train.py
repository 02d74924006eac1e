"""The plant on a straight road: moved by engine, retarder and brakes as the stack commands them."""

from __future__ import annotations

from autonomy import msg
from autonomy.tick_period import TICK_S
from hil.plant import Plant, PlantCommand, Surroundings

ENGINE_SPEED = int(msg.constants("SignalSample")["ENGINE_SPEED"])


class PlantTrain:
    """A train of `hil.longitudinal.straight_road` over a plant parameter set."""

    def __init__(self, name: str = "plants/eu_4x2_40t", overrides: dict | None = None):
        self.plant = Plant.load(name, overrides)
        self.reset(0.0)

    def reset(self, speed: float) -> None:
        self.plant.reset(speed=speed)
        self._read()

    def step(self, actuation, grade: float) -> None:
        command = PlantCommand(0.0, float(actuation["engine_torque_nm"]), float(actuation["retarder_torque_nm"]),
                               float(actuation["brake_deceleration_mps2"]), roll=bool(actuation["roll"]))  # fmt: skip
        self.plant.step(TICK_S, command, Surroundings(grade=grade))
        self._read()

    def signals(self) -> dict[int, float]:
        return {ENGINE_SPEED: float(self.plant.state["engine_speed_radps"])}

    def at_full_load(self) -> bool:
        """Whether the engine gives all it can."""
        return bool(self.plant.state["engine_torque_nm"] > 0.97 * self.plant.state["engine_torque_maximum_nm"])

    def shifting(self) -> bool:
        return bool(self.plant.state["shift_in_progress"])

    def _read(self) -> None:
        self.speed, self.acceleration = float(self.plant.state["speed"]), float(self.plant.state["ax"])
