"""Speed, temperatures and friction of the whole step, fed with made frames."""

import numpy as np
import pytest
from autonomy.estimation.truck._truck import TruckStep

from autonomy import msg
from autonomy.axle_loads import axle_shares
from autonomy.estimation.truck import brakes_twin
from autonomy.estimation.truck.shaft_speed_twin import SpeedTwin
from autonomy.physics import STANDARD_GRAVITY_MPS2
from tests.step_parameters import step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()
TRUCK, VEHICLE = PARAMETERS["truck"], PARAMETERS["vehicle"]
SIGNALS = msg.constants("SignalSample")
PER_SHAFT = float(VEHICLE["wheel_radius_m"] / VEHICLE["driveline_ratio"])
ENGINE = {"ENGINE_SPEED": 130.0, "ENGINE_TORQUE": 1000.0, "ENGINE_FRICTION_TORQUE": 200.0}


class Feed:
    """A step with its clock; `tick` takes what is told in it and returns TruckState."""

    def __init__(self):
        self.step, self.index = TruckStep(TRUCK, VEHICLE), 0
        self.frame = zeros("InputFrame")

    def tick(self, speed=20.0, acceleration=0.0, grade=0.0, shaft=None, wheel=None, wheel_age_s=0.0, signals=None,
             open_clutch=False):  # fmt: skip
        self.index += 1
        now = self.index * 10_000_000
        frame, vehicle, ego = self.frame, zeros("VehicleState"), valid_ego(speed)
        frame["tick_time_ns"] = vehicle["time_ns"] = now
        ego["acceleration"][0], ego["grade"], ego["speed_scale"], ego["speed_scale_sigma"] = acceleration, grade, 1.0, 0.001
        vehicle["speed_source"] = 11
        frame["shaft"]["count"] = shaft is not None
        row = frame["shaft"]["items"][0]
        if shaft is not None:
            row["valid_time_ns"], row["shaft_speed"], row["driveline_engaged"] = now, shaft, 0 if open_clutch else 1
            row["shift_in_progress"] = open_clutch
        frame["wheel"]["count"] = wheel is not None
        row = frame["wheel"]["items"][0]
        if wheel is not None:
            row["valid_time_ns"], row["vehicle_speed"], row["source"] = now - round(wheel_age_s * 1e9), wheel, 11
        told = signals or {}
        for place, (name, value) in enumerate(told.items()):
            row = frame["signal"]["items"][place]
            row["valid_time_ns"], row["signal"], row["value"], row["validity"] = now, SIGNALS[name], value, 0
        frame["signal"]["count"] = len(told)
        return self.step.step(frame, vehicle, ego)


def test_the_speed_is_that_of_the_twin():
    feed, random = Feed(), np.random.default_rng(1)
    twin, speed = None, 15.0
    for k in range(600):
        acceleration = 0.5 * np.sin(0.01 * k)
        speed += acceleration * 0.01
        shaft = speed / PER_SHAFT + 0.2 * random.standard_normal()
        wheel = speed - acceleration * 0.05 + 0.03 * random.standard_normal() if k % 10 == 9 else None
        engine = {"ENGINE_SPEED": shaft, "ENGINE_TORQUE": 200.0, "ENGINE_FRICTION_TORQUE": 200.0}  # no force, no slip
        told = feed.tick(speed, acceleration, shaft=shaft, wheel=wheel, signals=engine)
        t = 0.01 * (k + 1)
        if twin is None:
            twin = SpeedTwin(TRUCK, PER_SHAFT, shaft * PER_SHAFT)
            twin.past = [(t, twin.x[0])]
            twin.shaft(t, shaft, 0.0)
            continue
        twin.predict(t, acceleration, 0.01)
        twin.shaft(t, shaft, 0.0)
        if wheel is not None:
            twin.wheel(t, wheel, 1.0, acceleration)
        if k > 2:
            assert abs(told["speed"] - twin.x[0]) < 2e-3
    assert abs(told["wheel_delay_s"] - twin.x[3]) < 5e-3


