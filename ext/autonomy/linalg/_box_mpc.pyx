"""The solver of _box_mpc.pxd: Mehrotra's predictor-corrector, each step a Riccati recursion, so its cost is linear in the stages.

Bounds enter the recursion as weights on the diagonal. With slack s, multiplier y and softness f of a lower bound,
s = x - low + f y, linearised complementarity gives y+ = b - w (x+ - low), w = y / (s + f y), b = (target + y s) / (s + f y).
Every trial solution meets the dynamics exactly, so a step of length a leaves 1 - a of what slack and stationarity miss.
No allocation, a fixed budget, fixed order of all sums. Twin: autonomy/linalg/box_mpc_twin.py.
"""
import numpy as np
from libc.math cimport fabs, isfinite
from libc.string cimport memcpy, memset
from autonomy.linalg._vector cimport (
    all4, dot_8, double4, least4, load4, multiply_8x8, multiply_transposed_8x8, smaller4, store4, sum4, weighted_rows_8)
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH

require(__name__, LAYOUT_HASH)

cdef double STEP_SHARE = 0.995       # of the way to the nearest bound
cdef double STIFFNESS = 1e6          # of a held bound over the largest weight
cdef double KEPT = 1e-9              # share of the box by which a polished solution may pass a bound
cdef double NEARLY_STATIONARY = 1e-8 # share of the first residuals that may remain

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

ctypedef struct Recursion:
    double[64] transposed            # A'
    double[800] gain                 # K_k
    double[800] carried              # P_k+1 c_k
    double[100] inverse              # 1 / (R + B' P B)
    double[100] offset               # feedforward part of u_k
    double[800] linear               # of x_k+1, bounds included
    double[100] input_linear
    double[800] states
    double[100] inputs


cdef inline bint factor(const BoxProblem* problem, Recursion* recursion, const double* curvature, const double* input_curvature,
                        double* value) noexcept nogil:
    """Gains of all stages; `curvature` NULL = without bounds. `value` (64) gets the cost-to-go. False when not convex."""
    cdef double[64] product
    cdef double[64] closed
    cdef double[8] forward
    cdef double[8] through
    cdef double* gain
    cdef double pivot, weight
    cdef double4 scaled, low, high
    cdef int k, i
    memcpy(value, problem.terminal, 64 * sizeof(double))
    for k in range(problem.stages - 1, -1, -1):
        if curvature != NULL:
            for i in range(STATES):
                value[9 * i] += curvature[STATES * k + i]
        weighted_rows_8(value, &problem.drift[STATES * k], &recursion.carried[STATES * k])
        weighted_rows_8(value, problem.B, forward)
        weighted_rows_8(problem.A, forward, through)
        weight = problem.input_weight if input_curvature == NULL else problem.input_weight + input_curvature[k]
        pivot = weight + dot_8(problem.B, forward)
        if not (pivot > 0.0 and pivot < 1e300):
            return False
        recursion.inverse[k] = 1.0 / pivot
        gain = &recursion.gain[STATES * k]
        scaled = all4(recursion.inverse[k])
        low = scaled * load4(through)
        high = scaled * load4(through + 4)
        store4(gain, low)
        store4(gain + 4, high)
        # Joseph's form (A - B K)' P (A - B K) + K' R K: no difference of large numbers when a bound makes P huge
        for i in range(STATES):
            scaled = all4(problem.B[i])
            store4(&closed[STATES * i], load4(&problem.A[STATES * i]) - scaled * low)
            store4(&closed[STATES * i + 4], load4(&problem.A[STATES * i + 4]) - scaled * high)
        multiply_8x8(value, closed, product)
        multiply_transposed_8x8(closed, product, value)
        for i in range(STATES):
            scaled = all4(weight * gain[i])
            store4(value + STATES * i, load4(value + STATES * i) + scaled * low)
            store4(value + STATES * i + 4, load4(value + STATES * i + 4) + scaled * high)
        if k > 0:
            for i in range(STATES):
                value[9 * i] += problem.weight[i]
    return True


