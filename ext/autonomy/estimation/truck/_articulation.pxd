# Articulation, tyres, steering offset, wind and the trailer's wheelbase: one Kalman filter of twelve states over the yaw plane.
#
# The measured road wheel angle drives it, the yaw rate corrects it, samples of a trailer sensor do where there are any. One
# filter, because each would otherwise be taken for another. What is not excited is not learned but keeps its part in the
# uncertainty (Schmidt's consider states): the offset where it goes straight, tyres in bends, the trailer by its sensor only.
# Below a speed, or while the motion is not known, the trailer rolls without slip. Twin: combination_twin.py.
from libc.math cimport cos, exp, fabs, isfinite, sin, sqrt
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.linalg._kalman cimport carry_row
from autonomy.inputs._motion cimport known_speed, known_yaw_rate, velocity_known
from autonomy.estimation.truck._combination cimport *
from autonomy.estimation.truck._observed cimport ObservedMemory, heard, since_s
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    #define SENSED_S 1.0
    #define LATEST_SENSOR_S 0.25             /* older samples come too late */
    #define SENSOR_GATE 5.0                  /* sigmas */
    #define SENSOR_PATIENCE 20               /* samples refused in a row: it was the estimate that is wrong */
    #define GREATEST_ARTICULATION_SIGMA 0.5
    #define TURNING_ARTICULATION 0.05        /* rad: as good as a bend for the wheelbase, when manoeuvring */
    #define STRAIGHT_ARTICULATION 0.02       /* rad */
    /* What no drive shows: load transfer and relaxation of the tyres; where the wind acts, against which the wheels are held */
    #define TYRE_DOUBT 0.05
    #define WHEELBASE_DOUBT 0.04     /* share: load moves between the axles, and they slip by more than their share */
    #define STEERING_DOUBT_PER_WIND 8.0e-5   /* rad per m/s of the crosswind's uncertainty */
    """
    const double SENSED_S, LATEST_SENSOR_S, SENSOR_GATE, GREATEST_ARTICULATION_SIGMA, TURNING_ARTICULATION, STRAIGHT_ARTICULATION
    const double TYRE_DOUBT, WHEELBASE_DOUBT, STEERING_DOUBT_PER_WIND
    const int SENSOR_PATIENCE

ctypedef struct ArticulationMemory:
    double[12] x
    double[144] p
    double bank                  # rad, of the road, behind its lag
    double force                 # N, of the wind
    int64_t tracked              # by forces, in this tick
    int64_t sensed_ns            # when a sensor's sample was taken; 0 = never
    int64_t refused              # of its samples, in a row


cdef inline void set_sigma(ArticulationMemory* memory, int state, double sigma) noexcept nogil:
    """Forgets what a state has to do with the others."""
    cdef int i
    for i in range(STATES):
        memory.p[STATES * state + i] = memory.p[STATES * i + state] = 0.0
    memory.p[(STATES + 1) * state] = sigma * sigma


cdef inline void articulation_forget(ArticulationMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """Another trailer: what came with the old one."""
    memory.x[TRAILER_TYRES] = memory.x[WHEELBASE] = memory.x[SENSOR_OFFSET] = 0.0
    set_sigma(memory, TRAILER_TYRES, parameters.tyre_factor_sigma)
    set_sigma(memory, WHEELBASE, parameters.trailer_wheelbase_sigma)
    set_sigma(memory, SENSOR_OFFSET, parameters.articulation_sensor_offset_sigma_rad)
    set_sigma(memory, ARTICULATION, parameters.articulation_start_sigma_rad)
    memory.refused = 0


cdef inline void articulation_start(ArticulationMemory* memory, const TruckParameters* parameters) noexcept nogil:
    cdef int i
    for i in range(STATES):
        memory.x[i] = 0.0
    set_sigma(memory, WIND, parameters.crosswind_sigma_mps)
    set_sigma(memory, GUST, parameters.gust_sigma_mps)
    set_sigma(memory, STEERING_OFFSET, parameters.steering_offset_sigma_rad)
    set_sigma(memory, FRONT_TYRES, parameters.tyre_factor_sigma)
    set_sigma(memory, REAR_TYRES, parameters.tyre_factor_sigma)
    memory.bank = memory.force = 0.0
    memory.tracked = memory.sensed_ns = 0
    articulation_forget(memory, parameters)


cdef inline void eliminate(double* matrix, double* columns, int count) noexcept nogil:
    """columns (4, count) = matrix^-1 columns; the diagonal of `matrix` (4, 4) leads, nothing is exchanged."""
    cdef int i, j, k
    cdef double factor
    for i in range(MOVING):
        for j in range(MOVING):
            if j == i:
                continue
            factor = matrix[MOVING * j + i] / matrix[5 * i]
            for k in range(i, MOVING):
                matrix[MOVING * j + k] -= factor * matrix[MOVING * i + k]
            for k in range(count):
                columns[count * j + k] -= factor * columns[count * i + k]
    for i in range(MOVING):
        for k in range(count):
            columns[count * i + k] /= matrix[5 * i]


cdef inline void propagate(ArticulationMemory* memory, const TruckParameters* parameters, const double* rates,
                           const double* jacobian, double dt) noexcept nogil:
    """Mean and covariance over dt, by the linearly implicit midpoint rule, which no stiff tyre can shake."""
    cdef double[16] matrix
    cdef double[52] columns          # (4, 13): transition of the moving states by all states, and the step
    cdef double[48] product          # (4, 12)
    cdef double[8] keep
    cdef double calm = exp(-dt / parameters.crosswind_time_s), lull = exp(-dt / parameters.gust_time_s)
    cdef double total
    cdef int i, j, k
    for i in range(MOVING):
        for j in range(MOVING):
            matrix[MOVING * i + j] = (1.0 if i == j else 0.0) - 0.5 * dt * jacobian[STATES * i + j]
            columns[13 * i + j] = (1.0 if i == j else 0.0) + 0.5 * dt * jacobian[STATES * i + j]
        for j in range(MOVING, STATES):
            columns[13 * i + j] = dt * jacobian[STATES * i + j]
        columns[13 * i + STATES] = dt * rates[i]
    eliminate(matrix, columns, 13)
    for i in range(8):
        keep[i] = 1.0
    keep[WIND - MOVING], keep[GUST - MOVING] = calm, lull
    for i in range(MOVING):
        memory.x[i] += columns[13 * i + STATES]
        for j in range(STATES):
            total = 0.0
            for k in range(STATES):
                total += columns[13 * i + k] * memory.p[STATES * k + j]
            product[STATES * i + j] = total
    memory.x[WIND] *= calm
    memory.x[GUST] *= lull
    for i in range(MOVING):
        for j in range(i, MOVING):
            total = 0.0
            for k in range(STATES):
                total += product[STATES * i + k] * columns[13 * j + k]
            memory.p[STATES * i + j] = memory.p[STATES * j + i] = total
        for j in range(MOVING, STATES):
            memory.p[STATES * i + j] = memory.p[STATES * j + i] = product[STATES * i + j] * keep[j - MOVING]
    for i in range(MOVING, STATES):
        for j in range(MOVING, STATES):
            memory.p[STATES * i + j] *= keep[i - MOVING] * keep[j - MOVING]
    wander(memory, WIND, (1.0 - calm * calm) * parameters.crosswind_sigma_mps * parameters.crosswind_sigma_mps)
    wander(memory, GUST, (1.0 - lull * lull) * parameters.gust_sigma_mps * parameters.gust_sigma_mps)
    wander(memory, STEERING_OFFSET, dt * parameters.steering_offset_walk_rad * parameters.steering_offset_walk_rad)
    for i in range(FRONT_TYRES, TRAILER_TYRES + 1):
        wander(memory, i, dt * parameters.tyre_factor_walk * parameters.tyre_factor_walk)


cdef inline void wander(ArticulationMemory* memory, int state, double variance) noexcept nogil:
    memory.p[(STATES + 1) * state] += variance


cdef inline bint correct(ArticulationMemory* memory, const double* row, double residual, double sigma, const double* learned,
                         double gate) noexcept nogil:
    """A measurement of row' x; states whose `learned` is 0 keep their value. False when it is beyond the gate."""
    cdef double[12] carried
    cdef double[12] gain
    cdef double variance = carry_row(memory.p, STATES, row, sigma * sigma, carried)
    cdef int i, j
    if residual * residual > gate * gate * variance:
        return False
    for i in range(STATES):
        gain[i] = learned[i] * carried[i] / variance
        memory.x[i] += gain[i] * residual
    for i in range(STATES):
        for j in range(STATES):
            memory.p[STATES * i + j] += gain[i] * gain[j] * variance - gain[i] * carried[j] - carried[i] * gain[j]
    return True