def test_no_step_when_the_clutch_opens_and_the_shaft_swings():
    feed, speeds = Feed(), []
    for k in range(1500):
        opened = 1000 <= k < 1080
        slip = 0.0 if opened else 1.0e-6 * 15e3
        swing = 3.0 * np.exp(-0.04 * (k - 1000)) * np.sin(0.25 * (k - 1000)) if k >= 1000 else 0.0
        shaft = 20.0 * (1.0 + slip) / PER_SHAFT + swing
        torque = 200.0 + (0.0 if opened else 15e3 * 0.51 / 2.6 / 0.96)
        told = feed.tick(shaft=shaft, open_clutch=opened, wheel=20.0 if k % 10 == 0 else None,
                         signals={"ENGINE_SPEED": shaft, "ENGINE_TORQUE": torque, "ENGINE_FRICTION_TORQUE": 200.0})  # fmt: skip
        speeds.append(float(told["speed"]))
    assert np.ptp(speeds[900:]) < 0.03 and abs(speeds[-1] - 20.0) < 0.03


def test_a_late_wheel_speed_is_compared_with_its_own_time():
    """Its delay is learned from accelerations where the stamp does not tell it."""
    feed, speed = Feed(), 10.0
    for k in range(6000):
        acceleration = 0.6 * np.sin(0.005 * k)
        speed += acceleration * 0.01
        told = feed.tick(speed, acceleration, shaft=speed / PER_SHAFT, wheel=speed - 0.07 * acceleration if k % 10 == 0 else None)
    assert abs(told["wheel_delay_s"] - 0.07) < 0.01 and abs(told["speed"] - speed) < 0.02


def test_nothing_heard_is_no_speed():
    feed = Feed()
    assert np.isnan(feed.tick()["speed"])
    feed.tick(shaft=100.0)
    for _ in range(210):
        told = feed.tick()
    assert np.isnan(told["speed"]) and np.isnan(told["speed_sigma_mps"])


@pytest.mark.parametrize("mass", [14500.0, 27300.0, 40000.0, 49000.0])
def test_axles_bear_what_the_balance_of_moments_gives(mass):
    shares = axle_shares(VEHICLE, mass)
    assert shares[0] + shares[1] + 3 * shares[2] == pytest.approx(1.0)
    if mass == 40000.0:
        np.testing.assert_allclose(shares * mass * STANDARD_GRAVITY_MPS2, [65900, 96700, 76600], rtol=0.01)


def test_the_retarder_warms_as_its_twin():
    feed, torque, shaft = Feed(), -2000.0, 20.0 / PER_SHAFT
    temperatures = []
    for k in range(6000):
        told = feed.tick(shaft=shaft, signals={"RETARDER_TORQUE": torque} if k % 10 == 0 else None)
        temperatures.append(float(told["retarder_temperature_c"]))
    t = 0.01 * np.arange(6000)
    twin = brakes_twin.temperature(t, np.full(6000, -torque * shaft), float(TRUCK["retarder_heat_capacity_jpk"]),
                                   np.full(6000, float(TRUCK["retarder_cooling_wpk"])), 20.0, 20.0)  # fmt: skip
    np.testing.assert_allclose(temperatures, twin, atol=0.05)
    assert told["retarder_heat_left_j"] < 300e3 * (100.0 - temperatures[-1])


def test_brakes_warm_by_the_force_that_lacks():
    """40 t slowed by 1 m/s2 without engine: what air and tyres do not take, the discs do."""
    feed, speed = Feed(), 22.0
    energy = 0.0
    for k in range(1000):
        speed -= 0.01
        told = feed.tick(speed, acceleration=-1.0, shaft=speed / PER_SHAFT, signals={"BRAKE_PEDAL": 0.2} if k % 10 == 0 else None)
        energy += 0.01 * speed * (40000.0 * (1.0 - 0.0588) - 3.6 * speed**2)
    shares = axle_shares(VEHICLE, 40000.0)
    risen = told["brake_temperature_c"] - 20.0
    np.testing.assert_allclose(risen, shares * energy / float(TRUCK["brake_heat_capacity_jpk"]), rtol=0.06)
    assert np.all(told["brake_temperature_sigma_c"] > 0.2 * risen)


