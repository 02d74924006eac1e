# Velocity of the drive axle in vehicle axes and its derivative by the states: what wheel speed and side slip look at.
from autonomy.estimation.ego._state cimport ATTITUDE, AXLE_X, GYRO_BIAS, MOUNTING, VELOCITY, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport entries, entry
from autonomy.linalg._small cimport cross, matrix_of, multiply_3x3_transposed, rotate


cdef struct Axle:
    double velocity[3]       # m/s, vehicle axes, at the axle
    double rate[3]           # rad/s, vehicle axes
    double axes[9]           # vehicle from ENU
    double by_attitude[9]    # of `velocity`
    double by_mounting[6]    # of `velocity`, 3 x 2


cdef inline void look_at_axle(const EgoFilter* state, Axle* axle) noexcept nogil:
    cdef double rotation[9]
    cdef double at_imu[3]
    cdef double row[3]
    cdef double slope[3]
    cdef int i
    matrix_of(state.orientation, rotation)
    multiply_3x3_transposed(state.vehicle_axes, rotation, axle.axes)
    rotate(axle.axes, state.velocity, at_imu)
    rotate(state.vehicle_axes, state.mean_rate, axle.rate)
    axle.velocity[0] = at_imu[0]
    axle.velocity[1] = at_imu[1] + axle.rate[2] * state.axle_x
    axle.velocity[2] = at_imu[2] - axle.rate[1] * state.axle_x
    # C R' exp(-error) v = C R' v + C R' [v]x error: each row is (row of C R') x v
    for i in range(3):
        row[0] = axle.axes[3 * i]
        row[1] = axle.axes[3 * i + 1]
        row[2] = axle.axes[3 * i + 2]
        cross(row, state.velocity, slope)
        axle.by_attitude[3 * i] = slope[0]
        axle.by_attitude[3 * i + 1] = slope[1]
        axle.by_attitude[3 * i + 2] = slope[2]
    # Yaw of the mounting turns about vehicle z, its pitch about the y axis turned by that yaw, (-sin, cos, 0)
    axle.by_mounting[0] = state.vehicle_axes[4] * at_imu[2]
    axle.by_mounting[2] = -state.vehicle_axes[1] * at_imu[2]
    axle.by_mounting[4] = state.vehicle_axes[1] * at_imu[1] - state.vehicle_axes[4] * at_imu[0]
    axle.by_mounting[1] = -at_imu[1]
    axle.by_mounting[3] = at_imu[0]
    axle.by_mounting[5] = 0.0


cdef inline void axle_row(const EgoFilter* state, const Axle* axle, int axis, double factor, Jacobian* row) noexcept nogil:
    """Appends factor times the derivative of axle.velocity[axis]."""
    entries(row, VELOCITY, factor * axle.axes[3 * axis], factor * axle.axes[3 * axis + 1], factor * axle.axes[3 * axis + 2])
    entries(row, ATTITUDE, factor * axle.by_attitude[3 * axis], factor * axle.by_attitude[3 * axis + 1],
            factor * axle.by_attitude[3 * axis + 2])
    entry(row, MOUNTING, factor * axle.by_mounting[2 * axis])
    entry(row, MOUNTING + 1, factor * axle.by_mounting[2 * axis + 1])
    if axis == 1:
        entry(row, AXLE_X, factor * axle.rate[2])
        entries(row, GYRO_BIAS, -factor * state.axle_x * state.vehicle_axes[6], -factor * state.axle_x * state.vehicle_axes[7],
                -factor * state.axle_x * state.vehicle_axes[8])
    elif axis == 2:
        entry(row, AXLE_X, -factor * axle.rate[1])
        entries(row, GYRO_BIAS, factor * state.axle_x * state.vehicle_axes[3], factor * state.axle_x * state.vehicle_axes[4],
                factor * state.axle_x * state.vehicle_axes[5])
