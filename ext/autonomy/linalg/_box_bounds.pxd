# Slacks and multipliers of a box problem's bounds, and the steps that the interior point takes with them.
#
# Bounds enter the recursion as weights on the diagonal. With slack s, multiplier y and softness f of a lower bound,
# s = x - low + f y, linearised complementarity gives y+ = b - w (x+ - low), w = y / (s + f y), b = (target + y s) / (s + f y).
from libc.math cimport fabs

from autonomy.linalg._box_mpc cimport STATES, BoxProblem, BoxSolution
from autonomy.linalg._box_recursion cimport Recursion
from autonomy.linalg._vector cimport all4, double4, least4, load4, smaller4, store4, sum4

ctypedef struct Bounds:
    # Slack, multiplier and their changes, of the states' bounds (by row) and the input's, below and above
    double[800] slack_low
    double[800] slack_high
    double[800] force_low
    double[800] force_high
    double[800] change_slack_low     # of the predictor
    double[800] change_slack_high
    double[800] change_force_low
    double[800] change_force_high
    double[800] curvature            # w of both sides
    double[100] input_slack_low
    double[100] input_slack_high
    double[100] input_force_low
    double[100] input_force_high
    double[100] input_change_slack_low
    double[100] input_change_slack_high
    double[100] input_change_force_low
    double[100] input_change_force_high
    double[100] input_curvature
    # Which bound is held in the end: -1 the lower one, 1 the upper one, 0 none
    signed char[800] held
    signed char[100] input_held


cdef inline double first_product(const BoxProblem* problem, const Recursion* recursion) noexcept nogil:
    """Slack times multiplier to begin with: what the cost itself is per bound, so that neither outweighs the other."""
    cdef double total = 0.0, u
    cdef int i
    for i in range(STATES * problem.stages):
        total += fabs(0.5 * problem.weight[i & 7] * recursion.states[i] * recursion.states[i])
    for i in range(problem.stages):
        u = recursion.inputs[i]
        total += 0.5 * problem.input_weight * u * u
    total = total / problem.stages
    return total if total > 1e-6 else 1e-6


cdef inline double4 larger4(double4 a, double4 b) noexcept nogil:
    return -smaller4(-a, -b)


cdef inline void begin(const BoxProblem* problem, const Recursion* recursion, Bounds* bounds, double force) noexcept nogil:
    """Slacks from the solution without bounds, at least a twentieth of the box; multipliers that make the products equal."""
    cdef double4 low, high, room, target
    cdef double span, slack
    cdef int i, k
    for i in range(0, STATES * problem.stages, 4):
        low = load4(&recursion.states[i]) - load4(&problem.low[i])
        high = load4(&problem.high[i]) - load4(&recursion.states[i])
        room = all4(0.05) * (load4(&problem.high[i]) - load4(&problem.low[i]))
        low = larger4(low, room)
        high = larger4(high, room)
        target = all4(force)
        store4(&bounds.slack_low[i], low)
        store4(&bounds.slack_high[i], high)
        store4(&bounds.force_low[i], target / low)
        store4(&bounds.force_high[i], target / high)
        store4(&bounds.change_slack_low[i], all4(0.0))
        store4(&bounds.change_slack_high[i], all4(0.0))
        store4(&bounds.change_force_low[i], all4(0.0))
        store4(&bounds.change_force_high[i], all4(0.0))
    for k in range(problem.stages):
        span = 0.05 * (problem.input_high[k] - problem.input_low[k])
        slack = recursion.inputs[k] - problem.input_low[k]
        bounds.input_slack_low[k] = slack if slack > span else span
        bounds.input_force_low[k] = force / bounds.input_slack_low[k]
        slack = problem.input_high[k] - recursion.inputs[k]
        bounds.input_slack_high[k] = slack if slack > span else span
        bounds.input_force_high[k] = force / bounds.input_slack_high[k]
        bounds.input_change_slack_low[k] = bounds.input_change_slack_high[k] = 0.0
        bounds.input_change_force_low[k] = bounds.input_change_force_high[k] = 0.0