cdef inline void hear_trailer(ArticulationMemory* memory, const TruckParameters* parameters, const InputFrame* frame,
                              const double* learned) noexcept nogil:
    """Samples of a sensor that sees the trailer's angle, each compared with what was then."""
    cdef const SignalSample* sample
    cdef double[12] row
    cdef double late
    cdef int i
    cdef uint32_t k
    for i in range(STATES):
        row[i] = 0.0
    row[ARTICULATION] = row[SENSOR_OFFSET] = 1.0
    for k in range(frame.signal.count):
        sample = &frame.signal.items[k]
        late = 1e-9 * <double>(frame.tick_time_ns - sample.valid_time_ns)
        if sample.signal != SignalSample_TRAILER_ARTICULATION or sample.validity != 0 or not isfinite(sample.value) \
                or not 0.0 <= late <= LATEST_SENSOR_S or sample.valid_time_ns <= memory.sensed_ns:
            continue
        row[ARTICULATION_RATE] = -late
        memory.sensed_ns = sample.valid_time_ns
        if correct(memory, row, sample.value - (memory.x[ARTICULATION] - late * memory.x[ARTICULATION_RATE]
                                                + memory.x[SENSOR_OFFSET]),
                   parameters.articulation_sensor_sigma_rad, learned, SENSOR_GATE):
            memory.refused = 0
            continue
        memory.refused += 1
        if memory.refused > SENSOR_PATIENCE:
            set_sigma(memory, ARTICULATION, parameters.articulation_start_sigma_rad)
            memory.refused = 0


