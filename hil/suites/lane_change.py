"""Lane changes at 90 km/h: how much more the trailer swings than the tractor, on the nonlinear plant.

The stack has no lane change of its own yet. So the controller alone is driven over, with the true state and a target written
into its plan; and the whole stack, sensors with noise and latency, follows a lane that itself moves aside by its width.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from autonomy.tick_period import TICK_NS, TICK_S
from hil.suites._row import row_of

TITLE = "lane change at 90 km/h: rearward amplification, articulation"
SPEED_MPS, LANE_M = 25.0, 3.5
RATIO = 1.25
START_S, AFTER_S = 1.0, 12.0
TAKEN_OVER_S = 15.0  # the driver drives first
STRAIGHT_DEG = 0.1  # articulation that noise keeps up on a straight
PASSED_S = 1.0  # until the trailer has left the bends, too
DAMPING = 0.3  # [V] as the least damped mode of the robustness grid


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    plants = ("plants/eu_4x2_40t",) if quick else ("plants/eu_4x2_40t", "plants/eu_4x2_empty")
    found = []
    for plant, (name, duration) in itertools.product(plants, (("5 s", 5.0), ("7 s", 7.0), ("target at once", 0.0))):
        series = change(plant, duration)
        tractor, trailer = np.abs(series[:, 3]).max(), np.abs(series[:, 4]).max()
        late = np.abs(series[-200:, 5]).max()
        label = f"{plant.removeprefix('plants/')}, {name}"
        found += [
            row_of(f"{label}: peak lateral acceleration trailer/tractor", trailer / tractor, "", f"<= {RATIO}",
                 trailer <= RATIO * tractor),
            row_of(f"{label}: peak lateral acceleration, tractor", tractor, "m/s2", "", None),
            row_of(f"{label}: articulation 10 s later", np.degrees(late), "deg", "<= 0.1", np.degrees(late) <= 0.1),
            row_of(f"{label}: overshoot of tractor or trailer", (series[:, 1:3] - LANE_M).max(), "m", "<= 0.35",
                 (series[:, 1:3] - LANE_M).max() <= 0.35),
        ]  # fmt: skip
        if output is not None:
            file = "".join(letter if letter.isalnum() else "_" for letter in label)
            np.savetxt(output / f"{file}.csv", series, fmt="%.5f", delimiter=",", comments="",
                       header="time_s,tractor_m,trailer_m,tractor_mps2,trailer_mps2,articulation_rad,command_rad")  # fmt: skip
    for duration in (7.0,) if quick else (5.0, 7.0):
        found += _swerve_rows(duration)
    return found


def _swerve_rows(duration_s: float) -> list[dict]:
    from hil.worlds.plant_world import START_NS

    series = swerve(duration_s)
    own = at_centre_of_gravity(series["lateral_acceleration"], series["yaw_rate"], "plants/eu_4x2_40t")
    tractor, trailer = np.abs(own).max(), np.abs(series["trailer_lateral_acceleration"]).max()
    bent = np.abs(series["articulation"])
    since = series["time_ns"] / 1e9 - START_NS / 1e9 - TAKEN_OVER_S
    straight = bent[(since > -4.0) & (since < -2.0)].max()
    damped = damping_of(series["articulation"][since > duration_s + PASSED_S])
    off = max(series["tractor_offset"].max(), series["trailer_offset"].max())
    label = f"eu_4x2_40t, whole stack, the lane moves aside in {duration_s:g} s"
    return [
        row_of(f"{label}: peak lateral acceleration trailer/tractor", trailer / tractor, "", f"<= {RATIO}",
             trailer <= RATIO * tractor),
        row_of(f"{label}: peak lateral acceleration, tractor", tractor, "m/s2", "", None),
        row_of(f"{label}: articulation on the straight before", np.degrees(straight), "deg"),
        row_of(f"{label}: articulation 10 s later", np.degrees(bent[-200:].max()), "deg", f"<= {STRAIGHT_DEG:g}",
               np.degrees(bent[-200:].max()) <= STRAIGHT_DEG),
        row_of(f"{label}: damping of the articulation's swing behind", damped, "", f">= {DAMPING:g}", damped >= DAMPING),
        row_of(f"{label}: axles off the lane's middle, at most", off, "m", "", None),
    ]  # fmt: skip


def damping_of(series: np.ndarray) -> float:
    """Least damping ratio by the logarithmic decrement from the first swing to any later one; 1 without a later one.

    What is below 0.1 degrees, as noise keeps it up, is no swing.
    """
    from scipy.signal import find_peaks

    bent = np.abs(series)
    peaks, _ = find_peaks(bent, height=np.radians(0.1), prominence=np.radians(0.1))
    if len(peaks) < 2:
        return 1.0
    half_swings = np.arange(1, len(peaks))  # from one side to the other is half a period
    decrement = np.log(bent[peaks[0]] / bent[peaks[1:]]) / half_swings / np.pi
    return float((decrement / np.hypot(1.0, decrement)).min())


def swerve(duration_s: float) -> dict[str, np.ndarray]:
    """The drive's columns (hil.loop.metrics): a road whose curvature goes up, over to the other side and back, linearly."""
    import hil
    from autonomy import Stack
    from hil.loop.metrics import RunMetrics
    from hil.sensors import Messages
    from hil.worlds.motorway import Motorway

    length = SPEED_MPS * duration_s
    peak = 8.0 * LANE_M / length**2  # twice integrated, such a road is length^2/8 of its peak aside
    turns = [(0.25, peak), (0.5, -peak), (0.25, 0.0)]
    ahead = SPEED_MPS * TAKEN_OVER_S
    segments = [{"length_m": ahead}, *({"length_m": share * length, "curvature": end} for share, end in turns),
                {"length_m": 2.0 * SPEED_MPS * AFTER_S}]  # fmt: skip
    world = Motorway({"set_speed_mps": SPEED_MPS, "road": {"segments": segments, "lane_width_m": LANE_M},
                      "ego": {"plant": "plants/eu_4x2_40t"}})  # fmt: skip
    stack = Stack.from_config("vehicles/demo_truck")
    metrics = RunMetrics(stack.parameters["vehicle"], SPEED_MPS)
    hil.run(world, stack, Messages(stack.config, 1), TAKEN_OVER_S + duration_s + AFTER_S, 1, metrics=metrics)
    return metrics.columns()


