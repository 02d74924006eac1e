# Zero velocity while the wheels stand still.
from autonomy.estimation.ego._state cimport VELOCITY, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport entry, fuse
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_ZERO_VELOCITY


cdef inline bint fuse_zero_velocity(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    cdef Jacobian rows[3]
    cdef double noise[9]
    cdef double residual[3]
    cdef int i
    for i in range(9):
        noise[i] = 0.0
    for i in range(3):
        noise[4 * i] = parameters.zero_velocity_sigma_mps * parameters.zero_velocity_sigma_mps
        residual[i] = -state.velocity[i]
        rows[i].count = 0
        entry(&rows[i], VELOCITY + i, 1.0)
    return fuse(state, parameters, EgoState_AID_ZERO_VELOCITY, 3, rows, noise, residual, state.horizon_ns)
