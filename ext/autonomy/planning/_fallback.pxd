# The stop within the lane that is ready every tick: a curvature profile, a deceleration, a distance and a duration.
from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, sqrt
from autonomy.inputs._motion cimport lateral_velocity, velocity_known
from autonomy._single_track cimport angle_per_curvature
from autonomy.estimation.lane._lane cimport HEADING, OFFSET
from autonomy.msg.messages cimport (
    EgoState, LaneState, Plan, PlanParameters, TrackList, TruckState, VehicleParameters, VehicleState, LaneState_STATUS_COASTING,
    LaneState_STATUS_NONE, Plan_FALLBACK_STEP_M)
from autonomy.planning._braking cimport Braking
from autonomy.planning._plan cimport PlanMemory
from autonomy.linalg._scalar cimport clipped

cdef enum:
    STOP_POINTS = 32
    REACH_HALVINGS = 14          # 160 m to 1 cm

cdef extern from *:
    """
    static const double DIRECTION_LAG_S = 1.0;    /* [C] errors of 0.5 to 1.2 mrad remain; unfiltered 1.8 in gusts */
    static const double ACCELERATION_SHARE = 0.5; /* [C] of the turning it tells: all of it carries roll and tilt along */
    static const double SLOWEST_SIDEWAYS = 2.0;   /* m/s: slower, the way travelled is where the truck points */
    static const double NOT_TO_BE_STOPPED = 100.0;  /* m/s2 */
    """
    const double DIRECTION_LAG_S, ACCELERATION_SHARE, SLOWEST_SIDEWAYS, NOT_TO_BE_STOPPED


cdef inline void estimate_steering_bias(PlanMemory* memory, const PlanParameters* parameters,
                                        const VehicleParameters* vehicle_parameters, const VehicleState* vehicle,
                                        const EgoState* ego, double dt) noexcept nogil:
    """Low-passed road wheel angle in excess of r (L + K v2) / v: steering play, a crooked sensor, a side wind."""
    cdef double excess, share
    if not velocity_known(ego) or vehicle.steering_validity != 0 or ego.speed < parameters.steering_bias_minimum_speed_mps:
        return
    excess = vehicle.road_wheel_angle - ego.angular_rate[2] / ego.speed * angle_per_curvature(vehicle_parameters, ego.speed)
    if not fabs(excess) < 2.0 * parameters.steering_bias_maximum:
        return
    share = dt / (parameters.steering_bias_lag_s + dt)
    memory.steering_bias = clipped(memory.steering_bias + share * (excess - memory.steering_bias),
                                   -parameters.steering_bias_maximum, parameters.steering_bias_maximum)


cdef inline double stop_distance(const PlanParameters* parameters, double speed, double deceleration) noexcept nogil:
    """m: brakes fill at the old speed, then constant deceleration."""
    return speed * parameters.fallback_build_up_s + 0.5 * speed * speed / deceleration


cdef inline double hardest_stop(const PlanParameters* parameters, const Braking* braking) noexcept nogil:
    """m/s2 of a stop: what is allowed, as far as the brakes give it."""
    return braking.deceleration if braking.deceleration < parameters.fallback_deceleration_maximum \
        else parameters.fallback_deceleration_maximum


cdef inline double deceleration_within(const PlanParameters* parameters, double square, double speed,
                                       double distance) noexcept nogil:
    """m/s2 that takes `square` (m2/s2, of the speed) off within a distance, the build-up included, however hard that is."""
    cdef double room = distance - speed * parameters.fallback_build_up_s
    if square <= 0.0:
        return 0.0
    return 0.5 * square / room if room * 2.0 * NOT_TO_BE_STOPPED > square else NOT_TO_BE_STOPPED


