"""Keep the lane, follow the lead, make room for who cuts in, slow for the curve ahead, brake for what would be hit, and
hold a stop within the lane ready in every tick.

Two laws stand beside each other. The follow law keeps the gap in comfort. The conflict law asks, for everything in the
path or on its way into it, which constant deceleration just keeps clear: up to firm_deceleration comfort may go on,
beyond it that much is demanded with a reserve, and from full_deceleration on all that the brakes have.

The stop begins by itself when lane, ego motion or the vehicle's own speed are lost while engaged, and then stays until
the driver disengages (UN R157 5.5: no restart without manual input). Brakes, bends and descents count as the truck step knows
them, at the worse end (docs/truck.md). Twin: autonomy/planning/plan_twin.py.
"""
import numpy as np
from libc.math cimport INFINITY, NAN, isfinite
from libc.string cimport memset
from libc.stdint cimport uint8_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed, known_yaw_rate, velocity_known
from autonomy.planning._braking cimport Braking, brakes_now
from autonomy.planning._descent cimport descent_speed, must_stop, slope_here
from autonomy.planning._fallback cimport estimate_steering_bias, lay_stop, outrun_sight, sight_speed, write_stop
from autonomy.planning._conflict cimport (
    COMFORT, FULL, Conflict, early_deceleration, firm_deceleration, passed_before, ramp_jerk, required_deceleration, urgency,
    worst_conflict)
from autonomy.planning._cruise_profile cimport cruise_followed, cruise_update
from autonomy.planning._curve cimport Bend, curve_acceleration, curve_jerk, curve_speed, lateral_limit
from autonomy.planning._gap cimport desired_gap, follow_acceleration
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef extern from *:
    """
    static const double SLOWING_S = 1.5;    /* s, over which a lead's slowing down is seen [C] */
    static const double SUDDEN_SHARE = 0.8; /* of the track's acceleration: its noise shall seldom count [D] */
    """
    const double SLOWING_S, SUDDEN_SHARE

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
    BECAUSE_CUT_IN = 6
    BECAUSE_FAULT = 7
    BECAUSE_HEAT = 8
    BECAUSE_SIGHT = 9


cdef void plan_reset(PlanMemory* memory, const PlanParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(PlanMemory))


cdef inline uint8_t what_is_lost(const PlanParameters* parameters, const VehicleParameters* vehicle_parameters,
                                 const VehicleState* vehicle, const EgoState* ego, const TruckState* truck,
                                 const FaultState* faults, const LaneState* lane, double speed) noexcept nogil:
    """The reason for a stop, 0 when nothing is lost."""
    if not velocity_known(ego):
        return BECAUSE_EGO_LOST
    if vehicle.speed_validity != 0:
        return BECAUSE_VEHICLE_LOST
    if lane.status == LaneState_STATUS_NONE:
        return BECAUSE_LANE_LOST
    if faults.action >= FaultRow_ACTION_MINIMAL_RISK:
        return BECAUSE_FAULT
    if must_stop(parameters, vehicle_parameters, truck, faults, speed):
        return BECAUSE_HEAT
    return 0


cdef inline double lead_slowing(PlanMemory* memory, const TrackList* tracks, double dt) noexcept nogil:
    """m/s2, positive: the slope of the lead's speed, from what it is below its low-passed self.

    The track's own acceleration is noisier and, drawn to zero by its model, too small: a standstill it foretells lies too far.
    It tells sooner when a lead begins to brake.
    """
    cdef double slope, sudden
    if tracks.lead_track_id != memory.lead_track_id:
        memory.lead_track_id = tracks.lead_track_id
        memory.lead_speed = tracks.lead_speed
    memory.lead_speed += dt / (SLOWING_S + dt) * (tracks.lead_speed - memory.lead_speed)
    slope = (memory.lead_speed - tracks.lead_speed) / SLOWING_S
    sudden = -SUDDEN_SHARE * tracks.lead_acceleration
    return slope if slope > sudden else sudden


