# Lidar odometry: mean velocity and yaw rate between two scans, taken for those in the middle of the time between them.

from autonomy.estimation.ego._axle cimport Axle, axle_row, look_at_axle
from autonomy.estimation.ego._state cimport GYRO_BIAS, EgoFilter, Jacobian, OdometryEntry
from autonomy.estimation.ego._update cimport entries, fuse
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_ODOMETRY


cdef inline bint fuse_odometry(EgoFilter* state, const EgoParameters* parameters, const OdometryEntry* motion) noexcept nogil:
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef Axle axle
    cdef int i
    look_at_axle(state, &axle)
    for i in range(9):
        noise[i] = 0.0
    for i in range(2):
        noise[4 * i] = motion.velocity_sigma[i] * motion.velocity_sigma[i]
        residual[i] = motion.velocity[i] - axle.velocity[i]
        rows[i].count = 0
        axle_row(state, &axle, i, 1.0, &rows[i])
    # The turn between scans shows what is left in the gyro
    noise[8] = motion.rate_sigma * motion.rate_sigma
    residual[2] = motion.rate - axle.rate[2]
    rows[2].count = 0
    entries(&rows[2], GYRO_BIAS, -state.vehicle_axes[6], -state.vehicle_axes[7], -state.vehicle_axes[8])
    return fuse(state, parameters, EgoState_AID_ODOMETRY, 3, rows, noise, residual, motion.time_ns)
