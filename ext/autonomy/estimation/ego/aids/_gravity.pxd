# Gravity at rest: with no acceleration the specific force, bias removed, is minus gravity.
from autonomy.estimation.ego._frame cimport gravity_at
from autonomy.estimation.ego._state cimport ACCELEROMETER_BIAS, ATTITUDE, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport entries, fuse
from autonomy.linalg._small cimport matrix_of
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_GRAVITY


cdef inline bint fuse_gravity(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    """Residual in ENU: the acceleration at the horizon ought to be zero."""
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef double rotation[9]
    cdef double down[3]
    cdef double force[3]
    cdef int i
    matrix_of(state.orientation, rotation)
    gravity_at(state.position, parameters.gravity_mps2, down)
    for i in range(9):
        noise[i] = 0.0
    for i in range(3):
        force[i] = state.mean_acceleration[i] - down[i]
        noise[4 * i] = parameters.gravity_sigma_mps2 * parameters.gravity_sigma_mps2
        residual[i] = state.mean_acceleration[i]
        rows[i].count = 0
        entries(&rows[i], ACCELEROMETER_BIAS, rotation[3 * i], rotation[3 * i + 1], rotation[3 * i + 2])
    # acceleration = R f + g changes by [error]x R f - R bias error; zero minus it is the residual, so the signs turn round
    entries(&rows[0], ATTITUDE, 0.0, -force[2], force[1])
    entries(&rows[1], ATTITUDE, force[2], 0.0, -force[0])
    entries(&rows[2], ATTITUDE, -force[1], force[0], 0.0)
    return fuse(state, parameters, EgoState_AID_GRAVITY, 3, rows, noise, residual, state.horizon_ns)