cdef inline void roll_out(const BoxProblem* problem, Recursion* recursion) noexcept nogil:
    """States and inputs that minimise the cost with the linear terms in `recursion`, through the gains it holds."""
    cdef double[8] slope
    cdef double[8] moved
    cdef const double* state = problem.start
    cdef double pull, u
    cdef double* next_state
    cdef double4 factor
    cdef int k
    memcpy(slope, &recursion.linear[STATES * (problem.stages - 1)], STATES * sizeof(double))
    for k in range(problem.stages - 1, -1, -1):
        store4(slope, load4(slope) + load4(&recursion.carried[STATES * k]))
        store4(slope + 4, load4(slope + 4) + load4(&recursion.carried[STATES * k + 4]))
        pull = dot_8(problem.B, slope) + recursion.input_linear[k]
        recursion.offset[k] = pull * recursion.inverse[k]
        if k == 0:
            break
        weighted_rows_8(problem.A, slope, moved)
        factor = all4(pull)
        store4(slope, load4(moved) - factor * load4(&recursion.gain[STATES * k]) + load4(&recursion.linear[STATES * (k - 1)]))
        store4(slope + 4, load4(moved + 4) - factor * load4(&recursion.gain[STATES * k + 4])
               + load4(&recursion.linear[STATES * (k - 1) + 4]))
    for k in range(problem.stages):
        u = -dot_8(&recursion.gain[STATES * k], state) - recursion.offset[k]
        recursion.inputs[k] = u
        next_state = &recursion.states[STATES * k]
        weighted_rows_8(recursion.transposed, state, moved)
        factor = all4(u)
        store4(next_state, load4(moved) + factor * load4(problem.B) + load4(&problem.drift[STATES * k]))
        store4(next_state + 4, load4(moved + 4) + factor * load4(problem.B + 4) + load4(&problem.drift[STATES * k + 4]))
        state = next_state


cdef inline bint within(const BoxProblem* problem, const Recursion* recursion) noexcept nogil:
    """Whether the states and inputs keep all bounds."""
    cdef double4 least = all4(0.0)
    cdef int i, k
    for i in range(0, STATES * problem.stages, 4):
        least = smaller4(least, load4(&recursion.states[i]) - load4(&problem.low[i]))
        least = smaller4(least, load4(&problem.high[i]) - load4(&recursion.states[i]))
    if not least4(least) >= 0.0:
        return False
    for k in range(problem.stages):
        if not (problem.input_low[k] <= recursion.inputs[k] <= problem.input_high[k]):
            return False
    return True


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


cdef void solve_box(const BoxProblem* problem, BoxSolution* solution) noexcept nogil:
    """Writes states, inputs and status. The worst case costs `iteration_budget` recursions, known beforehand."""
    cdef Recursion recursion
    cdef Bounds bounds
    cdef double[64] value
    cdef double step, left = 1.0, mean, enough, predicted, ratio
    cdef int i, k
    memset(solution, 0, sizeof(BoxSolution))
    if problem.stages < 1 or problem.stages > MAXIMUM_STAGES:
        solution.status = BOX_INVALID
        return
    for i in range(STATES):
        for k in range(STATES):
            recursion.transposed[STATES * k + i] = problem.A[STATES * i + k]
    memcpy(recursion.linear, problem.linear, STATES * problem.stages * sizeof(double))
    memset(recursion.input_linear, 0, sizeof(recursion.input_linear))
    if not factor(problem, &recursion, NULL, NULL, solution.value):
        solution.status = BOX_INVALID
        return
    roll_out(problem, &recursion)
    memcpy(solution.gain, recursion.gain, STATES * sizeof(double))
    solution.free_input = recursion.inputs[0]
    memcpy(solution.states, recursion.states, STATES * problem.stages * sizeof(double))
    memcpy(solution.inputs, recursion.inputs, problem.stages * sizeof(double))
    if not isfinite(solution.free_input):
        solution.inputs[0] = 0.0
        solution.status = BOX_INVALID
        return
    if within(problem, &recursion):
        solution.status = BOX_FREE
        return
    begin(problem, &recursion, &bounds, first_product(problem, &recursion))
    mean = products(problem, &bounds, 0.0)
    enough = problem.tolerance * mean
    for k in range(problem.iteration_budget):
        condense(problem, &recursion, &bounds, 0.0, False)
        if not factor(problem, &recursion, bounds.curvature, bounds.input_curvature, value):
            break
        roll_out(problem, &recursion)
        step = changes(problem, &recursion, &bounds, 0.0, False)
        step = step if step < 1.0 else 1.0
        predicted = products(problem, &bounds, step)
        ratio = predicted / mean
        ratio = ratio * ratio * ratio
        condense(problem, &recursion, &bounds, ratio * mean, True)
        roll_out(problem, &recursion)
        step = STEP_SHARE * changes(problem, &recursion, &bounds, ratio * mean, True)
        step = step if step < 1.0 else 1.0
        take_step(problem, &recursion, &bounds, solution, step)
        left *= 1.0 - step
        mean = products(problem, &bounds, 0.0)
        solution.iterations = k + 1
        if mean <= enough and left <= NEARLY_STATIONARY:
            solution.status = BOX_CONVERGED
            polish(problem, &recursion, &bounds, solution, value)
            break
        if not isfinite(mean):
            break
    solution.complementarity = mean
    if solution.status != BOX_CONVERGED or not isfinite(solution.inputs[0]):
        step = solution.free_input
        step = problem.input_low[0] if step < problem.input_low[0] else step
        solution.inputs[0] = problem.input_high[0] if step > problem.input_high[0] else step
        solution.status = BOX_BUDGET


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


