"""The lateral MPC's solver beside daqp with condensing, on the same random problems of a swinging 40 t combination."""

from __future__ import annotations

import time

import numpy as np

AIMS = {50: 4.0, 100: 8.0}
PROBLEMS = 60
LOOSER = np.array([3.0, 1.0, 3.0, 1.0, 1.0, 1.0, 3.0, 1.0])  # velocities and the wheels themselves have no bound of their own
TOLERANCE = 1e-11  # answers equal to the oracle's to 1e-6
IN_THE_TICK = 1e-7


def random_problem(rng: np.random.Generator, stages: int) -> dict:
    """A feasible problem with boxes on all states and the input, as autonomy/linalg/_box_mpc.solve takes it.

    An offset in the lane at 12 to 28 m/s, a little curvature; the boxes hold a tame feedback's way back, some closely.
    """
    from scipy.linalg import solve_discrete_are

    from autonomy import Stack
    from autonomy.control.lateral_twin import stage_matrices, weights
    from autonomy.control.yaw_plane_twin import YawPlane, transition

    if not hasattr(random_problem, "parameters"):
        random_problem.parameters = Stack.from_config("vehicles/demo_truck").parameters
    parameters = random_problem.parameters
    speed = rng.uniform(12.0, 28.0)
    model = YawPlane(parameters["vehicle"], rng.uniform(14e3, 40e3), speed)
    A, B, held = stage_matrices(transition(model.rates(0.25), 0.01))
    weight, input_weight = weights(parameters["lateral"], parameters["vehicle"], speed)
    terminal = solve_discrete_are(A, B[:, None], np.diag(weight) + 1e-9 * np.eye(8), np.array([[input_weight]]))
    start = np.zeros(8)
    start[3:6] = rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.6) + rng.uniform(-0.05, 0.05, 3)
    drift = held[:, 0] * rng.uniform(-1e-4, 1e-4)
    gain = 0.6 * (B @ terminal @ A) / (input_weight + B @ terminal @ B)
    most = rng.uniform(0.3, 1.0) * np.abs(gain @ start)
    states, state = [], start
    for _ in range(stages):
        state = A @ state + B * np.clip(-gain @ state, -0.7 * most, 0.7 * most) + drift
        states.append(state)
    reached = np.abs(states).max(axis=0) * rng.uniform(1.2, 2.0, 8) * LOOSER
    # The input in shares of its bound and the cost in its: of order one for either solver
    unit = input_weight * most**2
    return {"A": A, "B": B * most, "weight": weight / unit, "terminal": terminal / unit, "input_weight": 1.0, "start": start,
            "softness": np.zeros(8), "drift": np.tile(drift, (stages, 1)), "linear": np.zeros((stages, 8)),
            "low": np.tile(-reached, (stages, 1)), "high": np.tile(reached, (stages, 1)),
            "input_low": -np.ones(stages), "input_high": np.ones(stages)}  # fmt: skip


def by_daqp(problem: dict) -> np.ndarray:
    """Inputs (N,) by condensing and daqp. Raises RuntimeError when daqp finds none.

    Its tolerance is one for all rows: in shares of their boxes, or it passes the bounds of small states by a lot.
    """
    import daqp

    from autonomy.linalg import box_mpc_twin

    H, f, forced, free = box_mpc_twin.condense(problem)
    A, low, high = box_mpc_twin.bounds(problem, forced, free)
    share = 2.0 / (problem["high"] - problem["low"]).ravel()
    A *= share[:, None]
    low[len(f) :] *= share
    high[len(f) :] *= share
    inputs, _, status, _ = daqp.solve(H, f, A, high, low, np.zeros(len(high), np.int32), primal_tol=1e-9)
    if status < 1:
        raise RuntimeError(f"daqp ended with status {status}")
    return inputs


def compare(stages: int, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Times in ns and results, (count,) each, of problems with at least one active bound.

    Processor time of the thread, so that what else the machine does counts for neither (nor do BLAS's threads for the peer).
    """
    from autonomy.linalg import _box_mpc

    rng = np.random.default_rng(seed)
    names = ("ours", "tick", "daqp", "difference", "iterations", "status")
    found: dict[str, list] = {name: [] for name in names}
    while len(found["ours"]) < count:
        problem = random_problem(rng, stages)
        begun = time.thread_time_ns()
        ours = _box_mpc.solve(problem, iteration_budget=40, tolerance=TOLERANCE)
        ended = time.thread_time_ns()
        if ours["status"] == _box_mpc.FREE:
            continue
        tick_begun = time.thread_time_ns()
        _box_mpc.solve(problem, iteration_budget=40, tolerance=IN_THE_TICK)
        tick_ended = time.thread_time_ns()
        peer_begun = time.thread_time_ns()
        inputs = by_daqp(problem)
        found["daqp"].append(time.thread_time_ns() - peer_begun)
        found["ours"].append(ended - begun)
        found["tick"].append(tick_ended - tick_begun)
        found["difference"].append(np.abs(inputs - ours["inputs"]).max())
        found["iterations"].append(ours["iterations"])
        found["status"].append(ours["status"])
    return {name: np.array(values) for name, values in found.items()}


def rows() -> list[dict]:
    """Rows of the bench table. Raises EnvironmentFault without daqp."""
    from importlib.metadata import PackageNotFoundError, version

    from autonomy.errors import MissingPackage

    try:
        peer_version = version("daqp")
    except PackageNotFoundError:
        raise MissingPackage("bench solver", "daqp", "bench") from None
    found, medians = [], {}
    for stages, aim in AIMS.items():
        result = compare(stages, PROBLEMS)
        medians[stages] = float(np.median(result["ours"]))
        peer = float(np.median(result["daqp"]))
        ratio = peer / medians[stages]
        common = {"peer": "", "peer_version": None, "peer_ns": None, "ratio": None}
        found += [
            {"kernel": f"lateral MPC, 8 states, N = {stages}", "ours_ns": medians[stages], "peer": "daqp with condensing",
             "peer_version": peer_version, "peer_ns": peer, "ratio": ratio, "aim": f">= {aim:.0f}x", "met": ratio >= aim},
            common | {"kernel": f"... N = {stages}, as exact as the tick needs", "ours_ns": float(np.median(result["tick"])),
                      "aim": "", "met": None},
            common | {"kernel": f"... N = {stages}, longest; {result['iterations'].max()} iterations at most",
                      "ours_ns": float(result["ours"].max()), "aim": "all converge", "met": bool((result["status"] == 2).all())},
            common | {"kernel": f"... N = {stages}, input differs by {result['difference'].max():.0e} of its bound",
                      "ours_ns": None, "aim": "<= 1e-6", "met": bool(result["difference"].max() <= 1e-6)},
        ]  # fmt: skip
    growth = medians[100] / medians[50]
    found.append({"kernel": f"... N = 100 costs {growth:.2f} times N = 50", "ours_ns": None, "peer": "", "peer_version": None,
                  "peer_ns": None, "ratio": None, "aim": "<= 2.4 (linear)", "met": growth <= 2.4})  # fmt: skip
    return found
