# Where the GNSS antenna is and how fast it turns about the IMU, in the local frame.
from autonomy.estimation.ego._state cimport EgoFilter
from autonomy.linalg._small cimport cross, matrix_of, rotate, rotate_back
from autonomy.msg.messages cimport EgoParameters


cdef inline void antenna(const EgoFilter* state, const EgoParameters* parameters, const double* body_rate, double* arm,
                         double* turning) noexcept nogil:
    """`arm` m from the IMU, `turning` m/s that `body_rate` (rad/s, body frame) gives it."""
    cdef double rotation[9]
    cdef double arm_imu[3]
    cdef double rate[3]
    matrix_of(state.orientation, rotation)
    rotate_back(state.vehicle_axes, parameters.antenna_from_imu_m, arm_imu)
    rotate(rotation, arm_imu, arm)
    rotate(rotation, body_rate, rate)
    cross(rate, arm, turning)
