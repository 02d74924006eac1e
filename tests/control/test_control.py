import numpy as np
import pytest
from autonomy.control._control import ControlStep

from autonomy.control import control_twin
from autonomy.control.lateral_twin import LateralTwin
from autonomy.control.yaw_plane_twin import OFFSET, YawPlane
from tests.control import yaw_plane
from tests.step_parameters import step_parameters, valid_ego, zeros

CACHED = step_parameters(vehicle={"steering_play_rad": 0.0})  # the loop below has none


def lane_at(offset, heading_error, curvature):
    lane = zeros("LaneState")
    lane["status"], lane["offset"], lane["heading_error"] = 1, offset, heading_error
    lane["curvature"], lane["preview"] = curvature[0], curvature
    lane["width_left"] = lane["width_right"] = 1.875
    return lane


def closed_loop(parameters, speed, *, offset=0.0, told_delay=0.25, delay=0.25, lag=0.25, curvature=lambda s: 0.0 * s,
                time_s=12.0, side_force=0.0, steering_offset=0.0):  # fmt: skip
    """Offsets (n,) and commands (n,) of the 40 t combination on a road, steered through dead time and lag."""
    A, B = yaw_plane.model(speed)
    truck_mass = 40000.0
    step = ControlStep(parameters["lateral"], parameters["longitudinal"], parameters["vehicle"])
    vehicle, truck, plan, actuation = zeros("VehicleState"), zeros("TruckState"), zeros("Plan"), zeros("Actuation")
    truck["steering_delay_s"], truck["steering_lag_s"] = told_delay, parameters["vehicle"]["steering_lag_s"]
    truck["mass_kg"] = truck_mass
    plan["behaviour"], plan["target_speed"], actuation["mode"] = 1, speed, 1
    x, heading, angle, s = np.zeros(4), 0.0, 0.0, 0.0
    sent, offsets = [0.0] * 100, []
    for k in range(round(time_s * 100)):
        ego = valid_ego(speed, x[1])
        ego["velocity"][:2] = speed, x[0] - yaw_plane.DRIVE_AXLE * x[1]
        rates = A @ x + B * (angle + steering_offset) + side_force * SIDEWAYS
        ego["acceleration"][1] = rates[0] + speed * x[1] - yaw_plane.DRIVE_AXLE * rates[1]
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        control = step.step(vehicle, ego, truck, lane_at(offset, heading, curvature(s + 5.0 * np.arange(32))), plan)
        actuation["road_wheel_angle_rad"] = control["road_wheel_angle"]
        step.remember(actuation)
        sent.append(float(control["road_wheel_angle"]))
        offsets.append(offset)
        for _ in range(2):
            angle += (sent[-1 - round(delay * 100)] - angle) * (1.0 - np.exp(-0.005 / lag))
            x = x + 0.005 * (A @ x + B * (angle + steering_offset) + side_force * SIDEWAYS)
            offset += 0.005 * (speed * heading + x[0] - yaw_plane.DRIVE_AXLE * x[1])
            heading += 0.005 * (x[1] - speed * float(curvature(np.array([s]))[0]))
            s += 0.005 * speed
        if abs(offset) > 20.0:
            break
    return np.array(offsets), np.array(sent[100:])


SIDEWAYS = np.array([1.0, 0.0, 0.0, 0.0])  # m/s2 on both bodies


def centred(speed, curvature=0.0, disturbance=0.0):
    """m, where the reference point travels when front and rear of the combination share the lane alike."""
    model = YawPlane(CACHED["vehicle"], 40000.0, speed)
    return LateralTwin(CACHED["lateral"], CACHED["vehicle"], None).wanted(model, curvature, 0.0, disturbance, 0.0)[OFFSET]


def settling_time(offsets, band):
    outside = np.flatnonzero(np.abs(offsets) > band)
    return 0.0 if len(outside) == 0 else (outside[-1] + 1) / 100


