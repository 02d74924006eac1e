from functools import partial

import numpy as np
import pytest
from autonomy.safety._envelope import EnvelopeStep
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.safety import envelope_twin
from tests.step_parameters import known_truck, step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()
LIMITS, LONGITUDINAL, LEARNED, VEHICLE = (PARAMETERS[name] for name in ("envelope", "longitudinal", "truck", "vehicle"))
FAULTS = msg.constants("Health")
SPLIT = ("engine_torque_nm", "retarder_torque_nm", "brake_deceleration_mps2", "expected_acceleration_mps2")
any_number = st.one_of(st.floats(-3.0, 3.0), st.floats(allow_nan=True, allow_infinity=True), st.floats(-0.05, 0.05))


class Harness:
    """An envelope in a healthy truck; `step` changes what the arguments say."""

    def __init__(self):
        self.envelope, self.k = EnvelopeStep(LIMITS, LONGITUDINAL, LEARNED, VEHICLE), 0

    def step(self, angle=0.0, acceleration=0.0, speed=20.0, engage=1, road_wheel_angle=0.0, change=None):
        self.k += 1
        now = 10**9 + self.k * 10_000_000
        frame, vehicle, truck = zeros("InputFrame"), zeros("VehicleState"), known_truck()
        lane, tracks, plan, control = zeros("LaneState"), zeros("TrackList"), zeros("Plan"), zeros("Control")
        ego = valid_ego(speed)
        frame["tick_time_ns"], frame["engage"] = now, engage
        vehicle["time_ns"], vehicle["speed"], vehicle["road_wheel_angle"] = now, speed, road_wheel_angle
        lane["status"], plan["behaviour"], plan["fallback_deceleration"] = 1, 1, 2.5
        control["road_wheel_angle"], control["acceleration"] = angle, acceleration
        control["lateral_active"] = control["longitudinal_active"] = 1
        if change:
            change(frame=frame, vehicle=vehicle, ego=ego, truck=truck, lane=lane, plan=plan, control=control)
        return self.envelope.step(frame, vehicle, ego, truck, lane, tracks, plan, control)


@settings(max_examples=150, deadline=None)
@given(any_number, st.lists(st.tuples(any_number, any_number, st.floats(0.0, 30.0)), min_size=1, max_size=40))
@example(100.0, [(0.0, 0.0, 20.0)] * 3)
def test_no_command_leaves_the_limits_and_every_one_is_that_of_the_twin(driver_angle, commands):
    harness = Harness()
    angle = float(harness.step(engage=0, road_wheel_angle=driver_angle)[0]["road_wheel_angle_rad"])
    trim = envelope_twin.Trim(VEHICLE, float(VEHICLE["yaw_lag_s"]), angle)
    acceleration = 0.0
    p = {name: float(LIMITS[name]) for name in LIMITS.dtype.names}
    split = envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE)
    v = {name: float(VEHICLE[name]) for name in VEHICLE.dtype.names if VEHICLE[name].ndim == 0}
    for wanted_angle, wanted_acceleration, speed in commands:
        actuation, _ = harness.step(wanted_angle, wanted_acceleration, speed)
        sent_angle, sent = float(actuation["road_wheel_angle_rad"]), float(actuation["acceleration_mps2"])
        assert np.isfinite([sent_angle, sent]).all()
        assert abs(sent_angle) <= v["maximum_road_wheel_angle"]
        assert abs(sent_angle - angle) <= v["maximum_road_wheel_rate"] * 0.01 + 1e-12
        assert -p["deceleration_maximum"] - 1e-9 <= sent <= p["acceleration_maximum"] + 1e-9
        # Between what was sent last and what is asked for, never beyond either
        if np.isfinite(wanted_angle):
            assert min(angle, wanted_angle, 0.0) - 1e-12 <= sent_angle <= max(angle, wanted_angle, 0.0) + 1e-12
        trim.follow(angle, 0.0, speed, 0.01)
        if actuation["mode"] == 1:
            twin = envelope_twin.limited_angle(p, v, wanted_angle, angle, speed, 0.01, trim.now())
            np.testing.assert_allclose(sent_angle, twin, atol=1e-12)
            np.testing.assert_allclose(
                sent, envelope_twin.limited_acceleration(p, wanted_acceleration, acceleration, 0.01), atol=1e-12)  # fmt: skip
            np.testing.assert_allclose(
                [actuation[name] for name in SPLIT], split(40000.0, 0.0, speed, sent, acceleration, 0.01),
                rtol=1e-9, atol=1e-9)  # fmt: skip
        angle, acceleration = sent_angle, sent


