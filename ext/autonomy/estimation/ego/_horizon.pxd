# The delayed horizon: every measurement is fused at the moment it was true, in the order of those moments.
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t, uint32_t

from autonomy.estimation.ego._alignment cimport NOT_ALIGNED
from autonomy.estimation.ego._predict cimport Motion, carry_covariance, move
from autonomy.estimation.ego._recovery cimport after_position_fix, after_velocity_fix, after_wheel_speed
from autonomy.estimation.ego._state cimport (
    ATTITUDE, EVENTS_PER_TICK, GYRO_BIAS, ROW, GNSS_RING, IMU_RING, MEAN_WINDOW_NS, ODOMETRY_RING, RUNNING, WHEEL_RING, EgoFilter,
    GnssEntry, ImuEntry, Increment, WheelEntry,
)
from autonomy.estimation.ego.aids._gnss_position cimport fuse_gnss_position
from autonomy.estimation.ego.aids._gnss_velocity cimport fuse_gnss_velocity
from autonomy.estimation.ego.aids._gravity cimport fuse_gravity
from autonomy.estimation.ego.aids._non_holonomic cimport fuse_non_holonomic
from autonomy.estimation.ego.aids._odometry cimport fuse_odometry
from autonomy.estimation.ego.aids._wheel_speed cimport fuse_wheel_speed
from autonomy.estimation.ego.aids._zero_rate cimport fuse_zero_rate
from autonomy.estimation.ego.aids._zero_velocity cimport fuse_zero_velocity
from autonomy.estimation.ego._frame cimport gravity_at
from autonomy.linalg._small cimport matrix_of, rotate
from autonomy.msg.messages cimport (
    AidStatus_REASON_NOT_APPLICABLE, EgoParameters, EgoState_AID_GRAVITY, EgoState_AID_NON_HOLONOMIC, EgoState_AID_ZERO_RATE,
    EgoState_AID_ZERO_VELOCITY,
)

cdef enum:
    LOOK_BACK = 24           # samples to either side, so many at most
    SLACK_NS = 5000000       # a sample this little behind the horizon is still fused; 0.1 m at 20 m/s

cdef enum Event:
    NOTHING = 0
    FIX_POSITION = 1
    FIX_VELOCITY = 2
    WHEEL = 3
    CONSTRAINT = 4
    REST = 5
    SCAN_MOTION = 6


cdef inline void walk(const EgoFilter* state, const EgoParameters* parameters, Motion* motion, Increment* increment,
                      int64_t* time_ns, uint32_t* next_sample, int64_t until_ns, double* rate, double* force) noexcept nogil:
    """Moves from `time_ns` to `until_ns` through the IMU ring: between two samples their mean, after the last one its value."""
    cdef const ImuEntry* before
    cdef const ImuEntry* after
    cdef int64_t end, gap
    cdef double step
    cdef int i
    while time_ns[0] < until_ns:
        if next_sample[0] < state.imu_head:
            after = &state.imu[next_sample[0] % IMU_RING]
            before = after
            if next_sample[0] > 0 and state.imu_head - next_sample[0] < IMU_RING:
                before = &state.imu[(next_sample[0] - 1) % IMU_RING]
            end = min(until_ns, after.time_ns)
            gap = after.time_ns - before.time_ns
        else:
            after = &state.imu[(state.imu_head - 1) % IMU_RING]
            before = after
            end = until_ns
            gap = until_ns - after.time_ns
        for i in range(3):
            force[i] = 0.5 * (before.force[i] + after.force[i]) - state.accelerometer_bias[i]
            rate[i] = 0.5 * (before.rate[i] + after.rate[i]) - state.gyro_bias[i]
        step = 1e-9 * <double>(end - time_ns[0])
        if step > 0.0:
            move(motion, increment, force, rate, parameters.gravity_mps2, step,
                 step * parameters.imu_gap_noise if gap > <int64_t>(parameters.imu_gap_s * 1e9) else step)
            time_ns[0] = end
        if next_sample[0] < state.imu_head and end == after.time_ns:
            next_sample[0] += 1


cdef inline void advance(EgoFilter* state, const EgoParameters* parameters, int64_t until_ns) noexcept nogil:
    """Moves the horizon's mean; the covariance follows when it is needed."""
    cdef Motion motion
    cdef double force[3]
    cdef int i
    if until_ns <= state.horizon_ns:
        return
    for i in range(3):
        motion.position[i] = state.position[i]
        motion.velocity[i] = state.velocity[i]
    for i in range(4):
        motion.orientation[i] = state.orientation[i]
    walk(state, parameters, &motion, &state.pending, &state.horizon_ns, &state.imu_next, until_ns, state.rate, force)
    for i in range(3):
        state.position[i] = motion.position[i]
        state.velocity[i] = motion.velocity[i]
        state.acceleration[i] = motion.acceleration[i]
    for i in range(4):
        state.orientation[i] = motion.orientation[i]