cdef inline void follow(PlanMemory* memory, const PlanParameters* parameters, const Braking* braking,
                        const VehicleParameters* vehicle, const TrackList* tracks, double speed, double dt,
                        Plan* plan) noexcept nogil:
    """Keeps the gap to the lead, and stands behind one that stands."""
    cdef double gap, acceleration, slowing
    plan.desired_gap = desired_gap(parameters, braking, speed)
    plan.gap_error = NAN
    if not isfinite(tracks.lead_distance):
        memory.lead_track_id = 0
        return
    slowing = lead_slowing(memory, tracks, dt)
    gap = tracks.lead_distance - vehicle.front_overhang_m
    plan.gap_error = gap - plan.desired_gap
    acceleration = follow_acceleration(parameters, braking, speed, gap, tracks.lead_speed, tracks.lead_acceleration,
                                       slowing)
    if speed < parameters.standstill_mps and tracks.lead_speed < parameters.restart_speed_mps \
            and plan.gap_error < parameters.restart_gap_m:
        acceleration = -parameters.stand_deceleration
    if acceleration < plan.target_acceleration and (gap < parameters.follow_range_s * speed or plan.gap_error < 0.0
                                                    or gap < parameters.follow_range_minimum_m):
        plan.behaviour = FOLLOW
        plan.reason = BECAUSE_LEAD
        plan.target_acceleration = acceleration
        if tracks.lead_speed < plan.target_speed:
            plan.target_speed = tracks.lead_speed if tracks.lead_speed > 0.0 else 0.0


cdef inline void make_room(const PlanParameters* parameters, const Braking* braking, const VehicleParameters* vehicle,
                           const TrackList* tracks, double speed, Plan* plan) noexcept nogil:
    """Opens the gap gently for who is on the way into the path, before it is there."""
    cdef const Track* track
    cdef double gap, acceleration
    cdef uint32_t i
    for i in range(tracks.count):
        track = &tracks.tracks[i]
        gap = track.x - vehicle.front_overhang_m
        if track.track_id == tracks.lead_track_id or not isfinite(track.entry_time_s) or gap < 0.0 \
                or gap > plan.desired_gap or track.existence <= parameters.proven_existence \
                or passed_before(parameters, vehicle, track, gap, speed):
            continue
        acceleration = follow_acceleration(parameters, braking, speed, gap, track.velocity_x, track.acceleration_x,
                                           -track.acceleration_x)
        if track.entry_time_s > 0.0 and acceleration < -parameters.gap_recovery_short:
            acceleration = -parameters.gap_recovery_short
        if acceleration < plan.target_acceleration:
            plan.behaviour = FOLLOW
            plan.reason = BECAUSE_CUT_IN
            plan.target_acceleration = acceleration


cdef inline void brake_for_conflict(PlanMemory* memory, const PlanParameters* parameters, const Braking* braking,
                                    const VehicleParameters* vehicle, const EgoState* ego, const TrackList* tracks,
                                    double speed, Plan* plan) noexcept nogil:
    """Braking for what would be hit, early in comfort and beyond it where more is required."""
    cdef double acceleration = ego.acceleration[0] if velocity_known(ego) and isfinite(ego.acceleration[0]) else 0.0
    cdef double demanded
    cdef Conflict conflict
    if acceleration < -parameters.emergency_deceleration:
        acceleration = -parameters.emergency_deceleration
    conflict = worst_conflict(parameters, vehicle, tracks, speed, acceleration, parameters.proven_existence)
    plan.required_deceleration = conflict.required
    plan.required_entry_time_s = conflict.entry_time_s
    plan.required_track_id = conflict.track_id
    plan.emergency = memory.emergency = urgency(parameters, &conflict, braking.share, memory.emergency)
    if plan.emergency == COMFORT:
        demanded = early_deceleration(parameters, conflict.required, braking.share)
        if demanded == 0.0:
            return
    else:
        plan.collision_warning = 1
        demanded = parameters.emergency_deceleration if plan.emergency == FULL \
            else firm_deceleration(parameters, conflict.required)
    plan.braking_jerk = ramp_jerk(parameters, conflict.after_ramp)
    if -demanded < plan.target_acceleration:
        plan.behaviour = FOLLOW
        plan.reason = BECAUSE_CUT_IN if conflict.entry_time_s > 0.0 else BECAUSE_LEAD
        plan.target_acceleration = -demanded


