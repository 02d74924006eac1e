# Lateral control: observe, roll through the commands on their way, solve the MPC from there on.
from libc.math cimport fabs, isfinite, pow
from libc.string cimport memcpy, memset
from libc.stdint cimport uint8_t
from autonomy.msg.messages cimport *
from autonomy.control._control cimport COMMANDS, ControlMemory
from autonomy.control._observer cimport *
from autonomy.inputs._motion cimport lateral_velocity, velocity_known
from autonomy.linalg._box_mpc cimport BoxProblem, BoxSolution, BOX_BUDGET, BOX_CONVERGED, BOX_FREE, solve_box

cdef enum:
    PREVIEW_POINTS = 32              # of the lane
    STATES = 8
    FALLBACK_STOP = 3

cdef extern from *:
    """
    #define GRAVITY_MPS2 9.80665
    #define UNBOUNDED 1.0e3
    #define LEAST_LAG_S 0.02
    #define REVERSAL_SHARE 0.05
    #define TRANSITION_BASE_M 10.0       /* the lane's curvature rate is that between so far behind and ahead of a place */
    """
    const double GRAVITY_MPS2
    const double UNBOUNDED
    const double LEAST_LAG_S
    const double REVERSAL_SHARE
    const double TRANSITION_BASE_M


cdef inline double curvature_at(const double* preview, double distance) noexcept nogil:
    """1/m at a distance ahead, linear between the preview's points, constant beyond the last."""
    cdef double position = distance / LaneState_PREVIEW_STEP_M
    cdef int i
    if not position > 0.0:
        return preview[0]
    if position >= PREVIEW_POINTS - 1:
        return preview[PREVIEW_POINTS - 1]
    i = <int>position
    return preview[i] + (position - i) * (preview[i + 1] - preview[i])


cdef inline double sent(const ControlMemory* memory, int ticks_ago) noexcept nogil:
    """rad, the command sent so many ticks before the last one, through the play."""
    return memory.sent[(memory.newest - ticks_ago) & (COMMANDS - 1)]


cdef inline double through_play(const ControlMemory* memory, double last, double command) noexcept nogil:
    """rad, where a command leaves wheels that stood for `last` before: inside the play they stay."""
    if command - memory.half_play > last:
        return command - memory.half_play
    if command + memory.half_play < last:
        return command + memory.half_play
    return last


cdef inline double across_play(ControlMemory* memory, double wanted, double change) noexcept nogil:
    """rad, the command that brings the wheels to `wanted`, `change` from where they are.

    The play is crossed at once, but only when turning back has been wanted by a share of it, or noise would make it rattle.
    """
    cdef double enough = REVERSAL_SHARE * memory.half_play
    memory.pull += change
    if memory.side * memory.pull > 0.0:
        memory.pull = 0.0
    if memory.pull > enough or memory.pull < -enough:
        memory.side = 1.0 if memory.pull > 0.0 else -1.0
        memory.pull = 0.0
    return wanted + memory.side * memory.half_play


cdef inline int whole_ticks(double delay, double* rest) noexcept nogil:
    """Dead time in whole ticks, within the buffer, and the rest of it in seconds."""
    cdef int whole = <int>(delay / LateralParameters_TICK_PERIOD_S + 1e-6)
    if whole > COMMANDS - 3:
        whole = COMMANDS - 3
    rest[0] = delay - whole * LateralParameters_TICK_PERIOD_S
    if not 1e-9 < rest[0] < LateralParameters_TICK_PERIOD_S:
        rest[0] = 0.0
    return whole


cdef inline double beyond(double value, double bound, double exponent) noexcept nogil:
    return pow(bound / value, exponent) if value > bound else 1.0


cdef inline double agility_of(const LateralParameters* parameters, double mass, double speed, double response) noexcept nogil:
    """0 to 1: how much of the gusts' speed the disturbance estimate may follow without shaking the loop.

    An empty truck is moved by wind, a loaded one by bank; late steering, high speed and tyres other than believed leave less room.
    """
    return beyond(mass, parameters.agile_mass_kg, parameters.agile_mass_exponent) \
        * beyond(speed, parameters.agile_speed_mps, parameters.agile_speed_exponent) \
        * beyond(response, parameters.agile_response_s, parameters.agile_response_exponent)


