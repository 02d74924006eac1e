# One track's two small Kalman filters: along (x, speed, acceleration) and across (y, speed), in the turning vehicle frame.
from libc.math cimport exp
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._tracks cimport Slot


cdef inline void begin(Slot* slot, const TracksParameters* parameters, double x, double y, double speed, double x_sigma,
                       double y_sigma) noexcept nogil:
    slot.along[0] = x
    slot.along[1] = speed
    slot.along[2] = 0.0
    slot.along_P[0] = x_sigma * x_sigma
    slot.along_P[1] = slot.along_P[2] = slot.along_P[4] = 0.0
    slot.along_P[3] = parameters.initial_speed_sigma * parameters.initial_speed_sigma
    slot.along_P[5] = parameters.initial_acceleration_sigma * parameters.initial_acceleration_sigma
    slot.across[0] = y
    slot.across[1] = 0.0
    slot.across_P[0] = y_sigma * y_sigma
    slot.across_P[1] = 0.0
    slot.across_P[2] = parameters.initial_speed_sigma * parameters.initial_speed_sigma


cdef inline void predict(Slot* slot, const TracksParameters* parameters, double dt, double decay, double speed,
                         double yaw_rate) noexcept nogil:
    """Moves the object over ground and the vehicle under it; `decay` = exp(-dt / acceleration_decay_s)."""
    cdef double x = slot.along[0], v = slot.along[1], a = slot.along[2]
    cdef double y = slot.across[0], w = slot.across[1]
    cdef double xx = slot.along_P[0], xv = slot.along_P[1], xa = slot.along_P[2]
    cdef double vv = slot.along_P[3], va = slot.along_P[4], aa = slot.along_P[5]
    cdef double q = parameters.process_jerk * parameters.process_jerk * dt
    cdef double half = 0.5 * dt * dt
    slot.along[0] = x + (v - speed + yaw_rate * y) * dt + half * a
    slot.along[1] = v + (a + yaw_rate * w) * dt
    slot.along[2] = decay * a
    slot.across[0] = y + (w - yaw_rate * x) * dt
    slot.across[1] = w - yaw_rate * v * dt
    # F = [1 dt half; 0 1 dt; 0 0 decay], P = F P F' + q on the acceleration, row by row
    slot.along_P[0] = xx + 2.0 * dt * xv + 2.0 * half * xa + dt * dt * vv + 2.0 * dt * half * va + half * half * aa
    slot.along_P[1] = xv + dt * xa + dt * vv + dt * dt * va + half * va + half * dt * aa
    slot.along_P[2] = decay * (xa + dt * va + half * aa)
    slot.along_P[3] = vv + 2.0 * dt * va + dt * dt * aa
    slot.along_P[4] = decay * (va + dt * aa)
    slot.along_P[5] = decay * decay * aa + q
    slot.across_P[0] += 2.0 * dt * slot.across_P[1] + dt * dt * slot.across_P[2]
    slot.across_P[1] += dt * slot.across_P[2]
    slot.across_P[2] += parameters.process_lateral * parameters.process_lateral * dt


cdef inline void update_along(Slot* slot, double nu, double variance, int component) noexcept nogil:
    """Scalar measurement of x (component 0) or speed (component 1) with innovation nu."""
    cdef double p0, p1, p2, S
    if component == 0:
        p0 = slot.along_P[0]
        p1 = slot.along_P[1]
        p2 = slot.along_P[2]
        S = p0 + variance
    else:
        p0 = slot.along_P[1]
        p1 = slot.along_P[3]
        p2 = slot.along_P[4]
        S = p1 + variance
    slot.along[0] += p0 / S * nu
    slot.along[1] += p1 / S * nu
    slot.along[2] += p2 / S * nu
    slot.along_P[0] -= p0 * p0 / S
    slot.along_P[1] -= p0 * p1 / S
    slot.along_P[2] -= p0 * p2 / S
    slot.along_P[3] -= p1 * p1 / S
    slot.along_P[4] -= p1 * p2 / S
    slot.along_P[5] -= p2 * p2 / S


cdef inline void update_across(Slot* slot, double nu, double variance) noexcept nogil:
    """Scalar measurement of y with innovation nu."""
    cdef double p0 = slot.across_P[0], p1 = slot.across_P[1]
    cdef double S = p0 + variance
    slot.across[0] += p0 / S * nu
    slot.across[1] += p1 / S * nu
    slot.across_P[0] -= p0 * p0 / S
    slot.across_P[1] -= p0 * p1 / S
    slot.across_P[2] -= p1 * p1 / S
