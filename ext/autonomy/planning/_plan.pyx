"""Keep the lane, follow the lead, slow for the curve ahead, and hold a stop within the lane ready in every tick.

The stop begins by itself when lane, ego motion or the vehicle's own speed are lost while engaged, and then stays until
the driver disengages (UN R157 5.5: no restart without manual input). Twin: autonomy/planning/plan_twin.py.
"""
import numpy as np
from libc.math cimport NAN, fabs, isfinite, sqrt
from libc.string cimport memset
from libc.stdint cimport uint8_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed, known_yaw_rate, velocity_known
from autonomy.planning._fallback cimport lay_stop, write_stop
from autonomy.planning._gap cimport desired_gap, follow_acceleration
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    STANDBY = 0
    KEEP_LANE = 1
    FOLLOW = 2
    FALLBACK_STOP = 3
    BECAUSE_LEAD = 1
    BECAUSE_CURVE = 2
    BECAUSE_LANE_LOST = 3
    BECAUSE_EGO_LOST = 4
    BECAUSE_VEHICLE_LOST = 5
    PREVIEW = 32


cdef void plan_reset(PlanMemory* memory, const PlanParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(PlanMemory))


cdef inline double curve_speed(const PlanParameters* parameters, const LaneState* lane) noexcept nogil:
    """m/s now that lets every bend of the preview be reached at its own speed with a gentle deceleration."""
    cdef double lowest = 1e6, square
    cdef int i
    for i in range(PREVIEW):
        if i * LaneState_PREVIEW_STEP_M > lane.valid_distance_m and i > 0:
            break
        square = parameters.lateral_acceleration_maximum / (fabs(lane.preview[i]) + 1e-9) \
            + 2.0 * parameters.curve_deceleration * i * LaneState_PREVIEW_STEP_M
        if square < lowest:
            lowest = square
    return sqrt(lowest)


cdef inline void estimate_steering_bias(PlanMemory* memory, const PlanParameters* parameters,
                                        const VehicleParameters* vehicle_parameters, const VehicleState* vehicle,
                                        const EgoState* ego, double dt) noexcept nogil:
    """Low-passed road wheel angle in excess of r (L + K v2) / v: steering play, a crooked sensor, a side wind."""
    cdef double excess, share
    if not velocity_known(ego) or vehicle.steering_validity != 0 or ego.speed < parameters.steering_bias_minimum_speed_mps:
        return
    excess = vehicle.road_wheel_angle - ego.angular_rate[2] / ego.speed * (
        vehicle_parameters.wheelbase_m + vehicle_parameters.understeer_gradient * ego.speed * ego.speed)
    if not fabs(excess) < 2.0 * parameters.steering_bias_maximum:
        return
    share = dt / (parameters.steering_bias_lag_s + dt)
    memory.steering_bias += share * (excess - memory.steering_bias)
    if memory.steering_bias > parameters.steering_bias_maximum:
        memory.steering_bias = parameters.steering_bias_maximum
    elif memory.steering_bias < -parameters.steering_bias_maximum:
        memory.steering_bias = -parameters.steering_bias_maximum


cdef inline uint8_t what_is_lost(const VehicleState* vehicle, const EgoState* ego, const LaneState* lane) noexcept nogil:
    """The reason for a stop, 0 when nothing is lost."""
    if not velocity_known(ego):
        return BECAUSE_EGO_LOST
    if vehicle.speed_validity != 0:
        return BECAUSE_VEHICLE_LOST
    if lane.status == LaneState_STATUS_NONE:
        return BECAUSE_LANE_LOST
    return 0


