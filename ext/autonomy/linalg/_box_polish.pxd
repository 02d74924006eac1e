# The last digits of a box problem's solution: which bounds act, and the recursion once more with those held.
from libc.string cimport memcpy

from autonomy.linalg._box_bounds cimport Bounds
from autonomy.linalg._box_mpc cimport STATES, BoxProblem, BoxSolution
from autonomy.linalg._box_recursion cimport Recursion, factor, roll_out

cdef extern from *:
    """
    static const double STIFFNESS = 1e6;    /* of a held bound over the largest weight */
    static const double KEPT = 1e-9;        /* share of the box by which a polished solution may pass a bound */
    """
    const double STIFFNESS, KEPT


cdef inline bint active(double slack, double force, double change_slack, double change_force) noexcept nogil:
    """By the last change (Tapia): the slack of an active bound shrinks faster than its multiplier, whatever their units."""
    return change_slack * force < change_force * slack


cdef inline double held_at(double* curvature, double low, double high, bint low_active, bint high_active, double force_low,
                           double force_high, double softness, double stiffness) noexcept nogil:
    """Curvature and (returned) slope that hold a value at its active bound, if it has one.

    A hard bound is held by stiffness about its multiplier, which is nearly right already.
    """
    cdef double stiff = 1.0 / softness if softness > 0.0 else stiffness
    curvature[0] = stiff if low_active or high_active else 0.0
    if low_active:
        return -stiff * low - (0.0 if softness > 0.0 else force_low)
    if high_active:
        return -stiff * high + (0.0 if softness > 0.0 else force_high)
    return 0.0


cdef inline bint wrong_side(double value, double low, double high, double force_low, double force_high, double stiffness,
                            bint at_low) noexcept nogil:
    """Whether a held bound would pull instead of push: then it is not active."""
    if at_low:
        return force_low + stiffness * (low - value) < -1e-3 * force_low
    return force_high + stiffness * (value - high) < -1e-3 * force_high


cdef inline void polish(const BoxProblem* problem, Recursion* recursion, Bounds* bounds, BoxSolution* solution,
                        double* value) noexcept nogil:
    """The exact solution on the bounds found active, if it keeps all others: the interior point's own error is the square root
    of its complementarity where a bound is hardly active."""
    cdef double stiffness = STIFFNESS * problem.input_weight
    cdef double low, high, weight
    cdef int i, k
    for i in range(STATES):
        weight = STIFFNESS * problem.weight[i]
        stiffness = weight if weight > stiffness else stiffness
    for i in range(STATES * problem.stages):
        recursion.linear[i] = problem.linear[i] + held_at(
            &bounds.curvature[i], problem.low[i], problem.high[i],
            active(bounds.slack_low[i], bounds.force_low[i], bounds.change_slack_low[i], bounds.change_force_low[i]),
            active(bounds.slack_high[i], bounds.force_high[i], bounds.change_slack_high[i], bounds.change_force_high[i]),
            bounds.force_low[i], bounds.force_high[i], problem.softness[i & 7], stiffness)
    for k in range(problem.stages):
        recursion.input_linear[k] = held_at(
            &bounds.input_curvature[k], problem.input_low[k], problem.input_high[k],
            active(bounds.input_slack_low[k], bounds.input_force_low[k], bounds.input_change_slack_low[k],
                   bounds.input_change_force_low[k]),
            active(bounds.input_slack_high[k], bounds.input_force_high[k], bounds.input_change_slack_high[k],
                   bounds.input_change_force_high[k]),
            bounds.input_force_low[k], bounds.input_force_high[k], 0.0, stiffness)
    if not factor(problem, recursion, bounds.curvature, bounds.input_curvature, value):
        return
    roll_out(problem, recursion)
    for i in range(STATES * problem.stages):
        low, high = problem.low[i], problem.high[i]
        weight = KEPT * (high - low)
        if bounds.curvature[i] > 0.0 and problem.softness[i & 7] > 0.0:
            # A soft bound is passed, or it would not act
            if active(bounds.slack_low[i], bounds.force_low[i], bounds.change_slack_low[i], bounds.change_force_low[i]):
                high, low = low + weight, -1e300
            else:
                low, high = high - weight, 1e300
        if not (low - weight <= recursion.states[i] <= high + weight):
            return
        if bounds.curvature[i] > 0.0 and problem.softness[i & 7] == 0.0 and wrong_side(
                recursion.states[i], low, high, bounds.force_low[i], bounds.force_high[i], stiffness,
                active(bounds.slack_low[i], bounds.force_low[i], bounds.change_slack_low[i], bounds.change_force_low[i])):
            return
    for k in range(problem.stages):
        weight = KEPT * (problem.input_high[k] - problem.input_low[k])
        if not (problem.input_low[k] - weight <= recursion.inputs[k] <= problem.input_high[k] + weight):
            return
        if bounds.input_curvature[k] > 0.0 and wrong_side(
                recursion.inputs[k], problem.input_low[k], problem.input_high[k], bounds.input_force_low[k],
                bounds.input_force_high[k], stiffness,
                active(bounds.input_slack_low[k], bounds.input_force_low[k], bounds.input_change_slack_low[k],
                       bounds.input_change_force_low[k])):
            return
    memcpy(solution.states, recursion.states, STATES * problem.stages * sizeof(double))
    memcpy(solution.inputs, recursion.inputs, problem.stages * sizeof(double))