cdef void plan_step(PlanMemory* memory, const PlanParameters* parameters, const VehicleParameters* vehicle_parameters,
                    const InputFrame* frame, const VehicleState* vehicle, const EgoState* ego, const TruckState* truck,
                    const FaultState* faults, const LaneState* lane, const TrackList* tracks, Plan* plan) noexcept nogil:
    cdef double dt = elapsed_s(frame.tick_time_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    cdef double acceleration, wanted, rolling, lateral, bound, bounded, falling, rate
    cdef uint8_t lost
    cdef Braking braking
    cdef Bend bend
    cdef TruckState descending
    memset(plan, 0, sizeof(Plan))
    memset(&bend, 0, sizeof(Bend))
    plan.time_ns = frame.tick_time_ns
    if not isfinite(speed):
        speed = 0.0
    if speed < 0.0:
        speed = 0.0
    lost = what_is_lost(parameters, vehicle_parameters, vehicle, ego, truck, faults, lane, speed)
    braking = brakes_now(parameters, vehicle_parameters, truck, faults, speed)
    lateral = lateral_limit(parameters, vehicle_parameters, truck)
    estimate_steering_bias(memory, parameters, vehicle_parameters, vehicle, ego, dt)

    # The stop: laid anew while lane and motion are known, else driven on along the one laid last
    if lane.status != LaneState_STATUS_NONE and velocity_known(ego):
        lay_stop(memory, parameters, vehicle_parameters, ego, truck, lane, speed, dt)
    else:
        memory.fallback_travelled += speed * dt
    if not lost and outrun_sight(memory, parameters, &braking, lane, speed):
        lost = BECAUSE_LANE_LOST

    plan.braking_deceleration, plan.lateral_limit = braking.deceleration, lateral
    plan.curve_speed = curve_speed(parameters, lane, lateral, speed, &bend) if lane.status != LaneState_STATUS_NONE \
        else vehicle.set_speed
    plan.sight_speed = sight_speed(memory, parameters, &braking)
    descending = truck[0]
    descending.grade = slope_here(&memory.slope, truck, speed * dt, &rate)
    plan.descent_speed = descent_speed(parameters, vehicle_parameters, &descending, faults, rate, &falling)
    plan.behaviour = KEEP_LANE
    plan.target_speed = vehicle.set_speed if vehicle.set_speed < parameters.speed_maximum else parameters.speed_maximum
    if faults.speed_limit_mps > 0.0 and faults.speed_limit_mps < plan.target_speed:
        plan.target_speed = faults.speed_limit_mps
        plan.reason = BECAUSE_FAULT
    if plan.descent_speed < plan.target_speed:
        plan.target_speed = plan.descent_speed
        plan.reason = BECAUSE_HEAT
    if plan.sight_speed < plan.target_speed:
        plan.target_speed = plan.sight_speed
        plan.reason = BECAUSE_SIGHT
    if plan.curve_speed < plan.target_speed:
        plan.target_speed = plan.curve_speed
        plan.reason = BECAUSE_CURVE
    # What is asked of the engine, and what the truck may reach by rolling before it brakes: the laws below bound the latter
    wanted = parameters.speed_gain * (plan.target_speed - speed)
    rolling = wanted + parameters.speed_gain * parameters.overspeed_mps
    plan.ceiling_speed = plan.target_speed + parameters.overspeed_mps
    cruise_update(&memory.cruise, frame, speed, dt)
    if faults.speed_limit_mps == 0.0:
        cruise_followed(&memory.cruise, parameters, frame.tick_time_ns, vehicle.set_speed, speed, &wanted, &rolling, plan)
    # Heat and sight bound the speed itself, rolling or not
    bound = plan.descent_speed if plan.descent_speed < plan.sight_speed else plan.sight_speed
    bounded = parameters.speed_gain * (bound - speed) - (falling if bound == plan.descent_speed else 0.0)
    if bounded < rolling:
        rolling = bounded
    if bounded < wanted:
        wanted = bounded
    if bound < plan.ceiling_speed:
        plan.ceiling_speed = bound
    if wanted < -parameters.approach_deceleration:
        wanted = -parameters.approach_deceleration
    plan.target_acceleration = rolling if rolling > -parameters.approach_deceleration else -parameters.approach_deceleration
    if plan.reason == BECAUSE_CURVE:
        acceleration = curve_acceleration(parameters, &bend, plan.curve_speed, speed)
        if plan.cruise and plan.target_acceleration < acceleration:
            acceleration = plan.target_acceleration
        plan.target_acceleration = acceleration
        plan.braking_jerk = curve_jerk(parameters, plan.target_acceleration)
        if not plan.cruise:
            wanted = acceleration
    follow(memory, parameters, &braking, vehicle_parameters, tracks, speed, dt, plan)
    make_room(parameters, &braking, vehicle_parameters, tracks, speed, plan)
    brake_for_conflict(memory, parameters, &braking, vehicle_parameters, ego, tracks, speed, plan)
    write_stop(memory, parameters, &braking, lateral + parameters.lateral_acceleration_reserve, tracks,
               vehicle_parameters.front_overhang_m, speed, plan)
    if plan.target_acceleration > parameters.acceleration_maximum:
        plan.target_acceleration = parameters.acceleration_maximum
    if wanted < plan.target_acceleration:
        plan.coast_margin = plan.target_acceleration - wanted
        plan.target_acceleration = wanted
    else:
        plan.roll = 0

    if frame.engage == 0 or vehicle.driver_drives:
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
        plan.coast_margin = 0.0
        plan.roll = 0
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

    def step(self, frame, vehicle, ego, truck, lane, tracks, faults=None):
        faults = np.zeros((), dtype("FaultState")) if faults is None else faults
        result = np.zeros((), dtype("Plan"))
        plan_step(&self.memory, &self.parameters, &self.vehicle_parameters, <const InputFrame*>pointer(frame),
                  <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego), <const TruckState*>pointer(truck),
                  <const FaultState*>pointer(faults), <const LaneState*>pointer(lane),
                  <const TrackList*>pointer(tracks), <Plan*>pointer(result))
        return result

    def braking(self, truck, double speed, faults=None):
        """(m/s2 of the truck, of a lead, share of the conflict law's thresholds) for certain, with TruckState and FaultState."""
        faults = np.zeros((), dtype("FaultState")) if faults is None else faults
        cdef Braking found = brakes_now(&self.parameters, &self.vehicle_parameters, <const TruckState*>pointer(truck),
                                        <const FaultState*>pointer(faults), speed)
        return found.deceleration, found.lead_deceleration, found.share

    def lateral_limit(self, truck):
        """m/s2 in bends, with a TruckState."""
        return lateral_limit(&self.parameters, &self.vehicle_parameters, <const TruckState*>pointer(truck))

    def descent(self, truck, double rate):
        """(m/s that a slope allows which changes by `rate` rad per m, m/s2 at which that falls), with a TruckState."""
        cdef FaultState faults
        cdef double falling = 0.0, speed
        memset(&faults, 0, sizeof(FaultState))
        speed = descent_speed(&self.parameters, &self.vehicle_parameters, <const TruckState*>pointer(truck), &faults, rate,
                              &falling)
        return speed, falling

    def gap(self, double speed, braking=(INFINITY, INFINITY)):
        """The wanted gap at a speed, m; `braking`: m/s2 of the truck, of the lead."""
        cdef Braking found = _braking(braking)
        return desired_gap(&self.parameters, &found, speed)

    def follow(self, double speed, double gap, double lead_speed, double lead_acceleration, double lead_braking=0.0,
               braking=(INFINITY, INFINITY)):
        """The acceleration behind a lead, m/s2; `lead_braking`, positive, is what it stops with."""
        cdef Braking found = _braking(braking)
        return follow_acceleration(&self.parameters, &found, speed, gap, lead_speed, lead_acceleration, lead_braking)

    def required(self, double gap, double speed, double acceleration, double other_speed, double other_acceleration):
        """The deceleration that keeps clear, m/s2."""
        return required_deceleration(&self.parameters, self.parameters.reaction_s, gap, speed, acceleration, other_speed,
                                     other_acceleration)


cdef Braking _braking(pair):
    cdef Braking found
    found.deceleration, found.lead_deceleration = pair[0], pair[1]
    found.share = 1.0
    return found