def test_lateral_acceleration_is_limited_at_speed():
    harness = Harness()
    wheelbase, sent = float(VEHICLE["wheelbase_m"] + VEHICLE["understeer_gradient"] * 22.0**2), [0.0]

    def turn(ego, **_):
        ego["angular_rate"][2] = 22.0 * sent[-1] / wheelbase

    for _ in range(3000):
        actuation, _ = harness.step(angle=0.5, speed=22.0, change=turn)
        sent.append(float(actuation["road_wheel_angle_rad"]))
    assert 22.0**2 * float(actuation["road_wheel_angle_rad"]) / wheelbase <= float(LIMITS["lateral_acceleration_maximum"]) + 1e-9
    assert actuation["limited"] & msg.constants("Actuation")["LIMITED_LATERAL_ACCELERATION"]


def test_what_is_held_against_the_wind_is_no_lateral_acceleration():
    """It goes straight on with the wheels turned: that angle may be held, and the bound counts from it, up to a limit."""
    wheelbase = float(VEHICLE["wheelbase_m"] + VEHICLE["understeer_gradient"] * 25.0**2)
    bound = float(LIMITS["lateral_acceleration_maximum"]) * wheelbase / 25.0**2
    for held, counts in ((0.005, 0.005), (0.02, envelope_twin.LARGEST_TRIM_RAD)):
        harness, sent = Harness(), [0.0]

        def turn(ego, sent=sent, held=held, **_):
            ego["angular_rate"][2] = 25.0 * max(sent[-1] - held, 0.0) / wheelbase

        for wanted in [held] * 1000 + [0.2] * 300:
            actuation, _ = harness.step(angle=wanted, speed=25.0, change=turn)
            sent.append(float(actuation["road_wheel_angle_rad"]))
        assert max(sent) == pytest.approx(bound + counts, abs=2e-4)


def test_a_command_that_is_not_a_number_ends_in_a_stop():
    harness = Harness()
    harness.step(engage=0)
    harness.step(angle=0.001)
    actuation, health = harness.step(angle=np.nan, acceleration=np.nan)
    assert actuation["limited"] & msg.constants("Actuation")["LIMITED_INVALID"] and health["level"] == 2
    for _ in range(100):
        actuation, _ = harness.step()
    assert actuation["mode"] == 2 and actuation["hazards"] == 1
    assert actuation["acceleration_mps2"] == -2.5


def test_standby_repeats_the_driver_and_engaging_begins_without_a_step():
    harness = Harness()
    actuation, _ = harness.step(angle=0.3, engage=0, road_wheel_angle=0.02)
    assert actuation["mode"] == 0 and actuation["road_wheel_angle_rad"] == 0.02 and actuation["engine_torque_nm"] == 0.0
    actuation, _ = harness.step(angle=0.3, road_wheel_angle=0.02)
    assert actuation["mode"] == 1 and abs(actuation["road_wheel_angle_rad"] - 0.02) < 0.005


@pytest.mark.parametrize("engage", [0, 1])
def test_the_drivers_indicators_go_on_whoever_drives(engage):
    harness = Harness()
    for asked in (1, 2, 0):
        turn = partial(lambda asked, vehicle, **_: vehicle.__setitem__("indicators", asked), asked)
        actuation, _ = harness.step(engage=engage, change=turn)
        assert (actuation["mode"], actuation["indicators"]) == (engage, asked)


def test_the_driver_takes_over_at_once():
    harness = Harness()
    harness.step()
    actuation, _ = harness.step(change=lambda vehicle, **_: vehicle.__setitem__("driver_override", 1))
    assert actuation["mode"] == 0


