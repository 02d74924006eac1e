"""The solver of _box_mpc.pxd: Mehrotra's predictor-corrector, each step a Riccati recursion, so its cost is linear in the stages.

Every trial solution meets the dynamics exactly, so a step of length a leaves 1 - a of what slack and stationarity miss.
No allocation, a fixed budget, fixed order of all sums. Twin: autonomy/linalg/box_mpc_twin.py.
"""
import numpy as np
from libc.math cimport INFINITY, isfinite
from libc.string cimport memcpy, memset
from autonomy.linalg._box_bounds cimport Bounds, begin, changes, condense, first_product, products, take_step
from autonomy.linalg._box_polish cimport polish
from autonomy.linalg._box_recursion cimport Recursion, factor, roll_out, within
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH

require(__name__, LAYOUT_HASH)

cdef double STEP_SHARE = 0.995       # of the way to the nearest bound
cdef double CENTRING = 0.3           # share of the products aimed at after a step that did not lessen them: no circles
cdef double NEARLY_STATIONARY = 1e-8 # share of the first residuals that may remain


cdef void solve_box(const BoxProblem* problem, BoxSolution* solution) noexcept nogil:
    """Writes states, inputs and status. The worst case is known beforehand: `iteration_budget` recursions and one."""
    cdef Recursion recursion
    cdef Bounds bounds
    cdef double[64] value
    cdef double step, left = 1.0, mean, before = INFINITY, enough, predicted, ratio
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
        ratio = ratio * ratio * ratio if mean < before else CENTRING
        condense(problem, &recursion, &bounds, ratio * mean, True)
        roll_out(problem, &recursion)
        step = STEP_SHARE * changes(problem, &recursion, &bounds, ratio * mean, True)
        step = step if step < 1.0 else 1.0
        take_step(problem, &recursion, &bounds, solution, step)
        left *= 1.0 - step
        before = mean
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