cdef inline double lane_doubt(const PlanParameters* parameters, const LaneState* lane, double speed, double s,
                              double known_most) noexcept nogil:
    """m that the lane may lie beside where it is expected `s` metres ahead, when nothing more is seen of it.

    As far as it is seen, the place and the direction of the vehicle in it are what is not known. Beyond, it leaves in the
    direction it was seen last in, known to fallback_end_heading_sigma, and bends no more sharply than roads for this speed
    do: their clothoids bound the change of the curvature over the way, rate = jerk / v3, so by rate x3 / 6. Place and
    direction count with `known_most`, m, at the most.
    """
    cdef double beyond = s - lane.valid_distance_m if s > lane.valid_distance_m else 0.0
    cdef double design = speed if speed > parameters.sight_speed_minimum else parameters.sight_speed_minimum
    cdef double turned = lane.sigma[HEADING] * s, end = parameters.fallback_doubt * parameters.fallback_end_heading_sigma * beyond
    cdef double known = fmin(parameters.fallback_doubt * sqrt(lane.sigma[OFFSET] * lane.sigma[OFFSET] + turned * turned),
                             known_most)
    return sqrt(known * known + end * end) \
        + parameters.fallback_lateral_jerk / (design * design * design) * beyond * beyond * beyond / 6.0


cdef inline double swept_beside(const VehicleParameters* vehicle, const TruckState* truck, const LaneState* lane) noexcept nogil:
    """m that the combination sweeps beside its own width in the tightest bend of the path, when front and trailer stand equally
    far out: half of what a trailer that rolls without slip cuts in by, curvature (wheelbases squared) / 2, at two sigma of
    its length. At speed it runs further out than that, so cuts in less."""
    cdef double trailer = 0.0, tightest = 0.0
    cdef int i
    if vehicle.has_trailer:
        trailer = truck.trailer_wheelbase_m + 2.0 * truck.trailer_wheelbase_sigma_m if truck.trailer_wheelbase_known \
            else vehicle.trailer_wheelbase_m
    for i in range(STOP_POINTS):
        if fabs(lane.preview[i]) > tightest:
            tightest = fabs(lane.preview[i])
    return 0.25 * tightest * (vehicle.wheelbase_m * vehicle.wheelbase_m + trailer * trailer)


cdef inline double stop_reach(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                              const LaneState* lane, double speed, double known_share) noexcept nogil:
    """m along the lane on which the combination surely stays in it, seeing nothing more; what is not known of place and
    direction takes `known_share` of the room at the most."""
    cdef double narrower = lane.width_left if lane.width_left < lane.width_right else lane.width_right
    cdef double beside = narrower - 0.5 * vehicle.width_m
    cdef double room = beside - parameters.fallback_lane_reserve_m - swept_beside(vehicle, truck, lane)
    cdef double known_most
    cdef double low = 0.0, high = STOP_POINTS * Plan_FALLBACK_STEP_M, middle
    cdef int i
    if room < 0.5 * beside:
        room = 0.5 * beside      # a narrow lane is driven all the same
    known_most = known_share * room
    if lane_doubt(parameters, lane, speed, high, known_most) <= room:
        return high
    for i in range(REACH_HALVINGS):
        middle = 0.5 * (low + high)
        if lane_doubt(parameters, lane, speed, middle, known_most) <= room:
            low = middle
        else:
            high = middle
    return low


cdef inline double reach_left(const PlanMemory* memory) noexcept nogil:
    """m from here."""
    return memory.fallback_reach - memory.fallback_travelled if memory.fallback_reach > memory.fallback_travelled else 0.0


cdef inline double sight_speed(const PlanMemory* memory, const PlanParameters* parameters, const Braking* braking) noexcept nogil:
    """m/s from which the stop ends within the reach, with a reserve. A place that is not known is no better known to who
    drives slowly: beyond half of the room it makes the stop not valid, but is not slowed down for."""
    cdef double hardest = hardest_stop(parameters, braking), build_up = parameters.fallback_build_up_s
    cdef double room = memory.sight_reach - memory.fallback_travelled - parameters.sight_reserve_m
    cdef double found = hardest * (sqrt(build_up * build_up + 2.0 * room / hardest) - build_up) if room > 0.0 else 0.0
    return found if found > parameters.sight_speed_minimum else parameters.sight_speed_minimum


