"""Limits of every command, and who drives."""

from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.safety import envelope_twin
from tests.safety.envelope_harness import DRIVEN, LEARNED, LIMITS, LONGITUDINAL, SPLIT, VEHICLE, Harness

FAULTS = msg.constants("Health")
any_number = st.one_of(st.floats(-3.0, 3.0), st.floats(allow_nan=True, allow_infinity=True), st.floats(-0.05, 0.05))


@settings(max_examples=150, deadline=None)
@given(any_number, st.lists(st.tuples(any_number, any_number, st.floats(0.0, 30.0)), min_size=1, max_size=40))
@example(100.0, [(0.0, 0.0, 20.0)] * 3)
def test_no_command_leaves_the_limits_and_every_one_is_that_of_the_twin(driver_angle, commands):
    harness = Harness()
    angle = float(harness.step(engage=0, road_wheel_angle=driver_angle)[0]["road_wheel_angle_rad"])
    trim = envelope_twin.Trim(VEHICLE, float(VEHICLE["yaw_lag_s"]), angle)
    acceleration = 0.0
    p = {name: float(LIMITS[name]) for name in LIMITS.dtype.names}
    split = envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE, DRIVEN)
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