cdef inline void observe(ControlMemory* memory, const LateralParameters* parameters, const YawPlane* model,
                         const double* rates_matrix, const double* transition, const EgoState* ego, const TruckState* truck,
                         const LaneState* lane, double speed, double agility, double dt, bint drives) noexcept nogil:
    """Brings the observer to now. It starts over after a pause, a lost lane or at walking pace."""
    cdef Observer* observer = &memory.observer
    cdef double rest, acting
    cdef double[12] row
    cdef double sideways = lateral_velocity(ego) if velocity_known(ego) else 0.0
    cdef double yaw_rate = ego.angular_rate[2] if velocity_known(ego) else 0.0
    cdef int whole = whole_ticks(truck.steering_delay_s, &rest)
    cdef int i
    if memory.observing and drives and 0.0 < dt < 5.0 * LateralParameters_TICK_PERIOD_S:
        rest /= LateralParameters_TICK_PERIOD_S
        acting = rest * sent(memory, whole + 1) + (1.0 - rest) * sent(memory, whole)
        observer_predict(observer, parameters, model, transition, acting, lane.preview[0], agility)
        if fabs(lane.offset - observer.x[OFFSET]) > parameters.lane_jump_m:
            observer_shift(observer, lane.offset - observer.x[OFFSET])
        memset(row, 0, sizeof(row))
        row[OFFSET] = 1.0
        observer_update(observer, row, lane.offset, parameters.offset_sigma)
        row[FRONT_OFFSET], row[OFFSET] = 1.0 / model.front_m, -1.0 / model.front_m
        observer_update(observer, row, lane.heading_error, parameters.heading_sigma)
        if velocity_known(ego):
            memset(row, 0, sizeof(row))
            row[YAW_RATE] = 1.0
            observer_update(observer, row, yaw_rate, parameters.yaw_rate_sigma)
            # A gust shows in the acceleration long before it shows in the lane
            for i in range(COORDINATES):
                row[i] = rates_matrix[12 * LATERAL_VELOCITY + i] + model.reference_m * rates_matrix[12 * YAW_RATE + i]
            row[YAW_RATE] += speed
            row[ACCELERATION_BIAS] = 1.0
            if isfinite(ego.acceleration[1]):
                observer_update(observer, row, ego.acceleration[1], parameters.lateral_acceleration_sigma)
        hold_within(&observer.x[STEERING_OFFSET], parameters.steering_offset_maximum)
        hold_within(&observer.x[DISTURBANCE], parameters.lateral_disturbance_maximum)
        for i in range(COORDINATES):
            if not isfinite(observer.x[i]):
                memory.observing = 0
    if not (memory.observing and drives and 0.0 < dt < 5.0 * LateralParameters_TICK_PERIOD_S):
        observer_begin(observer, parameters, model, lane.offset, lane.heading_error, truck.articulation_angle, yaw_rate, sideways,
                       sent(memory, whole))
        memory.observing = 1


cdef inline double roll_dead_time(const ControlMemory* memory, const double* rates_matrix, const double* transition,
                                  const double* preview, double delay, double speed, double* x) noexcept nogil:
    """From now to the first moment a command given now can act; returns the metres driven until then."""
    cdef double rest, driven = 0.0
    cdef double[144] partial
    cdef double[12] moved
    cdef const double* step = transition
    cdef int whole = whole_ticks(delay, &rest)
    cdef int i, k, ago
    for ago in range(whole, -1, -1):
        if ago == whole:
            if rest == 0.0:
                continue
            exponential(rates_matrix, rest, partial)
            step = partial
        x[COMMAND] = sent(memory, ago)
        x[CURVATURE] = curvature_at(preview, driven + 0.5 * speed * (rest if ago == whole else LateralParameters_TICK_PERIOD_S))
        x[COMMAND_RATE] = 0.0
        for i in range(STATES):
            moved[i] = 0.0
            for k in range(11):
                moved[i] += step[12 * i + k] * x[k]
        for i in range(STATES):
            x[i] = moved[i]
        driven += speed * (rest if ago == whole else LateralParameters_TICK_PERIOD_S)
        step = transition
    x[COMMAND] = sent(memory, 0)
    return driven


