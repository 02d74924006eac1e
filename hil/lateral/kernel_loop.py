"""The lateral controller's own code closed over the linear yaw-plane plant, without estimators: what its bounds change."""

from __future__ import annotations

import numpy as np
from autonomy.control._control import ControlStep

from autonomy import config, msg
from autonomy.control.lateral_twin import measurements
from autonomy.control.yaw_plane_twin import COMMAND, FRONT, OFFSET, TRAILER, R, V, YawPlane, transition
from autonomy.parameters import load_parameters
from autonomy.tick_period import TICK_NS, TICK_S
from hil.lateral.linear_loop import places

EGO_VALID = 1 | 2 | 4 | 8  # aligned, position and velocity valid
WATCHED_S = 3.0  # a driver steers straight on before the controller takes over, and its observer comes to rest


def step_response(vehicle: str, speed: float, mass: float, delay: float, lag: float, start_m: float, duration_s: float,
                  half_width_m: float, target_m=0.0, tyres: float = 1.0, late_s: float = 0.0
                  ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(offsets (n, 4) of reference point, trailer, front and rear face, solver statuses (n,)) on a straight lane.

    `target_m` is the wanted offset: a number or a function of time in s. `tyres` scales the true cornering stiffness, `late_s`
    is how much longer the true dead time is than told.
    """
    parameters = load_parameters(config.load(vehicle))
    parameters["vehicle"]["steering_play_rad"] = 0.0  # this plant has none, and telling more than there is makes it hunt
    model = YawPlane(parameters["vehicle"], mass, speed, tyres=(tyres, tyres, tyres))
    plant = transition(model.rates(lag), TICK_S)
    sensed = measurements(parameters["lateral"], model)[0][3]  # lateral acceleration
    step = ControlStep(parameters["lateral"].copy(), parameters["longitudinal"].copy(), parameters["vehicle"].copy())
    names = ("VehicleState", "EgoState", "TruckState", "LaneState", "Plan", "Actuation")
    state, ego, truck, lane, plan, actuation = (np.zeros((), msg.dtype(name)) for name in names)
    truck["steering_delay_s"], truck["steering_lag_s"], truck["mass_kg"], truck["has_trailer"] = delay, lag, mass, 1
    lane["status"], lane["width_left"], lane["width_right"] = 1, half_width_m, half_width_m
    ego["status"], ego["speed"] = EGO_VALID, speed
    plan["behaviour"], plan["target_speed"], actuation["mode"] = 1, speed, 0
    x = np.zeros(12)
    x[[TRAILER, OFFSET, FRONT]] = start_m
    whole = round(max(delay + late_s, 0.0) / TICK_S)
    commands = [0.0] * (whole + 1)
    offsets, statuses = [], []
    for k in range(-round(WATCHED_S / TICK_S), round(duration_s / TICK_S)):
        ego["angular_rate"][2] = x[R]
        ego["velocity"][:2] = speed, x[V] + model.reference_m * x[R]
        ego["acceleration"][1] = sensed @ x
        ego["roll"] = float(parameters["vehicle"]["body_roll_rad_per_mps2"]) * speed * x[R]
        lane["offset"], lane["heading_error"] = x[OFFSET], model.heading @ x
        plan["lateral_target"] = target_m(max(k, 0) * TICK_S) if callable(target_m) else target_m
        state["time_ns"] = 10**9 + k * TICK_NS
        control = step.step(state, ego, truck, lane, plan)
        actuation["mode"], actuation["road_wheel_angle_rad"] = (1, control["road_wheel_angle"]) if k >= 0 else (0, 0.0)
        step.remember(actuation)
        if k < 0:
            continue
        commands.append(float(control["road_wheel_angle"]))
        offsets.append(x.copy())
        statuses.append(int(control["solver_status"]))
        x[COMMAND] = commands[-1 - whole]
        x = plant @ x
    return places(model, parameters["vehicle"], np.array(offsets)), np.array(statuses)