cdef inline void condense(const BoxProblem* problem, Recursion* recursion, Bounds* bounds, double target,
                          bint corrected) noexcept nogil:
    """Bounds into the diagonal (first time) and the linear terms: `target` of the products, second order if `corrected`."""
    cdef double4 goal_low, goal_high, inverse_low, inverse_high, slope, force_low, force_high, soft
    cdef double4 aim = all4(target)
    cdef double low, high, input_slope
    cdef int i, k
    for i in range(0, STATES * problem.stages, 4):
        soft = load4(&problem.softness[i & 7])
        force_low = load4(&bounds.force_low[i])
        force_high = load4(&bounds.force_high[i])
        goal_low = aim + force_low * load4(&bounds.slack_low[i])
        goal_high = aim + force_high * load4(&bounds.slack_high[i])
        if corrected:
            goal_low = goal_low - load4(&bounds.change_slack_low[i]) * load4(&bounds.change_force_low[i])
            goal_high = goal_high - load4(&bounds.change_slack_high[i]) * load4(&bounds.change_force_high[i])
        inverse_low = all4(1.0) / (load4(&bounds.slack_low[i]) + soft * force_low)
        inverse_high = all4(1.0) / (load4(&bounds.slack_high[i]) + soft * force_high)
        slope = (goal_high - force_high * load4(&problem.high[i])) * inverse_high \
            - (goal_low + force_low * load4(&problem.low[i])) * inverse_low
        store4(&recursion.linear[i], load4(&problem.linear[i]) + slope)
        if not corrected:
            store4(&bounds.curvature[i], force_low * inverse_low + force_high * inverse_high)
    for k in range(problem.stages):
        low = target + bounds.input_force_low[k] * bounds.input_slack_low[k]
        high = target + bounds.input_force_high[k] * bounds.input_slack_high[k]
        if corrected:
            low -= bounds.input_change_slack_low[k] * bounds.input_change_force_low[k]
            high -= bounds.input_change_slack_high[k] * bounds.input_change_force_high[k]
        input_slope = (high - bounds.input_force_high[k] * problem.input_high[k]) / bounds.input_slack_high[k] \
            - (low + bounds.input_force_low[k] * problem.input_low[k]) / bounds.input_slack_low[k]
        recursion.input_linear[k] = input_slope
        if not corrected:
            bounds.input_curvature[k] = bounds.input_force_low[k] / bounds.input_slack_low[k] \
                + bounds.input_force_high[k] / bounds.input_slack_high[k]


cdef inline double changes(const BoxProblem* problem, const Recursion* recursion, Bounds* bounds, double target,
                           bint corrected) noexcept nogil:
    """Changes of slacks and multipliers to the trial solution; returns the longest step that keeps all above zero."""
    cdef double4 goal, slack, force, inverse, new_force, room, soft
    cdef double4 aim = all4(target)
    cdef double4 shortest = all4(-1.0)     # least of change / value
    cdef double value, new_value, least
    cdef int i, k
    for i in range(0, STATES * problem.stages, 4):
        soft = load4(&problem.softness[i & 7])
        slack = load4(&bounds.slack_low[i])
        force = load4(&bounds.force_low[i])
        goal = aim + force * slack
        if corrected:
            goal = goal - load4(&bounds.change_slack_low[i]) * load4(&bounds.change_force_low[i])
        room = load4(&recursion.states[i]) - load4(&problem.low[i])
        inverse = all4(1.0) / (slack + soft * force)
        new_force = (goal - force * room) * inverse
        room = room + soft * new_force - slack
        new_force = new_force - force
        store4(&bounds.change_slack_low[i], room)
        store4(&bounds.change_force_low[i], new_force)
        shortest = smaller4(shortest, smaller4(room / slack, new_force / force))
        slack = load4(&bounds.slack_high[i])
        force = load4(&bounds.force_high[i])
        goal = aim + force * slack
        if corrected:
            goal = goal - load4(&bounds.change_slack_high[i]) * load4(&bounds.change_force_high[i])
        room = load4(&problem.high[i]) - load4(&recursion.states[i])
        inverse = all4(1.0) / (slack + soft * force)
        new_force = (goal - force * room) * inverse
        room = room + soft * new_force - slack
        new_force = new_force - force
        store4(&bounds.change_slack_high[i], room)
        store4(&bounds.change_force_high[i], new_force)
        shortest = smaller4(shortest, smaller4(room / slack, new_force / force))
    least = least4(shortest)
    for k in range(problem.stages):
        value = target + bounds.input_force_low[k] * bounds.input_slack_low[k]
        if corrected:
            value -= bounds.input_change_slack_low[k] * bounds.input_change_force_low[k]
        new_value = recursion.inputs[k] - problem.input_low[k]
        value = (value - bounds.input_force_low[k] * new_value) / bounds.input_slack_low[k] - bounds.input_force_low[k]
        new_value -= bounds.input_slack_low[k]
        bounds.input_change_slack_low[k] = new_value
        bounds.input_change_force_low[k] = value
        if new_value < least * bounds.input_slack_low[k]:
            least = new_value / bounds.input_slack_low[k]
        if value < least * bounds.input_force_low[k]:
            least = value / bounds.input_force_low[k]
        value = target + bounds.input_force_high[k] * bounds.input_slack_high[k]
        if corrected:
            value -= bounds.input_change_slack_high[k] * bounds.input_change_force_high[k]
        new_value = problem.input_high[k] - recursion.inputs[k]
        value = (value - bounds.input_force_high[k] * new_value) / bounds.input_slack_high[k] - bounds.input_force_high[k]
        new_value -= bounds.input_slack_high[k]
        bounds.input_change_slack_high[k] = new_value
        bounds.input_change_force_high[k] = value
        if new_value < least * bounds.input_slack_high[k]:
            least = new_value / bounds.input_slack_high[k]
        if value < least * bounds.input_force_high[k]:
            least = value / bounds.input_force_high[k]
    return -1.0 / least


