# Ego motion: 3-D error-state Kalman filter on a delayed horizon, predicted to the tick's time.
from autonomy.estimation.ego._state cimport EgoFilter
from autonomy.msg.messages cimport EgoParameters, EgoState, InputFrame, VehicleState

cdef void ego_reset(EgoFilter* state, const EgoParameters* parameters) noexcept nogil
cdef void ego_step(EgoFilter* state, const EgoParameters* parameters, const InputFrame* frame, const VehicleState* vehicle,
                   EgoState* out) noexcept nogil
