# The last digits of a box problem's solution: which bounds act, and the recursion once more with those held.
#
# A bound that hardly acts may be guessed wrong. The answer then passes it, or is pulled by it; that corrects the guess, as an
# active-set method would, and the multiplier of a held bound, as the method of multipliers would.
from libc.string cimport memcpy

from autonomy.linalg._box_bounds cimport Bounds
from autonomy.linalg._box_mpc cimport STATES, BoxProblem, BoxSolution
from autonomy.linalg._box_recursion cimport Recursion, factor, roll_out

cdef extern from *:
    """
    static const double STIFFNESS = 1e6;    /* of a held bound over the largest weight */
    static const double KEPT = 1e-10;       /* share of the box by which a polished solution may pass a bound */
    static const int CORRECTIONS = 12;      /* of the active bounds; a guess that needs more is not used */
    """
    const double STIFFNESS, KEPT
    const int CORRECTIONS


cdef inline signed char acting(double slack_low, double slack_high, double force_low, double force_high, double change_slack_low,
                               double change_slack_high, double change_force_low, double change_force_high) noexcept nogil:
    """Which bound of a value acts, by the last change (Tapia): the slack of an active bound shrinks faster than its multiplier,
    whatever their units. -1: the lower one, 1: the upper one, 0: none."""
    if change_slack_low * force_low < change_force_low * slack_low:
        return -1
    return change_slack_high * force_high < change_force_high * slack_high


cdef inline void find_acting(int values, int inputs, Bounds* bounds) noexcept nogil:
    cdef int i
    for i in range(values):
        bounds.held[i] = acting(bounds.slack_low[i], bounds.slack_high[i], bounds.force_low[i], bounds.force_high[i],
                                bounds.change_slack_low[i], bounds.change_slack_high[i], bounds.change_force_low[i],
                                bounds.change_force_high[i])
    for i in range(inputs):
        bounds.input_held[i] = acting(bounds.input_slack_low[i], bounds.input_slack_high[i], bounds.input_force_low[i],
                                      bounds.input_force_high[i], bounds.input_change_slack_low[i],
                                      bounds.input_change_slack_high[i], bounds.input_change_force_low[i],
                                      bounds.input_change_force_high[i])


cdef inline double held_at(signed char held, double* curvature, double low, double high, double force_low, double force_high,
                           double softness, double stiffness) noexcept nogil:
    """Curvature and (returned) slope that hold a value at its active bound, if it has one.

    A hard bound is held by stiffness about its multiplier, which is nearly right already.
    """
    cdef double stiff = 1.0 / softness if softness > 0.0 else stiffness
    curvature[0] = stiff if held else 0.0
    if held < 0:
        return -stiff * low - (0.0 if softness > 0.0 else force_low)
    if held > 0:
        return -stiff * high + (0.0 if softness > 0.0 else force_high)
    return 0.0


cdef inline signed char outside(double value, double low, double high, double give) noexcept nogil:
    return -1 if value < low - give else 1 if value > high + give else 0


cdef inline bint pulls(double* force, double beyond, double stiffness) noexcept nogil:
    """Whether a hard bound that is passed by `beyond` would pull instead of push: then it is not active. Corrects its force."""
    cdef double pushed = force[0] + stiffness * beyond
    cdef bint pulling = pushed < -1e-3 * force[0]
    force[0] = pushed if pushed > 0.0 else 0.0
    return pulling


cdef inline bint stands(signed char* held, double value, double low, double high, double* force_low, double* force_high,
                        double softness, double stiffness) noexcept nogil:
    """Whether the answer confirms what was guessed of this value's bounds; corrects the guess where it does not."""
    cdef double give = KEPT * (high - low)
    cdef signed char passed = outside(value, low, high, give)
    cdef bint released
    if not (value == value):
        return False
    if held[0] == 0 or passed == -held[0]:
        held[0] = passed if passed else held[0]
        return passed == 0
    if softness > 0.0:         # a soft bound is passed, or it would not act
        released = value > low + give if held[0] < 0 else value < high - give
    elif held[0] < 0:
        released = pulls(force_low, low - value, stiffness)
    else:
        released = pulls(force_high, value - high, stiffness)
    if released:
        held[0] = 0
        return False
    return softness > 0.0 or (value - low if held[0] < 0 else high - value) <= give and passed == 0


cdef inline bint confirmed(const BoxProblem* problem, const Recursion* recursion, Bounds* bounds,
                           double stiffness) noexcept nogil:
    cdef bint all_stand = True
    cdef int i, k
    for i in range(STATES * problem.stages):
        all_stand &= stands(&bounds.held[i], recursion.states[i], problem.low[i], problem.high[i], &bounds.force_low[i],
                            &bounds.force_high[i], problem.softness[i & 7], stiffness)
    for k in range(problem.stages):
        all_stand &= stands(&bounds.input_held[k], recursion.inputs[k], problem.input_low[k], problem.input_high[k],
                            &bounds.input_force_low[k], &bounds.input_force_high[k], 0.0, stiffness)
    return all_stand


cdef inline void polish(const BoxProblem* problem, Recursion* recursion, Bounds* bounds, BoxSolution* solution,
                        double* value) noexcept nogil:
    """The exact solution on the bounds found active, if it keeps all others: the interior point's own error is the square root
    of its complementarity where a bound is hardly active. Costs a recursion, and one more for each correction, which come out of
    the iteration budget."""
    cdef double stiffness = STIFFNESS * problem.input_weight
    cdef double weight
    cdef int i, k, correction, corrections
    for i in range(STATES):
        weight = STIFFNESS * problem.weight[i]
        stiffness = weight if weight > stiffness else stiffness
    find_acting(STATES * problem.stages, problem.stages, bounds)
    corrections = problem.iteration_budget - solution.iterations
    corrections = corrections if corrections < CORRECTIONS else CORRECTIONS
    for correction in range(corrections + 1):
        for i in range(STATES * problem.stages):
            recursion.linear[i] = problem.linear[i] + held_at(
                bounds.held[i], &bounds.curvature[i], problem.low[i], problem.high[i], bounds.force_low[i], bounds.force_high[i],
                problem.softness[i & 7], stiffness)
        for k in range(problem.stages):
            recursion.input_linear[k] = held_at(
                bounds.input_held[k], &bounds.input_curvature[k], problem.input_low[k], problem.input_high[k],
                bounds.input_force_low[k], bounds.input_force_high[k], 0.0, stiffness)
        if not factor(problem, recursion, bounds.curvature, bounds.input_curvature, value):
            return
        roll_out(problem, recursion)
        if confirmed(problem, recursion, bounds, stiffness):
            memcpy(solution.states, recursion.states, STATES * problem.stages * sizeof(double))
            memcpy(solution.inputs, recursion.inputs, problem.stages * sizeof(double))
            return
