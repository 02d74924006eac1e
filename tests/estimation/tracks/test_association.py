import numpy as np
import pytest
from autonomy.estimation.tracks._probe import Gate, least_cost
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from autonomy.estimation.tracks.tracks_twin import joint_weights
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()["tracks"]


def optimal_cost(cost):
    """Least total cost where rows may stay alone at cost 0, by scipy."""
    rows, _ = cost.shape
    table = np.hstack([np.where(np.isfinite(cost), cost, 1e9), np.full((rows, rows), 1e9)])
    table[np.arange(rows), cost.shape[1] + np.arange(rows)] = 0.0
    chosen = linear_sum_assignment(table)
    return table[chosen].sum()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.floats(0.0, 1.0), st.floats(-20.0, 5.0))
def test_the_assignment_costs_as_little_as_that_of_scipy(seed, rows, columns, density, middle):
    rng = np.random.default_rng(seed)
    cost = np.where(rng.random((rows, columns)) < density, rng.normal(middle, 8.0, (rows, columns)), np.inf)
    row_of = least_cost(cost)
    held = [(row, column) for column, row in enumerate(row_of) if row >= 0]
    assert len({row for row, _ in held}) == len(held)
    np.testing.assert_allclose(sum(cost[pair] for pair in held), optimal_cost(cost), rtol=1e-9, atol=1e-9)


def test_the_largest_table_is_solved():
    cost = np.random.default_rng(1).normal(-10.0, 5.0, (128, 128))
    row_of = least_cost(cost)
    np.testing.assert_allclose(cost[row_of, np.arange(128)][row_of >= 0].sum(), optimal_cost(cost), rtol=1e-12)


def crowd(seed, tracks=4, detections=5):
    """Places so near one another that many pairs pass the gate."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 3.0, (tracks, 2)), rng.uniform(0.0, 3.0, (detections, 2))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 6))
def test_where_it_is_ambiguous_the_weights_are_those_over_all_joint_events(seed, tracks, detections):
    places, seen = crowd(seed, tracks, detections)
    pairs = Gate(PARAMETERS, places, seen, 0.2, 0.2).solve(ambiguous_ratio=1e30)
    ratio = np.zeros((tracks, detections))
    for track, detection, cost, _ in pairs:
        ratio[track, detection] = np.exp(-cost)
    weights = joint_weights(ratio)
    for track, detection, _, weight in pairs:
        np.testing.assert_allclose(weight, weights[track, detection], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_clusters_are_assigned_as_all_at_once(seed):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.0, 60.0, (40, 2))
    seen = np.vstack([places[:35] + rng.normal(0.0, 0.5, (35, 2)), rng.uniform(0.0, 60.0, (25, 2))])
    pairs = Gate(PARAMETERS, places, seen, 0.3, 0.3).solve(ambiguous_ratio=1e-300)  # never shared
    cost = np.full((40, 60), np.inf)
    for track, detection, value, _ in pairs:
        cost[track, detection] = value
    held = sum(value for _, _, value, weight in pairs if weight > 0.5)
    np.testing.assert_allclose(held, optimal_cost(cost), rtol=1e-9, atol=1e-9)