cdef inline void roll_along(ArticulationMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                            double speed, double yaw_rate, double dt) noexcept nogil:
    """A trailer that does not slip."""
    cdef double[4] rates
    cdef double[48] jacobian
    cdef double wheelbase = vehicle.trailer_wheelbase_m * (1.0 + memory.x[WHEELBASE])
    cdef double sine = sin(memory.x[ARTICULATION]), cosine = cos(memory.x[ARTICULATION])
    cdef double settling = exp(-2.0 * dt * fabs(speed) / wheelbase)
    cdef int i
    for i in range(48):
        jacobian[i] = 0.0
    for i in range(3):
        rates[i] = 0.0
    rates[ARTICULATION] = rolling_rate(vehicle, wheelbase, memory.x[ARTICULATION], speed, yaw_rate)
    jacobian[STATES * ARTICULATION + ARTICULATION] = (vehicle.hitch_offset_m * yaw_rate * sine - speed * cosine) / wheelbase
    jacobian[STATES * ARTICULATION + WHEELBASE] = vehicle.trailer_wheelbase_m / (wheelbase * wheelbase) * (
        speed * sine + vehicle.hitch_offset_m * yaw_rate * cosine)
    propagate(memory, parameters, rates, jacobian, dt)
    wander(memory, ARTICULATION, (1.0 - settling) * parameters.articulation_rolling_sigma_rad
           * parameters.articulation_rolling_sigma_rad)
    if memory.p[13 * ARTICULATION] > GREATEST_ARTICULATION_SIGMA * GREATEST_ARTICULATION_SIGMA:
        set_sigma(memory, ARTICULATION, GREATEST_ARTICULATION_SIGMA)     # backwards nothing settles
    memory.x[LATERAL_VELOCITY], memory.x[YAW_RATE] = vehicle.tractor_cg_x_m * yaw_rate, yaw_rate
    memory.x[ARTICULATION_RATE] = rolling_rate(vehicle, wheelbase, memory.x[ARTICULATION], speed, yaw_rate)
    set_sigma(memory, LATERAL_VELOCITY, parameters.articulation_rolling_sigma_rad * (fabs(speed) + 1.0))
    set_sigma(memory, YAW_RATE, parameters.combination_yaw_rate_sigma)
    set_sigma(memory, ARTICULATION_RATE, parameters.combination_yaw_rate_sigma
              + fabs(speed) / wheelbase * sqrt(memory.p[13 * ARTICULATION]))


