# The MPC's problem: from the moment a command given now begins to act, stage by stage along the lane ahead.
from libc.math cimport exp, fmax, fmin
from libc.string cimport memcpy, memset
from autonomy._rollover cimport rollover_threshold
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport *
from autonomy.control._control cimport ControlMemory
from autonomy.control._preview cimport bending, curvature_at
from autonomy.control._yaw_plane cimport *
from autonomy.linalg._box_mpc cimport BoxProblem
from autonomy.linalg._vector cimport multiply_12x12

cdef extern from *:
    """
    #define UNBOUNDED 1.0e3
    #define LEAST_ROOM_M 0.05          /* a box is never narrower to either side of its middle */
    """
    const double UNBOUNDED
    const double LEAST_ROOM_M


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


cdef inline void wanted_place(const VehicleParameters* vehicle, const YawPlane* model, double speed, double curvature,
                              double steering_offset, double disturbance, double target, double* x) noexcept nogil:
    """Steady travel that shares the off-tracking out: front and rear faces are equally far from the lane's place.

    The rear end swings out further than the axles that the offsets are counted at.
    """
    cdef double heading, articulation, front, rear
    steady(model, speed, curvature, steering_offset, disturbance, &heading, &articulation, x)
    front = model.front_m * heading - 0.5 * curvature * model.front_m * model.front_m
    rear = -model.hitch_m * heading - (vehicle.rear_overhang_m - model.hitch_m) * (heading + articulation) \
        - 0.5 * curvature * vehicle.rear_overhang_m * vehicle.rear_overhang_m
    place(model, target - 0.5 * (front + rear), heading, articulation, x)


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
    cdef double angle = acceleration * angle_per_curvature(vehicle, speed) / (speed * speed)
    cdef int i
    left = (left if left > LEAST_ROOM_M else LEAST_ROOM_M) + (target if target > 0.0 else 0.0)
    right = (right if right > LEAST_ROOM_M else LEAST_ROOM_M) - (target if target < 0.0 else 0.0)
    if angle > vehicle.maximum_road_wheel_angle:
        angle = vehicle.maximum_road_wheel_angle
    for i in range(STATES):
        low[i], high[i] = -UNBOUNDED, UNBOUNDED
    low[OFFSET] = low[FRONT_OFFSET] = low[TRAILER_OFFSET] = -right
    high[OFFSET] = high[FRONT_OFFSET] = high[TRAILER_OFFSET] = left
    low[YAW_RATE], high[YAW_RATE] = -acceleration / speed, acceleration / speed
    low[COMMAND], high[COMMAND] = -angle, angle


cdef inline double trailer_angle(const YawPlane* model, const double* x) noexcept nogil:
    """rad, of the trailer (a car: of itself) to the lane."""
    return (x[OFFSET] - model.hitch_m * heading_of(model, x) - x[TRAILER_OFFSET]) / model.trailer_m


cdef inline void bound_rear(const VehicleParameters* vehicle, const YawPlane* model, double curvature, double angle,
                            double* low, double* high) noexcept nogil:
    """Bounds of the trailer's axle group that keep it and, at the trailer's `angle`, the rear end in the lane.

    The lane bends away from the tangent in which offsets are counted.
    """
    cdef double behind = model.hitch_m + model.trailer_m
    cdef double overhang = fmax(vehicle.rear_overhang_m - behind, 0.0) + model.rear_doubt_m
    cdef double at_axles = 0.5 * curvature * behind * behind
    cdef double at_rear = 0.5 * curvature * (behind + overhang) * (behind + overhang) + overhang * angle
    cdef double middle
    low[0] += fmax(at_axles, at_rear)
    high[0] += fmin(at_axles, at_rear)
    if high[0] - low[0] < 2.0 * LEAST_ROOM_M:
        middle = 0.5 * (low[0] + high[0])
        low[0], high[0] = middle - LEAST_ROOM_M, middle + LEAST_ROOM_M


cdef inline double lateral_acceleration_bound(const LateralParameters* parameters, const VehicleParameters* vehicle,
                                              double mass) noexcept nogil:
    """m/s2: the configured one, or the share of the static rollover threshold if that is less."""
    cdef double rollover = parameters.rollover_share * rollover_threshold(vehicle, mass)
    return rollover if rollover < parameters.lateral_acceleration_maximum else parameters.lateral_acceleration_maximum


cdef inline void pose_problem(const ControlMemory* memory, const LateralParameters* parameters, const VehicleParameters* vehicle,
                              const YawPlane* model, const LaneState* lane, const double* preview, const double* transition,
                              const double* x, double target, double shaped, double speed, double driven,
                              double acceleration, BoxProblem* problem) noexcept nogil:
    """The MPC from the moment a command given now begins to act.

    How a transition itself turns tractor and trailer costs nothing, so nothing is saved by cutting it. The rear end is bounded
    at the angle the trailer comes to by itself: what it stands off steady travel now dies out over the combination's length.
    `shaped` moves the place that is wanted, not the bounds.
    """
    cdef double[24] held
    cdef double[8] reference
    cdef double[8] low
    cdef double[8] high
    cdef double per_angle = speed * speed / angle_per_curvature(vehicle, speed)
    cdef double stage_s = LateralParameters_STAGE_TICKS * LateralParameters_TICK_PERIOD_S
    cdef double rate = parameters.lateral_jerk_maximum / per_angle
    cdef double relative = speed / LateralParameters_REFERENCE_SPEED_MPS
    cdef double behind = model.hitch_m + model.trailer_m
    cdef double curvature, total, yaw_rate, articulation_rate, askew
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
    wanted_place(vehicle, model, speed, curvature_at(preview, driven), x[STEERING_OFFSET], x[DISTURBANCE], target, reference)
    askew = trailer_angle(model, x) - trailer_angle(model, reference)
    target += shaped
    for k in range(problem.stages):
        curvature = curvature_at(preview, driven + (k + 0.5) * stage_s * speed)
        lead_in(model, speed, bending(preview, driven + (k + 0.5) * stage_s * speed), &yaw_rate, &articulation_rate)
        for i in range(STATES):
            problem.drift[STATES * k + i] = held[3 * i] * curvature + held[3 * i + 1] * x[STEERING_OFFSET] \
                + held[3 * i + 2] * x[DISTURBANCE]
            problem.low[STATES * k + i], problem.high[STATES * k + i] = low[i], high[i]
        curvature = curvature_at(preview, driven + (k + 1) * stage_s * speed)
        wanted_place(vehicle, model, speed, curvature, x[STEERING_OFFSET], x[DISTURBANCE], target, reference)
        reference[YAW_RATE] += yaw_rate
        reference[ARTICULATION_RATE] = articulation_rate
        # The lane bends away from the tangent in which the offsets are counted
        problem.low[STATES * k + FRONT_OFFSET] += 0.5 * curvature * model.front_m * model.front_m
        problem.high[STATES * k + FRONT_OFFSET] += 0.5 * curvature * model.front_m * model.front_m
        bound_rear(vehicle, model, curvature, trailer_angle(model, reference) + askew * exp(-(k + 1) * stage_s * speed / behind),
                   &problem.low[STATES * k + TRAILER_OFFSET], &problem.high[STATES * k + TRAILER_OFFSET])
        for i in range(STATES):
            total = problem.weight[i] * reference[i]
            if k == problem.stages - 1:
                total = 0.0
                for j in range(STATES):
                    total += problem.terminal[STATES * i + j] * reference[j]
            problem.linear[STATES * k + i] = -total
        problem.input_low[k], problem.input_high[k] = -rate, rate
