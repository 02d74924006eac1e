"""Parameters of single steps for tests, and a stack of the steps around a known ego motion."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
from autonomy.control._control import ControlStep
from autonomy.estimation.lane._lane import LaneStep
from autonomy.estimation.tracks._tracks import TracksStep
from autonomy.estimation.truck._truck import TruckStep
from autonomy.inputs._inputs import InputsStep
from autonomy.planning._plan import PlanStep
from autonomy.safety._envelope import EnvelopeStep

from autonomy import msg

CONFIGS = Path(__file__).parents[1] / "configs"
MESSAGES = {name: f"{name.capitalize()}Parameters" for name in (
    "vehicle", "inputs", "truck", "lane", "tracks", "plan", "lateral", "longitudinal", "envelope", "cruise")}  # fmt: skip
EGO_VALID = 1 | 2 | 4 | 8  # aligned, position and velocity valid


def step_parameters(file: str = "demo_truck", /, **overrides: dict) -> dict[str, np.ndarray]:
    """{section: 0-d array} from configs/; `overrides` are tables such as vehicle={"yaw_lag_s": 0.2}."""
    tables = tomllib.loads((CONFIGS / "tick.toml").read_text())
    for name, table in tomllib.loads((CONFIGS / "vehicles" / f"{file}.toml").read_text()).items():
        if name in MESSAGES:
            tables[name] = tables.get(name, {}) | table
    parameters = {}
    for name, message in MESSAGES.items():
        parameters[name] = np.zeros((), msg.dtype(message))
        for key, value in (tables[name] | overrides.get(name, {})).items():
            if not (isinstance(value, list) and (not value or isinstance(value[0], dict))):  # tables of rows stay empty
                parameters[name][key] = value
    return parameters


def cruise_parameters(**overrides: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cruise, vehicle, longitudinal), what the predictive cruise control is made of."""
    parameters = step_parameters(**overrides)
    return parameters["cruise"], parameters["vehicle"], parameters["longitudinal"]


def zeros(name: str) -> np.ndarray:
    return np.zeros((), msg.dtype(name))


def valid_ego(speed: float = 20.0, yaw_rate: float = 0.0) -> np.ndarray:
    """An ego state heading east at the origin."""
    ego = zeros("EgoState")
    ego["status"], ego["speed"], ego["velocity"][0], ego["angular_rate"][2] = EGO_VALID, speed, speed, yaw_rate
    ego["orientation"][0] = 1.0
    return ego


def known_truck(**fields) -> np.ndarray:
    """A TruckState of 40 t, known to 2 t, cool, on a dry level road; `fields` change it."""
    truck = zeros("TruckState")
    told = {"mass_kg": 40_000.0, "mass_sigma_kg": 700.0, "mass_low_kg": 38_000.0, "mass_high_kg": 42_000.0, "friction": 0.8,
            "friction_sigma": 0.1, "retarder_temperature_c": 20.0, "retarder_heat_left_j": 18e6, "retarder_cooled_w": 230e3,
            "brake_temperature_c": 20.0, "brake_heat_left_j": 50e6, "has_trailer": 1}  # fmt: skip
    for name, value in (told | fields).items():
        truck[name] = value
    return truck


class StepStack:
    """All steps but the ego filter, whose place the truth takes: `ego_source()` gives (x, y, yaw, speed, yaw rate)."""

    def __init__(self, parameters, ego_source):
        p = parameters
        self.parameters, self.ego_source = p, ego_source
        self.inputs = InputsStep(p["inputs"], p["vehicle"])
        self.truck = TruckStep(p["truck"], p["vehicle"])
        self.lane = LaneStep(p["lane"])
        self.tracks = TracksStep(p["tracks"])
        self.plan = PlanStep(p["plan"], p["vehicle"])
        self.control = ControlStep(p["lateral"], p["longitudinal"], p["vehicle"])
        self.envelope = EnvelopeStep(p["envelope"], p["longitudinal"], p["truck"], p["vehicle"])

    def new_input(self) -> np.void:
        return np.zeros(1, msg.dtype("InputFrame"))[0]

    def tick(self, frame, out=None):
        frame = np.asarray(frame)
        ego = valid_ego()
        x, y, yaw, speed, yaw_rate = self.ego_source()
        ego["time_ns"], ego["position"][:2], ego["yaw"], ego["speed"] = frame["tick_time_ns"], (x, y), yaw, speed
        ego["velocity"][:2] = speed * np.cos(yaw), speed * np.sin(yaw)
        ego["angular_rate"][2] = yaw_rate
        vehicle = self.inputs.step(frame)
        truck = self.truck.step(frame, vehicle, ego)
        lane = self.lane.step(frame, ego)
        tracks = self.tracks.step(frame, ego, lane)
        plan = self.plan.step(frame, vehicle, ego, truck, lane, tracks)
        control = self.control.step(vehicle, ego, truck, lane, plan)
        actuation, health = self.envelope.step(frame, vehicle, ego, truck, lane, tracks, plan, control)
        self.truck.remember(actuation)
        self.control.remember(actuation)
        result = np.zeros(1, msg.dtype("OutputFrame")) if out is None else out
        for name, value in (("vehicle", vehicle), ("ego", ego), ("truck", truck), ("lane", lane), ("tracks", tracks),
                            ("plan", plan), ("control", control), ("actuation", actuation), ("health", health)):  # fmt: skip
            result[name] = value
        result["tick_index"], result["tick_time_ns"] = frame["tick_index"], frame["tick_time_ns"]
        return result[0]