@pytest.mark.parametrize("speed", [15.0, 22.0, 25.0])
def test_half_a_metre_settles_with_dead_time_and_lag(speed):
    offsets, sent = closed_loop(CACHED, speed, offset=0.5)
    assert settling_time(offsets, 0.05) < 5.0
    assert offsets.min() > -0.06
    wheelbase = 3.8 + 0.00035 * speed**2
    assert speed**2 * np.abs(sent).max() / wheelbase < 1.5  # within the envelope's lateral acceleration


@pytest.mark.parametrize("delay, lag", [(0.15, 0.25), (0.35, 0.25), (0.25, 0.15), (0.25, 0.35)])
def test_a_steering_that_is_slower_or_faster_than_told_is_still_stable(delay, lag):
    offsets, _ = closed_loop(CACHED, 22.0, offset=0.5, delay=delay, lag=lag)
    assert settling_time(offsets, 0.1) < 6.0 and np.abs(offsets[-200:]).max() < 0.03


@pytest.mark.parametrize("speed", [15.0, 22.0])
def test_a_bend_is_entered_and_held_without_standing_offset(speed):
    """An 80 m clothoid into a radius of 400 m: 1.2 m/s2 at 22 m/s."""
    offsets, _ = closed_loop(CACHED, speed, curvature=lambda s: np.clip((s - 50.0) / 80.0, 0.0, 1.0) / 400.0)
    assert np.abs(offsets).max() < 0.12 and np.abs(offsets[-100:] - centred(speed, curvature=1 / 400)).max() < 0.03


@pytest.mark.parametrize("disturbance", [{"side_force": 0.4}, {"steering_offset": 0.004}])
def test_bank_and_a_bent_steering_leave_no_standing_offset(disturbance):
    """4 % of bank, 4.6 degrees at the steering wheel."""
    offsets, _ = closed_loop(CACHED, 22.0, time_s=20.0, **disturbance)
    wanted = centred(22.0, disturbance=disturbance.get("side_force", 0.0))
    assert np.abs(offsets).max() < 0.5 and np.abs(offsets[-200:] - wanted).max() < 0.02


def test_wheels_are_not_turned_on_the_spot():
    step, truck, plan, vehicle = make(CACHED), zeros("TruckState"), zeros("Plan"), zeros("VehicleState")
    plan["behaviour"] = 1
    for k in range(20):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        control = step.step(vehicle, valid_ego(0.0), truck, lane_at(0.4, 0.02, np.zeros(32)), plan)
        assert control["road_wheel_angle"] == 0.0 and control["lateral_active"]


def test_another_lane_is_no_disturbance():
    step, truck, plan, vehicle = make(CACHED), zeros("TruckState"), zeros("Plan"), zeros("VehicleState")
    plan["behaviour"] = 1
    for k in range(40):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        control = step.step(vehicle, valid_ego(20.0), truck, lane_at(0.0 if k < 20 else 3.5, 0.0, np.zeros(32)), plan)
    assert abs(control["steering_offset"]) < 1e-3 and abs(control["lateral_disturbance"]) < 0.05


def drive(step, plan, speed, ticks, sent=None, first=0):
    vehicle, actuation = zeros("VehicleState"), zeros("Actuation")
    out = []
    for k in range(first, first + ticks):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        control = step.step(vehicle, valid_ego(speed), zeros("TruckState"), zeros("LaneState"), plan)
        actuation["mode"] = 1
        actuation["acceleration_mps2"] = control["acceleration"] if sent is None else sent
        actuation["expected_acceleration_mps2"] = 0.0  # at a constant speed
        step.remember(actuation)
        out.append(float(control["acceleration"]))
    return np.array(out)


def led(wanted, emergency=0):
    """In `drive`, where nothing comes of it."""
    return control_twin.led(wanted, 0.0, float(CACHED["longitudinal"]["emergency_deceleration" if emergency == 2 else
                                                                     "deceleration_maximum"]))  # fmt: skip


