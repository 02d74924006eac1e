# GNSS velocity: Doppler velocity of the antenna a delay ago; the vertical part where the receiver gives it.
from libc.math cimport isfinite

from autonomy.estimation.ego._alignment cimport NOT_ALIGNED
from autonomy.estimation.ego._frame cimport local_velocity
from autonomy.estimation.ego._state cimport ATTITUDE, VELOCITY, VELOCITY_DELAY, EgoFilter, GnssEntry, Jacobian
from autonomy.estimation.ego._update cimport entries, entry, fuse, is_unlikely
from autonomy.estimation.ego.aids._antenna cimport antenna
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_GNSS_VELOCITY


cdef inline double white_variance(double reported, double configured, double margin, double share) noexcept nogil:
    """Of a reported accuracy a share is noise, and all that goes beyond the margin receivers keep in open sky."""
    if not isfinite(reported):
        return configured * configured
    return max(share * share * reported * reported, reported * reported - margin * margin)


cdef inline void velocity_noise(const EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix,
                                const double* measured, double share, double* noise) noexcept nogil:
    """`share`: white part of the accuracies the receiver reports."""
    cdef int size = 3 if fix.has_velocity == 3 else 2
    cdef double smear = parameters.gnss_velocity_smear_s * parameters.gnss_velocity_smear_s
    cdef double along = white_variance(fix.speed_sigma, parameters.gnss_speed_sigma_mps, parameters.gnss_speed_margin_mps, share)
    # Across the direction of travel a Doppler velocity is as uncertain as along it, or as the course the receiver states
    cdef double across = along + parameters.gnss_course_sigma_rad * parameters.gnss_course_sigma_rad * fix.speed * fix.speed
    cdef double east = 0.0
    cdef double north = 1.0
    cdef int i, j
    if isfinite(fix.course_sigma) and fix.speed > parameters.gnss_course_speed_mps:
        across = fix.speed * fix.speed * white_variance(fix.course_sigma, 0.0, parameters.gnss_course_margin_rad, share)
    if fix.speed > 0.1:
        east = measured[0] / fix.speed
        north = measured[1] / fix.speed
    for i in range(9):
        noise[i] = 0.0
    noise[0] = along * east * east + across * north * north
    noise[1] = (along - across) * east * north
    noise[size] = noise[1]
    noise[size + 1] = along * north * north + across * east * east
    if size == 3:
        noise[8] = parameters.gnss_climb_sigma_mps * parameters.gnss_climb_sigma_mps
    for i in range(size):
        for j in range(size):
            noise[size * i + j] += smear * state.mean_acceleration[i] * state.mean_acceleration[j]


cdef inline bint fuse_gnss_velocity(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix) noexcept nogil:
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef double measured[3]
    cdef double arm[3]
    cdef double turning[3]
    cdef int size = 3 if fix.has_velocity == 3 else 2
    cdef int i
    local_velocity(state, fix, measured)
    antenna(state, parameters, state.mean_rate, arm, turning)
    for i in range(3):
        residual[i] = measured[i] - state.velocity[i] - turning[i]
        rows[i].count = 0
        entry(&rows[i], VELOCITY + i, 1.0)
        entry(&rows[i], VELOCITY_DELAY, 0.0 if state.yaw_aligned == NOT_ALIGNED else -state.mean_acceleration[i])
    entries(&rows[0], ATTITUDE, 0.0, turning[2], -turning[1])
    entries(&rows[1], ATTITUDE, -turning[2], 0.0, turning[0])
    entries(&rows[2], ATTITUDE, turning[1], -turning[0], 0.0)
    velocity_noise(state, parameters, fix, measured, parameters.gnss_white_share, noise)
    if is_unlikely(state, size, rows, noise, residual):
        velocity_noise(state, parameters, fix, measured, 1.0, noise)
    return fuse(state, parameters, EgoState_AID_GNSS_VELOCITY, size, rows, noise, residual, fix.time_ns)
