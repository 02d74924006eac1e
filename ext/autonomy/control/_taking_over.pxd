# What the truck stands off its place at taking over is taken back along a shape: first more is asked than that, then less.
#
# On tyres softer than known the loop swings at 0.85 rad/s with damping 0.22. Feedback that damps that mode follows noise; a
# reference shaped in time does not excite it (input shaping, Singer and Seering 1990, here over tyres 30 % off both ways).
from autonomy.msg.messages cimport LateralParameters_TICK_PERIOD_S
from autonomy.control._control cimport ControlMemory

cdef extern from *:
    """
    #define EAGER_UNTIL_S 0.7
    #define EAGER_SHARE 0.88           /* of the offset at taking over, asked beyond the place */
    #define HELD_UNTIL_S 1.6
    #define HELD_SHARE 0.81            /* ... and short of it */
    """
    const double EAGER_UNTIL_S
    const double EAGER_SHARE
    const double HELD_UNTIL_S
    const double HELD_SHARE


cdef inline double shaped_offset(ControlMemory* memory, double off_place) noexcept nogil:
    """m, to be added to the wanted offset in this tick; `off_place`: what the truck stands off its place now.

    Begins anew as long as a driver steers and whenever the observer does.
    """
    if memory.taking_over:
        memory.taking_over = 0
        memory.taken_over_m, memory.driven_s = off_place, 0.0
    else:
        memory.driven_s += LateralParameters_TICK_PERIOD_S
    # Half a tick of room: the sum of many ticks is no exact time
    if memory.driven_s < EAGER_UNTIL_S - 0.5 * LateralParameters_TICK_PERIOD_S:
        return -EAGER_SHARE * memory.taken_over_m
    if memory.driven_s < HELD_UNTIL_S - 0.5 * LateralParameters_TICK_PERIOD_S:
        return HELD_SHARE * memory.taken_over_m
    return 0.0