def make(parameters):
    return ControlStep(parameters["lateral"], parameters["longitudinal"], parameters["vehicle"])


def test_acceleration_is_reached_with_bounded_jerk_as_by_the_twin():
    parameters = CACHED
    rng = np.random.default_rng(0)
    step, plan, last = make(parameters), zeros("Plan"), 0.0
    drive(step, plan, 20.0, 1)
    for k in range(1, 300):
        plan["behaviour"], plan["target_acceleration"] = 2, rng.normal(0.0, 3.0)
        wanted = drive(step, plan, 20.0, 1, first=k)[0]
        twin = control_twin.jerk_limited(parameters["longitudinal"], float(plan["target_acceleration"]), last, 0.01)
        assert wanted == pytest.approx(twin + led(twin), abs=1e-12)
        last = twin


@pytest.mark.parametrize("emergency", [1, 2])
def test_an_emergency_has_its_own_jerk(emergency):
    step, plan, last = make(CACHED), zeros("Plan"), 0.0
    drive(step, plan, 20.0, 1)
    plan["target_acceleration"], plan["emergency"] = -9.0, emergency
    for k in range(1, 100):
        wanted = drive(step, plan, 20.0, 1, first=k)[0]
        last = control_twin.jerk_limited(CACHED["longitudinal"], -9.0, last, 0.01, emergency)
        assert wanted == pytest.approx(last + led(last, emergency), abs=1e-12)


def on_a_slope(pull, ticks, sent=None, speed=20.0):
    """(speeds, disturbances found) with an acceleration `pull` beside what is asked for."""
    step, plan, vehicle, actuation = make(CACHED), zeros("Plan"), zeros("VehicleState"), zeros("Actuation")
    gain, speeds, found, expected = float(CACHED["plan"]["speed_gain"]), [], [], []
    for k in range(ticks):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        plan["behaviour"], plan["target_speed"] = 1, 20.0
        plan["target_acceleration"] = np.clip(gain * (20.0 - speed), -4.0, 0.8)
        control = step.step(vehicle, valid_ego(speed), zeros("TruckState"), zeros("LaneState"), plan)
        actuation["mode"], actuation["acceleration_mps2"] = 1, control["acceleration"]
        actuation["expected_acceleration_mps2"] = control["acceleration"] if sent is None else min(sent, control["acceleration"])
        step.remember(actuation)
        speeds.append(speed)
        found.append(float(control["disturbance"]))
        expected.append(float(actuation["expected_acceleration_mps2"]))
        speed += 0.01 * (expected[-1] + pull)
    return np.array(speeds), np.array(found), np.array(expected)


def test_the_observer_finds_a_slope_that_nobody_told_of():
    speeds, found, expected = on_a_slope(-0.3, 3000)
    assert found[-1] == pytest.approx(-0.3, abs=1e-3) and abs(speeds[-1] - 20.0) < 0.01
    assert np.abs(speeds - 20.0).max() < 0.5
    rate = float(CACHED["longitudinal"]["disturbance_rate"])
    np.testing.assert_allclose(found[1:], control_twin.disturbance(rate, speeds[1:], expected[1:-1], 0.01), atol=1e-9)


def test_the_observer_does_not_wind_up_at_the_limit_of_the_engine():
    """Uphill with less power than needed: the truck slows, and nothing is found where everything is known."""
    speeds, found, _ = on_a_slope(0.0, 3000, sent=-0.05)
    assert speeds[-1] < 19.0 and np.abs(found).max() < 1e-6


