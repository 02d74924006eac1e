"""The lateral MPC's solver beside daqp with condensing, on the same random problems of a swinging 40 t combination."""

from __future__ import annotations

import time

import numpy as np

AIMS = {50: 4.0, 100: 8.0}
PROBLEMS = 60
MANY = 2000
LOOSER = np.array([3.0, 1.0, 3.0, 1.0, 1.0, 1.0, 3.0, 1.0])  # velocities and the wheels themselves have no bound of their own
TOLERANCE = 1e-11  # answers equal to the oracle's to 1e-6
IN_THE_TICK = 50  # stages


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


def answer_of_daqp(problem: dict) -> tuple[np.ndarray, int]:
    """Inputs (N,) by condensing and daqp, and what of the time is daqp's own [ns]. Raises RuntimeError when daqp finds none.

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
    sense = np.zeros(len(high), np.int32)
    begun = time.thread_time_ns()
    inputs, _, status, _ = daqp.solve(H, f, A, high, low, sense, primal_tol=1e-9)
    spent = time.thread_time_ns() - begun
    if status < 1:
        raise RuntimeError(f"daqp ended with status {status}")
    return inputs, spent


def by_daqp(problem: dict) -> np.ndarray:
    """Inputs (N,) by condensing and daqp. Raises RuntimeError when daqp finds none."""
    return answer_of_daqp(problem)[0]


def contradicting(problem: dict) -> dict:
    """The problem with bounds on the angle that cannot be reached at once: no budget is enough for it."""
    problem = {name: np.copy(value) for name, value in problem.items()}
    problem["low"][:, 4], problem["high"][:, 4] = 0.9, 0.95
    return problem


def in_the_tick() -> dict:
    """Budget and tolerance of the tick's own solver, as `solve` takes them."""
    lateral = random_problem.parameters["lateral"]
    return {"iteration_budget": int(lateral["iteration_budget"]), "tolerance": float(lateral["tolerance"])}


def compare(stages: int, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Times in ns and results, (count,) each, of problems with at least one active bound.

    Processor time of the thread, so that what else the machine does counts for neither (nor do BLAS's threads for the peer).
    """
    from autonomy.linalg import _box_mpc

    def timed(problem: dict, **options) -> tuple[dict, int]:
        begun = time.thread_time_ns()
        answer = _box_mpc.solve(problem, **options)
        return answer, time.thread_time_ns() - begun

    rng = np.random.default_rng(seed)
    names = ("ours", "tick", "worst", "with_condensing", "alone", "difference", "iterations", "unfinished")
    found: dict[str, list] = {name: [] for name in names}
    while len(found["ours"]) < count:
        problem = random_problem(rng, stages)
        ours, spent = timed(problem, iteration_budget=60, tolerance=TOLERANCE)
        if ours["status"] == _box_mpc.FREE:
            continue
        tick, tick_spent = timed(problem, **in_the_tick())
        worst, worst_spent = timed(contradicting(problem), **in_the_tick())
        begun = time.thread_time_ns()
        inputs, alone = answer_of_daqp(problem)
        values = (spent, tick_spent, worst_spent, time.thread_time_ns() - begun, alone, np.abs(inputs - ours["inputs"]).max(),
                  worst["iterations"], tick["status"] != _box_mpc.CONVERGED)  # fmt: skip
        for name, value in zip(names, values, strict=True):
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def unfinished_in_the_tick(stages: int, count: int, seed: int = 1) -> int:
    """How many of `count` random problems the tick's budget is not enough for; the answer is then the clipped free one."""
    from autonomy.linalg import _box_mpc

    rng = np.random.default_rng(seed)
    return sum(_box_mpc.solve(random_problem(rng, stages), **in_the_tick())["status"] == _box_mpc.BUDGET for _ in range(count))


def row(kernel: str, aim: str = "", met: bool | None = None, *, ours_ns: float | None = None, peer: str = "",
        peer_version: str | None = None, peer_ns: float | None = None) -> dict:  # fmt: skip
    ratio = peer_ns / ours_ns if peer_ns else None
    return {"kernel": kernel, "ours_ns": ours_ns, "peer": peer, "peer_version": peer_version, "peer_ns": peer_ns,
            "ratio": ratio, "aim": aim, "met": met}  # fmt: skip


def rows() -> list[dict]:
    """Rows of the bench table. Raises EnvironmentFault without daqp."""
    from importlib.metadata import PackageNotFoundError, version

    from autonomy.errors import MissingPackage

    try:
        peer_version = version("daqp")
    except PackageNotFoundError:
        raise MissingPackage("bench solver", "daqp", "bench") from None
    found, iteration = [], {}
    for stages in (25, *AIMS):
        result = compare(stages, PROBLEMS)
        ours, tick, worst, peer, alone = (
            float(np.median(result[name])) for name in ("ours", "tick", "worst", "with_condensing", "alone")
        )
        iteration[stages] = float(np.median(result["worst"] / result["iterations"]))
        if stages not in AIMS:
            continue
        aim, difference = AIMS[stages], result["difference"].max()
        found += [
            row(f"lateral MPC, 8 states, N = {stages}", f">= {aim:.0f}x", peer / ours >= aim, ours_ns=ours,
                peer="daqp with condensing", peer_version=peer_version, peer_ns=peer),
            row(f"... N = {stages}, what daqp itself takes of that", ours_ns=ours, peer="daqp", peer_version=peer_version,
                peer_ns=alone),
            row(f"... N = {stages}, as exact as the tick needs", ours_ns=tick),
            row(f"... N = {stages}, input differs by {difference:.0e} of its bound", "<= 1e-6", bool(difference <= 1e-6)),
        ]  # fmt: skip
        if stages == IN_THE_TICK:
            lost, budget = unfinished_in_the_tick(stages, MANY), in_the_tick()["iteration_budget"]
            found += [
                row(f"... N = {stages}, worst case: no answer exists, all {budget} iterations", "<= 1 ms",
                    float(result["worst"].max()) <= 1e6, ours_ns=float(result["worst"].max())),
                row(f"... N = {stages}, {lost} of {MANY} need more than {budget} iterations", "<= 1 in 1 000",
                    lost <= MANY // 1000),
            ]  # fmt: skip
    growth = [iteration[100] / iteration[50], iteration[50] / iteration[25]]
    told = " and ".join(f"{value:.2f}" for value in growth)
    found.append(row(f"an iteration at N = 100 over one at 50, 50 over 25: {told}", "<= 2.4 (linear)", max(growth) <= 2.4))
    return found