def test_a_minimal_risk_stop_holds_at_standstill_and_stays():
    harness = Harness()
    harness.step(change=lambda plan, **_: plan.__setitem__("behaviour", 3))
    for _ in range(300):
        actuation, _ = harness.step(acceleration=1.0, speed=0.0)
    assert actuation["mode"] == 2 and actuation["acceleration_mps2"] == -LIMITS["standstill_hold"]
    assert actuation["brake_deceleration_mps2"] > 0.0


def brakes_from(speed, grade=0.0, seconds=4.0, wanted=-1.5):
    """Actuation of every tick while the brakes are asked for `wanted`."""
    harness, found = Harness(), []

    def on_grade(truck, **_):
        truck["grade"] = grade

    harness.step(engage=0, speed=speed, change=on_grade)
    for _ in range(round(seconds * 100)):
        actuation, _ = harness.step(acceleration=wanted, speed=speed, change=on_grade)
        found.append(actuation)
    return np.array(found)


def test_the_foundation_brake_fills_until_the_slow_ones_are_there():
    found = brakes_from(20.0, wanted=-0.5, seconds=8.0)
    assert found["brake_deceleration_mps2"][:100].max() > 0.15 and found["brake_deceleration_mps2"][-1] < 0.001
    assert found["retarder_torque_nm"][-1] < -2000.0
    early = np.flatnonzero(found["retarder_torque_nm"] < 0.0)[0]
    assert early <= np.flatnonzero(found["brake_deceleration_mps2"] > 0.0)[0]
    np.testing.assert_allclose(found["expected_acceleration_mps2"][-1], -0.5, atol=0.01)


def test_all_brake_together_where_endurance_brakes_do_not_reach():
    found = brakes_from(20.0, wanted=-2.5, seconds=8.0)[-1]
    assert found["retarder_torque_nm"] == -VEHICLE["retarder_torque_maximum_nm"]
    assert found["engine_torque_nm"] == -LONGITUDINAL["engine_brake_torque_maximum_nm"]
    assert found["brake_deceleration_mps2"] > 1.0
    np.testing.assert_allclose(found["expected_acceleration_mps2"], -2.5, atol=0.01)


def test_a_truck_that_stands_is_held_on_any_slope():
    for grade in (-0.1, 0.0, 0.1):
        held = brakes_from(0.0, grade, wanted=0.0)[-1]
        assert held["brake_deceleration_mps2"] >= abs(STANDARD_GRAVITY_MPS2 * np.sin(grade)) + 0.5
        assert held["engine_torque_nm"] == 0.0


def test_moving_off_uphill_the_brake_holds_until_the_engine_carries():
    found = brakes_from(0.0, 0.06, seconds=3.0, wanted=0.4)
    carries = found["expected_acceleration_mps2"] >= 0.0
    assert carries.all()
    assert found["brake_deceleration_mps2"][2] > 0.4 and found["brake_deceleration_mps2"][-1] < 0.001


def turning_kg(ratio):
    """What turns along, as seen along the road: the wheels, and the engine in a gear."""
    inertia = LEARNED["wheel_inertia_kgm2"] + LEARNED["engine_inertia_kgm2"] * ratio**2
    return float(inertia / VEHICLE["wheel_radius_m"] ** 2)


def test_the_gear_is_known_from_the_engine_speed():
    def third_gear(frame, **_):
        row = frame["signal"]["items"][0]
        row["signal"], row["value"] = msg.constants("SignalSample")["ENGINE_SPEED"], 5.0 / 0.51 * 23.5
        frame["signal"]["count"] = 1

    harness = Harness()
    for _ in range(800):
        actuation, _ = harness.step(acceleration=0.5, speed=5.0, change=third_gear)
    force = 40000.0 * (0.5 + 0.006 * STANDARD_GRAVITY_MPS2) + 0.5 * AIR_DENSITY_KGPM3 * float(VEHICLE["drag_area_m2"]) * 25.0
    force += 0.5 * turning_kg(23.5)
    np.testing.assert_allclose(actuation["engine_torque_nm"], force * 0.51 / 23.5, rtol=1e-6)


def test_full_braking_warns_who_follows():
    assert Harness().step(change=lambda plan, **_: plan.__setitem__("emergency", 2))[0]["hazards"] == 1
    assert Harness().step(change=lambda plan, **_: plan.__setitem__("emergency", 1))[0]["hazards"] == 0


