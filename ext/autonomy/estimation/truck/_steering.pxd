# Dead time, lag and play between the steering's command and its wheels: what was sent, put through a model, beside the angle
# that was measured.
#
#   a' = (command(t - dead time) - a) / lag     wheels follow a through the play     measured = wheels + offset
# A Kalman filter of the four parameters; a and its slopes by dead time and lag are carried along. Learned only while the
# commands are in force. Twin: autonomy/estimation/truck/steering_twin.py.
from libc.math cimport exp, fabs, isfinite, sqrt
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport *
from autonomy.linalg._kalman cimport carry_row, take_scalar
from autonomy.linalg._scalar cimport behind_play, clipped

cdef enum:
    DEAD_TIME = 0                # s
    LAG = 1                      # s
    OFFSET = 2                   # rad, measured beyond what the command says
    HALF_PLAY = 3                # rad
    RESPONSE = 4                 # parameters
    COMMANDS = 64                # sent and remembered, a tick each

cdef extern from *:
    """
    #define LONGEST_DEAD_TIME_S 0.5          /* with the age of the angle it fits into the commands remembered */
    #define SHORTEST_LAG_S 0.02
    #define LONGEST_LAG_S 0.8
    #define WIDEST_HALF_PLAY_RAD 0.01
    #define RESPONSE_OFFSET_SIGMA_RAD 0.005
    #define RESPONSE_SETTLES_S 1.0           /* after a beginning */
    #define RESPONSE_CURVATURE 10.0          /* share of the variance to come, by which the model is not linear */
    #define RESPONSE_GATE 5.0                /* sigmas: an angle that froze is no slow steering */
    #define RESPONSE_PATIENCE 300            /* ticks refused in a row: the steering is another */
    """
    const double LONGEST_DEAD_TIME_S, SHORTEST_LAG_S, LONGEST_LAG_S, WIDEST_HALF_PLAY_RAD, RESPONSE_OFFSET_SIGMA_RAD
    const double RESPONSE_SETTLES_S, RESPONSE_CURVATURE, RESPONSE_GATE
    const int RESPONSE_PATIENCE

ctypedef struct SteeringMemory:
    double[4] x
    double[16] p
    double[64] sent              # rad, a ring
    double actuator              # rad, before the play
    double wheels                # rad, behind it
    double[2] slope              # of the actuator by dead time and lag
    double[4] row                # of the wheels by the four parameters
    double told_delay            # s, as published
    double told_lag
    int64_t newest
    int64_t driving              # ticks in a row
    int64_t running              # ticks since the model began; 0 = it does not run
    int64_t refused              # angles in a row