cdef inline bint outrun_sight(const PlanMemory* memory, const PlanParameters* parameters, const Braking* braking,
                              const LaneState* lane, double speed) noexcept nogil:
    """Nothing has been seen of the lane for long, and no stop would end any more where it was seen."""
    return lane.status == LaneState_STATUS_COASTING and lane.observation_age_s > parameters.fallback_coasting_s \
        and deceleration_within(parameters, speed * speed, speed, reach_left(memory)) > hardest_stop(parameters, braking)


cdef inline double return_curvature(double s, double length, double offset, double heading) noexcept nogil:
    """1/m added to the lane's curvature: second derivative of the quintic that takes offset and heading to 0 over `length`.

    e(u) with e(0) = offset, e'(0) = heading, e''(0) = 0 and e = e' = e'' = 0 at the end.
    """
    cdef double u = s / length
    cdef double slope = heading * length
    if u >= 1.0:
        return 0.0
    return ((-60.0 * offset - 36.0 * slope) * u + (180.0 * offset + 96.0 * slope) * u * u
            - (120.0 * offset + 60.0 * slope) * u * u * u) / (length * length)


cdef inline double centred_place(const VehicleParameters* vehicle, double curvature, double pointing,
                                 double articulation) noexcept nogil:
    """m left of the lane's middle, of the reference point, where front and rear face are equally far from it, the truck
    `pointing` so far to the left of its way (in a bend, in wind, on a bank), its trailer the articulation further."""
    cdef double hitch = vehicle.hitch_offset_m if vehicle.has_trailer else 0.0
    cdef double front = vehicle.front_overhang_m * pointing \
        - 0.5 * curvature * vehicle.front_overhang_m * vehicle.front_overhang_m
    cdef double rear = -hitch * pointing - (vehicle.rear_overhang_m - hitch) * (pointing + articulation) \
        - 0.5 * curvature * vehicle.rear_overhang_m * vehicle.rear_overhang_m
    return -0.5 * (front + rear)


cdef inline void lay_stop(PlanMemory* memory, const PlanParameters* parameters, const VehicleParameters* vehicle,
                          const EgoState* ego, const TruckState* truck, const LaneState* lane, double speed,
                          double dt) noexcept nogil:
    """The path of the stop: along the lane, back to its path within a few seconds' drive, beginning in the direction of
    travel, which in a bend is not the one in which the vehicle points. A gust turns the way travelled before its lateral
    velocity is known: the acceleration tells."""
    cdef double length = speed * parameters.fallback_return_s
    cdef double heading = lane.heading_error
    cdef bint goes_on = memory.fallback_known and memory.fallback_travelled == 0.0
    cdef double s, off_place
    cdef int i
    if speed > SLOWEST_SIDEWAYS:
        heading += lateral_velocity(ego) / speed + lane.side_slip
        if isfinite(ego.acceleration[1]):
            memory.direction += ACCELERATION_SHARE * (ego.acceleration[1] / speed - speed * lane.preview[0]) * dt
    memory.direction += (heading - memory.direction) * (dt / (DIRECTION_LAG_S + dt) if goes_on else 1.0)
    if length < parameters.fallback_return_minimum_m:
        length = parameters.fallback_return_minimum_m
    off_place = lane.offset - centred_place(vehicle, lane.preview[0], lane.heading_error - memory.direction,
                                            truck.articulation_angle if vehicle.has_trailer else 0.0)
    for i in range(STOP_POINTS):
        s = i * Plan_FALLBACK_STEP_M
        memory.fallback_curvature[i] = lane.preview[i] + return_curvature(s, length, off_place, memory.direction)
    memory.fallback_travelled = 0.0
    memory.fallback_seen = lane.valid_distance_m
    memory.fallback_reach = stop_reach(parameters, vehicle, truck, lane, speed, INFINITY)
    memory.sight_reach = stop_reach(parameters, vehicle, truck, lane, speed, 0.5)
    memory.fallback_known = 1


