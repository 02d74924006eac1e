# The following gap of a heavy vehicle and the acceleration that keeps it.
from autonomy.msg.messages cimport PlanParameters

cdef enum:
    GAP_ROWS = 9


cdef inline double desired_gap(const PlanParameters* parameters, double speed) noexcept nogil:
    """m: the table's time gap times the speed, never under the minimum, and above the law's speed never under the law's."""
    cdef const double* table = parameters.gap_speed_mps
    cdef double time_gap = parameters.gap_time_s[0], gap, ramp
    cdef int i
    if speed >= table[GAP_ROWS - 1]:
        time_gap = parameters.gap_time_s[GAP_ROWS - 1]
    else:
        for i in range(GAP_ROWS - 1):
            if table[i] <= speed and speed < table[i + 1]:
                time_gap = parameters.gap_time_s[i] + (speed - table[i]) / (table[i + 1] - table[i]) \
                    * (parameters.gap_time_s[i + 1] - parameters.gap_time_s[i])
    gap = time_gap * speed
    if gap < parameters.gap_minimum_m:
        gap = parameters.gap_minimum_m
    # The law's minimum begins at a speed; the ramp below it spares the truck a step in the wanted gap
    ramp = 1.0 - (parameters.gap_law_speed_mps - speed) / parameters.gap_law_ramp_mps
    ramp = 0.0 if ramp < 0.0 else (1.0 if ramp > 1.0 else ramp)
    if gap < parameters.gap_law_m:
        gap += ramp * (parameters.gap_law_m - gap)
    return gap


cdef inline double follow_acceleration(const PlanParameters* parameters, double speed, double gap, double wanted_gap,
                                       double lead_speed, double lead_acceleration) noexcept nogil:
    """m/s2: linear in gap error, speed difference and the lead's acceleration, or the braking that the closing asks for."""
    cdef double from_gap = parameters.gap_gain * (gap - wanted_gap)
    cdef double closing = speed - lead_speed
    cdef double room, needed, result
    if from_gap < -parameters.gap_recovery_deceleration:
        from_gap = -parameters.gap_recovery_deceleration
    result = from_gap - parameters.gap_speed_gain * closing + parameters.gap_acceleration_gain * lead_acceleration
    if closing > 0.0:
        # The constant deceleration that takes the difference down within half of the wanted gap
        room = gap - 0.5 * wanted_gap
        if room < 1.0:
            room = 1.0
        needed = 0.5 * closing * closing / room
        if lead_acceleration < 0.0:
            needed -= lead_acceleration
        if needed > parameters.deceleration_comfort and -needed < result:
            result = -needed
    if result < -parameters.deceleration_maximum:
        result = -parameters.deceleration_maximum
    if result > parameters.acceleration_maximum:
        result = parameters.acceleration_maximum
    return result
