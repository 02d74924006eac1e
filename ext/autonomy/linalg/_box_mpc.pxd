# Linear MPC with one input and boxes on states and input: a primal-dual interior point over a Riccati recursion.
#
#   minimise   sum over k = 0 .. N-1 of   1/2 input_weight u_k^2 + 1/2 |x_k+1|^2_W + linear_k+1' x_k+1
#   subject to x_k+1 = A x_k + B u_k + c_k,   low_k+1 <= x_k+1 <= high_k+1,   input_low <= u_k <= input_high
#
# W = diag(weight) at every stage but the last, where it is `terminal`, a full matrix. `softness` > 0 lets a state bound give
# way at the cost of (violation)^2 / (2 softness).
from libc.stdint cimport uint8_t

cdef enum:
    STATES = 8
    MAXIMUM_STAGES = 100

ctypedef struct BoxProblem:
    int stages
    int iteration_budget
    double tolerance                 # share of the first mean complementarity that may remain
    double[64] A                     # row-major
    double[8] B
    double[8] weight
    double[64] terminal
    double input_weight
    double[8] start                  # x_0
    double[8] softness
    double[800] drift                # c_k, row k
    double[800] linear               # of x_k+1, row k
    double[800] low                  # of x_k+1, row k
    double[800] high
    double[100] input_low
    double[100] input_high

cdef enum BoxStatus:
    BOX_FREE = 1                     # no bound is reached: the Riccati solution
    BOX_CONVERGED = 2
    BOX_BUDGET = 3                   # the input is the Riccati solution's, clipped to its bounds
    BOX_INVALID = 4                  # not finite or not convex: the input is 0

ctypedef struct BoxSolution:
    double[800] states               # x_k+1, row k
    double[100] inputs
    double[64] value                 # Hessian of the cost-to-go at x_0 without bounds
    double[8] gain                   # u_0 = -gain x_0 + ... without bounds
    double free_input                # u_0 without bounds
    double complementarity           # mean, at the end
    int iterations
    int status

cdef void solve_box(const BoxProblem* problem, BoxSolution* solution) noexcept nogil