cdef inline double stop_curvature(const PlanMemory* memory, double ahead) noexcept nogil:
    """1/m of the laid path `ahead` metres from here; its last value beyond its end."""
    cdef double position = (memory.fallback_travelled + ahead) / Plan_FALLBACK_STEP_M
    cdef int i
    if not position > 0.0:
        return memory.fallback_curvature[0]
    if position >= STOP_POINTS - 1:
        return memory.fallback_curvature[STOP_POINTS - 1]
    i = <int>position
    return memory.fallback_curvature[i] + (position - i) * (memory.fallback_curvature[i + 1] - memory.fallback_curvature[i])


cdef inline double bend_deceleration(const PlanMemory* memory, const PlanParameters* parameters, double lateral,
                                     double speed) noexcept nogil:
    """m/s2 that brings the speed down to what every bend of the laid path allows."""
    cdef double ahead, allowed, needed, most = 0.0
    cdef int i
    for i in range(STOP_POINTS):
        ahead = i * Plan_FALLBACK_STEP_M - memory.fallback_travelled
        if ahead < 0.0:
            continue
        allowed = lateral / (fabs(memory.fallback_curvature[i]) + 1e-9)
        needed = deceleration_within(parameters, speed * speed - allowed, speed, ahead)
        if needed > most:
            most = needed
    return most


cdef inline double obstacle_deceleration(const PlanParameters* parameters, const Braking* braking, const TrackList* tracks,
                                         double front_overhang_m, double speed, double required) noexcept nogil:
    """m/s2 that stops behind the lead, should it brake with all it has now, and keeps clear of what comes over."""
    cdef double gap, needed
    if tracks.lead_distance != tracks.lead_distance:
        return required
    gap = tracks.lead_distance - front_overhang_m - parameters.fallback_lead_margin_m \
        + 0.5 * tracks.lead_speed * fabs(tracks.lead_speed) / braking.lead_deceleration
    needed = deceleration_within(parameters, speed * speed, speed, gap)
    return needed if needed > required else required


cdef inline void write_stop(PlanMemory* memory, const PlanParameters* parameters, const Braking* braking, double lateral,
                            const TrackList* tracks, double front_overhang_m, double speed, Plan* plan) noexcept nogil:
    """Deceleration, distance and duration for the speed now; the profile from where the vehicle is on it. With what is
    required of the plan known.

    For sight and bends the stop is no harder than is allowed; for what is in its way it takes all that the brakes give. While the
    lane is seen, the stop will see more of it; one that sees nothing more ends within what was seen, if it may.
    """
    cdef double hardest = hardest_stop(parameters, braking), reach = reach_left(memory)
    cdef double sight = deceleration_within(parameters, speed * speed, speed, reach)
    cdef double bends = bend_deceleration(memory, parameters, lateral, speed)
    cdef double obstacles = obstacle_deceleration(parameters, braking, tracks, front_overhang_m, speed,
                                                  plan.required_deceleration)
    cdef double blind = fmax(sight, deceleration_within(parameters, speed * speed, speed,
                                                        memory.fallback_seen - memory.fallback_travelled))
    cdef double gentle = fmax(parameters.fallback_deceleration, bends), obstructed = fmin(obstacles, braking.deceleration)
    cdef int i
    for i in range(STOP_POINTS):
        plan.fallback_curvature[i] = stop_curvature(memory, i * Plan_FALLBACK_STEP_M)
    plan.fallback_steering_bias = memory.steering_bias
    plan.fallback_reach_m = reach
    plan.fallback_required = fmax(fmax(sight, bends), obstacles)
    plan.fallback_blind_deceleration = fmax(fmin(fmax(gentle, blind), hardest), obstructed)
    plan.fallback_deceleration = plan.fallback_blind_deceleration if memory.fallback_travelled > 0.0 \
        else fmax(fmin(fmax(gentle, sight), hardest), obstructed)
    plan.fallback_distance = stop_distance(parameters, speed, plan.fallback_blind_deceleration)
    plan.fallback_duration = parameters.fallback_build_up_s + speed / plan.fallback_blind_deceleration
    plan.fallback_valid = memory.fallback_known and sight <= hardest and bends <= hardest and obstacles <= braking.deceleration
