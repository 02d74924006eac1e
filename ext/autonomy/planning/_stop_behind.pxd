# Stopping behind a lead that stands, or will: early and evenly, with a soft end.
from libc.math cimport sqrt
from autonomy.msg.messages cimport PlanParameters
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    static const double LAG_OF_STOP = 0.55;         /* s, of brakes that let go, and of the jerk's limit before them [C] */
    static const double LEAST_OF_STOP = 0.15;       /* m/s2, positive, that brings it to its end [D] */
    static const double NEAREST_OF_STOP = 2.5;      /* m: UN R157's 2.4 m behind what stands */
    static const double EARLY_FOR_STOP = 0.28;      /* s, for the lag of the brakes [C] 0.2: 0.5 m too near, 0.35: 0.3 too far */
    static const double HALTING_FROM = 0.9;         /* m/s2, positive, of a stop that is begun before the lead is slow [C] */
    static const double HALTING_WHOLLY = 1.1;       /* [C] 0.7 and 1.0: 0.1 m more gap on traces; 1.0 and 1.3: stops 0.7 m off */
    static const double ENDING_FROM = 0.1;          /* m/s2, positive: less is left to the law of the gap [C] */
    static const double ENDING_WHOLLY = 0.35;       /* [C] at once from here on let the truck speed up again before it stood */
    static const double LEAST_BRAKING = 0.1;        /* m/s2, positive, of a lead that is slowing down [D] */
    """
    const double LAG_OF_STOP, LEAST_OF_STOP, NEAREST_OF_STOP, EARLY_FOR_STOP
    const double HALTING_FROM, HALTING_WHOLLY, ENDING_FROM, ENDING_WHOLLY, LEAST_BRAKING


cdef inline double stands(double lead_speed) noexcept nogil:
    """1 behind a standing lead, 0 from 3 m/s on: a brisk walk [D]."""
    return 1.0 if lead_speed < 0.0 else (1.0 - lead_speed / 3.0 if lead_speed < 3.0 else 0.0)


cdef inline double softest_end(const PlanParameters* parameters, double speed) noexcept nogil:
    """m/s2, positive, the most at this speed for a stop that ends with constant jerk, the brakes' lag included.

    a(t) = jerk (T - t) takes a2 / 2 jerk off the speed; asked for is what shall be there a lag from now.
    """
    cdef double found = sqrt(2.0 * parameters.stop_jerk * speed) - parameters.stop_jerk * LAG_OF_STOP
    return found if found > LEAST_OF_STOP else LEAST_OF_STOP


cdef inline double stop_behind(const PlanParameters* parameters, double result, double speed, double gap, double room,
                               double lead_speed, double lead_braking) noexcept nogil:
    """m/s2: `result`, or less, to end `room` m ahead, where the wanted gap of a standstill is, once the lead stands.

    Where it will is foretold of a lead that brakes (lead_braking, m/s2, positive). It counts when it will stand soon, and
    however far away it is where stopping behind it takes more than gentle braking: the following gap shrinks with the speed,
    so who keeps to it brakes less than the lead at first, and has to make up for that at the end.
    """
    cdef double closing = speed - lead_speed, needed, share, ending
    cdef bint brakes = lead_braking > LEAST_BRAKING and lead_speed > 0.0
    if closing <= 0.0:
        return result
    room -= EARLY_FOR_STOP * closing
    if brakes:
        room += 0.5 * lead_speed * lead_speed / lead_braking
        closing = speed   # all of it, up to where the lead will stand
    needed = 0.5 * closing * closing / room if room > 0.3 else parameters.deceleration_maximum
    share = stands(lead_speed - (parameters.gap_halting_s * lead_braking if brakes else 0.0))
    if brakes and room > 0.3 and needed > HALTING_FROM:
        share = clipped((needed - HALTING_FROM) / (HALTING_WHOLLY - HALTING_FROM), share, 1.0)
    if room > -1.0 and -needed < result:
        ending = clipped((needed - ENDING_FROM) / (ENDING_WHOLLY - ENDING_FROM), 0.0, 1.0)
        result += share * ending * (-needed - result)
    if gap > NEAREST_OF_STOP and result < -softest_end(parameters, speed):
        result += share * (-softest_end(parameters, speed) - result)
    return result
