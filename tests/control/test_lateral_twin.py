"""The lateral kernel against its twin: model, exponential, steady travel, whole steps with and without active bounds."""

import numpy as np
import pytest
from autonomy.control._control import ControlStep, yaw_plane_matrices
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.control import lateral_twin, yaw_plane_twin
from autonomy.linalg import _box_mpc, box_mpc_twin
from tests.step_parameters import step_parameters, valid_ego, zeros

VEHICLES = {name: step_parameters(name) for name in ("demo_truck", "toyota_rav4_comma2k19")}
TRUCK = VEHICLES["demo_truck"]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(VEHICLES)), st.floats(0.35, 1.3), st.floats(2.0, 32.0), st.floats(0.02, 0.5), st.floats(1e-4, 0.01),
       st.tuples(*[st.floats(0.6, 1.5)] * 3))
def test_rates_and_exponential_are_those_of_the_twin(name, load, speed, lag, dt, tyres):
    vehicle = VEHICLES[name]["vehicle"]
    mass = load * float(vehicle["mass_kg"])
    rates, discrete = yaw_plane_matrices(vehicle, mass, speed, lag, dt, 0.0, tyres)
    expected = yaw_plane_twin.YawPlane(vehicle, mass, speed, 0.0, tyres).rates(lag)
    np.testing.assert_allclose(rates, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(discrete, yaw_plane_twin.transition(expected, dt), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("speed, damping, gain", [(22.2, 0.34, 5.7), (25.0, 0.28, 6.2), (29.0, 0.23, 7.0)])
def test_the_loaded_truck_swings_and_turns_as_the_field_knows_it(speed, damping, gain):
    """Published figures of the European 40 t set: damping of the articulation mode, yaw rate per road wheel angle."""
    model = yaw_plane_twin.YawPlane(TRUCK["vehicle"], 40000.0, speed)
    A = np.vstack([model.forces, [0.0, 0.0, 1.0, 0.0]])
    modes = np.linalg.eigvals(A)
    swing = modes[np.argmin(np.abs(np.abs(modes) - 2.0 * np.pi * 0.34))]
    assert -swing.real / abs(swing) == pytest.approx(damping, abs=0.012)
    steady = np.linalg.solve(A, -np.append(model.steering, 0.0))
    assert steady[1] == pytest.approx(gain, rel=0.02)


def test_the_wanted_place_shares_out_the_trailers_off_tracking():
    """0.09 m outboard at 25 m/s on 500 m radius: front face as far inside as the rear outside, and steady travel it is."""
    twin = lateral_twin.LateralTwin(TRUCK["lateral"], TRUCK["vehicle"], None)
    model = yaw_plane_twin.YawPlane(TRUCK["vehicle"], 40000.0, 25.0)
    x = twin.wanted(model, 1 / 500, 0.001, 0.1, 0.0)
    trailer = x[3] - 0.5 / 500 * (model.hitch_m + model.trailer_m) ** 2
    assert -0.12 < trailer - x[4] < -0.07
    front = x[5] - 0.5 / 500 * model.front_m**2
    _, heading, articulation = model.steady(1 / 500, 0.001, 0.1)
    rear_m = float(TRUCK["vehicle"]["rear_overhang_m"])
    behind_axles = rear_m - model.hitch_m - model.trailer_m
    rear = x[3] - behind_axles * (heading + articulation) - 0.5 / 500 * rear_m**2
    assert front == pytest.approx(-rear, abs=1e-9) and 0.1 < front < 0.2
    derivative = model.rates(0.25)[:7] @ np.array([*x, 1 / 500, 0.001, 0.1, 0.0])
    np.testing.assert_allclose(derivative, 0.0, atol=1e-9)


def free(problem):
    """Without bounds, by the normal equations of the condensed problem."""
    H, f, _, _ = box_mpc_twin.condense(problem)
    return np.linalg.solve(H, -f), box_mpc_twin.free_gain(problem)[1]


def bounded(problem):
    solution = _box_mpc.solve(problem, iteration_budget=14, tolerance=1e-7)
    return solution["inputs"], solution["value"]


@pytest.mark.parametrize("askew", [-0.05, 0.0, 0.05])
@pytest.mark.parametrize("curvature", [-1 / 300, 0.0, 1 / 300])
def test_neither_the_trailers_axles_nor_its_rear_end_may_cross_the_lines(curvature, askew):
    """An axle group at its bound has the rear end, four metres behind it, at most on the line."""
    twin = lateral_twin.LateralTwin(TRUCK["lateral"], TRUCK["vehicle"], None)
    model = yaw_plane_twin.YawPlane(TRUCK["vehicle"], 40000.0, 25.0)
    behind, rear_m = model.hitch_m + model.trailer_m, float(TRUCK["vehicle"]["rear_overhang_m"])
    assert 3.0 < rear_m - behind < 5.0
    low, high = (float(bound) for bound in twin.rear_bounds(model, curvature, askew, -0.5, 0.6))
    rears = [axles - (rear_m - behind) * askew - 0.5 * curvature * rear_m**2 for axles in (low, high)]
    axles = [low - 0.5 * curvature * behind**2, high - 0.5 * curvature * behind**2]
    assert min(*rears, *axles) == pytest.approx(-0.5) and max(*rears, *axles) == pytest.approx(0.6)
    tight = twin.rear_bounds(model, curvature, 0.3, -0.05, 0.05)
    assert tight[1] - tight[0] == pytest.approx(2.0 * lateral_twin.LEAST_ROOM_M), "never an empty box"


@pytest.mark.parametrize("name, solve, offset, articulation, statuses, play, known", [
    ("demo_truck", free, 0.02, 0.002, {1}, 0.3, 1), ("toyota_rav4_comma2k19", free, 0.02, 0.002, {1}, 0.3, 1),
    ("demo_truck", free, 0.02, 0.002, {1}, 0.3, 0), ("demo_truck", free, 0.02, 0.002, {1}, 1.6, 0),
    ("demo_truck", free, 0.02, 0.002, {1}, 1.1, 1), ("demo_truck", bounded, 0.3, 0.002, {1, 2}, 0.3, 1),
    ("demo_truck", bounded, 0.8, 0.002, {2}, 0.3, 1), ("demo_truck", bounded, 0.3, -0.09, {2}, 0.3, 1),
])  # fmt: skip
def test_steering_is_that_of_the_twin(name, solve, offset, articulation, statuses, play, known):
    """`play`: learned, of the told one."""
    parameters = VEHICLES[name]
    vehicle, rng = parameters["vehicle"], np.random.default_rng(1)
    speed, delay, lag, mass = 21.3, 0.173, 0.21, 0.9 * float(vehicle["mass_kg"])
    step = ControlStep(parameters["lateral"], parameters["longitudinal"], vehicle)
    twin = lateral_twin.LateralTwin(parameters["lateral"], vehicle, solve)
    state, truck, plan, lane, actuation = (zeros(n) for n in ("VehicleState", "TruckState", "Plan", "LaneState", "Actuation"))
    truck["steering_delay_s"], truck["steering_lag_s"], truck["mass_kg"] = delay, lag, mass
    truck["articulation_angle"] = articulation
    trailer = 0.9 * float(vehicle["trailer_wheelbase_m"]), 0.1
    truck["trailer_wheelbase_m"], truck["trailer_wheelbase_sigma_m"] = trailer
    truck["front_tyre_factor"], truck["rear_tyre_factor"], truck["trailer_tyre_factor"] = 0.8, 1.2, 0.9
    truck["has_trailer"], truck["tyres_known"], truck["trailer_wheelbase_known"] = vehicle["has_trailer"], 1, 1
    told_play = float(vehicle["steering_play_rad"])
    truck["steering_response_known"], truck["steering_play_rad"] = known, play * told_play
    truck["steering_play_sigma_rad"] = 0.1 * told_play
    twin.half_play = 0.5 * lateral_twin.compensated_play(told_play, play * told_play, 0.1 * told_play, bool(known))
    tyres = [truck[f"{name}_tyre_factor"] for name in ("front", "rear", "trailer")]
    lane["status"], lane["width_left"], lane["width_right"] = 1, 1.9, 1.8
    plan["lateral_target"] = 0.05
    lane["preview"] = np.linspace(0.0, 0.0005, 32)
    sent, found = [0.0] * 70, set()
    for k in range(20):
        measured = np.array([offset, -0.002, 0.01, 0.2]) * (0.98**k) + rng.normal(0.0, [0.002, 0.0002, 0.0005, 0.05])
        lane["offset"], lane["heading_error"] = measured[:2]
        ego = valid_ego(speed, measured[2])
        ego["velocity"][1], ego["acceleration"][1] = 0.05, measured[3]
        ego["roll"] = roll = 0.002 * k + (0.05 if k >= 15 else 0.0)  # of a bank, then a filter that begins anew
        state["time_ns"] = 10**9 + k * 10_000_000
        control = step.step(state, ego, truck, lane, plan)
        expected = twin.step(sent, speed, lag, delay, mass, measured, articulation, lane["preview"], (1.9, 1.8), 0.05, 0.05,
                             tyres, roll, trailer if vehicle["has_trailer"] else None)  # fmt: skip
        assert control["road_wheel_angle"] == pytest.approx(expected, abs=2e-8), k
        found.add(int(control["solver_status"]))
        actuation["road_wheel_angle_rad"] = control["road_wheel_angle"]
        actuation["mode"] = 1
        step.remember(actuation)
        sent.append(twin.through_play(float(control["road_wheel_angle"]), lag))
    assert found == statuses
