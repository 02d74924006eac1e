"""Makes configs/plants/kinematic_trailer.csv: what the kinematic trailer model of commonroad-vehicle-models does at 1 m/s.

The package pins other libraries than ours, so it gets an environment of its own; this file imports nothing of the stack:

    python -m venv reference && reference/bin/pip install commonroad-vehicle-models==3.0.2
    reference/bin/python hil/plant/kinematic_reference.py > configs/plants/kinematic_trailer.csv
"""

from __future__ import annotations

import math
from types import SimpleNamespace

VERSION = "3.0.2"
WHEELBASE_M, TRAILER_M, SPEED_MPS = 3.8, 7.7, 1.0
AMPLITUDE_RAD, RATE_RADPS = 0.30, 0.2
DURATION_S, STEP_S = 60, 0.001
HEADER = f"""\
# Kinematic single track with an on-axle trailer: wheelbase {WHEELBASE_M} m, trailer {TRAILER_M} m, 1 m/s, \
angle 0.30 sin(0.2 t); equations of
# commonroad-vehicle-models {VERSION} (vehicle_dynamics_kst, BSD-3), Runge-Kutta of 1 ms. Reference point: rear axle.
t_s,road_wheel_angle_rad,x_m,y_m,yaw_rad,hitch_rad"""


def main() -> None:
    from vehiclemodels.vehicle_dynamics_kst import vehicle_dynamics_kst

    free = SimpleNamespace(min=-1.0, max=1.0, v_min=-1.0, v_max=1.0)  # no limit is reached
    model = SimpleNamespace(a=0.5 * WHEELBASE_M, b=0.5 * WHEELBASE_M, trailer=SimpleNamespace(l_wb=TRAILER_M), steering=free,
                            longitudinal=SimpleNamespace(a_max=1.0, v_min=0.0, v_max=2.0, v_switch=2.0))  # fmt: skip

    def change(state: list[float], time_s: float) -> list[float]:
        # x, y, road wheel angle, speed, yaw, hitch; told are the angle's rate and the acceleration
        return vehicle_dynamics_kst(list(state), [AMPLITUDE_RAD * RATE_RADPS * math.cos(RATE_RADPS * time_s), 0.0], model)

    def moved(state: list[float], by: list[float], step: float) -> list[float]:
        return [value + step * rate for value, rate in zip(state, by, strict=True)]

    state, print_every = [0.0, 0.0, 0.0, SPEED_MPS, 0.0, 0.0], round(1.0 / STEP_S)
    print(HEADER)
    for number in range(DURATION_S * print_every + 1):
        time_s = number * STEP_S
        if number % print_every == 0:
            x, y, angle, _, yaw, hitch = state
            print(",".join(f"{value:.9g}" for value in (time_s, angle, x, y, yaw, hitch)))
        first = change(state, time_s)
        second = change(moved(state, first, 0.5 * STEP_S), time_s + 0.5 * STEP_S)
        third = change(moved(state, second, 0.5 * STEP_S), time_s + 0.5 * STEP_S)
        last = change(moved(state, third, STEP_S), time_s + STEP_S)
        state = [value + STEP_S / 6.0 * (a + 2.0 * (b + c) + d)
                 for value, a, b, c, d in zip(state, first, second, third, last, strict=True)]  # fmt: skip


if __name__ == "__main__":
    main()
