"""One plan of the predictive cruise control over 3 km of random hills; the NumPy twin beside it."""

from __future__ import annotations

import time

import numpy as np

AIM_MS = 20.0
QUESTIONS, TWINS = 300, 5


def questions(count: int, seed: int = 0) -> list[np.ndarray]:
    """CruiseHorizons of a 40 t truck at 60 to 85 km/h on grades of up to 5 %."""
    from autonomy import msg

    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        question = np.zeros((), msg.dtype("CruiseHorizon"))
        places = np.arange(64) * 50.0
        question["grade"] = random.uniform(0.0, 0.05) * np.sin(places / random.uniform(80.0, 500.0) + random.uniform(0.0, 6.3))
        question["time_ns"], question["mass_kg"], question["set_speed"], question["limit"] = 1, 40_000.0, 80.0 / 3.6, 100.0
        question["speed"] = random.uniform(60.0, 85.0) / 3.6
        question["lead_speed"] = question["lead_gap_error"] = np.nan
        found.append(question)
    return found


def rows() -> list[dict]:
    """Rows of the bench table."""
    from autonomy.config import load
    from autonomy.parameters import load_parameters
    from autonomy.planning import cruise_twin
    from autonomy.planning._cruise import Kernel

    parameters = load_parameters(load("vehicles/demo_truck"))
    parts = parameters["cruise"], parameters["vehicle"], parameters["longitudinal"]
    kernel, asked = Kernel(*parts), questions(QUESTIONS)
    ours = []
    for question in asked:
        begun = time.thread_time_ns()
        kernel.plan(question)
        ours.append(time.thread_time_ns() - begun)
    twins = []
    for question in asked[:TWINS]:
        begun = time.thread_time_ns()
        cruise_twin.plan(*parts, question)
        twins.append(time.thread_time_ns() - begun)
    median, peer, longest = float(np.median(ours)), float(np.median(twins)), float(max(ours))
    common = {"peer": "", "peer_version": None, "peer_ns": None, "ratio": None}
    return [
        {"kernel": "cruise plan, 63 steps of 50 m", "ours_ns": median, "peer": "NumPy twin", "peer_version": np.__version__,
         "peer_ns": peer, "ratio": peer / median, "aim": "", "met": None},
        common | {"kernel": f"... longest of {QUESTIONS}", "ours_ns": longest, "aim": f"<= {AIM_MS:.0f} ms",
                  "met": longest <= AIM_MS * 1e6},
    ]  # fmt: skip
