"""UN R157 traffic disturbances at 60 to 90 km/h: cut-in, cut-out, braking lead, by the stack and by the reference drivers.

Twice: with ready-made tracks that are exact, without noise or latency, as the reference drivers see the others too; and with
what a radar tells (positions and range rates, 20 Hz, noise, latency), through the tracker: reported beside, the drivers still
seeing exactly.
"""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hil.longitudinal.disturbance_runs import DRIVERS, Outcome, RampBrakes, drive_reference, drive_stack
from hil.longitudinal.disturbances import Case, grid
from hil.suites._row import row_of

TITLE = "R157 cut-in, cut-out and braking lead, 60-90 km/h, brakes of 5 m/s2; by exact tracks, beside it by a noisy radar"
RADAR_SEED = 11
FAMILIES = ("cut_in", "cut_out", "braking_lead")
CONFIG = "vehicles/demo_truck"
BLOCK = 60  # cases a job
REGULATION_BRAKES, REGULATION_DELAY_S, REGULATION_VISIBLE_S = 5.0, 0.35, 0.72  # [R] 5.2.5.2; 5 m/s2 for N3


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    cases = list(grid(quick))
    outcomes = drive(cases, jobs)
    by_radar = drive(cases, jobs, radar=True, noise=RADAR_SEED)
    if output is not None:
        _write(cases, {**outcomes, "radar": by_radar["stack"]}, output)
    return figures(cases, outcomes) + [
        row | {"figure": f"by radar, noisy: {row['figure']}"} for row in figures(cases, by_radar, held=False)
    ]


def drive(cases: list[Case], jobs: int, radar: bool = False, noise: int | None = None) -> dict[str, list[Outcome]]:
    """{driver: outcome of each case}; "stack" is ours, with exact tracks, exact `radar`, or one with `noise` of a seed."""
    blocks = [(cases[i : i + BLOCK], (radar, noise)) for i in range(0, len(cases), BLOCK)]
    if jobs == 1:
        parts = [_drive_block(block) for block in blocks]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            parts = list(pool.map(_drive_block, blocks))
    return {name: [outcome for part in parts for outcome in part[name]] for name in ("stack", *DRIVERS)}


_roads: dict[tuple[bool, int | None], object] = {}


def _drive_block(block: tuple[list[Case], tuple[bool, int | None]]) -> dict[str, list[Outcome]]:
    from autonomy import Stack
    from hil.longitudinal.straight_road import StraightRoad

    cases, seen = block
    if seen not in _roads:
        _roads[seen] = StraightRoad(Stack.from_config(CONFIG), RampBrakes(), radar=seen[0], noise=seen[1])
    found = {"stack": [drive_stack(_roads[seen], case) for case in cases]}
    for name, driver in DRIVERS.items():
        found[name] = [drive_reference(driver(), case) for case in cases]
    return found


def figures(cases: list[Case], outcomes: dict[str, list[Outcome]], held: bool = True) -> list[dict]:
    """Rows; not `held`: told without aims and verdicts."""

    def row(figure: str, value: float, unit: str, aim: str = "", met: bool | None = None) -> dict:
        return row_of(figure, value, unit, aim if held else "", met if held else None)

    hit = {name: [outcome.impact is not None for outcome in found] for name, found in outcomes.items()}
    table = []
    for family in FAMILIES:
        chosen = [i for i, case in enumerate(cases) if case.family == family]
        if not chosen:
            continue
        avoidable = [i for i in chosen if not (hit["fsm"][i] and hit["careful"][i])]
        missed = sum(hit["stack"][i] for i in avoidable)
        title = family.replace("_", " ")
        table.append(row_of(f"{title}: cases", len(chosen), "", "", None))
        table.append(row(f"{title}: hit, avoided by FSM or careful driver", missed, "cases", "0", missed == 0))
        for name in outcomes:
            share = 100.0 * sum(hit[name][i] for i in chosen) / len(chosen)
            table.append(row_of(f"{title}: collisions, {name}", share, "%", "", None))
        ours, theirs = (100.0 * sum(hit[key][i] for i in chosen) / len(chosen) for key in ("stack", "fsm"))
        below = ours < theirs or ours == theirs == 0.0
        table.append(row(f"{title}: collisions, stack less fsm", ours - theirs, "% points", "< 0, or none at all", below))
    for name in DRIVERS:
        ours, theirs = (100.0 * sum(hit[key]) / len(cases) for key in ("stack", name))
        table.append(row(f"all: collisions, stack less {name}", ours - theirs, "% points", "< 0", ours < theirs))
    due = [i for i, case in enumerate(cases) if must_be_avoided(case)]
    missed = sum(hit["stack"][i] for i in due)
    table.append(row("cut in: hit of 5.2.5.2 with 5 m/s2", missed, f"of {len(due)}", "0", missed == 0))
    return table


def must_be_avoided(case: Case) -> bool:
    """UN R157 5.2.5.2: time to collision when the tyre is 0.3 m beyond the marking, seen to move for 0.72 s before."""
    if case.family != "cut_in":
        return False
    closing = (case.speed_kmh - case.other_kmh) / 3.6
    moved = 3.5 - 0.5 * 1.85 - (1.75 - 0.3)  # m of the other's middle until then
    seen_s = moved / case.side_speed
    to_collision_s = case.distance_m / closing - seen_s
    return seen_s >= REGULATION_VISIBLE_S and to_collision_s > closing / (2.0 * REGULATION_BRAKES) + REGULATION_DELAY_S


def _write(cases: list[Case], outcomes: dict[str, list[Outcome]], output: Path) -> None:
    """Every case with every outcome, for a closer look."""
    with (output / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*Case._fields, *(f"{name}_{field}" for name in outcomes for field in Outcome._fields)])
        for i, case in enumerate(cases):
            writer.writerow([*case, *(value for found in outcomes.values() for value in found[i])])