def test_a_minimal_risk_stop_ends_when_disengaged():
    harness = Harness()
    harness.step(change=lambda plan, **_: plan.__setitem__("behaviour", 3))
    assert harness.step(speed=0.0)[0]["mode"] == 2
    assert harness.step(engage=0)[0]["mode"] == 0


def test_faults_set_the_level():
    def fault(**fields):
        def change(vehicle, lane, ego, frame, **_):
            for part, name, value in fields["set"]:
                {"vehicle": vehicle, "lane": lane, "ego": ego, "frame": frame}[part][name] = value

        return Harness().step(change=change)[1]

    assert Harness().step()[1]["level"] == 0
    assert fault(set=[("vehicle", "gnss_validity", 3)])["level"] == 1
    for part, name, value, bit in (("vehicle", "imu_validity", 3, "FAULT_IMU_STALE"), ("lane", "status", 0, "FAULT_LANE_LOST"),
                                   ("vehicle", "speed_validity", 3, "FAULT_SPEED_STALE"),
                                   ("ego", "status", 0, "FAULT_EGO_INVALID")):  # fmt: skip
        health = fault(set=[(part, name, value)])
        assert health["level"] == 2 and health["faults"] & FAULTS[bit]


def test_lost_samples_and_time_that_runs_backwards_are_told():
    harness = Harness()
    harness.step()
    assert harness.step(change=lambda frame, **_: frame["radar"].__setitem__("overflow", 3))[1]["overflow"] == 3
    harness.k -= 3
    assert harness.step()[1]["faults"] & FAULTS["FAULT_TIME_BACKWARDS"]


def requested(lane_status=1, speed_validity=0, **given):
    """A driver's press in this tick."""

    def change(vehicle, lane, **_):
        vehicle["driver_request"], vehicle["speed_validity"], lane["status"] = 1, speed_validity, lane_status
        for name, value in given.items():
            vehicle[name] = value

    return change


def waiting(vehicle, **_):
    vehicle["awaits_driver"] = 1


def test_a_request_is_granted_in_its_tick_or_not_at_all():
    harness = Harness()
    assert harness.step(change=waiting)[1]["standby_reason"] == FAULTS["STANDBY_NOT_ASKED"]
    for change, reason in ((requested(lane_status=2), "NO_LANE"), (requested(speed_validity=3), "NOT_FIT"),
                           (requested(refusal=3), "CONDITION")):  # fmt: skip
        actuation, health = harness.step(change=change)
        assert actuation["mode"] == 0 and health["standby_reason"] == FAULTS[f"STANDBY_{reason}"]
        health = harness.step(change=waiting)[1]
        assert health["standby_reason"] == FAULTS[f"STANDBY_{reason}"], "why it was refused stays to be read"
        assert health["standby_condition"] == (3 if reason == "CONDITION" else 0)
    actuation, health = harness.step(change=requested())
    assert actuation["mode"] == 1 and health["standby_reason"] == 0
    assert harness.step(change=waiting)[0]["mode"] == 1, "it drives on without being asked again"


def test_the_host_can_make_a_driving_stack_stop_and_a_waiting_one_not_begin():
    harness = Harness()
    actuation, health = harness.step(engage=2)
    assert actuation["mode"] == 0 and health["standby_reason"] == FAULTS["STANDBY_HOST"]
    assert harness.step(engage=1)[0]["mode"] == 1
    actuation, _ = harness.step(engage=2, speed=20.0)
    assert actuation["mode"] == 2 and actuation["hazards"] == 1
    assert harness.step(engage=2, change=lambda vehicle, **_: vehicle.__setitem__("driver_override", 1))[0]["mode"] == 0


def test_the_mode_knows_since_when_and_an_override_says_what_it_was():
    harness = Harness()
    harness.step(engage=0)
    begun = harness.step()[1]["mode_since_ns"]
    assert harness.step()[1]["mode_since_ns"] == begun

    def braked(vehicle, **_):
        vehicle["driver_override"], vehicle["override_reason"] = 1, msg.constants("VehicleState")["OVERRIDE_BRAKE"]

    health = harness.step(change=braked)[1]
    assert health["standby_reason"] == FAULTS["STANDBY_BRAKE"] and health["mode_since_ns"] == begun + 20_000_000


