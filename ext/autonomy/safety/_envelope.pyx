"""The last step: limits what may leave the tick, decides the mode, says how fit the whole is.

Every limit moves a command towards what was sent before, towards straight ahead or towards less acceleration, never the
other way. A command that is not a number leaves the last angle and takes the foot off. In standby the actuation
repeats what the driver does, so that engaging begins without a step. Twin: autonomy/safety/envelope_twin.py.
"""
import numpy as np
from libc.math cimport fabs, isfinite
from libc.string cimport memset
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_yaw_rate, velocity_known
from autonomy.linalg._scalar cimport clipped
from autonomy.safety._health cimport faults_now, overflow_now
from autonomy.safety._split cimport learn_ratio, notice_shift, rest, split
from autonomy.safety._trim cimport trim, trim_begin, trim_follow
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    STANDBY = 0
    ACTIVE = 1
    MINIMAL_RISK = 2
    FALLBACK_STOP = 3
    LEVEL_OK = 0
    LEVEL_DEGRADED = 1
    LEVEL_FALLBACK = 2
    EMERGENCY_FULL = 2
    ENGAGE_STOP = 2              # InputFrame.engage


cdef void envelope_reset(EnvelopeMemory* memory, const EnvelopeParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(EnvelopeMemory))


cdef inline double cautious_speed(const EnvelopeParameters* parameters, const VehicleState* vehicle,
                                  const EgoState* ego) noexcept nogil:
    """m/s, the higher of what ego filter and wheels say: steering is limited more, the faster. Unknown = fast."""
    cdef double speed = -1.0
    if velocity_known(ego):
        speed = fabs(ego.speed)
    if vehicle.speed_validity == 0 and fabs(vehicle.speed) > speed:
        speed = fabs(vehicle.speed)
    return speed if speed >= 0.0 else parameters.unknown_speed_mps


cdef inline double limit_angle(const EnvelopeMemory* memory, const EnvelopeParameters* parameters,
                               const VehicleParameters* vehicle_parameters, double command, double speed, double dt,
                               uint8_t* limited) noexcept nogil:
    """rad: within the stops, the lateral acceleration beyond the trim, and from the last angle sent the rate and lateral jerk."""
    cdef double per_acceleration = angle_per_curvature(vehicle_parameters, speed) \
        / (speed * speed if speed > 1.0 else 1.0)
    cdef double by_acceleration = parameters.lateral_acceleration_maximum * per_acceleration
    cdef double rate = vehicle_parameters.maximum_road_wheel_rate
    cdef double held = trim(&memory.trim)   # widens its own side, takes nothing from the other
    cdef double least = (held if held < 0.0 else 0.0) - by_acceleration
    cdef double most = (held if held > 0.0 else 0.0) + by_acceleration
    cdef double angle = command
    if not isfinite(command):
        limited[0] |= Actuation_LIMITED_INVALID
        angle = memory.angle
    if fabs(angle) > vehicle_parameters.maximum_road_wheel_angle:
        limited[0] |= Actuation_LIMITED_ANGLE
        angle = clipped(angle, -vehicle_parameters.maximum_road_wheel_angle, vehicle_parameters.maximum_road_wheel_angle)
    if angle < least or angle > most:
        limited[0] |= Actuation_LIMITED_LATERAL_ACCELERATION
        angle = clipped(angle, least, most)
    if parameters.lateral_jerk_maximum * per_acceleration < rate:
        rate = parameters.lateral_jerk_maximum * per_acceleration
    if fabs(angle - memory.angle) > rate * dt:
        limited[0] |= Actuation_LIMITED_ANGLE_RATE
        angle = clipped(angle, memory.angle - rate * dt, memory.angle + rate * dt)
    # Last, so that nothing passes the stops, whatever was sent before
    return clipped(angle, -vehicle_parameters.maximum_road_wheel_angle, vehicle_parameters.maximum_road_wheel_angle)


cdef inline double limit_acceleration(const EnvelopeMemory* memory, const EnvelopeParameters* parameters, double command,
                                      double dt, uint8_t* limited) noexcept nogil:
    cdef double acceleration = command
    if not isfinite(command):
        limited[0] |= Actuation_LIMITED_INVALID
        acceleration = memory.acceleration if memory.acceleration < 0.0 else 0.0
    if acceleration > parameters.acceleration_maximum or acceleration < -parameters.deceleration_maximum:
        limited[0] |= Actuation_LIMITED_ACCELERATION
        acceleration = clipped(acceleration, -parameters.deceleration_maximum, parameters.acceleration_maximum)
    if acceleration > memory.acceleration + parameters.jerk_up * dt:
        limited[0] |= Actuation_LIMITED_JERK
        acceleration = memory.acceleration + parameters.jerk_up * dt
    elif acceleration < memory.acceleration - parameters.jerk_down * dt:
        limited[0] |= Actuation_LIMITED_JERK
        acceleration = memory.acceleration - parameters.jerk_down * dt
    return acceleration


