# When the filter no longer believes what it is told, or what it holds is no number: start over, as little as needed.
from libc.stdint cimport int64_t

from autonomy.estimation.ego._alignment cimport LOCAL, set_variance
from autonomy.estimation.ego._frame cimport local_position
from autonomy.estimation.ego._predict cimport forget
from autonomy.estimation.ego._state cimport GNSS_ERROR, POSITION, ROW, STATES, WAITING, EgoFilter, GnssEntry
from autonomy.msg.messages cimport (
    EgoParameters, EgoState_AID_GNSS_POSITION, EgoState_AID_GNSS_VELOCITY, EgoState_AID_WHEEL_SPEED,
)


cdef inline bint rejected_too_long(const EgoFilter* state, const EgoParameters* parameters, int aid,
                                   int64_t time_ns) noexcept nogil:
    return (state.rejected_since_ns[aid] != 0
            and time_ns - state.rejected_since_ns[aid] > <int64_t>(parameters.gate_timeout_s * 1e9))


cdef inline void start_over(EgoFilter* state) noexcept nogil:
    """Back to alignment; origin, biases, scale, mounting and delays are kept as means, their sigmas are the priors again."""
    state.phase = WAITING
    state.yaw_aligned = 0
    state.resets += 1
    forget(&state.pending)


cdef inline void after_position_fix(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix,
                                    bint accepted) noexcept nogil:
    """Fixes that disagree for long while the velocity agrees: the position is the fix's again, all else stays."""
    cdef double measured[3]
    cdef int i
    if accepted or not rejected_too_long(state, parameters, EgoState_AID_GNSS_POSITION, fix.time_ns):
        return
    if state.rejected_since_ns[<int>EgoState_AID_GNSS_VELOCITY] != 0:
        start_over(state)
        return
    local_position(state, fix, measured)
    for i in range(3):
        state.position[i] = measured[i]
        state.gnss_error[i] = 0.0
        set_variance(state, GNSS_ERROR + i, 1.0)
        set_variance(state, POSITION + i, parameters.start_position_sigma_m)
    state.rejected_since_ns[<int>EgoState_AID_GNSS_POSITION] = 0
    state.resets += 1


cdef inline void after_velocity_fix(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix,
                                    bint accepted) noexcept nogil:
    """Velocities that disagree for long: yaw is wrong, only a new alignment helps."""
    if not accepted and rejected_too_long(state, parameters, EgoState_AID_GNSS_VELOCITY, fix.time_ns):
        start_over(state)


cdef inline void after_wheel_speed(EgoFilter* state, const EgoParameters* parameters, int64_t time_ns,
                                   bint accepted) noexcept nogil:
    """Without fixes the wheels are all there is to tell speed: what they contradict for long starts over."""
    if (state.yaw_aligned == LOCAL and not accepted
            and rejected_too_long(state, parameters, EgoState_AID_WHEEL_SPEED, time_ns)):
        start_over(state)


cdef inline bint is_sound(const EgoFilter* state) noexcept nogil:
    """Every state a number, every variance positive and finite."""
    cdef int i
    cdef bint sound = True
    for i in range(STATES):
        sound = sound and 0.0 <= state.covariance[(ROW + 1) * i] < 1e12
    for i in range(3):
        sound = sound and -1e9 < state.position[i] < 1e9 and -1e3 < state.velocity[i] < 1e3
    return sound and state.orientation[0] == state.orientation[0]
