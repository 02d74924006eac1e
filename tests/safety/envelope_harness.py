"""The envelope in a healthy truck, for tests of what it sends."""

from autonomy.safety._envelope import EnvelopeStep

from autonomy.safety.envelope_twin import driven_here
from tests.step_parameters import known_truck, step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()
LIMITS, LONGITUDINAL, LEARNED, VEHICLE = (PARAMETERS[name] for name in ("envelope", "longitudinal", "truck", "vehicle"))
DRIVEN = driven_here(VEHICLE, known_truck())
SPLIT = ("engine_torque_nm", "retarder_torque_nm", "brake_deceleration_mps2", "expected_acceleration_mps2")


class Harness:
    """`step` changes what the arguments say."""

    def __init__(self, vehicle=VEHICLE):
        self.envelope, self.k = EnvelopeStep(LIMITS, LONGITUDINAL, LEARNED, vehicle), 0

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