cdef inline uint8_t why_standby(const EnvelopeMemory* memory, const InputFrame* frame, const VehicleState* vehicle,
                                const LaneState* lane, uint8_t level) noexcept nogil:
    """Health STANDBY_*; STANDBY_NONE when the stack may drive. A driver's request is granted in its tick or not at all."""
    if frame.engage == 0:
        return Health_STANDBY_HOST
    if vehicle.driver_override:
        if vehicle.override_reason == VehicleState_OVERRIDE_BRAKE: return Health_STANDBY_BRAKE
        if vehicle.override_reason == VehicleState_OVERRIDE_STEERING: return Health_STANDBY_STEERING
        if vehicle.override_reason == VehicleState_OVERRIDE_CONDITION: return Health_STANDBY_CONDITION
        return Health_STANDBY_SWITCH
    if memory.mode != STANDBY:
        return Health_STANDBY_NONE
    if frame.engage == ENGAGE_STOP:
        return Health_STANDBY_HOST
    if vehicle.awaits_driver:  # why it ended, or was refused, stays to be read
        return Health_STANDBY_NOT_ASKED if memory.standby_reason <= Health_STANDBY_NOT_ASKED else memory.standby_reason
    if vehicle.refusal:
        return Health_STANDBY_CONDITION
    if vehicle.driver_request and level == LEVEL_FALLBACK:
        return Health_STANDBY_NOT_FIT
    if vehicle.driver_request and lane.status != LaneState_STATUS_TRACKING:
        return Health_STANDBY_NO_LANE
    return Health_STANDBY_NONE


cdef inline uint8_t mode_now(EnvelopeMemory* memory, const InputFrame* frame, const VehicleState* vehicle, const LaneState* lane,
                             const Plan* plan, uint8_t level) noexcept nogil:
    cdef uint8_t reason = why_standby(memory, frame, vehicle, lane, level)
    if reason == Health_STANDBY_CONDITION and (vehicle.refusal or memory.standby_reason != reason):
        memory.standby_condition = vehicle.refusal
    elif reason != Health_STANDBY_CONDITION:
        memory.standby_condition = 0
    memory.standby_reason = reason
    if reason != Health_STANDBY_NONE:
        return STANDBY
    if memory.mode == MINIMAL_RISK or frame.engage == ENGAGE_STOP or plan.behaviour == FALLBACK_STOP \
            or level == LEVEL_FALLBACK or memory.invalid:
        return MINIMAL_RISK
    return ACTIVE


