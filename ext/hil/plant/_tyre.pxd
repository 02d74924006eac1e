# Lateral force of an axle: two wheels, each saturating with friction, its stiffness grown with load.
#
# With t = tan(slip), C the slope, P what the friction leaves after the longitudinal force, and the peak reached at t = q P / C:
# F = P q z / ((1 - z)2 + q z), z = C |t| / (q P), and P beyond (the curve of Rill's TMeasy without its decline). q = 3 lies close
# to the brush model; a larger q bends earlier and ends later.
from libc.math cimport fabs, sqrt


cdef inline double stiffness(double nominal_stiffness, double nominal_load, double sensitivity, double load) noexcept nogil:
    """N/rad: C0 ((1 + k) z - k z2), held where the parabola would turn down."""
    cdef double z = load / nominal_load
    cdef double turn = (1.0 + sensitivity) / (2.0 * sensitivity) if sensitivity > 0.0 else z
    if z > turn:
        z = turn
    return nominal_stiffness * ((1.0 + sensitivity) * z - sensitivity * z * z)


cdef inline double saturate(double slope, double peak, double reach, double slip) noexcept nogil:
    """N, of the sign of `slip`. `slope` N/rad, `peak` N, `reach` the q above."""
    cdef double share, rise
    if peak <= 0.0:
        return 0.0
    share = slope * fabs(slip) / (reach * peak)
    if share >= 1.0:
        return peak if slip > 0.0 else -peak
    rise = reach * share
    rise *= peak / ((1.0 - share) * (1.0 - share) + rise)
    return rise if slip > 0.0 else -rise


cdef inline double left_over(double grip, double longitudinal) noexcept nogil:
    """What of the grip the longitudinal force leaves to the side."""
    cdef double rest = grip * grip - longitudinal * longitudinal
    return sqrt(rest) if rest > 0.0 else 0.0


cdef inline double axle_force(double nominal_stiffness, double nominal_load, double sensitivity, double load, double transfer,
                              double friction, double reach, double longitudinal, double slip) noexcept nogil:
    """N: both wheels; `transfer` N is what the right one carries more than half and the left one less."""
    cdef double left = 0.5 * load - transfer
    cdef double right = 0.5 * load + transfer
    cdef double half = 0.5 * nominal_load
    cdef double share = longitudinal / load if load > 1.0 else 0.0
    return saturate(stiffness(0.5 * nominal_stiffness, half, sensitivity, left),
                    left_over(friction * left, share * left), reach, slip) \
        + saturate(stiffness(0.5 * nominal_stiffness, half, sensitivity, right),
                   left_over(friction * right, share * right), reach, slip)


cdef inline void sliding_force(double grip, double slip, double aside_slip, double* along, double* aside) noexcept nogil:
    """N: all of `grip` against the way the tread slides; nothing is left to guide. Slips are shares of the forward speed."""
    cdef double whole = sqrt(slip * slip + aside_slip * aside_slip)
    along[0] = grip * slip / whole
    aside[0] = grip * aside_slip / whole
