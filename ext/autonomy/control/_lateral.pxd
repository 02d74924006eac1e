# Lateral control: observe, roll through the commands on their way, solve the MPC from there on.
from libc.math cimport NAN, fabs, isfinite, pow
from libc.string cimport memcpy, memset
from libc.stdint cimport uint8_t
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport *
from autonomy.control._control cimport ControlMemory
from autonomy.control._dead_time cimport roll_dead_time, sent, whole_ticks
from autonomy.control._lateral_problem cimport lateral_acceleration_bound, pose_problem, wanted_place
from autonomy.control._observer cimport *
from autonomy.control._learned_vehicle cimport learned_vehicle
from autonomy.control._play cimport across_play
from autonomy.control._preview cimport curvature_at
from autonomy.control._taking_over cimport shaped_offset
from autonomy.inputs._motion cimport lateral_velocity, velocity_known
from autonomy.linalg._box_mpc cimport BoxProblem, BoxSolution, BOX_BUDGET, BOX_CONVERGED, BOX_FREE, solve_box
from autonomy.linalg._scalar cimport clipped

cdef enum:
    FALLBACK_STOP = 3

cdef extern from *:
    """
    #define LEAST_LAG_S 0.02
    #define SOFTEST_TYRES 0.6          /* what tyres of trucks differ by, and some */
    #define STIFFEST_TYRES 1.5
    #define LASTING_S 6.0              /* [C] an agile truck steers against a gust of 5 s, and makes no room for it */
    """
    const double LEAST_LAG_S
    const double SOFTEST_TYRES
    const double STIFFEST_TYRES
    const double LASTING_S


cdef inline double beyond(double value, double bound, double exponent) noexcept nogil:
    return pow(bound / value, exponent) if value > bound else 1.0


cdef inline double agility_of(const LateralParameters* parameters, double mass, double speed, double response) noexcept nogil:
    """0 to 1: how much of the gusts' speed the disturbance estimate may follow without shaking the loop.

    An empty truck is moved by wind, a loaded one by bank; late steering, high speed and tyres other than believed leave less
    room.
    """
    return beyond(mass, parameters.agile_mass_kg, parameters.agile_mass_exponent) \
        * beyond(speed, parameters.agile_speed_mps, parameters.agile_speed_exponent) \
        * beyond(response, parameters.agile_response_s, parameters.agile_response_exponent)


cdef inline void observe(ControlMemory* memory, const LateralParameters* parameters, const VehicleParameters* vehicle,
                         const YawPlane* model, const double* rates_matrix, const double* transition, const EgoState* ego,
                         const TruckState* truck, const LaneState* lane, double speed, double agility, double dt,
                         bint drives) noexcept nogil:
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
        observer_follow_bank(observer, vehicle.body_roll_rad_per_mps2, ego.roll if velocity_known(ego) else NAN, speed)
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
        observer.x[STEERING_OFFSET] = clipped(observer.x[STEERING_OFFSET], -parameters.steering_offset_maximum,
                                              parameters.steering_offset_maximum)
        observer.x[DISTURBANCE] = clipped(observer.x[DISTURBANCE], -parameters.lateral_disturbance_maximum,
                                          parameters.lateral_disturbance_maximum)
        for i in range(COORDINATES):
            if not isfinite(observer.x[i]):
                memory.observing = 0
    if not (memory.observing and drives and 0.0 < dt < 5.0 * LateralParameters_TICK_PERIOD_S):
        observer_begin(observer, parameters, model, lane.offset, lane.heading_error, truck.articulation_angle, yaw_rate, sideways,
                       sent(memory, whole))
        observer_follow_bank(observer, vehicle.body_roll_rad_per_mps2, ego.roll if velocity_known(ego) else NAN, speed)
        memory.observing = memory.taking_over = 1


cdef inline void learned_tyres(const TruckState* truck, double* tyres) noexcept nogil:
    """(3,) of front axle, rest of the tractor, trailer; 1 until a drive has shown them."""
    cdef int i
    tyres[0] = truck.front_tyre_factor if truck.tyres_known else 1.0
    tyres[1] = truck.rear_tyre_factor if truck.tyres_known else 1.0
    tyres[2] = truck.trailer_tyre_factor if truck.trailer_wheelbase_known else 1.0
    for i in range(3):
        tyres[i] = clipped(tyres[i], SOFTEST_TYRES, STIFFEST_TYRES)


