# Non-holonomic constraint: the drive axle moves neither sideways, but for side slip in bends, nor off the road.

from autonomy.estimation.ego._axle cimport Axle, axle_row, look_at_axle
from autonomy.estimation.ego._state cimport SLIP, EgoFilter, Jacobian
from autonomy.estimation.ego._update cimport entry, fuse
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_NON_HOLONOMIC


cdef inline bint fuse_non_holonomic(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    cdef Jacobian rows[2]
    cdef double noise[4]
    cdef double residual[2]
    cdef Axle axle
    cdef double sway
    look_at_axle(state, &axle)
    # Side slip angle = slip x lateral acceleration, outwards: lateral velocity = -slip (yaw rate x speed) speed
    sway = axle.rate[2] * axle.velocity[0] * axle.velocity[0]
    noise[0] = parameters.lateral_sigma_mps * parameters.lateral_sigma_mps
    noise[1] = 0.0
    noise[2] = 0.0
    noise[3] = parameters.vertical_sigma_mps * parameters.vertical_sigma_mps
    residual[0] = -axle.velocity[1] - state.slip * sway
    residual[1] = -axle.velocity[2]
    rows[0].count = 0
    rows[1].count = 0
    axle_row(state, &axle, 1, 1.0, &rows[0])
    entry(&rows[0], SLIP, sway)
    axle_row(state, &axle, 2, 1.0, &rows[1])
    return fuse(state, parameters, EgoState_AID_NON_HOLONOMIC, 2, rows, noise, residual, state.horizon_ns)
