# The steering's play lies behind its lag: the actuator moves, then nothing does, then the wheels do.
#
# A model without play stays exact when it is fed with the commands that would have moved such wheels as these moved.
from libc.math cimport exp, isfinite
from autonomy.msg.messages cimport LateralParameters_TICK_PERIOD_S, TruckState, VehicleParameters
from autonomy.control._control cimport ControlMemory
from autonomy.linalg._scalar cimport behind_play, clipped

cdef extern from *:
    """
    #define REVERSAL_SHARE 0.1
    #define CROSSING_S 0.06        /* lag with which the play is crossed, where the actuator's is longer */
    #define CROSSING_TICKS 10.0    /* until wheels move again */
    #define CROSSED_RAD 1.0e-7
    """
    const double REVERSAL_SHARE
    const double CROSSING_S
    const double CROSSING_TICKS
    const double CROSSED_RAD


cdef inline double compensated_play(const VehicleParameters* told, const TruckState* truck) noexcept nogil:
    """rad, the whole width told, as far as the drive does not show for certain that there is less or more."""
    cdef double widest = truck.steering_play_rad + 2.0 * truck.steering_play_sigma_rad
    cdef double least = truck.steering_play_rad - 2.0 * truck.steering_play_sigma_rad
    cdef double play = told.steering_play_rad
    if not isfinite(widest):
        return play
    if play < least:
        return least
    return widest if truck.steering_response_known and widest < play else play


cdef inline double through_play(ControlMemory* memory, double command) noexcept nogil:
    """Moves actuator and wheels on by a tick under a command (dead time apart).

    Returns the command under which steering without play would have moved the wheels so: inside the play where they stand.
    """
    cdef double share = 1.0 - exp(-LateralParameters_TICK_PERIOD_S / memory.lag_s) if memory.lag_s > 0.0 else 1.0
    cdef double before = memory.wheels
    memory.actuator += share * (command - memory.actuator)
    memory.wheels = behind_play(before, memory.actuator, memory.half_play)
    return before + (memory.wheels - before) / share


cdef inline double across_play(ControlMemory* memory, double wanted, double change) noexcept nogil:
    """rad, the command that brings the wheels to `wanted`, `change` from where they are.

    The play is crossed faster than the actuator's lag, and to where the wheels are wanted by then; but only when turning back
    has been wanted by a share of it, or noise would make it rattle.
    """
    cdef double enough = REVERSAL_SHARE * memory.half_play
    cdef double to_cross, hurry = memory.lag_s / CROSSING_S - 1.0
    memory.pull += change
    if memory.side * memory.pull > 0.0:
        memory.pull = 0.0
    if memory.pull > enough or memory.pull < -enough:
        memory.side = 1.0 if memory.pull > 0.0 else -1.0
        memory.pull = 0.0
    to_cross = memory.wheels + memory.side * memory.half_play - memory.actuator
    if memory.side * to_cross > CROSSED_RAD:
        wanted += clipped(CROSSING_TICKS * change, -2.0 * memory.half_play, 2.0 * memory.half_play)
        if hurry > 0.0:
            wanted += hurry * to_cross
    return wanted + memory.side * memory.half_play
