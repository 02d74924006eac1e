import numpy as np
from autonomy.estimation.truck._truck import TruckStep

from autonomy.estimation.truck.truck_twin import articulation
from tests.step_parameters import step_parameters, valid_ego, zeros

TRUCK, PARAMETERS = (step_parameters()[name] for name in ("truck", "vehicle"))


def drive(speed, yaw_rate, count, without_steering=True):
    """No steering angle: the trailer is taken to roll without slip."""
    step, angles = TruckStep(TRUCK, PARAMETERS), []
    vehicle = zeros("VehicleState")
    vehicle["steering_validity"] = 3 if without_steering else 0
    for k in range(count):
        vehicle["time_ns"] = 10**9 + k * 10_000_000
        truck = step.step(zeros("InputFrame"), vehicle, valid_ego(speed(k), yaw_rate(k)))
        angles.append(float(truck["articulation_angle"]))
    return truck, np.array(angles)


def test_the_articulation_of_a_trailer_that_rolls_is_that_of_the_twin():
    speed, yaw_rate = lambda k: 15.0 + 0.01 * k, lambda k: 0.08 * np.sin(0.02 * k)
    _, angles = drive(speed, yaw_rate, 300)
    k = np.arange(300)
    twin = articulation(k * 0.01, np.array([speed(i) for i in k]), np.array([yaw_rate(i) for i in k]), PARAMETERS)
    np.testing.assert_allclose(angles, twin, atol=2e-6)


def test_a_steady_bend_gives_the_geometric_angle():
    """The trailer's axle follows a circle about the same centre: sin of the angle from the radii of hitch and axle."""
    curvature, speed = 1 / 100.0, 3.0
    truck, _ = drive(lambda k: speed, lambda k: speed * curvature, 4000, without_steering=False)
    hitch, length = float(PARAMETERS["hitch_offset_m"]), float(PARAMETERS["trailer_wheelbase_m"])
    radius = np.hypot(100.0, hitch)
    expected = -(np.arcsin(length / radius) + np.arctan(hitch / 100.0))
    assert abs(truck["articulation_angle"] - expected) < 1e-6
    assert abs(truck["articulation_rate"]) < 1e-8 and truck["combination_tracked"] == 0


def test_mass_and_steering_are_the_configured_ones():
    truck, _ = drive(lambda k: 20.0, lambda k: 0.0, 2)
    assert truck["mass_kg"] == 40000.0 and truck["mass_excited"] == 0
    assert truck["steering_delay_s"] == PARAMETERS["steering_delay_s"]
    assert truck["trailer_wheelbase_m"] == PARAMETERS["trailer_wheelbase_m"] and truck["trailer_wheelbase_known"] == 0


def test_a_vehicle_without_trailer_has_no_articulation():
    alone = step_parameters("toyota_rav4_comma2k19")["vehicle"]
    truck = TruckStep(TRUCK, alone).step(zeros("InputFrame"), zeros("VehicleState"), valid_ego(20.0, 0.2))
    assert truck["articulation_angle"] == 0.0 and truck["has_trailer"] == 0