def solve(problem, *, iteration_budget=30, tolerance=1e-11):
    """For tests and benchmarks. `problem`: dict of arrays named as in BoxProblem: A (8, 8), B (8,), weight (8,), terminal (8, 8),
    input_weight, start (8,), softness (8,), drift, linear, low, high (N, 8), input_low, input_high (N,).

    Returns a dict: states (N, 8), inputs (N,), gain (8,), value (8, 8), iterations, status, complementarity.
    """
    cdef BoxProblem given
    cdef BoxSolution found
    memset(&given, 0, sizeof(BoxProblem))
    given.stages = len(problem["input_low"])
    if not 1 <= given.stages <= MAXIMUM_STAGES:
        raise ValueError(f"{given.stages} stages: between 1 and {MAXIMUM_STAGES}")
    given.iteration_budget = iteration_budget
    given.tolerance = tolerance
    given.input_weight = problem["input_weight"]
    fill(given.A, problem["A"], 64)
    fill(given.B, problem["B"], 8)
    fill(given.weight, problem["weight"], 8)
    fill(given.terminal, problem["terminal"], 64)
    fill(given.start, problem["start"], 8)
    fill(given.softness, problem["softness"], 8)
    fill(given.drift, problem["drift"], 8 * given.stages)
    fill(given.linear, problem["linear"], 8 * given.stages)
    fill(given.low, problem["low"], 8 * given.stages)
    fill(given.high, problem["high"], 8 * given.stages)
    fill(given.input_low, problem["input_low"], given.stages)
    fill(given.input_high, problem["input_high"], given.stages)
    with nogil:
        solve_box(&given, &found)
    return {
        "states": read(found.states, 8 * given.stages).reshape(-1, 8), "inputs": read(found.inputs, given.stages),
        "gain": read(found.gain, 8), "value": read(found.value, 64).reshape(8, 8), "free_input": found.free_input,
        "iterations": found.iterations, "status": found.status, "complementarity": found.complementarity,
    }


cdef fill(double* to, values, int count):
    cdef double[::1] flat = np.ascontiguousarray(values, np.float64).reshape(-1)
    if flat.shape[0] != count:
        raise ValueError(f"{flat.shape[0]} numbers where {count} belong")
    memcpy(to, &flat[0], count * sizeof(double))


cdef read(const double* values, int count):
    return np.array(<const double[:count]> values)


FREE, CONVERGED, BUDGET, INVALID = BOX_FREE, BOX_CONVERGED, BOX_BUDGET, BOX_INVALID