cdef inline void look_around(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    """Means of rate and acceleration round the horizon: it lies behind now, so there are samples to either side.

    A Jacobian that holds one vibrating sample would count the vibration as knowledge (of a delay, of a lever arm).
    """
    cdef double force[3]
    cdef double rotation[9]
    cdef double down[3]
    cdef const ImuEntry* sample
    cdef uint32_t first = state.imu_next - min(state.imu_next, <uint32_t>LOOK_BACK)
    cdef uint32_t last = min(state.imu_head, state.imu_next + LOOK_BACK)
    cdef uint32_t index
    cdef double count = 0.0
    cdef int i
    if state.imu_head - first > IMU_RING:
        first = state.imu_head - IMU_RING
    for i in range(3):
        force[i] = 0.0
        state.mean_rate[i] = 0.0
    for index in range(first, last):
        sample = &state.imu[index % IMU_RING]
        if -MEAN_WINDOW_NS <= sample.time_ns - state.horizon_ns <= MEAN_WINDOW_NS:
            count += 1.0
            for i in range(3):
                force[i] += sample.force[i]
                state.mean_rate[i] += sample.rate[i]
    if count == 0.0:
        for i in range(3):
            state.mean_rate[i] = state.rate[i]
            state.mean_acceleration[i] = state.acceleration[i]
        return
    for i in range(3):
        force[i] = force[i] / count - state.accelerometer_bias[i]
        state.mean_rate[i] = state.mean_rate[i] / count - state.gyro_bias[i]
    matrix_of(state.orientation, rotation)
    rotate(rotation, force, state.mean_acceleration)
    gravity_at(state.position, parameters.gravity_mps2, down)
    for i in range(3):
        state.mean_acceleration[i] += down[i]


cdef inline bint is_standing(const EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    return state.has_wheel and state.horizon_ns - state.moving_ns >= <int64_t>(parameters.standstill_time_s * 1e9)


cdef inline void watch_motion(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    # The bias may not be known yet: what it could be is no motion
    cdef double limit = parameters.standstill_rate_radps + 2.0 * sqrt(state.covariance[(ROW + 1) * GYRO_BIAS])
    # Coarse or slow wheels still say zero while the vehicle pulls away; what the tilt could be is no pull either
    cdef double pull = 3.0 * parameters.gravity_sigma_mps2 + 2.0 * parameters.gravity_mps2 * sqrt(
        max(state.covariance[(ROW + 1) * ATTITUDE], state.covariance[(ROW + 1) * (ATTITUDE + 1)]))
    if (fabs(state.wheel_speed) > parameters.standstill_speed_mps or fabs(state.rate[0]) > limit or fabs(state.rate[1]) > limit
            or fabs(state.rate[2]) > limit or fabs(state.mean_acceleration[0]) > pull or fabs(state.mean_acceleration[1]) > pull):
        state.moving_ns = state.horizon_ns


cdef inline void fuse_event(EgoFilter* state, const EgoParameters* parameters, Event event, int64_t tick_ns) noexcept nogil:
    cdef GnssEntry* fix
    cdef WheelEntry* sample
    if event == FIX_POSITION:
        fix = &state.gnss[state.gnss_next_position % GNSS_RING]
        state.gnss_next_position += 1
        if state.has_origin:
            carry_covariance(state, parameters)
            after_position_fix(state, parameters, fix, fuse_gnss_position(state, parameters, fix))
    elif event == FIX_VELOCITY:
        fix = &state.gnss[state.gnss_next_velocity % GNSS_RING]
        state.gnss_next_velocity += 1
        if state.has_origin and fix.has_velocity > 1:
            carry_covariance(state, parameters)
            look_around(state, parameters)
            after_velocity_fix(state, parameters, fix, fuse_gnss_velocity(state, parameters, fix))
    elif event == WHEEL:
        state.wheel_speed = state.wheel[state.wheel_next % WHEEL_RING].speed
        state.has_wheel = 1
        watch_motion(state, parameters)
        if state.yaw_aligned != NOT_ALIGNED:
            carry_covariance(state, parameters)
            look_around(state, parameters)
            sample = &state.wheel[state.wheel_next % WHEEL_RING]
            after_wheel_speed(state, parameters, sample.time_ns, fuse_wheel_speed(state, parameters, sample))
        state.wheel_next += 1
    elif event == SCAN_MOTION:
        if state.yaw_aligned != NOT_ALIGNED:
            carry_covariance(state, parameters)
            look_around(state, parameters)
            fuse_odometry(state, parameters, &state.odometry[state.odometry_next % ODOMETRY_RING])
        state.odometry_next += 1
    elif event == CONSTRAINT:
        state.next_non_holonomic_ns += <int64_t>(parameters.non_holonomic_interval_s * 1e9)
        if state.yaw_aligned != NOT_ALIGNED and (state.velocity[0] * state.velocity[0] + state.velocity[1] * state.velocity[1]
                > parameters.non_holonomic_speed_mps * parameters.non_holonomic_speed_mps):
            carry_covariance(state, parameters)
            look_around(state, parameters)
            fuse_non_holonomic(state, parameters)
        else:
            state.aids[EgoState_AID_NON_HOLONOMIC].fault = AidStatus_REASON_NOT_APPLICABLE
    elif event == REST:
        state.next_standstill_ns += <int64_t>(parameters.standstill_interval_s * 1e9)
        look_around(state, parameters)
        watch_motion(state, parameters)  # also between two wheel samples, which may be further apart than a rest is long
        if is_standing(state, parameters):
            carry_covariance(state, parameters)
            fuse_zero_velocity(state, parameters)
            look_around(state, parameters)  # the biases have moved
            fuse_zero_rate(state, parameters)
            look_around(state, parameters)
            fuse_gravity(state, parameters)
        else:
            state.zero_rates = 0
            state.aids[EgoState_AID_ZERO_VELOCITY].fault = AidStatus_REASON_NOT_APPLICABLE
            state.aids[EgoState_AID_ZERO_RATE].fault = AidStatus_REASON_NOT_APPLICABLE
            state.aids[EgoState_AID_GRAVITY].fault = AidStatus_REASON_NOT_APPLICABLE


cdef inline Event next_event(const EgoFilter* state, int64_t until_ns, int64_t* time_ns) noexcept nogil:
    """The earliest of what waits, by its own estimated true time, not later than `until_ns`."""
    cdef Event found = NOTHING
    cdef int64_t when
    time_ns[0] = until_ns + 1
    if state.gnss_next_position < state.gnss_head:
        when = state.gnss[state.gnss_next_position % GNSS_RING].time_ns - <int64_t>(state.delay[0] * 1e9)
        if when < time_ns[0]:
            found = FIX_POSITION
            time_ns[0] = when
    if state.gnss_next_velocity < state.gnss_head:
        when = state.gnss[state.gnss_next_velocity % GNSS_RING].time_ns - <int64_t>(state.delay[1] * 1e9)
        if when < time_ns[0]:
            found = FIX_VELOCITY
            time_ns[0] = when
    if state.wheel_next < state.wheel_head:
        when = state.wheel[state.wheel_next % WHEEL_RING].time_ns - <int64_t>(state.delay[2] * 1e9)
        if when < time_ns[0]:
            found = WHEEL
            time_ns[0] = when
    if state.odometry_next < state.odometry_head:
        when = state.odometry[state.odometry_next % ODOMETRY_RING].time_ns
        if when < time_ns[0]:
            found = SCAN_MOTION
            time_ns[0] = when
    if state.next_non_holonomic_ns < time_ns[0]:
        found = CONSTRAINT
        time_ns[0] = state.next_non_holonomic_ns
    if state.next_standstill_ns < time_ns[0]:
        found = REST
        time_ns[0] = state.next_standstill_ns
    return found


cdef inline void pass_over(EgoFilter* state, Event event) noexcept nogil:
    """A sample the horizon has left behind: counted, not used."""
    state.late_measurements += 1
    if event == FIX_POSITION:
        state.gnss_next_position += 1
    elif event == FIX_VELOCITY:
        state.gnss_next_velocity += 1
    elif event == WHEEL:
        state.wheel_next += 1
    elif event == SCAN_MOTION:
        state.odometry_next += 1


cdef inline void advance_horizon(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns) noexcept nogil:
    """Everything true up to now less the horizon's delay, in order; leaves the covariance at the horizon."""
    cdef int64_t until = tick_ns - <int64_t>(parameters.horizon_delay_s * 1e9)
    cdef int64_t when = 0
    cdef Event event
    cdef int i
    for i in range(EVENTS_PER_TICK):
        event = next_event(state, until, &when)
        if event == NOTHING:
            break
        if event != CONSTRAINT and event != REST and when < state.horizon_ns - SLACK_NS:
            pass_over(state, event)
            continue
        advance(state, parameters, when)
        fuse_event(state, parameters, event, tick_ns)
        if state.phase != RUNNING:
            return
    advance(state, parameters, until)
    carry_covariance(state, parameters)
