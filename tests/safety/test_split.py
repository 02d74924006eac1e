"""How a wanted acceleration becomes engine, endurance brakes, foundation brake, and gears that shift meanwhile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.axle_loads import axle_shares
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.safety import envelope_twin
from autonomy.stack import Stack
from tests.safety.envelope_harness import DRIVEN, LEARNED, LONGITUDINAL, SPLIT, VEHICLE, Harness
from tests.step_parameters import known_truck


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


DRIVEN_AXLES = {"vehicles/demo_truck": 1, "vehicles/us_6x4_53ft": 2, "vehicles/openpbs_6x2": 1}
VEHICLES = {name: Stack.from_config(name).parameters["vehicle"] for name in DRIVEN_AXLES}


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(list(DRIVEN_AXLES)), mass=st.floats(13000.0, 49000.0), doubt=st.floats(0.0, 1.0),
       friction=st.floats(0.1, 0.9), sigma=st.floats(0.0, 0.3), low=st.floats(0.0, 0.5), wanted=st.floats(-4.0, -0.3),
       grade=st.floats(-0.06, 0.0))  # fmt: skip
def test_the_driven_axles_are_braked_by_no_more_than_their_share_of_the_friction(
    name, mass, doubt, friction, sigma, low, wanted, grade
):
    vehicle = VEHICLES[name]
    harness, sent, per_crank = Harness(vehicle), 0.0, float(vehicle["driveline_ratio"] / vehicle["wheel_radius_m"])
    empty = float(vehicle["tractor_mass_kg"] + vehicle["trailer_tare_mass_kg"])
    light = min(max((1.0 - doubt) * mass, empty), mass)
    load = DRIVEN_AXLES[name] * axle_shares(vehicle, light)[1] * light * STANDARD_GRAVITY_MPS2
    most = float(vehicle["driven_friction_share"]) * max(friction - sigma, low) * load
    assert envelope_twin.driven_here(vehicle, told(mass, (1.0 - doubt) * mass, friction, sigma, low)) \
        == pytest.approx(most)  # fmt: skip

    def loaded(frame, truck, **_):
        truck[()] = told(mass, (1.0 - doubt) * mass, friction, sigma, low)
        truck["grade"] = grade
        in_gear(20.0 * per_crank)(frame)

    harness.step(engage=0, speed=20.0, change=loaded)
    overrun = float(LONGITUDINAL["engine_drag_torque_nm"] + LONGITUDINAL["engine_drag_torque_per_speed"] * 20.0 * per_crank)
    for _ in range(300):
        actuation, _ = harness.step(acceleration=wanted, speed=20.0, change=loaded)
        sent = float(actuation["expected_acceleration_mps2"])
        engine, retarder, *_ = (float(actuation[name]) for name in SPLIT)
        assert -(engine + retarder) * per_crank <= max(most, overrun * per_crank) + 1.0  # without fuel it pulls in any case
    assert sent <= wanted + 0.05, "the foundation brake makes up for it"


def told(mass, mass_low, friction, sigma, low):
    truck = known_truck()
    truck["mass_kg"], truck["mass_low_kg"] = mass, mass_low
    truck["friction"], truck["friction_sigma"], truck["friction_low"] = friction, sigma, low
    return truck


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
    harness, split, sent = Harness(), envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE, DRIVEN), 0.0
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
    harness, split = Harness(), envelope_twin.Split(LONGITUDINAL, LEARNED, VEHICLE, DRIVEN)
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