def test_the_speed_settles_without_overshoot():
    parameters = CACHED
    step, plan, vehicle, actuation = make(parameters), zeros("Plan"), zeros("VehicleState"), zeros("Actuation")
    speed, acceleration, fastest = 15.0, 0.0, 0.0
    gain = float(parameters["plan"]["speed_gain"])
    for k in range(6000):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        plan["behaviour"], plan["target_speed"] = 1, 20.0
        plan["target_acceleration"] = np.clip(gain * (20.0 - speed), -4.0, 0.8)
        control = step.step(vehicle, valid_ego(speed), zeros("TruckState"), zeros("LaneState"), plan)
        actuation["mode"], actuation["acceleration_mps2"] = 1, control["acceleration"]
        actuation["expected_acceleration_mps2"] = acceleration
        step.remember(actuation)
        acceleration += (float(control["acceleration"]) - acceleration) * 0.01 / 0.4
        speed += 0.01 * acceleration
        fastest = max(fastest, speed)
    assert abs(speed - 20.0) < 0.05 and fastest < 20.3


def test_without_a_lane_it_steers_the_stop_path():
    parameters = CACHED
    plan, vehicle, lane, truck = zeros("Plan"), zeros("VehicleState"), zeros("LaneState"), zeros("TruckState")
    plan["behaviour"], plan["fallback_valid"], plan["fallback_curvature"] = 3, 1, 1 / 300
    control = make(parameters).step(vehicle, valid_ego(20.0), truck, lane, plan)
    assert control["road_wheel_angle"] == pytest.approx((3.8 + 0.00035 * 400.0) / 300.0)


def test_braking_builds_up_as_the_plan_says_ends_gently_and_is_let_off_the_faster_the_more_is_too_much():
    p = {name: float(CACHED["longitudinal"][name]) for name in CACHED["longitudinal"].dtype.names}
    step, plan = make(CACHED), zeros("Plan")
    drive(step, plan, 20.0, 1)
    plan["target_acceleration"], plan["emergency"], plan["braking_jerk"] = -2.6, 1, 3.0
    asked, down = drive(step, plan, 20.0, 200, first=1), [0.0]
    for control in asked:
        down.append(control_twin.jerk_limited(CACHED["longitudinal"], -2.6, down[-1], 0.01, 1, 3.0))
        assert control == pytest.approx(down[-1] + led(down[-1]), abs=1e-12)
    down = np.array(down)
    jerk = np.diff(down) / 0.01
    assert jerk.min() == pytest.approx(-3.0) and down[-1] == pytest.approx(-2.6)
    assert jerk[(down[1:] < -2.55) & (down[1:] > -2.599)].min() > -1.0
    plan["target_acceleration"], plan["emergency"], plan["braking_jerk"] = 1.0, 0, 0.0
    up = drive(step, plan, 20.0, 400, first=201)
    jerk = np.diff(np.maximum(up, -control_twin.LED_FROM)) / 0.01
    assert jerk.max() <= 3.6 / p["release_time_s"] + 1e-9
    assert jerk[up[1:] > -p["release_deceleration"] + 0.02].max() <= p["jerk_up"] + 1e-9
    last = float(down[-1])
    for wanted in up:
        last = control_twin.jerk_limited(CACHED["longitudinal"], 1.0, last, 0.01)
        assert wanted == pytest.approx(last + led(last), abs=1e-12)


def test_firm_braking_is_asked_for_sooner_than_the_brakes_give_it_and_comfort_is_not():
    """Brakes of a lag of 0.4 s come as if it were half as long; what they give ends where it shall."""
    given, led_to = np.zeros(2), np.zeros((2, 200))
    for k in range(200):
        asked = np.array([-3.0, -3.0 + control_twin.led(-3.0, given[1], 4.0)])
        given += (asked - given) * 0.01 / 0.4
        led_to[:, k] = given
    reached = np.argmax(led_to < -2.5, axis=1)
    assert reached[1] < 0.65 * reached[0] and led_to[1].min() >= -3.0
    assert control_twin.led(-1.8, 0.0, 4.0) == control_twin.led(-3.0, -3.2, 4.0) == control_twin.led(-4.0, 0.0, 4.0) == 0.0