def test_suspect_and_disputed_senders_degrade():
    status = msg.constants("VehicleState")
    for field, value, fault in (("sender_status", status["SENDER_FROZEN"], "SENDER_SUSPECT"),
                                ("sender_status", status["SENDER_DISAGREES"], "SENDER_SUSPECT"),
                                ("disputed", 1, "SENDERS_DISPUTED")):  # fmt: skip
        health = Harness().step(change=lambda vehicle, f=field, v=value, **_: vehicle[f].__setitem__(1, v))[1]
        assert health["faults"] == FAULTS[f"FAULT_{fault}"] and health["level"] == 1


def in_gear(engine_radps, shifting=False):
    """A change of the frame: what engine and gearbox tell."""

    def change(frame, **_):
        row = frame["signal"]["items"][0]
        row["signal"], row["value"] = msg.constants("SignalSample")["ENGINE_SPEED"], engine_radps
        frame["signal"]["count"] = frame["shaft"]["count"] = 1
        frame["shaft"]["items"][0]["shift_in_progress"] = shifting

    return change


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-3.0, 1.0), st.booleans()), min_size=1, max_size=6))
def test_shifts_are_those_of_the_twin(pieces):
    """Stretches of 0.3 s, each with its acceleration, between gears or in gear; no shift lasts 2 s."""
    harness, split, sent = Harness(), envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE), 0.0
    harness.step(engage=0)
    ratio = 120.0 * float(VEHICLE["wheel_radius_m"]) / 15.0
    for acceleration, shifting in [(0.0, False), *pieces]:
        for _ in range(30):
            actuation, _ = harness.step(0.0, acceleration, 15.0, change=in_gear(120.0, shifting))
            before, sent = sent, float(actuation["acceleration_mps2"])
            twin = split(40000.0, 0.0, 15.0, sent, before, 0.01, ratio, shifting)
            np.testing.assert_allclose([actuation[name] for name in SPLIT], twin, rtol=1e-9, atol=1e-9)


def test_after_a_shift_the_engine_takes_its_load_without_a_jolt():
    harness = Harness()
    harness.step(engage=0)

    def drive(ticks, change):
        return [harness.step(acceleration=0.4, speed=15.0, change=change)[0].copy() for _ in range(ticks)]

    before = drive(300, in_gear(120.0))[-1]
    off = drive(80, in_gear(150.0, True))
    back = np.array([row["engine_torque_nm"] for row in drive(300, in_gear(120.0))])
    assert all(row["engine_torque_nm"] == 0.0 and row["expected_acceleration_mps2"] < 0.0 for row in off)
    # N m for 1 m/s2; the gear is not read from an engine that is off the wheels
    per_acceleration = (40000.0 + turning_kg(120.0 * float(VEHICLE["wheel_radius_m"]) / 15.0)) * 15.0 / 120.0
    rise = np.diff(np.r_[0.0, back]) / 0.01 / per_acceleration
    assert rise.max() <= float(LONGITUDINAL["jerk_up"]) + 1e-6
    np.testing.assert_allclose(back[-1], before["engine_torque_nm"], rtol=1e-3)


def accelerating(tells_upshift_radps, seconds=12.0, ratio=10.0):
    """[(engine speed, engine torque less the resistances, shifting)] while 0.8 m/s2 are asked for from 100 rad/s on; the
    gearbox shifts up to a ratio a quarter lower for 0.5 s."""
    harness, radius = Harness(), float(VEHICLE["wheel_radius_m"])
    speed, shifted_s, found = 100.0 * radius / ratio, 0.0, []
    harness.step(engage=0, speed=speed)
    for _ in range(round(seconds * 100)):
        turns = speed * ratio / radius
        shifting = 0.0 < shifted_s <= 0.5
        if turns > tells_upshift_radps and shifted_s == 0.0 or shifting:
            shifted_s += 0.01
            ratio *= 0.75 if shifted_s > 0.5 else 1.0
        actuation, _ = harness.step(acceleration=0.8, speed=speed, change=in_gear(turns, shifting))
        driven = float(actuation["expected_acceleration_mps2"])
        speed += 0.01 * driven
        found.append((turns, driven, shifting))
        if shifted_s > 0.5:
            shifted_s = 0.0
    return np.array(found)