def at_centre_of_gravity(lateral_acceleration: np.ndarray, yaw_rate: np.ndarray, plant_name: str) -> np.ndarray:
    """m/s2 of the tractor, as the trailer's is that of its own centre of gravity; given are those of the reference point."""
    from hil.plant import Plant

    reference = float(Plant.load(plant_name).parameters["reference"])  # behind the centre of gravity: negative
    return lateral_acceleration - reference * np.gradient(yaw_rate, TICK_S)


def target(time_s: float, duration_s: float) -> float:
    """m: the quintic with no acceleration at its ends; a step for no duration."""
    if duration_s == 0.0:
        return LANE_M if time_s >= 0.0 else 0.0
    share = min(max(time_s / duration_s, 0.0), 1.0)
    return LANE_M * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


def change(plant_name: str, duration_s: float) -> np.ndarray:
    """(n, 7): time, offsets of reference point and trailer, lateral accelerations of both centres of gravity,
    articulation, command."""
    from autonomy.control._control import ControlStep

    from autonomy import config, msg
    from autonomy.parameters import load_parameters
    from hil.lateral.kernel_loop import EGO_VALID
    from hil.plant import Plant
    from hil.plant.plant import PlantCommand
    from hil.suites.lane_keeping import stack_overrides

    parameters = load_parameters(config.load("vehicles/demo_truck", stack_overrides(plant_name)))
    vehicle = parameters["vehicle"]
    step = ControlStep(parameters["lateral"].copy(), parameters["longitudinal"].copy(), vehicle.copy())
    plant = Plant.load(plant_name)
    plant.reset(speed=SPEED_MPS)
    names = ("VehicleState", "EgoState", "TruckState", "LaneState", "Plan", "Actuation")
    state, ego, truck, lane, plan, actuation = (np.zeros((), msg.dtype(name)) for name in names)
    truck["steering_delay_s"], truck["steering_lag_s"] = vehicle["steering_delay_s"], vehicle["steering_lag_s"]
    truck["mass_kg"], truck["has_trailer"] = vehicle["mass_kg"], 1
    lane["status"], lane["width_left"], lane["width_right"] = 1, 0.5 * LANE_M, 0.5 * LANE_M
    ego["status"] = EGO_VALID
    plan["behaviour"], plan["target_speed"], actuation["mode"] = 1, SPEED_MPS, 1
    behind = float(vehicle["trailer_wheelbase_m"])
    found = []
    for k in range(round((START_S + duration_s + AFTER_S) / TICK_S)):
        now = k * TICK_S - START_S
        s = plant.state
        yaw = float(s["yaw"])
        ego["speed"], ego["yaw"], ego["angular_rate"][2] = s["speed"], yaw, s["yaw_rate"]
        forward, aside = float(s["speed"]), float(s["vy"])
        ego["velocity"][0] = forward * np.cos(yaw) - aside * np.sin(yaw)
        ego["velocity"][1] = forward * np.sin(yaw) + aside * np.cos(yaw)
        ego["acceleration"][1] = s["ay"]
        lane["offset"], lane["heading_error"] = s["y"], yaw
        plan["lateral_target"] = target(now, duration_s)
        state["time_ns"] = 10**9 + k * TICK_NS
        control = step.step(state, ego, truck, lane, plan)
        actuation["road_wheel_angle_rad"] = control["road_wheel_angle"]
        step.remember(actuation)
        kingpin = plant.kingpin()
        trailer = kingpin[1] - behind * np.sin(yaw + float(s["articulation"]))
        found.append((now, float(s["y"]), trailer, float(s["ay"]), float(s["trailer_ay"]), float(s["articulation"]),
                      float(control["road_wheel_angle"]), float(s["yaw_rate"])))  # fmt: skip
        plant.step(TICK_S, PlantCommand(float(control["road_wheel_angle"]), held_speed_mps=SPEED_MPS))
    series = np.array(found)
    series[:, 3] = at_centre_of_gravity(series[:, 3], series[:, 7], plant_name)
    return series[:, :7]