cdef inline double not_lasting(ControlMemory* memory, const VehicleParameters* vehicle, const YawPlane* model, double speed,
                               double side_force) noexcept nogil:
    """m that `wanted_place` moves the combination aside for a side force that only passes: it would overshoot at its end."""
    cdef double[8] aside
    memory.lasting += (side_force - memory.lasting) * (1.0 if memory.driven_s == 0.0
                                                       else LateralParameters_TICK_PERIOD_S / LASTING_S)
    wanted_place(vehicle, model, speed, 0.0, 0.0, side_force - memory.lasting, 0.0, aside)
    return -aside[OFFSET]


cdef inline double steering_lag(const TruckState* truck) noexcept nogil:
    return truck.steering_lag_s if truck.steering_lag_s > LEAST_LAG_S else LEAST_LAG_S


cdef inline void steer(ControlMemory* memory, const LateralParameters* parameters, const VehicleParameters* told,
                       const EgoState* ego, const TruckState* truck, const LaneState* lane, const Plan* plan, double known,
                       double dt, Control* control) noexcept nogil:
    cdef bint drives = known > parameters.minimum_speed_mps
    cdef double speed = known if drives else parameters.minimum_speed_mps
    cdef double lag = steering_lag(truck)
    cdef double mass = truck.mass_kg if truck.mass_kg > 0.0 else told.mass_kg
    cdef double agility, driven, heading, articulation, change, shaped, rear_doubt_m
    cdef double[144] continuous
    cdef double[144] transition
    cdef double[12] x
    cdef double[8] reference
    cdef double[3] tyres
    cdef VehicleParameters learned
    cdef const VehicleParameters* vehicle = &learned
    cdef YawPlane model
    cdef BoxProblem problem
    cdef BoxSolution solution
    rear_doubt_m = learned_vehicle(told, truck, &learned)
    if lane.status == LaneState_STATUS_NONE:
        # Nothing to measure against: steer the curvature of the stop path
        memory.observing = 0
        if not plan.fallback_valid and plan.behaviour != FALLBACK_STOP:
            return
        control.feedforward = parameters.steering_bias_share * plan.fallback_steering_bias \
            + angle_per_curvature(vehicle, speed) \
            * curvature_at(plan.fallback_curvature, speed * (truck.steering_delay_s + lag))
        control.road_wheel_angle = control.feedforward
        control.lateral_active = 1
        return
    agility = agility_of(parameters, mass, speed, truck.steering_delay_s + lag)
    learned_tyres(truck, tyres)
    yaw_plane(vehicle, mass, speed, agility, tyres, &model)
    model.rear_doubt_m = rear_doubt_m
    rates(&model, speed, lag, continuous)
    exponential(continuous, LateralParameters_TICK_PERIOD_S, transition)
    observe(memory, parameters, vehicle, &model, continuous, transition, ego, truck, lane, speed, agility, dt, drives)
    if not memory.taking_over and memory.driven_s == 0.0:
        observer_doubt_steering(&memory.observer)
    memcpy(x, memory.observer.x, sizeof(x))
    wanted_place(vehicle, &model, speed, lane.preview[0], x[STEERING_OFFSET], x[DISTURBANCE], plan.lateral_target, reference)
    shaped = shaped_offset(memory, x[OFFSET] - reference[OFFSET], speed, truck.steering_delay_s + lag)
    shaped += agility * not_lasting(memory, vehicle, &model, speed, x[DISTURBANCE])
    driven = roll_dead_time(memory, continuous, transition, lane.preview, truck.steering_delay_s, speed, x)
    pose_problem(memory, parameters, vehicle, &model, lane, lane.preview, transition, x, plan.lateral_target, shaped, speed,
                 driven, lateral_acceleration_bound(parameters, vehicle, mass), &problem)
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
    wanted_place(vehicle, &model, speed, curvature_at(lane.preview, driven), x[STEERING_OFFSET], x[DISTURBANCE],
                 plan.lateral_target, reference)
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
