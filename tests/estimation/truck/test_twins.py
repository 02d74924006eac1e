"""Friction, traction and the stored trailer of the truck step, each held to what it says plainly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from autonomy.estimation.truck._probe import FrictionKernel, restore_trailer, traction
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.axle_loads import axle_shares
from autonomy.estimation.truck import traction_twin, trailer_twin
from autonomy.estimation.truck.friction_twin import Friction
from autonomy.physics import STANDARD_GRAVITY_MPS2
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()
TRUCK, VEHICLE = PARAMETERS["truck"], PARAMETERS["vehicle"]
SIGNALS = msg.constants("SignalSample")
NOW_NS = 50_000_000_000
NAN = math.nan


def told_now(now_ns: int, **values: float) -> dict[int, tuple[float, int]]:
    return {SIGNALS[name]: (value, now_ns) for name, value in values.items() if not math.isnan(value)}


FRICTION_TICK = st.fixed_dictionaries({
    "wait_s": st.floats(0.01, 8.0), "mass": st.floats(15e3, 49e3), "speed": st.floats(0.0, 30.0),
    "force": st.just(NAN) | st.floats(-60e3, 60e3), "brake_force": st.floats(0.0, 250e3),
    "lateral": st.just(NAN) | st.floats(-4.0, 4.0), "excess": st.floats(-0.1, 0.2), "abs_active": st.booleans(),
    "traction_control": st.booleans(), "air_c": st.just(NAN) | st.floats(-30.0, 40.0),
})  # fmt: skip


@settings(deadline=None)
@given(st.lists(FRICTION_TICK, min_size=1, max_size=30), st.sampled_from([1, 2]), st.booleans())
def test_the_friction_is_its_twins(ticks, driven_axles, has_trailer):
    vehicle = VEHICLE.copy()
    vehicle["driven_axles"], vehicle["has_trailer"] = driven_axles, has_trailer
    kernel, twin, now_ns = FrictionKernel(TRUCK, vehicle), Friction(TRUCK, vehicle), NOW_NS
    for tick in ticks:
        now_ns += round(tick.pop("wait_s") * 1e9)
        said = told_now(now_ns, ABS_ACTIVE=float(tick["abs_active"]), TRACTION_CONTROL_ACTIVE=float(tick["traction_control"]),
                        AIR_TEMPERATURE=tick["air_c"])  # fmt: skip
        forces = [tick[name] for name in ("mass", "speed", "force", "brake_force", "lateral", "excess")]
        found, expected = kernel.step(now_ns, said, *forces), twin.step(now_ns / 1e9, **tick)
        numbers = [float(found[name]) for name in ("friction", "friction_sigma", "friction_low")]
        assert numbers == pytest.approx(expected[:3], rel=1e-9, abs=1e-12)
        assert (bool(found["friction_known"]), bool(found["friction_warning"])) == (expected.known, expected.warning)


@given(st.floats(0.05, 0.6), st.floats(15e3, 49e3))
def test_what_was_used_was_there_and_the_limit_is_all_there_is(used, mass):
    """Braking that uses so much shows that much; with ABS at work it is a known share of the peak."""
    force = used * mass * STANDARD_GRAVITY_MPS2
    free = FrictionKernel(TRUCK, VEHICLE).step(NOW_NS, {}, mass, 20.0, NAN, force, 0.0, 0.0)
    assert free["friction_low"] == pytest.approx(used) and not free["friction_known"] and free["friction"] >= used
    limit = FrictionKernel(TRUCK, VEHICLE).step(NOW_NS, told_now(NOW_NS, ABS_ACTIVE=1.0), mass, 20.0, NAN, force, 0.0, 0.0)
    assert limit["friction_known"] and limit["friction"] == pytest.approx(used / 0.85)
    assert limit["friction_sigma"] >= 0.2 * limit["friction"] and limit["friction_warning"]


@given(st.floats(0.05, 0.4), st.floats(15e3, 49e3))
def test_wheels_that_lock_under_the_retarder_alone_show_the_limit_too(used, mass):
    """No foundation brake acts: what the driven axle was braked with is all that was there."""
    force = -used * mass * STANDARD_GRAVITY_MPS2 * axle_shares(VEHICLE, mass)[1]
    found = FrictionKernel(TRUCK, VEHICLE).step(NOW_NS, told_now(NOW_NS, ABS_ACTIVE=1.0), mass, 20.0, force, 0.0, 0.0, 0.0)
    assert found["friction_known"] and found["friction"] == pytest.approx(used / 0.85)


DRIVELINE = st.fixed_dictionaries({
    "engine_speed": st.just(NAN) | st.floats(0.0, 260.0), "torque": st.just(NAN) | st.floats(-500.0, 2600.0),
    "friction": st.just(NAN) | st.floats(0.0, 400.0), "gear_ratio": st.just(NAN) | st.floats(0.7, 15.0),
    "retarder": st.just(NAN) | st.floats(-3500.0, 100.0), "engine_brake": st.just(NAN) | st.floats(-2500.0, 50.0),
    "shaft": st.just(NAN) | st.floats(0.0, 200.0), "unsettled_for_s": st.just(math.inf) | st.floats(0.0, 5.0),
    "shaft_scale": st.floats(0.9, 1.1),
})  # fmt: skip


@settings(deadline=None)
@given(DRIVELINE)
def test_the_traction_is_its_twins(given_now):
    unsettled_s = given_now["unsettled_for_s"]
    unsettled_ns = 0 if math.isinf(unsettled_s) else NOW_NS - round(unsettled_s * 1e9)
    given_now["unsettled_for_s"] = math.inf if not unsettled_ns else 1e-9 * (NOW_NS - unsettled_ns)
    said = told_now(NOW_NS, ENGINE_SPEED=given_now["engine_speed"], ENGINE_TORQUE=given_now["torque"],
                    ENGINE_FRICTION_TORQUE=given_now["friction"], GEAR_RATIO=given_now["gear_ratio"],
                    RETARDER_TORQUE=given_now["retarder"], ENGINE_BRAKE_TORQUE=given_now["engine_brake"])  # fmt: skip
    shaft = (0.0, 0) if math.isnan(given_now["shaft"]) else (given_now["shaft"], NOW_NS)
    found = traction(TRUCK, VEHICLE, said, shaft, unsettled_ns, given_now["shaft_scale"], NOW_NS)
    expected = traction_twin.traction(TRUCK, VEHICLE, **given_now)
    for name in ("force", "engine_force", "retarder_force", "per_torque", "rotating_mass", "ratio"):
        assert found[name] == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9, nan_ok=True), name
    assert bool(found["settled"]) == expected.settled


def test_what_is_old_is_not_heard():
    said = told_now(NOW_NS - 2_000_000_000, ENGINE_SPEED=130.0, ENGINE_TORQUE=1000.0)
    assert math.isnan(traction(TRUCK, VEHICLE, said, (50.0, NOW_NS), 0, 1.0, NOW_NS)["force"])
    said = told_now(NOW_NS, ENGINE_SPEED=130.0, ENGINE_TORQUE=1000.0)
    assert math.isnan(traction(TRUCK, VEHICLE, said, (50.0, NOW_NS - 200_000_000), 0, 1.0, NOW_NS)["force"])
    assert traction(TRUCK, VEHICLE, said, (50.0, NOW_NS), 0, 1.0, NOW_NS)["force"] > 0.0


STORED = st.fixed_dictionaries({"wheelbase_m": st.just(0.0) | st.floats(5.0, 10.0), "wheelbase_sigma_m": st.floats(0.05, 0.5),
                                "tyre_factor": st.floats(0.7, 1.4), "tyre_factor_sigma": st.floats(0.05, 0.3)})  # fmt: skip


@settings(deadline=None)
@given(st.lists(STORED, max_size=4), st.floats(-0.2, 0.2), st.floats(-0.3, 0.3), st.floats(1e-3, 0.1), st.integers(0, 2**32 - 1))
def test_the_stored_trailer_is_its_twins(rows, wheelbase, tyres, sigma, seed):
    p = TRUCK.copy()
    for place, row in enumerate(rows):
        for name, value in row.items():
            p["stored_trailer"][place][name] = value
    half = np.random.default_rng(seed).normal(size=(12, 12)) * 0.05
    x, P = np.zeros(12), half @ half.T + np.diag(np.full(12, 1e-4))
    x[10], x[9] = wheelbase, tyres
    P *= np.outer(scale := np.where(np.arange(12) == 10, sigma / math.sqrt(P[10, 10]), 1.0), scale)
    restored, is_settled, found, covariance = restore_trailer(p, VEHICLE, x, P)
    expected = trailer_twin.restore(p, VEHICLE, x, P)
    assert (restored, is_settled) == expected[:2]
    assert np.allclose(found, expected[2], rtol=1e-9, atol=1e-12) and np.allclose(covariance, expected[3], rtol=1e-8, atol=1e-14)


def test_two_rows_that_both_agree_settle_nothing():
    p, x, P = TRUCK.copy(), np.zeros(12), np.diag(np.full(12, 1e-4))
    length = float(VEHICLE["trailer_wheelbase_m"])
    for place in range(2):
        p["stored_trailer"][place] = (length + 0.01 * place, 0.2, 1.1, 0.1)
    assert restore_trailer(p, VEHICLE, x, P)[:2] == (0, False)
    p["stored_trailer"][1]["wheelbase_m"] = length + 3.0
    restored, is_settled, found, _ = restore_trailer(p, VEHICLE, x, P)
    assert (restored, is_settled) == (1, True) and found[9] > 0.0
