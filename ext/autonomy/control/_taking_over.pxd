# What the truck stands off its place at taking over is taken back along a shape: first more is asked than that, then less,
# then a little more again.
#
# On tyres softer than known the loop swings at 0.85 rad/s with damping 0.22. Feedback that damps that mode follows noise; a
# reference shaped in time does not excite it (input shaping, Singer and Seering 1990, here over tyres 30 % off both ways). The
# faster the truck and the later its steering, the more must be asked, and the later it shows.
from autonomy.msg.messages cimport LateralParameters_TICK_PERIOD_S
from autonomy.control._control cimport ControlMemory
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    #define SHAPE_SPEED_MPS 20.0       /* at this speed ... */
    #define SHAPE_RESPONSE_S 0.4       /* ... and dead time and lag together the shape is as told first */
    #define EAGER_SHARE 1.71            /* of the offset at taking over, asked beyond the place; per s, per m/s */
    #define EAGER_PER_S 1.0
    #define EAGER_PER_MPS 0.057
    #define EAGER_MOST 2.5
    #define HELD_SHARE 0.86             /* ... and short of it */
    #define HELD_PER_MPS 0.022
    #define RELEASED_SHARE 0.56        /* ... and beyond it again */
    #define RELEASED_PER_MPS 0.023
    #define EAGER_S 0.41               /* how long each lasts */
    #define EAGER_S_PER_MPS 0.01
    #define HELD_S 1.4
    #define RELEASED_S 0.58
    """
    const double SHAPE_SPEED_MPS, SHAPE_RESPONSE_S
    const double EAGER_SHARE, EAGER_PER_S, EAGER_PER_MPS, EAGER_MOST
    const double HELD_SHARE, HELD_PER_MPS
    const double RELEASED_SHARE, RELEASED_PER_MPS
    const double EAGER_S, EAGER_S_PER_MPS, HELD_S, RELEASED_S


cdef inline double shape(double elapsed, double speed, double response) noexcept nogil:
    """What is added to the wanted offset so many seconds after taking over, over what the truck stood off its place then;
    `response` is dead time and lag together, s."""
    cdef double faster = speed - SHAPE_SPEED_MPS, later = response - SHAPE_RESPONSE_S
    cdef double eager_s = EAGER_S + EAGER_S_PER_MPS * faster
    elapsed += 0.5 * LateralParameters_TICK_PERIOD_S     # the sum of many ticks is no exact time
    if elapsed < eager_s:
        return -clipped(EAGER_SHARE + EAGER_PER_S * later + EAGER_PER_MPS * faster, 0.0, EAGER_MOST)
    if elapsed < eager_s + HELD_S:
        return HELD_SHARE + HELD_PER_MPS * faster
    if elapsed < eager_s + HELD_S + RELEASED_S:
        return -(RELEASED_SHARE + RELEASED_PER_MPS * faster)
    return 0.0


cdef inline double shaped_offset(ControlMemory* memory, double off_place, double speed, double response) noexcept nogil:
    """m, to be added to the wanted offset in this tick; `off_place`: what the truck stands off its place now.

    Begins anew as long as a driver steers and whenever the observer does.
    """
    if memory.taking_over:
        memory.taking_over = 0
        memory.taken_over_m, memory.driven_s = off_place, 0.0
    else:
        memory.driven_s += LateralParameters_TICK_PERIOD_S
    return memory.taken_over_m * shape(memory.driven_s, speed, response)
