# The steering's play: how far a command moves before the wheels do.
from autonomy.control._control cimport ControlMemory

cdef extern from *:
    """
    #define REVERSAL_SHARE 0.05
    """
    const double REVERSAL_SHARE


cdef inline double through_play(const ControlMemory* memory, double last, double command) noexcept nogil:
    """rad, where a command leaves wheels that stood for `last` before: inside the play they stay."""
    if command - memory.half_play > last:
        return command - memory.half_play
    if command + memory.half_play < last:
        return command + memory.half_play
    return last


cdef inline double across_play(ControlMemory* memory, double wanted, double change) noexcept nogil:
    """rad, the command that brings the wheels to `wanted`, `change` from where they are.

    The play is crossed at once, but only when turning back has been wanted by a share of it, or noise would make it rattle.
    """
    cdef double enough = REVERSAL_SHARE * memory.half_play
    memory.pull += change
    if memory.side * memory.pull > 0.0:
        memory.pull = 0.0
    if memory.pull > enough or memory.pull < -enough:
        memory.side = 1.0 if memory.pull > 0.0 else -1.0
        memory.pull = 0.0
    return wanted + memory.side * memory.half_play
