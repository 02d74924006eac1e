# The Riccati recursion of a box problem: gains backward, states and inputs forward.
from libc.string cimport memcpy

from autonomy.linalg._box_mpc cimport STATES, BoxProblem
from autonomy.linalg._vector cimport (
    all4, dot_8, double4, least4, load4, multiply_8x8, multiply_transposed_8x8, smaller4, store4, weighted_rows_8)

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
