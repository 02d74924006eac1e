# Zero rate while the wheels stand still: the gyro reads its bias.
from autonomy.estimation.ego._state cimport GYRO_BIAS, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport entry, fuse
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_ZERO_RATE


cdef inline bint fuse_zero_rate(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef int i
    # At rest nothing shakes a coarse gyro through its steps: the rounding is the same error all the time, so that of n
    # updates each may count as an n-th of one
    cdef double variance = parameters.zero_rate_sigma_radps * parameters.zero_rate_sigma_radps
    state.zero_rates += 1
    variance += state.zero_rates * state.gyro_step * state.gyro_step / 12.0
    for i in range(9):
        noise[i] = 0.0
    for i in range(3):
        noise[4 * i] = variance
        residual[i] = state.mean_rate[i]
        rows[i].count = 0
        entry(&rows[i], GYRO_BIAS + i, 1.0)
    return fuse(state, parameters, EgoState_AID_ZERO_RATE, 3, rows, noise, residual, state.horizon_ns)