cdef inline void stage_matrices(const double* transition, BoxProblem* problem, double* held) noexcept nogil:
    """A and B over a stage of six ticks, the command rising at each; `held` (8, 3): curvature, steering offset, disturbance."""
    cdef double[144] tick
    cdef double[144] two
    cdef double[144] three
    cdef int i, k
    memcpy(tick, transition, sizeof(tick))
    for i in range(COORDINATES):
        tick[12 * i + COMMAND_RATE] = LateralParameters_TICK_PERIOD_S * transition[12 * i + COMMAND]
    tick[12 * COMMAND_RATE + COMMAND_RATE] = 1.0
    multiply_12x12(tick, tick, two)
    multiply_12x12(two, tick, three)
    multiply_12x12(three, three, two)
    for i in range(STATES):
        for k in range(STATES):
            problem.A[STATES * i + k] = two[12 * i + k]
        problem.B[i] = two[12 * i + COMMAND_RATE]
        for k in range(3):
            held[3 * i + k] = two[12 * i + CURVATURE + k]


cdef inline void wanted_place(const LateralParameters* parameters, const YawPlane* model, double speed, double curvature,
                              double steering_offset, double disturbance, double target, bint trailer, double* x) noexcept nogil:
    """Steady travel that shares the off-tracking out: least weighted square of the three offsets about the lane's place."""
    cdef double heading, articulation, front, behind, trailer_weight
    steady(model, speed, curvature, steering_offset, disturbance, &heading, &articulation, x)
    trailer_weight = parameters.trailer_offset_weight if trailer else 0.0
    front = model.front_m * heading - 0.5 * curvature * model.front_m * model.front_m
    behind = model.hitch_m + model.trailer_m
    behind = -model.hitch_m * heading - model.trailer_m * (heading + articulation) - 0.5 * curvature * behind * behind
    place(model, target - (parameters.front_offset_weight * front + trailer_weight * behind)
          / (parameters.offset_weight + parameters.front_offset_weight + trailer_weight), heading, articulation, x)


cdef inline double bending(const double* preview, double distance) noexcept nogil:
    """1/m2, curvature rate of the lane at a distance ahead."""
    cdef double behind = distance - TRANSITION_BASE_M if distance > TRANSITION_BASE_M else 0.0
    cdef double ahead = distance + TRANSITION_BASE_M
    return (curvature_at(preview, ahead) - curvature_at(preview, behind)) / (ahead - behind)


cdef inline void lead_in(const YawPlane* model, double speed, double curvature_rate, double* yaw_rate,
                         double* articulation_rate) noexcept nogil:
    """rad/s, how fast a transition of the lane turns the tractor beyond the lane (its slip grows) and the trailer."""
    cdef double[8] x
    steady(model, speed, speed * curvature_rate, 0.0, 0.0, yaw_rate, articulation_rate, x)


cdef inline void set_bounds(const LateralParameters* parameters, const VehicleParameters* vehicle, const YawPlane* model,
                            const LaneState* lane, double target, double speed, double acceleration, double* low,
                            double* high) noexcept nogil:
    """Boxes of a straight lane: offsets between the lines, yaw rate and command by the lateral acceleration."""
    cdef double room = 0.5 * vehicle.width_m + parameters.lane_margin_m
    cdef double left = lane.width_left - room
    cdef double right = lane.width_right - room
    cdef double angle = acceleration * (vehicle.wheelbase_m + vehicle.understeer_gradient * speed * speed) / (speed * speed)
    cdef int i
    left = (left if left > 0.05 else 0.05) + (target if target > 0.0 else 0.0)
    right = (right if right > 0.05 else 0.05) - (target if target < 0.0 else 0.0)
    if angle > vehicle.maximum_road_wheel_angle:
        angle = vehicle.maximum_road_wheel_angle
    for i in range(STATES):
        low[i], high[i] = -UNBOUNDED, UNBOUNDED
    low[OFFSET] = low[FRONT_OFFSET] = low[TRAILER_OFFSET] = -right
    high[OFFSET] = high[FRONT_OFFSET] = high[TRAILER_OFFSET] = left
    low[YAW_RATE], high[YAW_RATE] = -acceleration / speed, acceleration / speed
    low[COMMAND], high[COMMAND] = -angle, angle


cdef inline double lateral_acceleration_bound(const LateralParameters* parameters, const VehicleParameters* vehicle,
                                              double mass) noexcept nogil:
    """m/s2: the configured one, or the share of the static rollover threshold g t / (2 h) if that is less."""
    cdef double hauled = (mass - vehicle.tractor_mass_kg) / mass if vehicle.has_trailer and mass > vehicle.tractor_mass_kg else 0.0
    cdef double height = (1.0 - hauled) * vehicle.tractor_cg_height_m + hauled * vehicle.trailer_cg_height_m
    cdef double rollover = parameters.rollover_share * GRAVITY_MPS2 * vehicle.track_width_m / (2.0 * height)
    return rollover if rollover < parameters.lateral_acceleration_maximum else parameters.lateral_acceleration_maximum


