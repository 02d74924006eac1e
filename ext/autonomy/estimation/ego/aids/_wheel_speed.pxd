# Wheel speed: scale times the forward velocity of the drive axle, a delay of its own ago.

from autonomy.estimation.ego._axle cimport Axle, axle_row, look_at_axle
from autonomy.estimation.ego._state cimport SPEED_SCALE, WHEEL_DELAY, EgoFilter, Jacobian, WheelEntry
from autonomy.estimation.ego._update cimport entry, fuse
from autonomy.msg.messages cimport EgoParameters, EgoState_AID_WHEEL_SPEED


cdef inline bint fuse_wheel_speed(EgoFilter* state, const EgoParameters* parameters, const WheelEntry* sample) noexcept nogil:
    cdef Jacobian row
    cdef Axle axle
    # Rounding to a step is an error with the variance step^2 / 12; a mean over 50 ms rarely sees two different steps
    cdef double noise = parameters.wheel_sigma_mps * parameters.wheel_sigma_mps + sample.step * sample.step / 12.0
    cdef double residual, forward
    look_at_axle(state, &axle)
    forward = (axle.axes[0] * state.mean_acceleration[0] + axle.axes[1] * state.mean_acceleration[1]
               + axle.axes[2] * state.mean_acceleration[2])
    residual = sample.speed - state.speed_scale * axle.velocity[0]
    row.count = 0
    axle_row(state, &axle, 0, state.speed_scale, &row)
    entry(&row, SPEED_SCALE, axle.velocity[0])
    entry(&row, WHEEL_DELAY, -state.speed_scale * forward)
    return fuse(state, parameters, EgoState_AID_WHEEL_SPEED, 1, &row, &noise, &residual, sample.time_ns)
