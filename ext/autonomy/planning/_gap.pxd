# The following gap of a heavy vehicle and the acceleration that keeps it.
from libc.math cimport fabs, sqrt
from autonomy.msg.messages cimport PlanParameters
from autonomy.planning._braking cimport Braking
from autonomy.planning._stop_behind cimport stands, stop_behind
from autonomy.linalg._scalar cimport clipped

cdef enum:
    GAP_ROWS = 9

cdef extern from *:
    """
    static const double CORNER_MPS = 1.5;           /* [C] 0.5 braked with 1.9 m/s2 for a lead that slows with 0.5 from 80 km/h */
    static const double UNCOUNTED_MPS = 3.0;        /* of a lead's being faster, half the wanted gap ahead [C] */
    """
    const double CORNER_MPS, UNCOUNTED_MPS


cdef inline double clearing_gap(const PlanParameters* parameters, const Braking* braking, double speed) noexcept nogil:
    """m that a lead of the same speed must be ahead so that either may brake with all it has: reaction, then two stops."""
    cdef double margin = parameters.standing_margin_m + parameters.reaction_s * speed
    if margin > parameters.collision_margin_m:
        margin = parameters.collision_margin_m
    return parameters.reaction_s * speed + margin \
        + 0.5 * speed * speed * (1.0 / braking.deceleration - 1.0 / braking.lead_deceleration)


cdef inline double desired_gap(const PlanParameters* parameters, const Braking* braking, double speed) noexcept nogil:
    """m: the table's time gap times the speed, never under the minimum, above the law's speed never under the law's, and
    never less than what the brakes need."""
    cdef const double* table = parameters.gap_speed_mps
    cdef double time_gap = parameters.gap_time_s[0], gap, ramp, needed
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
    ramp = clipped(ramp, 0.0, 1.0)
    if gap < parameters.gap_law_m:
        gap += ramp * (parameters.gap_law_m - gap)
    needed = clearing_gap(parameters, braking, speed)
    return gap if gap > needed else needed


cdef inline double believed_acceleration(const PlanParameters* parameters, double acceleration) noexcept nogil:
    """m/s2 of another: nothing within the noise, all of it from twice that on."""
    cdef double noise = parameters.gap_acceleration_deadband
    if fabs(acceleration) >= 2.0 * noise:
        return acceleration
    if fabs(acceleration) <= noise:
        return 0.0
    return 2.0 * (acceleration - (noise if acceleration > 0.0 else -noise))


cdef inline double gap_slope(const PlanParameters* parameters, const Braking* braking, double speed) noexcept nogil:
    """s: growth of the wanted gap over the speed, across 3 m/s so that the corners of table and law are rounded."""
    cdef double low = speed - CORNER_MPS if speed > CORNER_MPS else 0.0
    cdef double high = speed + CORNER_MPS
    return (desired_gap(parameters, braking, high) - desired_gap(parameters, braking, low)) / (high - low)


cdef inline double wanted_closing(const PlanParameters* parameters, double error, double lead_speed,
                                  double* slope) noexcept nogil:
    """m/s at which an excess of gap shall be driven down; its derivative over the excess, 1/s, in `slope`.

    In proportion to the excess; behind a standing lead as a constant deceleration ends, so that the truck stops at the
    gap instead of creeping up to it.
    """
    cdef double rate = parameters.gap_excess_rate
    cdef double braking = parameters.approach_deceleration * stands(lead_speed)
    cdef double closing
    if error <= 0.0:
        slope[0] = parameters.gap_rate
        return parameters.gap_rate * error
    closing = sqrt(rate * rate * error * error + 2.0 * braking * error)
    slope[0] = (rate * rate * error + braking) / (closing if closing > 0.1 else 0.1)
    return closing


cdef inline double follow_acceleration(const PlanParameters* parameters, const Braking* braking, double speed, double gap,
                                       double lead_speed, double lead_acceleration,
                                       double lead_braking) noexcept nogil:
    """m/s2 that lets the gap error die at its rate, whatever the lead does; `lead_braking`, m/s2, is what it stops with.

    With the error e = gap - G(speed), e' = lead_speed - speed - G' a. Where the wanted gap G grows with the speed the
    acceleration that makes e' = -rate e follows at once (constant-time-headway law, Ioannou and Chien 1993): the truck
    takes the lead's speed over through a lag of G', which is string stable and needs no acceleration of the lead. Where
    G is flat the share 1 - G'/T of the law is of second order: the lead's acceleration and the closing speed's own.
    """
    cdef double slope = gap_slope(parameters, braking, speed)
    cdef double divisor = slope if slope > parameters.gap_slope_minimum_s else parameters.gap_slope_minimum_s
    cdef double closing = speed - lead_speed, credited = closing
    cdef double wanted = desired_gap(parameters, braking, speed)
    cdef double error = gap - wanted
    cdef double shortage = -2.0 * error / wanted, recovery, foreseen
    cdef double steady = believed_acceleration(parameters, lead_acceleration)
    cdef double closing_slope, from_gap, room, approach, result
    from_gap = wanted_closing(parameters, error, lead_speed, &closing_slope) / divisor
    # The shorter the gap, the more is spent on it, and the sooner: one that near and braking is taken to go on with it
    shortage = clipped(shortage, 0.0, 1.0)
    recovery = parameters.gap_recovery_deceleration \
        + shortage * (parameters.gap_recovery_short - parameters.gap_recovery_deceleration)
    if from_gap < -recovery:
        from_gap = -recovery
    foreseen = shortage * parameters.gap_anticipation_s * (steady if steady < 0.0 else 0.0)
    # A faster one opens the gap of itself; but who cut in often slows, so a little faster counts for nothing
    if closing < 0.0:
        credited = clipped(closing + shortage * UNCOUNTED_MPS, closing, 0.0)
    result = from_gap - (credited - foreseen) / divisor + (1.0 - slope / divisor) * (steady - closing_slope * closing)
    # From afar the constant deceleration that meets the lead's speed at the gap wanted there is enough
    room = gap - desired_gap(parameters, braking, lead_speed if lead_speed > 0.0 else 0.0)
    if closing > 0.0 and room > 0.3 and result < -parameters.approach_deceleration:
        approach = -0.5 * closing * closing / room + (steady if steady < 0.0 else 0.0)
        if approach > -parameters.approach_deceleration:
            approach = -parameters.approach_deceleration
        if approach > result:
            result = approach
    result = stop_behind(parameters, result, speed, gap, gap - desired_gap(parameters, braking, 0.0), lead_speed, lead_braking)
    if result < -parameters.deceleration_maximum:
        result = -parameters.deceleration_maximum
    if result > parameters.acceleration_maximum:
        result = parameters.acceleration_maximum
    return result