cdef void envelope_step(EnvelopeMemory* memory, const EnvelopeParameters* parameters,
                        const LongitudinalParameters* longitudinal, const TruckParameters* learned,
                        const VehicleParameters* vehicle_parameters, const InputFrame* frame, const VehicleState* vehicle,
                        const EgoState* ego, const TruckState* truck, const FaultState* faults, const LaneState* lane,
                        const TrackList* tracks, const Plan* plan, const Control* control, Actuation* actuation,
                        Health* health) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, memory.last_tick_ns)
    cdef double speed = cautious_speed(parameters, vehicle, ego)
    cdef double wanted, stop, before
    cdef uint8_t limited = 0, mode
    cdef uint32_t overflow = overflow_now(frame)
    memset(actuation, 0, sizeof(Actuation))
    memset(health, 0, sizeof(Health))
    memory.overflow += overflow
    health.time_ns = actuation.time_ns = now_ns
    health.tick_index = frame.tick_index
    health.overflow = memory.overflow
    health.faults = faults_now(vehicle, ego, faults, lane, overflow, now_ns, memory.last_tick_ns)
    # Who stands by does not begin with a fault that would end in handing over; who drives is told, and stopped by the worst only
    health.level = LEVEL_FALLBACK if health.faults & parameters.fallback_faults or faults.action >= (
        FaultRow_ACTION_REFUSE if memory.mode == STANDBY else FaultRow_ACTION_MINIMAL_RISK) else (
        LEVEL_DEGRADED if health.faults & parameters.degraded_faults else LEVEL_OK)
    mode = mode_now(memory, frame, vehicle, lane, plan, health.level)
    if mode != memory.mode or memory.mode_since_ns == 0:
        memory.mode_since_ns = now_ns
    actuation.mode = memory.mode = mode
    health.mode_since_ns = memory.mode_since_ns
    health.standby_reason = memory.standby_reason
    health.standby_condition = memory.standby_condition
    notice_shift(&memory.split, frame, dt)
    learn_ratio(&memory.split, longitudinal, vehicle_parameters, frame, speed)

    actuation.indicators = vehicle.indicators  # the driver's lever in every mode: while driving the cab is told "off" otherwise
    if memory.mode == STANDBY:
        memory.invalid = 0
        memory.angle = clipped(vehicle.road_wheel_angle, -vehicle_parameters.maximum_road_wheel_angle,
                               vehicle_parameters.maximum_road_wheel_angle) if isfinite(vehicle.road_wheel_angle) else 0.0
        memory.acceleration = clipped(vehicle.driver_acceleration, -parameters.deceleration_maximum,
                                      parameters.acceleration_maximum) if isfinite(vehicle.driver_acceleration) else 0.0
        actuation.expected_acceleration_mps2 = memory.acceleration
        trim_begin(&memory.trim, memory.angle)
        rest(&memory.split, truck)
    else:
        wanted = control.acceleration
        before = memory.acceleration
        if memory.mode == MINIMAL_RISK:
            actuation.hazards = 1
            stop = plan.fallback_deceleration if isfinite(plan.fallback_deceleration) and plan.fallback_deceleration > 0.0 \
                else parameters.minimal_risk_deceleration
            if speed <= parameters.standstill_mps:
                stop = parameters.standstill_hold
            if not wanted < -stop:
                if not isfinite(wanted):
                    limited |= Actuation_LIMITED_INVALID
                wanted = -stop
        trim_follow(&memory.trim, vehicle_parameters, truck, memory.angle, known_yaw_rate(vehicle, ego), speed, dt)
        memory.angle = limit_angle(memory, parameters, vehicle_parameters,
                                   control.road_wheel_angle if control.lateral_active else memory.angle, speed, dt, &limited)
        memory.acceleration = limit_acceleration(memory, parameters, wanted if control.longitudinal_active
                                                 or memory.mode == MINIMAL_RISK else 0.0, dt, &limited)
        if limited & Actuation_LIMITED_INVALID:
            memory.invalid = 1
            health.level = LEVEL_FALLBACK
        if plan.emergency == EMERGENCY_FULL:
            actuation.hazards = 1   # tells those behind
        split(&memory.split, longitudinal, learned, vehicle_parameters, truck, faults.unusable, speed, memory.acceleration,
              before, control.coast_margin if memory.mode == ACTIVE and control.coast_margin > 0.0 else 0.0,
              control.roll and memory.mode == ACTIVE, control.disturbance, dt, actuation)
    actuation.steering_channel = 1 if faults.unusable & FaultRow_UNUSABLE_STEERING_CHANNEL else 0
    actuation.road_wheel_angle_rad = memory.angle
    actuation.acceleration_mps2 = memory.acceleration
    actuation.limited = limited
    memory.last_tick_ns = now_ns


cdef class EnvelopeStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef EnvelopeMemory memory
    cdef EnvelopeParameters parameters
    cdef LongitudinalParameters longitudinal
    cdef TruckParameters learned
    cdef VehicleParameters vehicle_parameters

    def __init__(self, parameters, longitudinal, learned, vehicle_parameters):
        self.parameters = (<EnvelopeParameters*>pointer(parameters))[0]
        self.longitudinal = (<LongitudinalParameters*>pointer(longitudinal))[0]
        self.learned = (<TruckParameters*>pointer(learned))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        envelope_reset(&self.memory, &self.parameters)

    def step(self, frame, vehicle, ego, truck, lane, tracks, plan, control, faults=None):
        """Returns (Actuation, Health)."""
        faults = np.zeros((), dtype("FaultState")) if faults is None else faults
        actuation = np.zeros((), dtype("Actuation"))
        health = np.zeros((), dtype("Health"))
        envelope_step(&self.memory, &self.parameters, &self.longitudinal, &self.learned, &self.vehicle_parameters,
                      <const InputFrame*>pointer(frame), <const VehicleState*>pointer(vehicle),
                      <const EgoState*>pointer(ego), <const TruckState*>pointer(truck),
                      <const FaultState*>pointer(faults), <const LaneState*>pointer(lane),
                      <const TrackList*>pointer(tracks), <const Plan*>pointer(plan),
                      <const Control*>pointer(control), <Actuation*>pointer(actuation), <Health*>pointer(health))
        return actuation, health