cdef inline void track(ArticulationMemory* memory, const TruckParameters* parameters, const Combination* made, double angle,
                       double dt) noexcept nogil:
    cdef double[4] rates
    cdef double[48] jacobian
    combination_rates(made, memory.x, angle, memory.bank, rates, jacobian)
    propagate(memory, parameters, rates, jacobian, dt)
    wander(memory, LATERAL_VELOCITY, dt * parameters.combination_lateral_velocity_walk
           * parameters.combination_lateral_velocity_walk)
    wander(memory, YAW_RATE, dt * parameters.combination_yaw_rate_walk * parameters.combination_yaw_rate_walk)
    wander(memory, ARTICULATION_RATE, dt * parameters.combination_articulation_rate_walk
           * parameters.combination_articulation_rate_walk)


cdef inline void articulation_step(ArticulationMemory* memory, const TruckParameters* parameters,
                                   const VehicleParameters* vehicle, const InputFrame* frame, const VehicleState* told,
                                   const EgoState* ego, const TruckState* truck, double dt) noexcept nogil:
    """`truck`: mass and headwind as they are known."""
    cdef double speed = known_speed(told, ego), yaw_rate = known_yaw_rate(told, ego)
    cdef double lateral = speed * yaw_rate
    cdef double[12] learned
    cdef double[12] row
    cdef Combination made
    cdef bint turning, weighed
    cdef int i
    memory.tracked = 0
    if not vehicle.has_trailer:
        return
    turning = fabs(lateral) > parameters.combination_turning_mps2
    weighed = truck.mass_sigma_kg < parameters.tyre_mass_share * truck.mass_kg
    for i in range(STATES):
        learned[i] = 1.0
        row[i] = 0.0
    learned[FRONT_TYRES] = learned[REAR_TYRES] = 1.0 if turning and weighed else 0.0
    learned[TRAILER_TYRES] = learned[WHEELBASE] = learned[SENSOR_OFFSET] = 0.0
    learned[STEERING_OFFSET] = 0.0 if turning else 1.0
    if isfinite(speed) and 0.0 < dt < 0.2:
        memory.tracked = velocity_known(ego) and speed > parameters.combination_speed_minimum_mps \
            and told.steering_validity == 0 and isfinite(told.road_wheel_angle) \
            and ego.gyro_bias_sigma[2] < parameters.combination_gyro_bias_maximum
        if memory.tracked:
            memory.bank += dt / (parameters.bank_lag_s + dt) * (
                ego.roll - parameters.frame_roll_rad_per_mps2 * lateral - memory.bank)
            combine(vehicle, truck.mass_kg, speed, truck.headwind_mps if truck.mass_excited else 0.0, parameters.side_area_m2,
                    &made)
            track(memory, parameters, &made, told.road_wheel_angle, dt)
            row[YAW_RATE] = 1.0
            correct(memory, row, yaw_rate - memory.x[YAW_RATE], parameters.combination_yaw_rate_sigma, learned, 1e9)
            memory.force = side_force(&made, memory.x[WIND] + memory.x[GUST])
        else:
            roll_along(memory, parameters, vehicle, speed, yaw_rate, dt)
    # Where it turns, a wheelbase told wrongly would be taken for the sensor's offset
    learned[SENSOR_OFFSET] = 1.0 if fabs(memory.x[ARTICULATION]) < STRAIGHT_ARTICULATION and not turning else 0.0
    if turning or fabs(memory.x[ARTICULATION]) > TURNING_ARTICULATION:
        learned[TRAILER_TYRES] = learned[WHEELBASE] = 1.0
    learned[TRAILER_TYRES] *= 1.0 if memory.tracked and weighed else 0.0
    hear_trailer(memory, parameters, frame, learned)
    for i in range(FRONT_TYRES, TRAILER_TYRES + 1):
        memory.x[i] = clipped(memory.x[i], -0.7, 0.7)
    memory.x[WHEELBASE] = clipped(memory.x[WHEELBASE], -0.4, 0.4)