cdef inline void pose_problem(const ControlMemory* memory, const LateralParameters* parameters, const VehicleParameters* vehicle,
                              const YawPlane* model, const LaneState* lane, const double* preview, const double* transition,
                              const double* x, double target, double speed, double driven, double acceleration,
                              BoxProblem* problem) noexcept nogil:
    """The MPC from the moment a command given now begins to act.

    How a transition itself turns tractor and trailer costs nothing, so nothing is saved by cutting it.
    """
    cdef double[24] held
    cdef double[8] reference
    cdef double[8] low
    cdef double[8] high
    cdef double per_angle = speed * speed / (vehicle.wheelbase_m + vehicle.understeer_gradient * speed * speed)
    cdef double stage_s = LateralParameters_STAGE_TICKS * LateralParameters_TICK_PERIOD_S
    cdef double rate = parameters.lateral_jerk_maximum / per_angle
    cdef double relative = speed / LateralParameters_REFERENCE_SPEED_MPS
    cdef double behind = model.hitch_m + model.trailer_m
    cdef double curvature, total, yaw_rate, articulation_rate
    cdef bint trailer = vehicle.has_trailer != 0
    cdef int i, k, j
    problem.stages = <int>LateralParameters_STAGES
    problem.iteration_budget = <int>parameters.iteration_budget
    problem.tolerance = parameters.tolerance
    stage_matrices(transition, problem, held)
    memset(problem.weight, 0, sizeof(problem.weight))
    problem.weight[YAW_RATE] = parameters.lateral_acceleration_weight * speed * speed
    problem.weight[ARTICULATION_RATE] = parameters.articulation_rate_weight * relative * relative if trailer else 0.0
    problem.weight[TRAILER_OFFSET] = parameters.trailer_offset_weight if trailer else 0.0
    problem.weight[OFFSET] = parameters.offset_weight
    problem.weight[FRONT_OFFSET] = parameters.front_offset_weight
    problem.input_weight = parameters.lateral_jerk_weight * per_angle * per_angle
    memcpy(problem.terminal, memory.cost_to_go, sizeof(problem.terminal))
    for i in range(STATES):
        problem.terminal[9 * i] += problem.weight[i]
        problem.start[i] = x[i]
    memset(problem.softness, 0, sizeof(problem.softness))
    problem.softness[OFFSET] = problem.softness[FRONT_OFFSET] = problem.softness[TRAILER_OFFSET] = parameters.offset_softness_m2
    problem.softness[YAW_RATE] = problem.softness[COMMAND] = parameters.angle_softness_rad2
    set_bounds(parameters, vehicle, model, lane, target, speed, acceleration, low, high)
    if vehicle.maximum_road_wheel_rate < rate:
        rate = vehicle.maximum_road_wheel_rate
    for k in range(problem.stages):
        curvature = curvature_at(preview, driven + (k + 0.5) * stage_s * speed)
        lead_in(model, speed, bending(preview, driven + (k + 0.5) * stage_s * speed), &yaw_rate, &articulation_rate)
        for i in range(STATES):
            problem.drift[STATES * k + i] = held[3 * i] * curvature + held[3 * i + 1] * x[STEERING_OFFSET] \
                + held[3 * i + 2] * x[DISTURBANCE]
            problem.low[STATES * k + i], problem.high[STATES * k + i] = low[i], high[i]
        curvature = curvature_at(preview, driven + (k + 1) * stage_s * speed)
        wanted_place(parameters, model, speed, curvature, x[STEERING_OFFSET], x[DISTURBANCE], target, trailer, reference)
        reference[YAW_RATE] += yaw_rate
        reference[ARTICULATION_RATE] = articulation_rate
        # The lane bends away from the tangent in which the offsets are counted
        problem.low[STATES * k + FRONT_OFFSET] += 0.5 * curvature * model.front_m * model.front_m
        problem.high[STATES * k + FRONT_OFFSET] += 0.5 * curvature * model.front_m * model.front_m
        problem.low[STATES * k + TRAILER_OFFSET] += 0.5 * curvature * behind * behind
        problem.high[STATES * k + TRAILER_OFFSET] += 0.5 * curvature * behind * behind
        for i in range(STATES):
            total = problem.weight[i] * reference[i]
            if k == problem.stages - 1:
                total = 0.0
                for j in range(STATES):
                    total += problem.terminal[STATES * i + j] * reference[j]
            problem.linear[STATES * k + i] = -total
        problem.input_low[k], problem.input_high[k] = -rate, rate


