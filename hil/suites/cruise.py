"""Predictive cruise control against a plain one over hills, 40 t: fuel at equal trip time, limits, errors, solve time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy import recordings
from hil.suites._pool import mapped
from hil.suites._recordings import missing
from hil.suites._row import row_of

TITLE = "predictive cruise control on hills: fuel at equal time, its bound, robustness, limits, solve time; 40 t"
CONFIG, PLANT = "vehicles/demo_truck", "plants/eu_4x2_40t"
SET_SPEED = 80.0 / 3.6
OVERSPEED = 1.4  # m/s: either cruise control lets the truck roll 5 km/h over the set speed before the retarder holds it
ECONOMY_RPM = 1000  # the gearbox shifts up early, for both
IN_GEAR = {"cruise.roll_deceleration": 0.0}  # as a gearbox that takes no TC1
# Prices, band and rolling found with generated 1, 2 (1.8 %) and 3 (1.2 %); reported: others
TUNED_ON = ("generated 1", "generated 2", "generated 3")
GENERATED = ((11, 0.012), (14, 0.018))  # seed, standard deviation of the grade
# The 65 mph cycle has the same hills over the distance as the 55 mph one
RECORDED = (("EPA_Ph2_urban_highway_55mph", None), ("EPA_Ph2_rural_interstate_65mph__tests_version", 12_000.0))
ROBUST_ON = "generated 14"
ERRORS = {
    "mass 5 % too high": {"vehicle.mass_kg": 42_000.0}, "mass 5 % too low": {"vehicle.mass_kg": 38_000.0},
    "grade noise 0.3 %": {},
}  # fmt: skip
NOISE_SEED, GRADE_NOISE = 101, 0.003  # rad, correlated over 300 m
QUICK_M = 8_000.0
PAYLOAD_KG = 25_500.0
PLAIN_ROLLING = "plain, gearbox that rolls by itself"
KINDS = (("rolling", "with rolling", True), ("predictive", "in gear", False))  # case, words, aimed at: in gear it is not there
INERT_KG, FUEL_WORK = 40_700.0, 0.465 * 0.95 * 42.7e6  # with what turns; J of traction from a kg
SLOWER = 0.993  # of the set speed, of the plain one's second drive: its fuel in any time lies on the line through the two


class Case(NamedTuple):
    """One drive."""

    name: str
    road: tuple  # as `hills` takes it
    set_speed: float = SET_SPEED
    predictive: bool = False
    overrides: tuple = ()
    noise_seed: int | None = None
    learned: bool = False  # by the grades of a drive before, not by the road's own


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    roads = {road[1]: road for road in _roads(quick)}
    both = [name for name in roads if not quick or name in (ROBUST_ON, RECORDED[0][0])]
    cases = [Case("plain", roads[name]) for name in both]
    cases += [Case("slower", roads[name], SLOWER * SET_SPEED) for name in both]
    cases += [Case("predictive", roads[name], predictive=True, overrides=tuple(IN_GEAR.items())) for name in both]
    cases += [Case("rolling", roads[name], predictive=True) for name in both]
    cases += [Case(PLAIN_ROLLING, roads[name]) for name in both]
    robust = roads[ROBUST_ON]
    for name, wrong in ERRORS.items():
        cases.append(Case(name, robust, predictive=True, overrides=tuple(wrong.items()),
                          noise_seed=NOISE_SEED if "noise" in name else None))  # fmt: skip
    cases.append(Case("learned", robust, predictive=True, learned=True))
    found = dict(zip([(case.road[1], case.name) for case in cases], mapped(_drive, cases, jobs, output), strict=True))
    bounds = dict(zip(both, mapped(_bounds, [(roads[name], float(found[name, "plain"].time_s[-1])) for name in both], jobs),
                      strict=True))  # fmt: skip
    table = _figures(found, both, bounds) + _solve_rows(found) + mapped(_special, SPECIALS, jobs, output)
    if output is not None:
        _write(found, both, output)
    return table if recordings.find("drive_cycles") is not None else [*table, missing("hills of recorded cycles", "drive_cycles")]


def _roads(quick: bool) -> list[tuple]:
    folder = recordings.find("drive_cycles")
    found = [("recorded", name, str(folder / f"{name}.csv"), QUICK_M if quick else length)
             for name, length in RECORDED if folder is not None and (folder / f"{name}.csv").is_file()]  # fmt: skip
    return found + [("generated", f"generated {seed}", seed, roughness, QUICK_M if quick else 12_000.0)
                    for seed, roughness in GENERATED]  # fmt: skip


def hills(road: tuple):
    from hil.longitudinal.hills import generated, recorded

    if road[0] == "recorded":
        return recorded(Path(road[2]), road[3])
    return generated(road[2], road[4], road[3])


def _road(case: Case):
    from autonomy import Stack
    from hil.longitudinal.plant_train import PlantTrain
    from hil.longitudinal.rolling_train import RollingTrain
    from hil.longitudinal.straight_road import StraightRoad

    # Upper end of the rolling as told, whatever the set speed that equal time takes
    overrides = {"plan.overspeed_mps": OVERSPEED + SET_SPEED - case.set_speed, "cruise.overspeed_mps": OVERSPEED}
    stack = Stack.from_config(CONFIG, overrides | dict(case.overrides))
    gearbox = {"gearbox.economy_rpm": ECONOMY_RPM}
    rolls = case.name == PLAIN_ROLLING
    return StraightRoad(stack, RollingTrain(PLANT, gearbox, case.set_speed) if rolls else PlantTrain(PLANT, gearbox))


def _drive(case: Case):
    from hil.longitudinal.hill_drive import begin_of, drive, learned, surveyed

    road, over = _road(case), hills(case.road)
    stored = None
    if case.learned:
        stored = learned(road, over, case.set_speed)
    elif case.predictive:
        stored = surveyed(over, begin_of(road, case.set_speed), sigma=GRADE_NOISE, seed=case.noise_seed)
    return drive(road, over, case.set_speed, stored=stored)


def _bounds(job: tuple) -> dict[str, float]:
    """kg that the plant needs at least on a road in a time, by case."""
    from hil.longitudinal.hill_bound import least_fuel
    from hil.plant import Plant

    road, time_s = job
    plant, under = Plant.load(PLANT), float(_parameters()["cruise"]["band_below_mps"])
    return {kind: least_fuel(plant, hills(road), SET_SPEED, time_s, over=OVERSPEED, under=under, rolls=kind == "rolling")
            for kind in ("predictive", "rolling")}  # fmt: skip


def _parameters():
    from autonomy.config import load
    from autonomy.parameters import load_parameters

    return load_parameters(load(CONFIG))


def _figures(found: dict, roads: list[str], bounds: dict) -> list[dict]:
    from hil.fuel import fuel_figures

    table = []
    totals = {kind: np.zeros(3) for kind, _, _ in KINDS}  # kg: driven, plain one at equal time, bound
    for name in roads:
        plain = found[name, "plain"]
        told = fuel_figures(_fuel(plain), plain.distance_m[-1], PAYLOAD_KG)
        table.append(row_of(f"{name}: plain, fuel", told["fuel_l_per_100km"], "l/100 km"))
        table.append(row_of(f"{name}: plain, CO2", told["co2_g_per_tkm"], "g/(t km)"))
        for kind, words, aimed in KINDS:
            drive = found[name, kind]
            told = fuel_figures(_fuel(drive), drive.distance_m[-1], PAYLOAD_KG)
            equal, late = _at_equal_time(plain, found[name, "slower"], drive), _late(plain, drive)
            saved = 100.0 * (1.0 - _fuel(drive) / equal)
            totals[kind] += _fuel(drive), equal, equal + bounds[name][kind] - _fuel(plain)
            table += [
                row_of(f"{name}: {words}, fuel", told["fuel_l_per_100km"], "l/100 km"),
                row_of(f"{name}: {words}, CO2", told["co2_g_per_tkm"], "g/(t km)"),
                row_of(f"{name}: {words}, later than plain at 80 km/h", late, "%", "<= 0.5", abs(late) <= 0.5),
                row_of(f"{name}: {words}, less fuel at equal time", saved, "%", *((">= 4", saved >= 4.0) if aimed else ())),
                row_of(f"{name}: {words}, the most that could be saved", 100.0 * (1.0 - bounds[name][kind] / _fuel(plain)), "%"),
            ]  # fmt: skip
        drive = found[name, PLAIN_ROLLING]
        saved = 100.0 * (1.0 - _fuel(drive) / _at_equal_time(plain, found[name, "slower"], drive))
        table.append(row_of(f"{name}: {PLAIN_ROLLING}, less fuel at equal time", saved, "%"))
    for kind, words, aimed in KINDS:
        driven, equal, least = totals[kind]
        saved = 100.0 * (1.0 - driven / equal)
        table.append(row_of(f"all roads: {words}, less fuel at equal time", saved, "%",
                            *((">= 4", saved >= 4.0) if aimed else ())))  # fmt: skip
        table.append(row_of(f"all roads: {words}, the most that could be saved", 100.0 * (1.0 - least / equal), "%"))
    for error in (*ERRORS, "learned"):
        drive, plain = found[ROBUST_ON, error], found[ROBUST_ON, "plain"]
        saved = 100.0 * (1.0 - _fuel(drive) / _at_equal_time(plain, found[ROBUST_ON, "slower"], drive))
        words, late = "grade learned in one drive" if error == "learned" else error, _late(plain, drive)
        table.append(row_of(f"{ROBUST_ON}: {words}, less fuel at equal time", saved, "%", ">= 4", saved >= 4.0))
        table.append(row_of(f"{ROBUST_ON}: {words}, later than plain at 80 km/h", late, "%", "<= 0.5", abs(late) <= 0.5))
    return table


def _fuel(drive) -> float:
    """kg, less what the truck is faster at the end than at the beginning: that speed saves as much later."""
    gained = 0.5 * INERT_KG * (drive.speed[-1] ** 2 - drive.speed[0] ** 2)
    return float(drive.fuel_kg[-1] - gained / FUEL_WORK)


def _late(plain, drive) -> float:
    """%"""
    return 100.0 * (drive.time_s[-1] / plain.time_s[-1] - 1.0)


def _at_equal_time(plain, slower, drive) -> float:
    """kg of the plain cruise control in the time of `drive`: on the line through its two drives."""
    times, fuels = (plain.time_s[-1], slower.time_s[-1]), (_fuel(plain), _fuel(slower))
    return float(fuels[0] + (fuels[1] - fuels[0]) * (drive.time_s[-1] - times[0]) / (times[1] - times[0]))


def _solve_rows(found: dict) -> list[dict]:
    every = np.concatenate([drive.solve_ms for drive in found.values()])
    above = max(3.6 * float(drive.speed.max()) for drive in found.values())
    return [
        row_of("one plan, horizon and grade included, p50", float(np.median(every)), "ms"),
        row_of("one plan, horizon and grade included, p99", float(np.percentile(every, 99)), "ms", "<= 20",
             bool(np.percentile(every, 99) <= 20.0)),
        row_of("fastest of all drives", above, "km/h", "<= 86", above <= 86.0),
    ]  # fmt: skip


SPECIALS = ("lead", "limit", "descent")


def _special(what: str) -> dict:
    from hil.longitudinal import cruise_cases

    return cruise_cases.run(what, _road(Case(what, (), predictive=True)), SET_SPEED)


def _write(found: dict, roads: list[str], output: Path) -> None:
    from hil.longitudinal.hill_drawing import draw

    for name in roads:
        drives = {kind: found[name, kind] for kind in ("plain", "predictive", "rolling")}
        draw(name, drives, output / f"{name.replace(' ', '_')}.svg")
        for kind, drive in drives.items():
            np.savez_compressed(output / f"{name.replace(' ', '_')}_{kind}.npz", **drive._asdict())