cdef inline double sigma_of(const ArticulationMemory* memory, int state) noexcept nogil:
    cdef double variance = memory.p[(STATES + 1) * state]
    return sqrt(variance) if variance > 0.0 else 0.0


cdef inline double with_doubt(const ArticulationMemory* memory, int state, double doubt) noexcept nogil:
    return sqrt(memory.p[(STATES + 1) * state] + doubt * doubt)


cdef inline void articulation_tell(const ArticulationMemory* memory, const TruckParameters* parameters,
                                   const VehicleParameters* vehicle, int64_t tick_ns, TruckState* truck) noexcept nogil:
    cdef double length = vehicle.trailer_wheelbase_m
    cdef double together = memory.p[13 * WIND] + memory.p[13 * GUST] + 2.0 * memory.p[STATES * WIND + GUST]
    cdef double wind_sigma = sqrt(together) if together > 0.0 else 0.0
    truck.steering_offset_rad = memory.x[STEERING_OFFSET]
    truck.steering_offset_sigma_rad = with_doubt(memory, STEERING_OFFSET, STEERING_DOUBT_PER_WIND * wind_sigma)
    truck.front_tyre_factor, truck.rear_tyre_factor = 1.0 + memory.x[FRONT_TYRES], 1.0 + memory.x[REAR_TYRES]
    truck.trailer_tyre_factor = 1.0 + memory.x[TRAILER_TYRES]
    truck.front_tyre_factor_sigma = with_doubt(memory, FRONT_TYRES, TYRE_DOUBT)
    truck.rear_tyre_factor_sigma = with_doubt(memory, REAR_TYRES, TYRE_DOUBT)
    truck.trailer_tyre_factor_sigma = with_doubt(memory, TRAILER_TYRES, TYRE_DOUBT)
    truck.crosswind_mps, truck.gust_mps = memory.x[WIND] + memory.x[GUST], memory.x[GUST]
    truck.crosswind_sigma_mps, truck.gust_sigma_mps = wind_sigma, sigma_of(memory, GUST)
    truck.wind_force_n = memory.force if memory.tracked else 0.0
    truck.steering_offset_known = truck.steering_offset_sigma_rad < parameters.steering_offset_known_rad
    truck.tyres_known = truck.front_tyre_factor_sigma < parameters.tyre_factor_known \
        and truck.rear_tyre_factor_sigma < parameters.tyre_factor_known
    truck.crosswind_known = truck.crosswind_sigma_mps < parameters.crosswind_known_mps
    if not vehicle.has_trailer:
        return
    truck.articulation_angle, truck.articulation_sigma = memory.x[ARTICULATION], sigma_of(memory, ARTICULATION)
    truck.articulation_rate, truck.articulation_rate_sigma = memory.x[ARTICULATION_RATE], sigma_of(memory, ARTICULATION_RATE)
    truck.trailer_wheelbase_m, truck.trailer_wheelbase_sigma_m = length * (1.0 + memory.x[WHEELBASE]), \
        length * with_doubt(memory, WHEELBASE, WHEELBASE_DOUBT)
    truck.trailer_wheelbase_known = sigma_of(memory, WHEELBASE) < parameters.trailer_wheelbase_known
    truck.combination_tracked = memory.tracked != 0
    truck.articulation_sensed = since_s(memory.sensed_ns, tick_ns) < SENSED_S
