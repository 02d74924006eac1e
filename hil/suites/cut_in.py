"""UN R157 traffic disturbances at 60 to 90 km/h: cut-in, cut-out, braking lead, by the stack and by the reference drivers."""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hil.longitudinal.disturbance_runs import DRIVERS, Outcome, RampBrakes, drive_reference, drive_stack
from hil.longitudinal.disturbances import Case, grid
from hil.suites._row import row_of

TITLE = "R157 cut-in, cut-out and braking lead, 60-90 km/h, brakes of 5 m/s2"
FAMILIES = ("cut_in", "cut_out", "braking_lead")
CONFIG = "vehicles/demo_truck"
BLOCK = 60  # cases a job
REGULATION_BRAKES, REGULATION_DELAY_S, REGULATION_VISIBLE_S = 5.0, 0.35, 0.72  # [R] 5.2.5.2; 5 m/s2 for N3


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    cases = list(grid(quick))
    outcomes = drive(cases, jobs)
    if output is not None:
        _write(cases, outcomes, output)
    return figures(cases, outcomes)


def drive(cases: list[Case], jobs: int, radar: bool = False) -> dict[str, list[Outcome]]:
    """{driver: outcome of each case}; "stack" is ours."""
    blocks = [(cases[i : i + BLOCK], radar) for i in range(0, len(cases), BLOCK)]
    if jobs == 1:
        parts = [_drive_block(block) for block in blocks]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            parts = list(pool.map(_drive_block, blocks))
    return {name: [outcome for part in parts for outcome in part[name]] for name in ("stack", *DRIVERS)}


_roads: dict[bool, object] = {}


def _drive_block(block: tuple[list[Case], bool]) -> dict[str, list[Outcome]]:
    from autonomy import Stack
    from hil.longitudinal.straight_road import StraightRoad

    cases, radar = block
    if radar not in _roads:
        _roads[radar] = StraightRoad(Stack.from_config(CONFIG), RampBrakes(), radar=radar)
    found = {"stack": [drive_stack(_roads[radar], case) for case in cases]}
    for name, driver in DRIVERS.items():
        found[name] = [drive_reference(driver(), case) for case in cases]
    return found


def figures(cases: list[Case], outcomes: dict[str, list[Outcome]]) -> list[dict]:
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
        table.append(row_of(f"{title}: hit, avoided by FSM or careful driver", missed, "cases", "0", missed == 0))
        for name in outcomes:
            share = 100.0 * sum(hit[name][i] for i in chosen) / len(chosen)
            table.append(row_of(f"{title}: collisions, {name}", share, "%", "", None))
    for name in DRIVERS:
        ours, theirs = (100.0 * sum(hit[key]) / len(cases) for key in ("stack", name))
        table.append(row_of(f"all: collisions, stack less {name}", ours - theirs, "% points", "< 0", ours < theirs))
    due = [i for i, case in enumerate(cases) if must_be_avoided(case)]
    missed = sum(hit["stack"][i] for i in due)
    table.append(row_of("cut in: hit of 5.2.5.2 with 5 m/s2", missed, f"of {len(due)}", "", None))
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
