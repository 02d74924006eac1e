"""Road wheel angle and acceleration from the plan, before any limit.

Lateral: dead time is not a disturbance but known commands. The state (offset, direction of travel, turning angle) is rolled exactly through the commands sent during the dead time; only the lag stays a state of the LQR, whose feedback and
curvature-preview gains (Tomizuka's optimal preview) come from autonomy/control/lateral_gains.py over a grid of speeds.
The turning angle is the yaw rate in terms of the road wheel angle that would hold it, r (L + K v2) / v: it carries no play
and no sensor offset, and its lag is that of the steering plus that of the vehicle's turning in.
Longitudinal: the plan's acceleration, jerk-limited, less the acceleration that acts without being asked for.
Twin: autonomy/control/control_twin.py.
"""
import numpy as np
from libc.math cimport NAN, exp, fabs, isfinite
from libc.string cimport memset
from libc.stdint cimport uint8_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.control._lateral cimport PREVIEWS, curvature_at, gains_at, roll, roll_dead_time
from autonomy.control._longitudinal cimport drive, longitudinal_remember
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed, lateral_velocity, velocity_known
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    FALLBACK_STOP = 3


cdef void control_reset(ControlMemory* memory, const LateralParameters* lateral) noexcept nogil:
    memset(memory, 0, sizeof(ControlMemory))


cdef void control_remember(ControlMemory* memory, const Actuation* actuation) noexcept nogil:
    """Keeps what was really sent, limits and all; called after the envelope."""
    memory.newest = (memory.newest + 1) % COMMANDS
    memory.sent[memory.newest] = actuation.road_wheel_angle_rad if isfinite(actuation.road_wheel_angle_rad) else 0.0
    longitudinal_remember(&memory.longitudinal, actuation)
    memory.remembers = 1


cdef inline void steer(ControlMemory* memory, const LateralParameters* parameters,
                       const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                       const TruckState* truck, const LaneState* lane, const Plan* plan, double known, double dt, Control* control) noexcept nogil:
    cdef double speed = known if known > parameters.gain_speed_mps[0] else parameters.gain_speed_mps[0]
    cdef double effective_wheelbase = vehicle_parameters.wheelbase_m + vehicle_parameters.understeer_gradient * speed * speed
    cdef double gain = speed / effective_wheelbase
    cdef double bias = parameters.steering_bias_share * plan.fallback_steering_bias
    cdef double lag = truck.steering_lag_s + vehicle_parameters.yaw_lag_s
    cdef double acting = speed * truck.steering_delay_s   # metres ahead where a command given now begins to act
    cdef double[3] x
    cdef double[3] feedback
    cdef double[30] ahead
    cdef double curvature
    cdef const double* preview = lane.preview
    cdef bint lane_known = lane.status != LaneState_STATUS_NONE
    cdef int k
    if lag < 1e-3:
        lag = 1e-3
    if velocity_known(ego) and known > parameters.gain_speed_mps[0]:
        memory.angle = ego.angular_rate[2] / gain
    elif vehicle.steering_validity == 0 and isfinite(vehicle.road_wheel_angle):
        memory.angle = vehicle.road_wheel_angle - bias
    else:
        # Neither motion nor wheel is measured: the lag model runs on from the commands that are acting by now
        k = <int>(truck.steering_delay_s / LateralParameters_TICK_PERIOD_S + 1e-6)
        if k > COMMANDS - 2:
            k = COMMANDS - 2
        memory.angle += (1.0 - exp(-dt / lag)) * (memory.sent[(memory.newest - k) % COMMANDS] - bias - memory.angle)
    x[0] = lane.offset - plan.lateral_target
    # The direction of travel, not of the cab: drifting outwards in a bend the truck points into it
    x[1] = lane.heading_error + (lateral_velocity(ego) / speed if velocity_known(ego) else 0.0)
    x[2] = memory.angle
    if not lane_known:
        # Nothing to measure against: steer the curvature of the stop path
        if not plan.fallback_valid and plan.behaviour != FALLBACK_STOP:
            return
        preview = plan.fallback_curvature
        control.feedforward = effective_wheelbase * curvature_at(preview, acting + speed * lag) + bias
        control.road_wheel_angle = control.feedforward
        control.lateral_active = 1
        return
    roll_dead_time(memory, preview, truck.steering_delay_s, lag, speed, gain, vehicle_parameters.drive_slip_gradient, bias, x)
    gains_at(parameters, speed, feedback, ahead)
    curvature = curvature_at(preview, acting)
    control.predicted_offset = x[0]
    control.predicted_heading_error = x[1]
    control.feedback = -(feedback[0] * x[0] + feedback[1] * x[1] + feedback[2] * (x[2] - effective_wheelbase * curvature))
    control.feedforward = effective_wheelbase * curvature - feedback[2] * effective_wheelbase * curvature + bias
    for k in range(PREVIEWS):
        control.feedforward -= ahead[k] * curvature_at(preview, acting + (k + 0.5) * LateralParameters_PREVIEW_PERIOD_S * speed)
    control.road_wheel_angle = control.feedforward + control.feedback
    control.lateral_active = 1


cdef void control_step(ControlMemory* memory, const LateralParameters* lateral, const LongitudinalParameters* longitudinal,
                       const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                       const TruckState* truck, const LaneState* lane, const Plan* plan, Control* control) noexcept nogil:
    cdef double dt = elapsed_s(vehicle.time_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    memset(control, 0, sizeof(Control))
    control.time_ns = vehicle.time_ns
    if isfinite(speed):
        steer(memory, lateral, vehicle_parameters, vehicle, ego, truck, lane, plan, speed, dt, control)
    if isfinite(speed) or plan.behaviour == FALLBACK_STOP:
        drive(&memory.longitudinal, longitudinal, plan, speed if isfinite(speed) else 0.0, dt, control)
    memory.last_tick_ns = vehicle.time_ns


cdef class ControlStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef ControlMemory memory
    cdef LateralParameters lateral
    cdef LongitudinalParameters longitudinal
    cdef VehicleParameters vehicle_parameters

    def __init__(self, lateral, longitudinal, vehicle_parameters):
        self.lateral = (<LateralParameters*>pointer(lateral))[0]
        self.longitudinal = (<LongitudinalParameters*>pointer(longitudinal))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        control_reset(&self.memory, &self.lateral)

    def step(self, vehicle, ego, truck, lane, plan):
        result = np.zeros((), dtype("Control"))
        control_step(&self.memory, &self.lateral, &self.longitudinal, &self.vehicle_parameters,
                     <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego), <const TruckState*>pointer(truck),
                     <const LaneState*>pointer(lane), <const Plan*>pointer(plan), <Control*>pointer(result))
        return result

    def remember(self, actuation):
        control_remember(&self.memory, <const Actuation*>pointer(actuation))


def rolled(x, double command, double curvature, double dt, double lag, double speed, double gain, double slip):
    """The exact step of the lateral model, for its test: x = (offset, direction, angle) after dt."""
    cdef double[3] state
    state[0], state[1], state[2] = x
    roll(state, command, curvature, dt, exp(-dt / lag), lag, speed, gain, slip)
    return np.array([state[0], state[1], state[2]])
