# GNSS position: antenna position a delay ago, plus a slowly varying error, white noise, and jitter of the delay.
#
# The slow error is a state in units of the accuracy the receiver states for this fix (else of the configured one): as the
# receiver finds its way out of a bad start or a forest, its error shrinks with the number it tells.
from libc.math cimport isfinite

from autonomy.estimation.ego._alignment cimport NOT_ALIGNED
from autonomy.estimation.ego._frame cimport local_position
from autonomy.estimation.ego._state cimport ATTITUDE, GNSS_ERROR, POSITION, POSITION_DELAY, EgoFilter, GnssEntry, Jacobian
from autonomy.estimation.ego._update cimport entries, entry, fuse, is_unlikely
from autonomy.estimation.ego.aids._antenna cimport antenna
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_GNSS_POSITION


cdef inline double told_or(double reported, double configured) noexcept nogil:
    return reported if isfinite(reported) else configured


cdef inline void position_noise(const EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix, double share,
                                double* noise) noexcept nogil:
    """`share`: white part of the accuracy the receiver reports."""
    cdef double jitter = parameters.gnss_time_jitter_s * parameters.gnss_time_jitter_s
    cdef double horizontal = told_or(share * fix.position_sigma, parameters.gnss_position_sigma_m)
    cdef double vertical = told_or(share * fix.altitude_sigma, parameters.gnss_altitude_sigma_m) if fix.has_altitude else 1000.0
    cdef int i, j
    for i in range(3):
        for j in range(3):
            noise[3 * i + j] = jitter * state.velocity[i] * state.velocity[j]
    noise[0] += horizontal * horizontal
    noise[4] += horizontal * horizontal
    noise[8] += vertical * vertical


cdef inline bint fuse_gnss_position(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix) noexcept nogil:
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef double measured[3]
    cdef double arm[3]
    cdef double turning[3]
    cdef double slow[3]
    cdef int i
    slow[0] = told_or(fix.position_sigma, parameters.gnss_error_sigma_m)
    slow[1] = slow[0]
    state.tells_accuracy = isfinite(fix.position_sigma)
    slow[2] = told_or(fix.altitude_sigma, parameters.gnss_error_altitude_sigma_m) if fix.has_altitude else 0.0
    local_position(state, fix, measured)
    antenna(state, parameters, state.rate, arm, turning)
    for i in range(3):
        residual[i] = measured[i] - state.position[i] - arm[i] - slow[i] * state.gnss_error[i]
        rows[i].count = 0
        entry(&rows[i], POSITION + i, 1.0)
        entry(&rows[i], GNSS_ERROR + i, slow[i])
        # Which way the vehicle goes must be known before a delay along it can be
        entry(&rows[i], POSITION_DELAY, 0.0 if state.yaw_aligned == NOT_ALIGNED else -(state.velocity[i] + turning[i]))
    entries(&rows[0], ATTITUDE, 0.0, arm[2], -arm[1])
    entries(&rows[1], ATTITUDE, -arm[2], 0.0, arm[0])
    entries(&rows[2], ATTITUDE, arm[1], -arm[0], 0.0)
    position_noise(state, parameters, fix, parameters.gnss_white_share, noise)
    if is_unlikely(state, 3, rows, noise, residual):
        position_noise(state, parameters, fix, 1.0, noise)
    return fuse(state, parameters, EgoState_AID_GNSS_POSITION, 3, rows, noise, residual, fix.time_ns)
