"""The solver against dense quadratic programs and the textbook recursion; what it says when it cannot finish."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonomy.bench.solver import by_daqp, random_problem
from autonomy.linalg import _box_mpc, box_mpc_twin

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_the_answer_without_bounds_is_the_riccati_solution(seed, stages):
    problem = random_problem(np.random.default_rng(seed), stages)
    for bound, sign in (("low", -1), ("input_low", -1), ("high", 1), ("input_high", 1)):
        problem[bound] = np.full_like(problem[bound], sign * 1e6)
    found = _box_mpc.solve(problem)
    gain, value = box_mpc_twin.free_gain(problem)
    H, f, forced, free = box_mpc_twin.condense(problem)
    inputs = np.linalg.solve(H, -f)
    assert found["status"] == _box_mpc.FREE and found["iterations"] == 0
    np.testing.assert_allclose(found["gain"], gain, rtol=1e-7, atol=1e-9 * np.abs(gain).max())
    np.testing.assert_allclose(found["value"], value, rtol=1e-7, atol=1e-9 * np.abs(value).max())
    np.testing.assert_allclose(found["inputs"], inputs, atol=1e-8 * max(1.0, np.abs(inputs).max()))
    np.testing.assert_allclose(found["states"].ravel(), forced @ inputs + free, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
@example(447)  # a bound that hardly acts
@example(2365)  # neighbouring bounds that exchange their forces
@example(10157)  # a bound held from too far inside
@example(4514)  # steps that went in circles
def test_the_answer_with_bounds_is_daqps(seed):
    pytest.importorskip("daqp")
    problem = random_problem(np.random.default_rng(seed), 50)
    found = _box_mpc.solve(problem, iteration_budget=60)
    assert found["status"] in (_box_mpc.FREE, _box_mpc.CONVERGED)
    np.testing.assert_allclose(found["inputs"], by_daqp(problem), atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_soft_bounds_give_way_at_their_price(seed):
    """Against the dense problem with one slack a soft bound."""
    daqp = pytest.importorskip("daqp")
    problem = random_problem(np.random.default_rng(seed), 20)
    problem["softness"] = np.where(np.arange(8) % 2 == 1, 1e-2, 0.0)
    problem["low"][:, 1::2] *= 0.3
    problem["high"][:, 1::2] *= 0.3
    H, f, A, low, high = box_mpc_twin.with_slacks(problem)
    expected, _, status, _ = daqp.solve(H, f, A, high, low, np.zeros(len(high), np.int32), primal_tol=1e-10)
    assert status > 0
    found = _box_mpc.solve(problem, iteration_budget=60)
    assert found["status"] == _box_mpc.CONVERGED
    np.testing.assert_allclose(found["inputs"], expected[:20], atol=1e-6)


def bounded_problem(stages=50):
    for seed in range(100):
        problem = random_problem(np.random.default_rng(seed), stages)
        if _box_mpc.solve(problem, iteration_budget=40)["status"] == _box_mpc.CONVERGED:
            return problem
    raise AssertionError("no problem with an active bound")


@pytest.mark.parametrize("budget", [0, 1, 2])
def test_when_the_budget_runs_out_the_clipped_free_solution_is_given(budget):
    problem = bounded_problem()
    found = _box_mpc.solve(problem, iteration_budget=budget)
    assert found["status"] == _box_mpc.BUDGET and found["iterations"] == budget
    clipped = np.clip(found["free_input"], problem["input_low"][0], problem["input_high"][0])
    assert found["inputs"][0] == clipped


@pytest.mark.parametrize("name, value", [("start", np.nan), ("A", np.inf), ("input_weight", -1e9)])
def test_nonsense_is_said_to_be_invalid(name, value):
    problem = bounded_problem()
    problem[name] = np.full_like(np.asarray(problem[name], float), value)
    found = _box_mpc.solve(problem, iteration_budget=20)
    assert found["status"] == _box_mpc.INVALID and found["inputs"][0] == 0.0


def test_bounds_that_contradict_each_other_end_within_the_budget():
    problem = bounded_problem()
    problem["low"][:, 4], problem["high"][:, 4] = 0.9, 0.95  # cannot be reached at once
    found = _box_mpc.solve(problem, iteration_budget=14)
    assert found["status"] == _box_mpc.BUDGET and np.isfinite(found["inputs"][0])
    assert problem["input_low"][0] <= found["inputs"][0] <= problem["input_high"][0]


def test_the_same_problem_gives_the_same_bits():
    problem = bounded_problem()
    first, second = (_box_mpc.solve(problem) for _ in range(2))
    assert first["inputs"].tobytes() == second["inputs"].tobytes()
