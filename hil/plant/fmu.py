"""A plant from somebody else's tool: a co-simulation FMU (FMI 2.0) by fmpy, with the face of hil.plant.Plant.

Its inputs and outputs are found by name: those of Actuation and Surroundings go in, those of STATE come out, each under its
own name or the one that `names` gives it. What it lacks of road and wind it is not told, what it lacks of the state is zero
or follows from the rest; without a pose, a speed and a steering angle to set it is no truck. It begins where a reset says by
its parameters `x_start`, `y_start`, `yaw_start` and `speed_start`.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from pathlib import Path

import numpy as np

from autonomy.errors import MissingPackage, UsageError
from hil.plant.geometry import TruckGeometry
from hil.plant.kinematic import PARAMETERS, STATE

COMMANDS = ("road_wheel_angle_rad", "engine_torque_nm", "retarder_torque_nm", "brake_deceleration_mps2", "acceleration_mps2")
ROAD = ("grade", "bank", "friction", "wind_speed_mps", "wind_from_rad")
START = {"x": "x_start", "y": "y_start", "yaw": "yaw_start", "speed": "speed_start"}  # parameters of the FMU, set at a reset
OFF_START = 1e-3  # m, rad, m/s: how far from there its outputs may be after initialisation
NEEDED_INPUTS, NEEDED_OUTPUTS = ("road_wheel_angle_rad",), ("x", "y", "yaw", "speed")


class FmuPlant(TruckGeometry):
    """`vehicle`: a table of the fields of VehicleParameters, for the geometry. `names`: {our name: the FMU's}."""

    def __init__(self, path: str | Path, vehicle, names: dict[str, str] | None = None):
        """Raises EnvironmentFault without fmpy, UsageError for an FMU that cannot be used."""
        self.path, self._folder, self._slave = Path(path), None, None
        self.vehicle = {name: float(vehicle[name]) for name in PARAMETERS}
        self.state = np.zeros((), STATE)
        self._fmpy = _library()
        try:
            self._description = self._fmpy.read_model_description(str(path))
            self._folder = self._fmpy.extract(str(path))
        except Exception as error:  # whatever its parsers raise
            raise UsageError(f"{path}: cannot be read as an FMU: {error}") from None
        if self._description.coSimulation is None or self._description.fmiVersion != "2.0":
            raise UsageError(f"{path}: is FMI {self._description.fmiVersion}"
                             f"{'' if self._description.coSimulation else ' for model exchange'}; "
                             "a co-simulation FMU of FMI 2.0 is needed")  # fmt: skip
        self._find(names or {})
        self.reset()

    def reset(self, x: float = 0.0, y: float = 0.0, yaw: float = 0.0, speed: float = 0.0) -> None:
        """Raises UsageError for an FMU that does not start, or not there."""
        self.close()
        self._time_s = 0.0
        given = {"x": x, "y": y, "yaw": yaw, "speed": speed}
        with self._told():
            self._slave = self._fmpy.fmi2.FMU2Slave(
                guid=self._description.guid, unzipDirectory=self._folder, instanceName="plant",
                modelIdentifier=self._description.coSimulation.modelIdentifier)  # fmt: skip
            self._slave.instantiate()
            self._slave.setupExperiment(startTime=0.0)
            if self._starts:
                self._slave.setReal(list(self._starts.values()), [float(given[name]) for name in self._starts])
            self._slave.enterInitializationMode()
            self._slave.exitInitializationMode()
        self.state[...] = np.zeros((), STATE)
        self.state["mass"], self.state["gear"] = self.vehicle["mass_kg"], 12
        self._read(0.0)
        for name, wanted in given.items():
            off = float(self.state[name]) - wanted
            if abs(math.remainder(off, 2.0 * math.pi) if name == "yaw" else off) > OFF_START:
                why = "" if name in self._starts else f" and has no Real parameter '{START[name]}' to set it"
                raise UsageError(f"{self.path}: begins at {name} = {self.state[name]:g}, not at {wanted:g}{why}. Export it with "
                                 "that parameter, or say in `names` how it calls it")  # fmt: skip

    def step(self, dt_s: float, command, surroundings=None) -> None:
        """`command` has the fields of Actuation."""
        numbers, values = [], []
        for name in self._commands:
            numbers.append(self._inputs[name])
            values.append(float(command[name]))
        for name in self._road if surroundings is not None else ():
            numbers.append(self._inputs[name])
            values.append(float(getattr(surroundings, name)))
        with self._told():
            self._slave.setReal(numbers, values)
            self._slave.doStep(currentCommunicationPoint=self._time_s, communicationStepSize=dt_s)
        self._time_s += dt_s
        self._read(dt_s)

    def drive(self, acceleration: float, surroundings=None, road_wheel_angle: float = 0.0) -> dict[str, float]:
        """The command for an acceleration in m/s2: as it is, and split into engine torque and brakes by the mass."""
        vehicle = self.vehicle
        torque = acceleration * vehicle["mass_kg"] * vehicle["wheel_radius_m"] / vehicle["driveline_ratio"]
        return {"road_wheel_angle_rad": road_wheel_angle, "acceleration_mps2": acceleration, "engine_torque_nm": max(torque, 0.0),
                "retarder_torque_nm": 0.0, "brake_deceleration_mps2": max(-acceleration, 0.0)}  # fmt: skip

    def close(self) -> None:
        """Ends the FMU; `reset` starts it anew."""
        slave, self._slave = self._slave, None
        if slave is not None:
            with contextlib.suppress(Exception):  # one that has failed may refuse to end: it is let go all the same
                slave.terminate()
            with contextlib.suppress(Exception):
                slave.freeInstance()

    def __del__(self):
        if self._folder is not None:
            self.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _told(self):
        """What goes wrong inside the FMU, with its name and the time."""
        try:
            yield
        except Exception as error:  # fmpy has no class of its own for all of them
            raise UsageError(f"{self.path}: fails at {self._time_s:.3f} s: {error}") from None

    def _find(self, names: dict[str, str]) -> None:
        variables = self._description.modelVariables
        self._variables = {item.name: item.valueReference for item in variables if item.type == "Real"}
        told = {item.name: item.causality for item in variables if item.type == "Real"}
        theirs = {name: names.get(name, name) for name in COMMANDS + ROAD + STATE.names}
        self._inputs = {name: self._variables[theirs[name]] for name in COMMANDS + ROAD if told.get(theirs[name]) == "input"}
        self._outputs = {name: self._variables[theirs[name]] for name in STATE.names
                         if told.get(theirs[name]) in ("output", "local")}  # fmt: skip
        for kind, needed, found in (("input", NEEDED_INPUTS, self._inputs), ("output", NEEDED_OUTPUTS, self._outputs)):
            missing = [name for name in needed if name not in found]
            if missing:
                known = ", ".join(sorted(name for name, causality in told.items() if causality == kind)) or "none"
                raise UsageError(f"{self.path}: has no Real {kind} '{theirs[missing[0]]}'; its {kind}s are {known}. "
                                 "Say in `names` how it calls what is missing")  # fmt: skip
        ours = (*COMMANDS, *ROAD, *STATE.names, *START.values())
        unknown = [name for name in names if name not in ours]
        if unknown:
            raise UsageError(f"names: '{unknown[0]}' is none of ours; there are {', '.join(ours)}")
        self._starts = {name: self._variables[names.get(start, start)] for name, start in START.items()
                        if names.get(start, start) in self._variables}  # fmt: skip
        self._commands = [name for name in COMMANDS if name in self._inputs]
        self._road = [name for name in ROAD if name in self._inputs]

    def _read(self, dt_s: float) -> None:
        before_speed, before_yaw = float(self.state["speed"]), float(self.state["yaw"])
        with self._told():
            values = self._slave.getReal(list(self._outputs.values()))
        for name, value in zip(self._outputs, values, strict=True):
            self.state[name] = value
        if not all(math.isfinite(self.state[name]) for name in NEEDED_OUTPUTS):
            raise UsageError(f"{self.path}: its state is not finite at {self._time_s:.3f} s")
        if dt_s > 0.0:
            derived = {"ax": (float(self.state["speed"]) - before_speed) / dt_s,
                       "yaw_rate": math.remainder(float(self.state["yaw"]) - before_yaw, 2.0 * math.pi) / dt_s}  # fmt: skip
            for name, value in derived.items():
                if name not in self._outputs:
                    self.state[name] = value
            if "ay" not in self._outputs:
                self.state["ay"] = self.state["speed"] * self.state["yaw_rate"]


def _library():
    try:
        import fmpy
        import fmpy.fmi2
    except ImportError as error:
        raise MissingPackage("an FMU as plant", f"fmpy ({error})", "fmi") from None
    return fmpy