cdef void plan_step(PlanMemory* memory, const PlanParameters* parameters, const VehicleParameters* vehicle_parameters,
                    const InputFrame* frame, const VehicleState* vehicle, const EgoState* ego, const TruckState* truck,
                    const LaneState* lane, const TrackList* tracks, Plan* plan) noexcept nogil:
    cdef double dt = elapsed_s(frame.tick_time_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    cdef double gap, acceleration
    cdef uint8_t lost = what_is_lost(vehicle, ego, lane)
    memset(plan, 0, sizeof(Plan))
    plan.time_ns = frame.tick_time_ns
    if not isfinite(speed):
        speed = 0.0
    if speed < 0.0:
        speed = 0.0
    estimate_steering_bias(memory, parameters, vehicle_parameters, vehicle, ego, dt)

    # The stop: laid anew while lane and motion are known, else driven on along the one laid last
    if lane.status != LaneState_STATUS_NONE and velocity_known(ego):
        lay_stop(memory, parameters, lane, speed)
    else:
        memory.fallback_travelled += speed * dt
    write_stop(memory, parameters, lane, tracks, vehicle_parameters.front_overhang_m, speed, plan)

    plan.curve_speed = curve_speed(parameters, lane) if lane.status != LaneState_STATUS_NONE else vehicle.set_speed
    plan.behaviour = KEEP_LANE
    plan.target_speed = vehicle.set_speed
    if plan.curve_speed < plan.target_speed:
        plan.target_speed = plan.curve_speed
        plan.reason = BECAUSE_CURVE
    plan.target_acceleration = parameters.speed_gain * (plan.target_speed - speed)
    plan.desired_gap = desired_gap(parameters, speed)
    plan.gap_error = NAN
    if isfinite(tracks.lead_distance):
        gap = tracks.lead_distance - vehicle_parameters.front_overhang_m
        plan.gap_error = gap - plan.desired_gap
        acceleration = follow_acceleration(parameters, speed, gap, plan.desired_gap, tracks.lead_speed,
                                           tracks.lead_acceleration)
        if acceleration < plan.target_acceleration and (gap < parameters.follow_range_s * speed or plan.gap_error < 0.0):
            plan.behaviour = FOLLOW
            plan.reason = BECAUSE_LEAD
            plan.target_acceleration = acceleration
            if tracks.lead_speed < plan.target_speed:
                plan.target_speed = tracks.lead_speed if tracks.lead_speed > 0.0 else 0.0
    if plan.target_acceleration > parameters.acceleration_maximum:
        plan.target_acceleration = parameters.acceleration_maximum
    if plan.target_acceleration < -parameters.deceleration_maximum:
        plan.target_acceleration = -parameters.deceleration_maximum

    if frame.engage == 0:
        memory.stopping = 0
        if lost:
            plan.behaviour = STANDBY
            plan.reason = lost
    elif lost and not memory.stopping:
        memory.stopping = 1
        memory.reason = lost
    if memory.stopping:
        plan.behaviour = FALLBACK_STOP
        plan.reason = memory.reason
        plan.target_speed = 0.0
        acceleration = -plan.fallback_deceleration if speed > parameters.standstill_mps else 0.0
        if acceleration < plan.target_acceleration:
            plan.target_acceleration = acceleration
    memory.last_tick_ns = frame.tick_time_ns


cdef class PlanStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef PlanMemory memory
    cdef PlanParameters parameters
    cdef VehicleParameters vehicle_parameters

    def __init__(self, parameters, vehicle_parameters):
        self.parameters = (<PlanParameters*>pointer(parameters))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        plan_reset(&self.memory, &self.parameters)

    def step(self, frame, vehicle, ego, truck, lane, tracks):
        result = np.zeros((), dtype("Plan"))
        plan_step(&self.memory, &self.parameters, &self.vehicle_parameters, <const InputFrame*>pointer(frame),
                  <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego), <const TruckState*>pointer(truck),
                  <const LaneState*>pointer(lane), <const TrackList*>pointer(tracks), <Plan*>pointer(result))
        return result

    def gap(self, double speed):
        """The wanted gap at a speed, m."""
        return desired_gap(&self.parameters, speed)
