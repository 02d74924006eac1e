# What the steps do to single numbers again and again.


cdef inline double clipped(double value, double low, double high) noexcept nogil:
    """Not a number stays what it is."""
    return low if value < low else (high if value > high else value)


cdef inline double behind_lag(double value, double aim, double lag, double dt) noexcept nogil:
    """One step of a lag of first order (implicit: no step is too long)."""
    return value + (aim - value) * dt / (lag + dt)


cdef inline double behind_play(double value, double mover, double half_play) noexcept nogil:
    """What a mover drags along behind its play: it stands until one end of the play reaches it."""
    return clipped(value, mover - half_play, mover + half_play)