cdef inline void doubt_response(SteeringMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """As uncertain as at the start."""
    cdef int i
    for i in range(RESPONSE * RESPONSE):
        memory.p[i] = 0.0
    memory.p[0] = parameters.steering_delay_sigma_s * parameters.steering_delay_sigma_s
    memory.p[5] = parameters.steering_lag_sigma_s * parameters.steering_lag_sigma_s
    memory.p[10] = RESPONSE_OFFSET_SIGMA_RAD * RESPONSE_OFFSET_SIGMA_RAD
    memory.p[15] = 0.25 * parameters.steering_play_sigma_rad * parameters.steering_play_sigma_rad
    memory.refused = 0


cdef inline void steering_start(SteeringMemory* memory, const TruckParameters* parameters,
                                const VehicleParameters* vehicle) noexcept nogil:
    memory.x[DEAD_TIME], memory.x[LAG] = vehicle.steering_delay_s, vehicle.steering_lag_s
    if memory.x[LAG] < SHORTEST_LAG_S:
        memory.x[LAG] = SHORTEST_LAG_S
    memory.x[OFFSET], memory.x[HALF_PLAY] = 0.0, 0.5 * vehicle.steering_play_rad
    doubt_response(memory, parameters)
    memory.told_delay, memory.told_lag = vehicle.steering_delay_s, vehicle.steering_lag_s
    memory.newest = memory.driving = memory.running = 0


cdef inline void steering_remember(SteeringMemory* memory, const Actuation* actuation) noexcept nogil:
    """The command that is in force from this tick on."""
    cdef bint drives = (actuation.mode == 1 or actuation.mode == 2) and isfinite(actuation.road_wheel_angle_rad)
    memory.newest = (memory.newest + 1) % COMMANDS
    memory.sent[memory.newest] = actuation.road_wheel_angle_rad if drives else 0.0
    memory.driving = memory.driving + 1 if drives else 0


cdef inline double sent_ago(const SteeringMemory* memory, int ticks) noexcept nogil:
    return memory.sent[(memory.newest - ticks + COMMANDS) % COMMANDS]


cdef inline void through_play(SteeringMemory* memory) noexcept nogil:
    """Inside the play the wheels stay, and with them what they owe to the parameters."""
    cdef double before = memory.wheels
    memory.wheels = behind_play(before, memory.actuator, memory.x[HALF_PLAY])
    if memory.wheels != before:
        memory.row[DEAD_TIME], memory.row[LAG] = memory.slope[0], memory.slope[1]
        memory.row[HALF_PLAY] = -1.0 if memory.wheels > before else 1.0


cdef inline void begin_response(SteeringMemory* memory, double command, double measured) noexcept nogil:
    memory.actuator = command
    memory.wheels = behind_play(measured - memory.x[OFFSET], command, memory.x[HALF_PLAY])
    memory.slope[0] = memory.slope[1] = 0.0
    memory.row[DEAD_TIME] = memory.row[LAG] = memory.row[HALF_PLAY] = 0.0
    memory.row[OFFSET] = 1.0
    memory.running = 1


cdef inline void move_actuator(SteeringMemory* memory, double acting, double slope, double rate_limit) noexcept nogil:
    """A tick under a command, and the slopes with it; at its fastest it tells nothing new of dead time and lag."""
    cdef double rest = exp(-LateralParameters_TICK_PERIOD_S / memory.x[LAG])
    cdef double change = (1.0 - rest) * (acting - memory.actuator)
    cdef double most = rate_limit * LateralParameters_TICK_PERIOD_S
    if fabs(change) > most:
        memory.actuator += most if change > 0.0 else -most
        return
    memory.slope[1] -= (1.0 - rest) * memory.slope[1] \
        + LateralParameters_TICK_PERIOD_S / (memory.x[LAG] * memory.x[LAG]) * rest * (acting - memory.actuator)
    memory.slope[0] += (1.0 - rest) * (slope - memory.slope[0])
    memory.actuator += change


cdef inline void learn_response(SteeringMemory* memory, const TruckParameters* parameters, double measured) noexcept nogil:
    cdef double[4] carried
    cdef double[4] change
    cdef double residual = measured - memory.wheels - memory.x[OFFSET]
    cdef double variance, bent = 0.0
    cdef int i, j
    for i in range(RESPONSE):
        for j in range(RESPONSE):
            if i != OFFSET and j != OFFSET:
                bent += memory.row[i] * memory.p[RESPONSE * i + j] * memory.row[j]
    variance = parameters.steering_response_noise_rad * parameters.steering_response_noise_rad + RESPONSE_CURVATURE * bent
    variance = carry_row(memory.p, RESPONSE, memory.row, variance, carried)
    if residual * residual > RESPONSE_GATE * RESPONSE_GATE * variance:
        memory.refused += 1
        if memory.refused > RESPONSE_PATIENCE:
            doubt_response(memory, parameters)
        return
    memory.refused = 0
    for i in range(RESPONSE):
        change[i] = carried[i] / variance * residual
    take_scalar(memory.x, memory.p, RESPONSE, carried, variance, residual)
    memory.actuator += memory.slope[0] * change[DEAD_TIME] + memory.slope[1] * change[LAG]
    for i in range(RESPONSE):
        if i != OFFSET:
            memory.wheels += memory.row[i] * change[i]
    memory.x[DEAD_TIME] = clipped(memory.x[DEAD_TIME], 0.0, LONGEST_DEAD_TIME_S)
    memory.x[LAG] = clipped(memory.x[LAG], SHORTEST_LAG_S, LONGEST_LAG_S)
    memory.x[HALF_PLAY] = clipped(memory.x[HALF_PLAY], 0.0, WIDEST_HALF_PLAY_RAD)


cdef inline void steering_step(SteeringMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                               const VehicleState* told, double dt) noexcept nogil:
    cdef double behind = memory.x[DEAD_TIME] + told.steering_age_s
    cdef double part, acting, slope, walk
    cdef int whole
    if told.steering_validity != 0 or not isfinite(told.road_wheel_angle) or memory.driving < COMMANDS \
            or not fabs(dt - LateralParameters_TICK_PERIOD_S) < 0.5 * LateralParameters_TICK_PERIOD_S \
            or not 0.0 <= behind < (COMMANDS - 3) * LateralParameters_TICK_PERIOD_S:
        memory.running = 0
        return
    whole = <int>(behind / LateralParameters_TICK_PERIOD_S)
    part = behind / LateralParameters_TICK_PERIOD_S - whole
    acting = part * sent_ago(memory, whole + 1) + (1.0 - part) * sent_ago(memory, whole)
    slope = (sent_ago(memory, whole + 1) - sent_ago(memory, whole)) / LateralParameters_TICK_PERIOD_S
    if memory.running == 0:
        begin_response(memory, acting, told.road_wheel_angle)
    move_actuator(memory, acting, slope, vehicle.maximum_road_wheel_rate)
    through_play(memory)
    walk = parameters.steering_response_walk_s * parameters.steering_response_walk_s * dt
    memory.p[0] += walk
    memory.p[5] += walk
    memory.p[10] += parameters.steering_offset_walk_rad * parameters.steering_offset_walk_rad * dt
    memory.running += 1
    if memory.running * LateralParameters_TICK_PERIOD_S > RESPONSE_SETTLES_S:
        learn_response(memory, parameters, told.road_wheel_angle)


cdef inline void steering_tell(SteeringMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                               double dt, TruckState* truck) noexcept nogil:
    """Needs the steering offset in `truck`. What is told follows what is measured slowly: a controller's model hangs on it."""
    cdef double delay_sigma = sqrt(memory.p[0]), lag_sigma = sqrt(memory.p[5])
    cdef double most = parameters.steering_response_slew * (dt if 0.0 < dt < 0.1 else 0.0)
    truck.steering_response_known = delay_sigma < parameters.steering_response_known_s \
        and lag_sigma < parameters.steering_response_known_s
    memory.told_delay = clipped(memory.x[DEAD_TIME] if truck.steering_response_known else vehicle.steering_delay_s,
                                memory.told_delay - most, memory.told_delay + most)
    memory.told_lag = clipped(memory.x[LAG] if truck.steering_response_known else vehicle.steering_lag_s,
                              memory.told_lag - most, memory.told_lag + most)
    truck.steering_delay_s, truck.steering_lag_s = memory.told_delay, memory.told_lag
    truck.steering_delay_sigma_s, truck.steering_lag_sigma_s = delay_sigma, lag_sigma
    truck.steering_play_rad, truck.steering_play_sigma_rad = 2.0 * memory.x[HALF_PLAY], 2.0 * sqrt(memory.p[15])
    truck.command_offset_rad = memory.x[OFFSET] - truck.steering_offset_rad
    truck.command_offset_sigma_rad = sqrt(memory.p[10] + truck.steering_offset_sigma_rad * truck.steering_offset_sigma_rad)