def test_before_the_gearbox_shifts_up_the_engine_lets_its_load_off():
    found = accelerating(float(LONGITUDINAL["engine_shift_up_radps"]))
    begins = np.flatnonzero(np.diff(found[:, 2]) > 0)
    assert len(begins) >= 2 and found[: begins[0], 1].max() > 0.6
    assert (np.abs(found[begins, 1]) < 0.15).all()
    falling = np.diff(found[: begins[0], 1]) / 0.01
    assert falling.min() > -1.5 * float(LONGITUDINAL["jerk_down"])


def test_a_shift_that_comes_earlier_than_expected_is_expected_there_the_next_time():
    found = accelerating(150.0, seconds=16.0)
    begins = np.flatnonzero(np.diff(found[:, 2]) > 0)
    assert found[begins[0], 1] > 0.4 and (np.abs(found[begins[1:], 1]) < 0.2).all() and len(begins) >= 2


def test_a_gearbox_that_keeps_the_gear_is_not_waited_for():
    found = accelerating(1e3)
    usual = float(LONGITUDINAL["engine_shift_up_radps"])
    assert found[:, 0].max() > 1.1 * usual and found[-1, 1] > 0.6


def test_a_gearbox_that_never_tells_the_end_of_a_shift_is_believed_for_two_seconds():
    harness = Harness()
    harness.step(engage=0)
    told = [harness.step(acceleration=0.4, speed=15.0, change=in_gear(120.0, True))[0]["engine_torque_nm"] for _ in range(199)]
    assert not any(told)
    later = [harness.step(acceleration=0.4, speed=15.0, change=in_gear(120.0, True))[0]["engine_torque_nm"] for _ in range(400)]
    assert all(torque > 0.0 for torque in later[10:])


def test_the_engine_brake_is_handed_over_before_the_gearbox_shifts_down():
    """Braking with 1.2 m/s2: near the speed of the shift the foundation brake has taken over all but the drag."""

    def braking(engine_radps):
        harness = Harness()
        harness.step(engage=0)
        for _ in range(400):
            actuation, _ = harness.step(acceleration=-1.2, speed=15.0, change=in_gear(engine_radps))
        return actuation

    fast, slow = braking(160.0), braking(float(LONGITUDINAL["engine_shift_down_radps"]) + 5.0)
    assert fast["engine_torque_nm"] < -300.0 and -200.0 < slow["engine_torque_nm"] < 0.0
    assert slow["brake_deceleration_mps2"] > fast["brake_deceleration_mps2"] + 0.1
    for actuation in (fast, slow):
        assert abs(actuation["expected_acceleration_mps2"] + 1.2) < 0.02


@pytest.mark.parametrize("cooled, left", [(230e3, 18e6), (230e3, 0.0), (100e3, 1e6), (0.0, 0.0)])
def test_the_retarder_is_asked_for_no_more_than_it_takes_and_the_rest_comes_from_engine_and_brakes(cooled, left):
    """6 % down at 20 m/s; the same as the twin, and the same deceleration in all, however hot it is."""
    harness, split = Harness(), envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE)
    harness.step(engage=0, speed=20.0)

    def hot(truck, **_):
        truck["grade"], truck["retarder_cooled_w"], truck["retarder_heat_left_j"] = -0.06, cooled, left

    power, before = cooled + left / float(LONGITUDINAL["retarder_reserve_s"]), 0.0
    for _ in range(600):
        actuation, _ = harness.step(acceleration=0.0, speed=20.0, change=hot)
        sent = float(actuation["acceleration_mps2"])
        twin = split(40000.0, -0.06, 20.0, sent, before, 0.01, retarder_power=power)
        np.testing.assert_allclose([actuation[name] for name in SPLIT], twin, rtol=1e-9, atol=1e-9)
        before = sent
    shaft = 20.0 * float(VEHICLE["driveline_ratio"] / VEHICLE["wheel_radius_m"])
    assert -float(actuation["retarder_torque_nm"]) * shaft <= power + 1.0
    assert float(actuation["expected_acceleration_mps2"]) == pytest.approx(0.0, abs=0.02)