cdef inline void steer(ControlMemory* memory, const LateralParameters* parameters, const VehicleParameters* vehicle,
                       const EgoState* ego, const TruckState* truck, const LaneState* lane, const Plan* plan, double known,
                       double dt, Control* control) noexcept nogil:
    cdef bint drives = known > parameters.minimum_speed_mps
    cdef double speed = known if drives else parameters.minimum_speed_mps
    cdef double lag = truck.steering_lag_s if truck.steering_lag_s > LEAST_LAG_S else LEAST_LAG_S
    cdef double mass = truck.mass_kg if truck.mass_kg > 0.0 else vehicle.mass_kg
    cdef double agility, driven, heading, articulation, change
    cdef double[144] continuous
    cdef double[144] transition
    cdef double[12] x
    cdef double[8] reference
    cdef YawPlane model
    cdef BoxProblem problem
    cdef BoxSolution solution
    if lane.status == LaneState_STATUS_NONE:
        # Nothing to measure against: steer the curvature of the stop path
        memory.observing = 0
        if not plan.fallback_valid and plan.behaviour != FALLBACK_STOP:
            return
        control.feedforward = parameters.steering_bias_share * plan.fallback_steering_bias \
            + (vehicle.wheelbase_m + vehicle.understeer_gradient * speed * speed) \
            * curvature_at(plan.fallback_curvature, speed * (truck.steering_delay_s + lag))
        control.road_wheel_angle = control.feedforward
        control.lateral_active = 1
        return
    agility = agility_of(parameters, mass, speed, truck.steering_delay_s + lag)
    yaw_plane(vehicle, mass, speed, agility, &model)
    rates(&model, speed, lag, continuous)
    exponential(continuous, LateralParameters_TICK_PERIOD_S, transition)
    observe(memory, parameters, &model, continuous, transition, ego, truck, lane, speed, agility, dt, drives)
    memcpy(x, memory.observer.x, sizeof(x))
    driven = roll_dead_time(memory, continuous, transition, lane.preview, truck.steering_delay_s, speed, x)
    pose_problem(memory, parameters, vehicle, &model, lane, lane.preview, transition, x, plan.lateral_target, speed, driven,
                 lateral_acceleration_bound(parameters, vehicle, mass), &problem)
    solve_box(&problem, &solution)
    control.solver_status = <uint8_t>solution.status
    control.solver_iterations = <uint8_t>solution.iterations
    if solution.status == BOX_FREE or solution.status == BOX_CONVERGED or solution.status == BOX_BUDGET:
        memcpy(memory.cost_to_go, solution.value, sizeof(memory.cost_to_go))
        change = LateralParameters_TICK_PERIOD_S * solution.inputs[0]
        control.road_wheel_angle = across_play(memory, x[COMMAND] + change, change)
    else:
        memset(memory.cost_to_go, 0, sizeof(memory.cost_to_go))
        memory.observing = 0
        control.road_wheel_angle = x[COMMAND]
    if not drives:
        control.road_wheel_angle = x[COMMAND]     # wheels are not turned on the spot
    wanted_place(parameters, &model, speed, curvature_at(lane.preview, driven), x[STEERING_OFFSET], x[DISTURBANCE],
                 plan.lateral_target, vehicle.has_trailer != 0, reference)
    heading = heading_of(&model, x)
    articulation = articulation_of(&model, x)
    control.feedforward = reference[COMMAND]
    control.feedback = control.road_wheel_angle - control.feedforward
    control.predicted_offset = x[OFFSET]
    control.predicted_heading_error = heading
    control.predicted_articulation = articulation
    control.predicted_trailer_offset = x[TRAILER_OFFSET] \
        - 0.5 * curvature_at(lane.preview, driven) * (model.hitch_m + model.trailer_m) * (model.hitch_m + model.trailer_m)
    control.steering_offset = x[STEERING_OFFSET]
    control.lateral_disturbance = x[DISTURBANCE]
    control.lateral_active = 1
