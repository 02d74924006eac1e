# Before the gearbox shifts up the engine lets its load off: whatever is driven with then is taken away at once.
#
# The engine speed at which it shifts is that of the last shift up, as the gearbox told it; until one was seen, the parameter's.
from libc.math cimport INFINITY, sqrt
from autonomy.msg.messages cimport LongitudinalParameters, VehicleParameters
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    static const double UPSHIFT_LOWEST = 0.75;      /* of the parameter: gearboxes shift up at 1200 to 1900 rpm [M] */
    static const double UPSHIFT_HIGHEST = 1.2;
    static const double UPSHIFT_PASSED = 0.02;      /* so far beyond the expected speed none is expected any more [D] */
    static const double UPSHIFT_DUE = 0.005;        /* from so near on it is due [C] */
    static const double UPSHIFT_JERK = 0.1;         /* m/s3, by which what may be left grows while it is due [D] */
    static const double UPSHIFT_STEP = 0.95;        /* of ratios, at most, from one gear to the next [M] */
    """
    const double UPSHIFT_LOWEST, UPSHIFT_HIGHEST, UPSHIFT_PASSED, UPSHIFT_DUE, UPSHIFT_JERK, UPSHIFT_STEP

ctypedef struct UpshiftMemory:
    double seen_radps            # where the last one began, 0 = none seen
    double began_radps           # where the shift that lasts began
    double from_ratio            # and in which gear, 0 = none lasts
    double waited_s              # it has been due for


cdef inline void upshift_begins(UpshiftMemory* memory, double ratio, double engine_radps) noexcept nogil:
    """In a tick of a shift, with the gear before it."""
    if memory.from_ratio == 0.0:
        memory.from_ratio = ratio
        memory.began_radps = engine_radps
    memory.waited_s = 0.0


cdef inline void upshift_ended(UpshiftMemory* memory, const LongitudinalParameters* parameters, double ratio) noexcept nogil:
    """The gear after a shift is known."""
    if 0.0 < ratio < UPSHIFT_STEP * memory.from_ratio:
        memory.seen_radps = clipped(memory.began_radps, UPSHIFT_LOWEST * parameters.engine_shift_up_radps,
                                    UPSHIFT_HIGHEST * parameters.engine_shift_up_radps)
    memory.from_ratio = 0.0


cdef inline double before_upshift(UpshiftMemory* memory, const LongitudinalParameters* parameters,
                                  const VehicleParameters* vehicle, double ratio, double speed, double driven,
                                  double dt) noexcept nogil:
    """m/s2, the most to drive with now so that the shift finds shift_up_acceleration left: `driven` now, let off with jerk_down.

    Waited for in vain it grows again, and beyond the expected speed nothing is held back: the gearbox may need more to shift,
    or may keep the gear. Infinite in the highest gear, and where the gear is not known (ratio 0).
    """
    cdef double expected = memory.seen_radps if memory.seen_radps > 0.0 else parameters.engine_shift_up_radps
    cdef double left, least
    if expected == 0.0 or ratio == 0.0 or UPSHIFT_STEP * ratio < vehicle.driveline_ratio:
        return INFINITY
    left = expected * vehicle.wheel_radius_m / ratio - speed
    if left < -UPSHIFT_PASSED * speed:
        return INFINITY
    if left < UPSHIFT_DUE * speed:
        memory.waited_s += dt
    else:
        memory.waited_s = 0.0
    left -= driven * parameters.engine_lag_s
    least = parameters.shift_up_acceleration + UPSHIFT_JERK * memory.waited_s
    return sqrt(least * least + 2.0 * parameters.jerk_down * (left if left > 0.0 else 0.0))