def test_the_heat_that_is_left_never_grows_while_braking():
    feed, left = Feed(), []
    for k in range(2000):
        told = feed.tick(22.0, acceleration=0.0, grade=-0.06, shaft=22.0 / PER_SHAFT,
                         signals={"BRAKE_PEDAL": 0.2} if k % 10 == 0 else None)  # fmt: skip
        left.append(float(told["brake_heat_left_j"]))
    assert np.all(np.diff(left[200:]) <= 0.0) and left[-1] >= 0.0


def test_friction_is_not_known_until_it_was_all_used():
    feed = Feed()
    for _ in range(100):
        told = feed.tick(shaft=20.0 / PER_SHAFT, signals={"BRAKE_PEDAL": 0.0, "ABS_ACTIVE": 0.0})
    assert told["friction_known"] == 0 and told["friction"] == TRUCK["friction_assumed"] and told["friction_warning"] == 0
    for k in range(100):
        told = feed.tick(20.0 - 0.02 * k, acceleration=-2.1, shaft=100.0, signals={"BRAKE_PEDAL": 0.9, "ABS_ACTIVE": 1.0})
    assert told["friction_known"] == 1 and abs(told["friction"] - 2.1 / 9.81 / 0.85) < 3 * told["friction_sigma"]
    assert told["friction"] < 0.35 and told["friction_warning"] == 1


def test_the_end_of_a_stop_is_not_taken_for_grip():
    """A stop ends with a jerk, and slow wheels lock: neither is what the road gives."""
    feed = Feed()
    for k in range(100):
        told = feed.tick(5.0 - 0.021 * k, acceleration=-2.1, shaft=20.0, signals={"BRAKE_PEDAL": 0.9, "ABS_ACTIVE": 1.0})
    before = float(told["friction"])
    for _ in range(60):
        told = feed.tick(1.0, acceleration=-6.0, shaft=4.0, signals={"BRAKE_PEDAL": 0.9, "ABS_ACTIVE": 1.0})
    assert told["friction_known"] == 1 and float(told["friction"]) <= 1.05 * before


def test_cold_air_warns():
    feed = Feed()
    assert feed.tick(signals={"AIR_TEMPERATURE": 15.0})["friction_warning"] == 0
    assert feed.tick(signals={"AIR_TEMPERATURE": 1.0})["friction_warning"] == 1


def test_another_trailer_told_by_its_plug_begins_anew():
    feed = Feed()
    feed.tick(signals={"TRAILER_CONNECTED": 1.0})
    assert feed.tick(signals={"TRAILER_CONNECTED": 1.0})["mass_resets"] == 0
    resets = [int(feed.tick(signals={"TRAILER_CONNECTED": 0.0})["mass_resets"]) for _ in range(4)]
    assert resets == [0, 0, 1, 1]


def test_one_wrong_message_of_the_plug_forgets_nothing():
    """It threw away the mass that two accelerations had taught."""
    feed = Feed()
    for told in [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 2.0, 1.0] * 20:
        found = feed.tick(signals={"TRAILER_CONNECTED": told})
    assert found["mass_resets"] == 0


def test_nothing_is_learned_in_shifts_and_under_brakes():
    feed = Feed()
    engine = {**ENGINE, "ENGINE_SPEED": 20.0 / PER_SHAFT}
    for _ in range(120):
        told = feed.tick(shaft=20.0 / PER_SHAFT, signals=engine)
    assert told["mass_learning"] == 1
    assert feed.tick(shaft=20.0 / PER_SHAFT, signals=engine, open_clutch=True)["mass_learning"] == 0
    for _ in range(120):
        told = feed.tick(shaft=20.0 / PER_SHAFT, signals=engine)
    assert told["mass_learning"] == 1
    assert feed.tick(shaft=20.0 / PER_SHAFT, signals=engine | {"BRAKE_SWITCH": 1.0})["mass_learning"] == 0
