"""The plant's face: loads a parameter set, takes commands, shows the state.

    plant = Plant.load("plants/eu_4x2_40t", overrides={"steering.play": 0.0017})
    plant.reset(speed=22.0)
    plant.step(0.01, PlantCommand(road_wheel_angle_rad=0.01, acceleration_mps2=0.0), Surroundings(grade=0.02))
    plant.state["yaw_rate"]

Frames ISO 8855. The reference point is on the ground under the tractor's drive-axle group; x and y are lengths along the road's
surface.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import config as configuration
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from hil.plant._plant import Kernel
from hil.plant.parameters import fill

NAN = math.nan


@dataclass(slots=True)
class PlantCommand:
    """What the actuators are told. With `acceleration_mps2` the plant splits it itself; `held_speed_mps` holds a speed by
    whatever force the drive axle needs, for manoeuvres that are defined so."""

    road_wheel_angle_rad: float = 0.0
    engine_torque_nm: float = 0.0
    retarder_torque_nm: float = 0.0
    brake_deceleration_mps2: float = 0.0
    acceleration_mps2: float | None = None
    held_speed_mps: float | None = None
    roll: bool = False  # out of gear


@dataclass(slots=True)
class Surroundings:
    """Road and air at the truck. Grade rad uphill, bank rad with the left side higher, wind as it is reported: from where."""

    grade: float = 0.0
    bank: float = 0.0
    friction: float = 0.8
    wind_speed_mps: float = 0.0
    wind_from_rad: float = 0.0  # direction it comes from, world frame, counter-clockwise from x


LEVEL = Surroundings()


class Plant:
    """One tractor with semitrailer. Deterministic: the same calls after the same reset give the same bits."""

    def __init__(self, config: configuration.Config):
        """Raises UsageError for a parameter set that lacks something or says something impossible."""
        self.config = config
        self.kernel = Kernel()
        self.table = fill(self.kernel.parameters, config)
        self.state = self.kernel.state  # 0-d structured array, always the newest
        self.state.flags.writeable = False
        self.parameters = self.kernel.parameters
        self.tractor_axles = int(self.parameters["tractor_axles"])  # of those that `axles` gives
        self.mass = float(self.parameters["mass"].sum())
        self.steering_play_rad = float(self.parameters["steering_play"])
        self.reset()

    @classmethod
    def load(cls, name: str | Path, overrides: dict[str, Any] | None = None, told_by: str = "overrides") -> Plant:
        """`name` of a file in configs or a path; overrides as {"section.key": value}, in errors those of `told_by`.

        Raises UsageError.
        """
        return cls(configuration.load(name, overrides, told_by))

    def reset(self, x: float = 0.0, y: float = 0.0, yaw: float = 0.0, speed: float = 0.0) -> np.ndarray:
        """Straight ahead at a steady speed, everything cold, the clock at zero."""
        self.kernel.reset(x, y, yaw, speed)
        return self.state

    def step(self, dt_s: float, command, surroundings: Surroundings = LEVEL) -> np.ndarray:
        """Advances by dt_s: whole inner steps, a rest is owed to the next call.

        `command`: a PlantCommand, or a record with the fields of Actuation.
        """
        held = NAN
        if isinstance(command, PlantCommand):
            if command.acceleration_mps2 is not None:
                command = self.drive(command.acceleration_mps2, surroundings, command.road_wheel_angle_rad)
            elif command.held_speed_mps is not None:
                held = command.held_speed_mps
            angle, engine = command.road_wheel_angle_rad, command.engine_torque_nm
            retarder, brake = command.retarder_torque_nm, command.brake_deceleration_mps2
            roll = command.roll
        else:
            angle, engine = command["road_wheel_angle_rad"], command["engine_torque_nm"]
            retarder, brake = command["retarder_torque_nm"], command["brake_deceleration_mps2"]
            roll = bool(command["roll"])
        wind_x = wind_y = 0.0
        if surroundings.wind_speed_mps:
            wind_x = -surroundings.wind_speed_mps * math.cos(surroundings.wind_from_rad)
            wind_y = -surroundings.wind_speed_mps * math.sin(surroundings.wind_from_rad)
        self.kernel.step(round(dt_s * 1e9), angle, engine, retarder, brake, held, surroundings.grade, surroundings.bank,
                         surroundings.friction, wind_x, wind_y, roll)  # fmt: skip
        return self.state

    def drive(self, acceleration: float, surroundings: Surroundings = LEVEL, road_wheel_angle: float = 0.0) -> PlantCommand:
        """Splits an acceleration (m/s2) by the true force balance: engine, else retarder, else brakes for what is left."""
        p, state = self.parameters, self.state
        speed = float(state["speed"])
        radius, final = float(p["wheel_radius"]), float(p["final_drive"])
        ratio = float(state["gear_ratio"]) * final
        inertia = float(p["wheel_inertia"]) + float(p["engine_inertia"]) * ratio**2
        force = (self.mass + inertia / radius**2) * acceleration
        force += self.mass * STANDARD_GRAVITY_MPS2 * math.sin(surroundings.grade)
        if speed > 0.1 or acceleration > 0.0:
            drag = 0.5 * AIR_DENSITY_KGPM3 * float(p["drag_area"]) * speed * abs(speed)
            force += drag + float(p["rolling_resistance"]) * self.mass * STANDARD_GRAVITY_MPS2
        if force >= 0.0 and (speed > 0.1 or acceleration > 0.0):
            return PlantCommand(road_wheel_angle, force * radius / (ratio * float(p["efficiency"])))
        retarder = max(force * radius / final, -float(state["retarder_torque_maximum_nm"]))
        rest = (retarder * final / radius - force) / self.mass
        if speed < 0.1 and acceleration <= 0.0:
            rest = max(rest, 1.0 + abs(STANDARD_GRAVITY_MPS2 * math.sin(surroundings.grade)))  # held at a standstill
        return PlantCommand(road_wheel_angle, 0.0, retarder, max(rest, 0.0))

    def axles(self) -> np.ndarray:
        """World positions (n, 2) of all axle centres, from the front."""
        count, own = int(self.parameters["axles"]), int(self.parameters["tractor_axles"])
        positions = self.parameters["axle_x"][:count] - float(self.parameters["reference"])
        behind = self.parameters["axle_x"][own:count]
        middle = np.zeros(count)
        return np.concatenate([self._on_tractor(positions[:own], middle[:own]), self._on_trailer(behind, middle[own:])])

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Corner points (4, 2) of tractor and trailer in the world: front left, front right, rear right, rear left."""
        tractor, trailer = self.table["tractor"], self.table["trailer"]
        reference = float(self.parameters["reference"])
        side = np.array([0.5, -0.5, -0.5, 0.5])
        front, rear = float(tractor["front_m"]) - reference, float(tractor["rear_m"]) - reference
        return (self._on_tractor(np.array([front, front, rear, rear]), side * float(tractor["width_m"])),
                self._on_trailer(np.array([trailer["front_m"], trailer["front_m"], trailer["rear_m"], trailer["rear_m"]]),
                                 side * float(trailer["width_m"])))  # fmt: skip

    def kingpin(self) -> np.ndarray:
        """World position (2,) of the trailer's roll axis under the kingpin."""
        p, state = self.parameters, self.state
        aside = 0.0 if p["linear"] else float(p["hitch_height"]) * float(state["trailer_roll"] - state["roll"])
        return self._on_tractor(np.array([-float(p["hitch"] + p["reference"])]), np.array([aside]))[0]

    def snapshot(self) -> bytes:
        return self.kernel.snapshot()

    def restore(self, blob: bytes) -> None:
        self.kernel.restore(blob)

    def _on_tractor(self, forward: np.ndarray, left: np.ndarray) -> np.ndarray:
        return _placed(float(self.state["x"]), float(self.state["y"]), float(self.state["yaw"]), forward, left)

    def _on_trailer(self, forward: np.ndarray, left: np.ndarray) -> np.ndarray:
        x, y = self.kingpin()
        return _placed(x, y, float(self.state["yaw"] + self.state["articulation"]), forward, left)


def _placed(x: float, y: float, yaw: float, forward: np.ndarray, left: np.ndarray) -> np.ndarray:
    cosine, sine = math.cos(yaw), math.sin(yaw)
    return np.column_stack([x + cosine * forward - sine * left, y + sine * forward + cosine * left])
