"""Drives of a plant by a driver with pedals, its sensors heard by the whole tick: what the truck step learns, beside the truth.

The stack stands by; the truck step learns all the same. Roads bend and rise by sums of waves, drawn by the seed as wind and
sensors are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from autonomy.tick_period import TICK_NS, TICK_S

CONFIG = "vehicles/demo_truck"
UNPLUGGED_S = 2.0  # [D]
PEDAL_RATE = 2500.0  # N m/s, as a driver's foot moves [D]
# What of TruckState, EgoState and truth a drive keeps, one column a name
TRUCK = ("mass_kg", "mass_sigma_kg", "mass_low_kg", "mass_high_kg", "mass_excited", "mass_learning", "mass_resets", "grade",
         "grade_sigma", "resistance_mps2", "resistance_sigma_mps2", "headwind_mps", "headwind_sigma_mps", "speed",
         "speed_sigma_mps", "shaft_scale", "wheel_delay_s", "engine_torque_offset_nm", "driven_slip", "slip_compliance",
         "traction_n", "retarder_temperature_c", "retarder_temperature_sigma_c", "retarder_heat_left_j", "brake_heat_left_j",
         "friction", "friction_sigma", "friction_low", "friction_known", "friction_warning")  # fmt: skip
PLANT = ("speed", "ax", "engine_torque_nm", "gear_ratio", "shift_in_progress", "driveline_engaged", "retarder_temperature",
         "brake_deceleration_mps2", "shaft_speed")  # fmt: skip


class Case(NamedTuple):
    """One drive. `speeds`: (s, m/s) that the driver aims at, steps; `hills`: rise over run, of the steepest at most."""

    plant: str
    seed: int
    speeds: tuple[tuple[float, float], ...]
    duration_s: float
    hills: float = 0.03
    headwind: tuple[float, float] = (0.0, 0.0)  # m/s, mean and sigma of what changes within a minute
    bend: float = 0.3  # rad, of the heading to both sides
    friction: float = 0.8
    retarder: bool = True  # the driver uses it
    start_speed: float = 0.0
    plant_values: tuple[tuple[str, float], ...] = ()  # that differ from the parameter set
    other: tuple[float, float] | None = None  # s, kg: another trailer mass from then on
    braking: float = 1.2  # m/s2, to a stop
    connection: bool = False  # the bus tells that it was changed: the plug is open meanwhile
    slope: float | None = None  # constant grade instead of hills
    torque_scale: float | None = None  # of what the engine tells of its torque; None: drawn with a sigma of 1 %


def two_accelerations(plant: str, seed: int, **more) -> Case:
    """Twice from a standstill to 60 km/h, full stop between.

    It begins with a few seconds of rolling at an even speed, so that the ego filter knows where it heads.
    """
    speeds = ((0.0, 8.0), (10.0, 0.0), (30.0, 60 / 3.6), (90.0, 0.0), (120.0, 60 / 3.6))
    return Case(plant, seed, speeds, 180.0, start_speed=8.0, **more)


def from_standstill(plant: str, seed: int, **more) -> Case:
    """The same, but it stands at first: where it heads shows itself only on the way."""
    speeds = ((0.0, 0.0), (10.0, 60 / 3.6), (70.0, 0.0), (100.0, 60 / 3.6))
    return Case(plant, seed, speeds, 160.0, **more)


def mixed(plant: str, seed: int, duration_s: float = 600.0, **more) -> Case:
    """Country road and motorway: another speed every 20 to 60 s, a stop now and then."""
    random = np.random.default_rng([seed, 7])
    speeds, t = [(0.0, 12.0)], 12.0
    while t < duration_s:
        speed = 0.0 if random.random() < 0.12 else random.uniform(40.0, 86.0) / 3.6
        speeds.append((t, speed))
        t += random.uniform(20.0, 60.0)
    return Case(plant, seed, tuple(speeds), duration_s, **({"start_speed": 12.0} | more))


class Waves:
    """A value along the road: waves of random phase, none steeper than `most`."""

    def __init__(self, random, most: float, lengths: tuple[float, ...]):
        self.parts = [(most / len(lengths), 2.0 * math.pi / length, random.uniform(0.0, 2.0 * math.pi)) for length in lengths]

    def __call__(self, s: float) -> float:
        return sum(size * math.sin(rate * s + phase) for size, rate, phase in self.parts)


def drive(case: Case) -> dict[str, np.ndarray]:
    """Columns, a value a tick; "brake_temperature_c" (n, 3), their truth "brake_truth_c" (n, 3) and sigmas."""
    from autonomy import Stack, msg
    from hil.plant import Plant, PlantCommand, Surroundings
    from hil.sensors import Messages, put

    stack, plant = Stack.from_config(CONFIG), Plant.load(case.plant, dict(case.plant_values))
    sensors = Messages(stack.config, case.seed)
    for kind in ("lane", "radar"):
        del sensors.schedule[kind]
    if case.torque_scale is not None:
        sensors.powertrain.torque_scale = case.torque_scale
    random = np.random.default_rng([case.seed, 5])
    hills = Waves(random, case.hills, (650.0, 1400.0, 3100.0))
    heading = Waves(random, case.bend, (1500.0, 2700.0))
    plant.reset(speed=case.start_speed, yaw=heading(0.0))
    driver = Driver(plant, case)
    frame, out = np.zeros(1, msg.dtype("InputFrame")), np.zeros(1, msg.dtype("OutputFrame"))
    s = z = gust = 0.0
    rows, brakes = [], []
    own = plant.tractor_axles
    for tick in range(1, round(case.duration_s / TICK_S) + 1):
        t = tick * TICK_S
        if case.other is not None and abs(t - case.other[0]) < 0.5 * TICK_S:
            plant.parameters["mass"][1] = case.other[1]
            plant.mass = float(plant.parameters["mass"].sum())
        state = plant.state
        grade = case.slope if case.slope is not None else hills(s)
        gust += TICK_S / 20.0 * -gust + case.headwind[1] * math.sqrt(2.0 * TICK_S / 20.0) * random.standard_normal()
        truth = _truth(tick * TICK_NS, plant, z, grade, case.friction, driver.pedal)
        contents = sensors.sense(truth)
        if case.connection and case.other is not None and 0.0 <= t - case.other[0] < UNPLUGGED_S:
            _unplug(contents)
        frame[:] = 0
        frame["tick_index"], frame["tick_time_ns"] = tick, tick * TICK_NS
        put(frame[0], contents)
        stack.tick(frame[0], out=out)
        wind = case.headwind[0] + gust
        surroundings = Surroundings(math.atan(grade), 0.0, case.friction, wind, float(state["yaw"]))
        truck = out["truck"][0]
        rows.append((t, math.atan(grade), wind, plant.mass, float(state["ax"]), float(out["ego"]["grade"][0]),
                     float(out["ego"]["acceleration"][0][0]), driver.pedal,
                     *(float(truck[name]) for name in TRUCK), *(float(state[name]) for name in PLANT)))  # fmt: skip
        heat = state["brake_temperature"]
        brakes.append((*truck["brake_temperature_c"], *truck["brake_temperature_sigma_c"], heat[0], heat[1], heat[own]))
        command = driver.command(t, surroundings, heading(s) - float(state["yaw"]))
        plant.step(TICK_S, command, surroundings)
        moved = float(state["speed"]) * TICK_S
        s, z = s + moved, z + moved * math.sin(math.atan(grade))
        assert isinstance(command, PlantCommand)
    names = ("t", "true_grade", "true_wind", "true_mass", "true_acceleration", "ego_grade", "ego_acceleration", "pedal", *TRUCK,
             *(f"plant_{name}" for name in PLANT))  # fmt: skip
    columns = dict(zip(names, np.array(rows).T, strict=True))
    heat = np.array(brakes)
    columns |= {"brake_temperature_c": heat[:, :3], "brake_temperature_sigma_c": heat[:, 3:6], "brake_truth_c": heat[:, 6:]}
    return columns


class Driver:
    """Feet and hands: a speed by engine, retarder and brake, a heading by the wheel."""

    def __init__(self, plant, case: Case):
        self.plant, self.case = plant, case
        self.engine = self.pedal = 0.0

    def command(self, t: float, surroundings, heading_error: float):
        from hil.plant import PlantCommand

        state, case = self.plant.state, self.case
        speed = float(state["speed"])
        target = [value for begin, value in case.speeds if t >= begin][-1]
        asked = min(max(0.35 * (target - speed), -1.4), 0.9)
        if target == 0.0:
            asked = -case.braking if speed > 0.3 else -0.5
        wanted = self.plant.drive(asked, surroundings)
        braking = wanted.engine_torque_nm <= 0.0 and (wanted.brake_deceleration_mps2 > 0.0 or wanted.retarder_torque_nm < 0.0)
        retarder, brake = wanted.retarder_torque_nm, wanted.brake_deceleration_mps2
        if braking and target - speed > -1.0 and target > 0.0:
            braking, retarder, brake = False, 0.0, 0.0  # rolls on: a driver does not brake for 1 m/s
        if not case.retarder and retarder < 0.0:
            per_shaft = float(self.plant.parameters["final_drive"] / self.plant.parameters["wheel_radius"])
            brake -= retarder * per_shaft / self.plant.mass
            retarder = 0.0
        torque = 0.0 if braking or target == 0.0 else min(max(wanted.engine_torque_nm, -300.0), 2500.0)
        self.engine += min(max(torque - self.engine, -PEDAL_RATE * TICK_S * 2.0), PEDAL_RATE * TICK_S)
        self.pedal = min(brake / 6.5, 1.0)
        angle = min(max(1.2 * heading_error * 3.8 / max(speed, 3.0), -0.05), 0.05) if speed > 0.5 else 0.0
        return PlantCommand(angle, self.engine, retarder, brake)


def _truth(time_ns: int, plant, z: float, grade: float, friction: float, pedal: float):
    from hil.world import EgoTruth, RoadTruth, Truth

    state = plant.state
    ego = EgoTruth(
        x=float(state["x"]), y=float(state["y"]), z=z, yaw=float(state["yaw"]), pitch=float(state["pitch"]),
        roll=float(state["roll"]), velocity=float(state["speed"]), acceleration=float(state["ax"]),
        yaw_rate=float(state["yaw_rate"]), lateral_acceleration=float(state["ay"]),
        road_wheel_angle=float(state["road_wheel_angle"]), mass=plant.mass,
        lateral_velocity=float(state["vy"]), brake_pedal=pedal, plant=state,
    )  # fmt: skip
    return Truth(time_ns=time_ns, ego=ego, road=RoadTruth(grade=grade, friction=friction))


def _unplug(contents: dict) -> None:
    """What the bus tells of the trailer's plug while it is open."""
    from autonomy import msg

    if (told := contents.get("signal")) is not None:
        told["value"][told["signal"] == msg.constants("SignalSample")["TRAILER_CONNECTED"]] = 0.0
