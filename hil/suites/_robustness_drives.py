"""The closest cells of the robustness grid in the whole closed loop: nonlinear plant, noise and latency, lane and ego filter."""

from __future__ import annotations

import numpy as np

from hil.suites._row import row_of

PLANTS = {"demo_truck": "plants/eu_4x2_40t", "us_6x4_53ft": "plants/us_6x4_53ft", "openpbs_6x2": "plants/openpbs_6x2"}
CLOSEST = 6  # by damping, and as many by settling
DRIVEN_S, LAST_S = 20.0, 5.0
HANDED_OVER_S = 2.0  # where the driver left it and moved to is not the controller's
BAND_M = 0.15  # 0.05 m and the 0.1 m that noise moves the axles on a straight (lane_keeping)
SEED = 21
# A camera of 80 m allows 91 km/h; the cells ask for up to 104
UNBOUNDED_SIGHT = {"plan.speed_maximum": 30.0, "plan.fallback_deceleration_maximum": 8.0}


def closest(table: np.ndarray) -> np.ndarray:
    """Records of the grid: the least damped, and of the others the slowest to settle; never one cell twice."""
    damped = np.argsort(table["damping"], kind="stable")[:CLOSEST]
    slow = [k for k in np.argsort(-table["tractor_s"], kind="stable") if k not in damped][:CLOSEST]
    return table[[*damped, *slow]]


def rows(drives: list[tuple[float, ...]]) -> list[dict]:
    """Of what `drive` gives of each cell."""
    tractor, trailer, margin, last = np.array(drives).T
    return [
        row_of(f"whole loop, {len(drives)} closest cells: 0.5 m to 0.15 m, tractor, slowest", tractor.max(), "s", "<= 5",
               tractor.max() <= 5.0),
        row_of("whole loop, closest cells: 0.5 m to 0.15 m, trailer, slowest", trailer.max(), "s", "<= 8", trailer.max() <= 8.0),
        row_of("whole loop, closest cells: nearest to the line from 2 s on", margin.min(), "m", "> 0", margin.min() > 0.0),
        row_of("whole loop, closest cells: axles in the last 5 of 20 s", last.max(), "m", "<= 0.25", last.max() <= 0.25),
    ]  # fmt: skip


def drive(piece) -> tuple[float, ...]:
    """Settling times of tractor and trailer, nearest to the line, axles in the last seconds; infinite where it did not drive.

    `piece`: a record of the grid, kg, m to start at, m of the lane's width.
    """
    import hil
    from autonomy import Stack
    from autonomy import config as configuration
    from autonomy.control.yaw_plane_twin import YawPlane
    from autonomy.msg.modes import DRIVING_MODES
    from hil.lateral.linear_loop import parameters, settling_time
    from hil.sensors import Messages
    from hil.worlds.motorway import Motorway

    cell, mass, start_m, lane_m = piece
    name, speed = f"vehicles/{cell['combination']}", float(cell["speed"])
    plant = configuration.load(PLANTS[str(cell["combination"])]).sections
    delay, lag = float(cell["delay"]), float(cell["lag"])
    overrides = {"steering.delay_s": delay, "steering.lag_s": lag, "steering.play": 0.0,
                 "trailer.mass_kg": mass - plant["tractor"]["mass_kg"],
                 "tyres.cornering_stiffness": [float(cell["tyres"]) * own for own in plant["tyres"]["cornering_stiffness"]],
                 }  # fmt: skip
    model = YawPlane(parameters(name)[1], mass, speed)
    slip = -model.steady(1.0 / speed**2, 0.0, 0.0)[1]
    told = {"vehicle.steering_delay_s": delay, "vehicle.steering_lag_s": lag, "vehicle.steering_play_rad": 0.0,
            "vehicle.mass_kg": mass, "ego.slip": -float(slip)} | UNBOUNDED_SIGHT  # fmt: skip
    road = {"lane_width_m": lane_m, "segments": [{"length_m": 40.0 * speed + 200.0, "speed_limit_mps": 30.0}]}
    world = Motorway({"schema": "autonomy.scenario/1", "duration_s": 40.0, "set_speed_mps": speed, "road": road,
                      "ego": {"plant": PLANTS[str(cell["combination"])], "vehicle": name, "overrides": overrides,
                              "offset_m": start_m}})  # fmt: skip
    seen = []

    def watch(truth, out):
        if int(out["actuation"]["mode"]) in DRIVING_MODES:
            axles, corners = np.asarray(truth.road.axle_offsets), np.asarray(truth.road.corner_offsets)
            own = truth.ego.tractor_axles
            seen.append((axles[own - 1], axles[own:].mean(), np.abs(axles).max(),
                         min(truth.road.width_left - corners.max(), truth.road.width_right + corners.min())))  # fmt: skip

    def holds_aside():
        steer = world.driver.steer
        world.driver.steer = lambda road, s, middle, *more: steer(road, s, middle + start_m, *more)

    stack = Stack.from_config(name, overrides=told)
    sensors = Messages(configuration.load(name, told), seed=SEED)
    hil.run(world, stack, sensors, 40.0, seed=SEED, watch=watch, begins=holds_aside, report=False)
    ticks = round(DRIVEN_S * 100.0)
    if len(seen) < ticks:
        return np.inf, np.inf, -np.inf, np.inf
    series = np.array(seen)[:ticks]
    return (settling_time(series[:, 0], BAND_M), settling_time(series[:, 1], BAND_M),
            float(series[round(HANDED_OVER_S * 100.0) :, 3].min()), float(series[-round(LAST_S * 100.0) :, 2].max()))  # fmt: skip
