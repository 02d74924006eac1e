# Lateral force of an axle: two wheels, each a brush that saturates with friction, its stiffness grown with load.
#
# Brush (Fiala) with parabolic pressure: F = C t - C2 t|t| / (3 P) + C3 t3 / (27 P2) up to |t| = 3 P / C, then P, where
# t = tan(slip) and P = what the friction leaves after the longitudinal force.
from libc.math cimport fabs, sqrt


cdef inline double stiffness(double nominal_stiffness, double nominal_load, double sensitivity, double load) noexcept nogil:
    """N/rad: C0 ((1 + k) z - k z2), held where the parabola would turn down."""
    cdef double z = load / nominal_load
    cdef double turn = (1.0 + sensitivity) / (2.0 * sensitivity) if sensitivity > 0.0 else z
    if z > turn:
        z = turn
    return nominal_stiffness * ((1.0 + sensitivity) * z - sensitivity * z * z)


cdef inline double brush(double slope, double peak, double slip) noexcept nogil:
    """N, of the sign of `slip`. `slope` N/rad, `peak` N."""
    cdef double share
    if peak <= 0.0:
        return 0.0
    share = slope * fabs(slip) / (3.0 * peak)
    if share >= 1.0:
        return peak if slip > 0.0 else -peak
    return slope * slip * (1.0 - share + share * share * (1.0 / 3.0))


cdef inline double left_over(double grip, double longitudinal) noexcept nogil:
    """What of the grip the longitudinal force leaves to the side."""
    cdef double rest = grip * grip - longitudinal * longitudinal
    return sqrt(rest) if rest > 0.0 else 0.0


cdef inline double axle_force(double nominal_stiffness, double nominal_load, double sensitivity, double load, double transfer,
                              double friction, double longitudinal, double slip) noexcept nogil:
    """N: both wheels; `transfer` N is what the right one carries more than half and the left one less."""
    cdef double left = 0.5 * load - transfer
    cdef double right = 0.5 * load + transfer
    cdef double half = 0.5 * nominal_load
    cdef double share = longitudinal / load if load > 1.0 else 0.0
    return brush(stiffness(0.5 * nominal_stiffness, half, sensitivity, left),
                 left_over(friction * left, share * left), slip) \
        + brush(stiffness(0.5 * nominal_stiffness, half, sensitivity, right),
                left_over(friction * right, share * right), slip)