cdef inline double products(const BoxProblem* problem, const Bounds* bounds, double step) noexcept nogil:
    """Mean of slack times multiplier after a step along the changes; 0 = now."""
    cdef double4 length = all4(step)
    cdef double4 total = all4(0.0)
    cdef double rest = 0.0
    cdef int i, k
    for i in range(0, STATES * problem.stages, 4):
        total = total + (load4(&bounds.slack_low[i]) + length * load4(&bounds.change_slack_low[i])) \
            * (load4(&bounds.force_low[i]) + length * load4(&bounds.change_force_low[i]))
        total = total + (load4(&bounds.slack_high[i]) + length * load4(&bounds.change_slack_high[i])) \
            * (load4(&bounds.force_high[i]) + length * load4(&bounds.change_force_high[i]))
    for k in range(problem.stages):
        rest += (bounds.input_slack_low[k] + step * bounds.input_change_slack_low[k]) \
            * (bounds.input_force_low[k] + step * bounds.input_change_force_low[k])
        rest += (bounds.input_slack_high[k] + step * bounds.input_change_slack_high[k]) \
            * (bounds.input_force_high[k] + step * bounds.input_change_force_high[k])
    return (sum4(total) + rest) / (2 * (STATES + 1) * problem.stages)


cdef inline void advance(double* values, const double* change, double step, int count) noexcept nogil:
    cdef double4 length = all4(step)
    cdef int i
    for i in range(0, count, 4):
        store4(values + i, load4(values + i) + length * load4(change + i))


cdef inline void take_step(const BoxProblem* problem, const Recursion* recursion, Bounds* bounds, BoxSolution* solution,
                           double step) noexcept nogil:
    cdef double4 length = all4(step)
    cdef int rows = STATES * problem.stages
    cdef int i
    advance(bounds.slack_low, bounds.change_slack_low, step, rows)
    advance(bounds.slack_high, bounds.change_slack_high, step, rows)
    advance(bounds.force_low, bounds.change_force_low, step, rows)
    advance(bounds.force_high, bounds.change_force_high, step, rows)
    advance(bounds.input_slack_low, bounds.input_change_slack_low, step, problem.stages)
    advance(bounds.input_slack_high, bounds.input_change_slack_high, step, problem.stages)
    advance(bounds.input_force_low, bounds.input_change_force_low, step, problem.stages)
    advance(bounds.input_force_high, bounds.input_change_force_high, step, problem.stages)
    for i in range(0, rows, 4):
        store4(&solution.states[i], load4(&solution.states[i])
               + length * (load4(&recursion.states[i]) - load4(&solution.states[i])))
    for i in range(problem.stages):
        solution.inputs[i] += step * (recursion.inputs[i] - solution.inputs[i])
