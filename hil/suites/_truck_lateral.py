"""Articulation, steering, tyres, wind and trailer, learned while the stack keeps its lane on a motorway that bends.

Loads empty to 49 t, with and without wind and trailer sensing; steering and tyres other than the stack is told, a steering
sensor that is off by a draw a drive. The mass is told to MASS_SIGMA_KG, as nothing shows it at an even speed; one kind is told
40 t to 12 t. SEEDS are those reported; TUNED are those the parameters were chosen on.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hil.suites._pool import mapped
from hil.suites._row import row_of
from hil.suites.lane_keeping import EMPTY, LOADED, SETTLED_S, WIND

CONFIG = "vehicles/demo_truck"
HEAVY = "plants/eu_4x2_49t"
SPEED_MPS, MASS_SIGMA_KG = 22.0, 800.0
SEEDS, TUNED = (1, 2), tuple(range(200, 217))
STEERING_SENSOR_RAD = 0.035  # standard deviation at the steering wheel: 0.1 degrees at the road wheels
STIFFNESS = (363e3, 551e3, 429e3)  # N/rad an axle, of the plants
WHEELBASE_M = 7.7
TRAILER_TYRES, UNWEIGHED = (0.75, 1.25), (("14.5 t", EMPTY), ("49 t", HEAVY))
OFFSET_DEG = 0.05  # of road wheel
TRUCK = ("articulation_angle", "articulation_sigma", "articulation_rate", "articulation_rate_sigma", "articulation_sensed",
         "steering_offset_rad", "steering_offset_sigma_rad", "steering_offset_known", "front_tyre_factor",
         "front_tyre_factor_sigma", "rear_tyre_factor", "rear_tyre_factor_sigma", "trailer_tyre_factor",
         "trailer_tyre_factor_sigma", "tyres_known", "crosswind_mps",
         "crosswind_sigma_mps", "gust_mps", "trailer_wheelbase_m", "trailer_wheelbase_sigma_m", "trailer_wheelbase_known",
         "trailer_restored", "steering_delay_s", "steering_delay_sigma_s", "steering_lag_s", "steering_lag_sigma_s",
         "steering_response_known", "steering_play_rad", "command_offset_rad", "combination_tracked")  # fmt: skip
TRUTH = ("true_articulation", "true_articulation_rate", "true_crosswind")


class Case(NamedTuple):
    """One drive. `tyres`: factors of front, driven and trailer axles; `told`: what the stack's vehicle file says instead."""

    plant: str
    seed: int
    wind: bool = False
    sensed: bool = False
    tyres: tuple[float, float, float] = (1.0, 1.0, 1.0)
    steering: tuple[float, float] | None = None  # s, dead time and lag that the stack is not told
    told: tuple[tuple[str, object], ...] = ()
    length_m: float = 4500.0
    weighed: bool = True  # the mass is told


def short_trailer(short_m: float) -> tuple[tuple[str, object], ...]:
    """Told axles that stand so much further ahead than they do."""
    places = [round(WHEELBASE_M - short_m + behind, 3) for behind in (-1.3, 0.0, 1.3)]
    return (("vehicle.trailer_wheelbase_m", round(WHEELBASE_M - short_m, 3)), ("vehicle.trailer_axle_x_m", [*places, 0.0]))


# Told 0.7 m short, and what two earlier drives are said to have found
SHORT_TRAILER = short_trailer(0.7)
STORED = (("truck.stored_trailer", [
    {"wheelbase_m": 6.5, "wheelbase_sigma_m": 0.1, "tyre_factor": 1.0, "tyre_factor_sigma": 0.1},
    {"wheelbase_m": 7.72, "wheelbase_sigma_m": 0.1, "tyre_factor": 1.0, "tyre_factor_sigma": 0.1}]),)  # fmt: skip


def cases(quick: bool) -> list[tuple[str, Case]]:
    """(kind, drive)."""
    found: list[tuple[str, Case]] = []
    for seed in SEEDS[:1] if quick else SEEDS:
        plants = (EMPTY, LOADED) if quick else (EMPTY, LOADED, HEAVY)
        found += [("calm", Case(plant, seed + 10 * k)) for k, plant in enumerate(plants)]
        found += [("wind", Case(plant, seed + 30 + 10 * k, wind=True)) for k, plant in enumerate(plants)]
        found += [("wind, sensed", Case(plant, seed + 60 + 10 * k, wind=True, sensed=True))
                  for k, plant in enumerate(plants[:1] if quick else plants)]  # fmt: skip
        found.append(("steering", Case(LOADED, seed + 100, steering=(0.19, 0.26))))
        if not quick:
            found.append(("steering", Case(EMPTY, seed + 110, steering=(0.11, 0.14))))
        found.append(("tyres", Case(LOADED, seed + 120, tyres=(0.8, 1.0, 1.0), length_m=9000.0)))
        if not quick:
            found.append(("tyres", Case(EMPTY, seed + 130, tyres=(1.15, 0.85, 1.0), length_m=9000.0)))
        found += [(f"trailer tyres {factor:g}", Case(LOADED, seed + 160 + 10 * k, tyres=(1.0, 1.0, factor)))
                  for k, factor in enumerate(TRAILER_TYRES[: 1 if quick else None])]  # fmt: skip
        found += [(f"mass of {mass} not told", Case(plant, seed + 180 + 10 * k, weighed=False))
                  for k, (mass, plant) in enumerate(UNWEIGHED[: 1 if quick else None])]  # fmt: skip
        found.append(("trailer", Case(LOADED, seed + 140, sensed=True, told=SHORT_TRAILER)))
        found.append(("stored", Case(LOADED, seed + 150, sensed=True, told=SHORT_TRAILER + STORED)))
    return found


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    tasks = cases(quick)
    drives = mapped(drive, [case for _, case in tasks], jobs, output)
    if output is not None:
        for (kind, case), columns in zip(tasks, drives, strict=True):
            name = f"{kind}_{Path(case.plant).name}_{case.seed}".replace(", ", "_")
            np.savez_compressed(output / f"lateral_{name}.npz", **columns)
            _draw(columns, f"{kind}, {Path(case.plant).name}, seed {case.seed}", output / f"lateral_{name}.html")
    done = [(kind, case, columns) for (kind, case), columns in zip(tasks, drives, strict=True)]
    return [*_articulation(done), *_steering(done), *_tyres(done), *_unlike(done), *_wind(done), *_trailer(done)]


def drive(case: Case) -> dict[str, np.ndarray]:
    """Columns of TRUCK and TRUTH, a value a tick, and "t"; constants of the truth as scalars."""
    import hil
    from autonomy import Stack
    from autonomy import config as configuration
    from hil.sensors import Messages
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    random = np.random.default_rng([case.seed, 9])
    stiffness = [k * f for k, f in zip((*STIFFNESS, *STIFFNESS[2:], *STIFFNESS[2:]), _axles(case.tyres), strict=True)]
    overrides = {"tyres.cornering_stiffness": stiffness}
    told = stack_overrides(case.plant) | {"vehicle.mass_sigma_kg": MASS_SIGMA_KG} | dict(case.told)
    if not case.weighed:
        del told["vehicle.mass_kg"], told["vehicle.mass_sigma_kg"]
    delay, lag = told["vehicle.steering_delay_s"], told["vehicle.steering_lag_s"]
    if case.steering is not None:
        delay, lag = case.steering
        overrides |= {"steering.delay_s": delay, "steering.lag_s": lag}
    duration_s, road = (case.length_m - 150.0) / SPEED_MPS, _road(random, case.length_m)
    scenario = {"schema": "autonomy.scenario/1", "duration_s": duration_s, "set_speed_mps": SPEED_MPS,
                "ego": {"plant": case.plant, "overrides": overrides}, "road": {"segments": road}}  # fmt: skip
    if case.wind:
        scenario["wind"] = WIND
    config = configuration.load(CONFIG, told)
    offset = float(STEERING_SENSOR_RAD * random.standard_normal())
    sensors = Messages(config, case.seed, trailer_sensing=case.sensed, steering_offset_rad=offset)
    measured = []

    def watch(truth, out):
        truck, ego, road = out["truck"], truth.ego, truth.road
        crosswind = -road.wind_speed * np.sin(road.wind_from - ego.yaw)
        measured.append((truth.time_ns / 1e9, ego.articulation, ego.articulation_rate, crosswind,
                         *(float(truck[name]) for name in TRUCK)))  # fmt: skip

    result = hil.run(Motorway(scenario), Stack.from_config(CONFIG, overrides=told), sensors, duration_s,
                     seed=case.seed, watch=watch, report=False)  # fmt: skip
    columns = dict(zip(("t", *TRUTH, *TRUCK), np.array(measured).T, strict=True))
    columns["t"] = columns["t"] - columns["t"][0]
    columns |= {"true_offset": offset / sensors.steering_ratio, "true_delay": delay, "true_lag": lag, "true_play": 0.00175,
                "true_wheelbase": WHEELBASE_M, "driven_s": result.metrics["driven_s"]}  # fmt: skip
    return {name: np.asarray(value) for name, value in columns.items()}


def _axles(tyres: tuple[float, float, float]) -> tuple[float, ...]:
    return (tyres[0], tyres[1], tyres[2], tyres[2], tyres[2])


def _road(random, length_m: float) -> list[dict]:
    """Straights and bends of 400 to 1500 m to both sides."""
    segments, total = [{"length_m": 500.0}], 500.0
    while total < length_m:
        radius = float(random.uniform(400.0, 1500.0) * random.choice([-1.0, 1.0]))
        bend, straight = float(random.uniform(150.0, 400.0)), float(random.uniform(200.0, 600.0))
        segments += [{"length_m": 100.0, "radius_m": radius}, {"length_m": bend, "radius_m": radius}, {"length_m": 100.0},
                     {"length_m": straight}]  # fmt: skip
        total += bend + straight + 200.0
    return [{**segment, "speed_limit_mps": 27.0} for segment in segments]


def _outside(errors, sigmas) -> float:
    """Per cent of the time."""
    return 100.0 * float(np.mean(np.abs(np.concatenate(errors)) > 3.0 * np.concatenate(sigmas)))


def _of(done, *kinds: str) -> list[tuple[Case, dict]]:
    return [(case, columns) for kind, case, columns in done if kind in kinds]


def _settled(columns: dict, name: str, after_s: float = SETTLED_S) -> np.ndarray:
    return columns[name][columns["t"] > after_s]


def _articulation(done) -> list[dict]:
    table = []
    kinds_of = (("without wind", 0.3, ("calm", "steering", "tyres")), ("in wind, no trailer sensing", 0.6, ("wind",)),
                ("in wind, with trailer sensing", 0.15, ("wind, sensed",)))  # fmt: skip
    for what, aim, kinds in kinds_of:
        chosen = _of(done, *kinds)
        errors = [_settled(c, "articulation_angle") - _settled(c, "true_articulation") for _, c in chosen]
        sigmas = [_settled(c, "articulation_sigma") for _, c in chosen]
        worst = max(np.degrees(np.sqrt(np.mean(e**2))) for e in errors)
        table.append(row_of(f"articulation RMS, {what}, worst drive", worst, "deg", f"<= {aim:g}", worst <= aim))
        table.append(row_of(f"articulation sigma told, {what}", np.degrees(np.mean(np.concatenate(sigmas))), "deg"))
        share = _outside(errors, sigmas)
        table.append(row_of(f"articulation outside 3 sigma, {what}", share, "%", "<= 1", share <= 1.0))
    every = [c for _, _, c in done]
    share = _outside([_settled(c, "articulation_rate") - _settled(c, "true_articulation_rate") for c in every],
                     [_settled(c, "articulation_rate_sigma") for c in every])  # fmt: skip
    table.append(row_of("articulation rate outside 3 sigma", share, "%", "<= 1", share <= 1.0))
    return table


def _offset_rows(done) -> list[dict]:
    """Where it is flat and no wind blows: within OFFSET_DEG and claimed to be known at the end, and since when."""
    table = []
    for load in ("loaded", "empty"):
        drives = [c for case, c in _of(done, "calm", "steering") if (case.plant == EMPTY) == (load == "empty")]
        errors = [np.degrees(np.abs(c["steering_offset_rad"] - c["true_offset"])) for c in drives]
        known = [c["steering_offset_known"] > 0 for c in drives]
        both = [bool(error[-1] <= OFFSET_DEG and claim[-1]) for error, claim in zip(errors, known, strict=True)]
        claimed = max((float(error[claim].max(initial=0.0)) for error, claim in zip(errors, known, strict=True)), default=0.0)
        since = [float(c["t"][-1]) if error[-1] > OFFSET_DEG else float(c["t"][len(error) - np.argmax(error[::-1] > OFFSET_DEG)])
                 if np.any(error > OFFSET_DEG) else 0.0 for error, c in zip(errors, drives, strict=True)]  # fmt: skip
        claims = [float(c["t"][np.argmax(claim)]) for claim, c in zip(known, drives, strict=True) if claim.any()]
        name = f"steering offset, {load}, no wind"
        table += [
            row_of(f"{name}: drives in which it is known and within {OFFSET_DEG:g} deg at the end", float(sum(both)),
                   f"of {len(both)}", f">= {len(both)}", all(both)),
            row_of(f"{name}: greatest error at the end", max(float(error[-1]) for error in errors), "deg", f"<= {OFFSET_DEG:g}",
                   max(float(error[-1]) for error in errors) <= OFFSET_DEG),
            row_of(f"{name}: greatest error where it is claimed to be known", claimed, "deg", f"<= {OFFSET_DEG:g}",
                   claimed <= OFFSET_DEG),
            row_of(f"{name}: within {OFFSET_DEG:g} deg for good after, latest drive", max(since), "s"),
            row_of(f"{name}: known after, latest drive that comes to know it", max(claims) if claims else None, "s"),
        ]  # fmt: skip
    return table


def _steering(done) -> list[dict]:
    every = [c for _, _, c in done]
    share = _outside([_settled(c, "steering_offset_rad") - c["true_offset"] for c in every],
                     [_settled(c, "steering_offset_sigma_rad") for c in every])  # fmt: skip
    table = [*_offset_rows(done),
             row_of("steering offset, sensor's own, greatest",
                    max(abs(np.degrees(float(c["true_offset"]))) for c in every), "deg"),
             row_of("steering offset outside 3 sigma, wind included", share, "%", "<= 1", share <= 1.0)]  # fmt: skip
    for name, key in (("dead time", "delay"), ("lag", "lag")):
        chosen = [c for _, _, c in done if np.any(c["steering_response_known"] > 0)]
        ends = [1e3 * abs(float(c[f"steering_{key}_s"][-1] - c[f"true_{key}"])) for c in chosen]
        worst = max(ends) if len(chosen) == len(done) else np.inf
        table.append(row_of(f"steering {name}, greatest error at the end", worst, "ms", "<= 20", worst <= 20.0))
    known = [float(c["t"][np.argmax(c["steering_response_known"] > 0)]) for c in every if c["steering_response_known"][-1] > 0]
    table.append(row_of("steering response known after, latest drive", max(known, default=np.inf), "s"))
    play = max(np.degrees(abs(float(c["steering_play_rad"][-1] - c["true_play"]))) for c in every)
    table.append(row_of("steering play, greatest error at the end (of 0.1 deg)", play, "deg"))
    return table


def _tyres(done) -> list[dict]:
    table = []
    for number, (axle, name) in enumerate((("front", "front_tyre_factor"), ("rear", "rear_tyre_factor"))):
        chosen = _of(done, "tyres", "calm")
        ends = [abs(float(c[name][-1]) - case.tyres[number]) for case, c in chosen]
        table.append(row_of(f"tyre factor, {axle}, greatest error at the end, no wind", max(ends), ""))
        drives = [(case, c) for _, case, c in done]
        share = _outside([_settled(c, name) - case.tyres[number] for case, c in drives],
                         [_settled(c, f"{name}_sigma") for _, c in drives])  # fmt: skip
        table.append(row_of(f"tyre factor, {axle}, outside 3 sigma", share, "%", "<= 1", share <= 1.0))
    return table


def _unlike(done) -> list[dict]:
    """Trailer tyres and masses other than told, without a sensor of the articulation: no wind, so its aim is that of no wind."""
    table = []
    for kind in dict.fromkeys(kind for kind, _, _ in done if kind.startswith(("trailer tyres", "mass of"))):
        chosen = _of(done, kind)
        errors = [_settled(c, "articulation_angle") - _settled(c, "true_articulation") for _, c in chosen]
        worst = max(np.degrees(np.sqrt(np.mean(error**2))) for error in errors)
        share = _outside(errors, [_settled(c, "articulation_sigma") for _, c in chosen])
        wrong = [_settled(c, "trailer_tyre_factor") - case.tyres[2] for case, c in chosen]
        beyond = _outside(wrong, [_settled(c, "trailer_tyre_factor_sigma") for _, c in chosen])
        table += [
            row_of(f"{kind}: articulation RMS, worst drive", worst, "deg", "<= 0.3", worst <= 0.3),
            row_of(f"{kind}: articulation outside 3 sigma", share, "%", "<= 1", share <= 1.0),
            row_of(f"{kind}: trailer tyre factor, greatest error at the end", max(abs(float(e[-1])) for e in wrong), ""),
            row_of(f"{kind}: trailer tyre factor outside 3 sigma", beyond, "%", "<= 1", beyond <= 1.0),
        ]
    return table


def _wind(done) -> list[dict]:
    table = []
    for what, kind in (("no wind", "calm"), ("7.5 to 15 m/s", "wind"), ("7.5 to 15 m/s, trailer sensed", "wind, sensed")):
        chosen = _of(done, kind)
        errors = [_settled(c, "crosswind_mps") - _settled(c, "true_crosswind") for _, c in chosen]
        table.append(row_of(f"crosswind RMS error, {what}", np.sqrt(np.mean(np.concatenate(errors) ** 2)), "m/s"))
        share = _outside(errors, [_settled(c, "crosswind_sigma_mps") for _, c in chosen])
        table.append(row_of(f"crosswind outside 3 sigma, {what}", share, "%", "<= 1", share <= 1.0))
    return table


def _trailer(done) -> list[dict]:
    sensed, stored = _of(done, "trailer"), _of(done, "stored")
    ends = [abs(float(c["trailer_wheelbase_m"][-1] - c["true_wheelbase"])) for _, c in sensed]
    claimed = [c for _, case, c in done if not case.sensed and np.any(c["trailer_wheelbase_known"] > 0)]
    found = [float(c["trailer_restored"][-1]) for _, c in stored]
    restored = [abs(float(c["trailer_wheelbase_m"][-1] - c["true_wheelbase"])) for _, c in stored]
    share = _outside([_settled(c, "trailer_wheelbase_m") - c["true_wheelbase"] for _, c in sensed + stored],
                     [_settled(c, "trailer_wheelbase_sigma_m") for _, c in sensed + stored])  # fmt: skip
    return [
        row_of("trailer wheelbase told 0.7 m short, sensed: greatest error at the end", max(ends), "m"),
        row_of("trailer wheelbase outside 3 sigma, sensed", share, "%", "<= 1", share <= 1.0),
        row_of("drives without trailer sensing that claim to know the wheelbase", len(claimed), "", "0", not claimed),
        row_of("stored trailer: right row of two found", np.mean(np.array(found) == 2.0), "", "1", all(f == 2.0 for f in found)),
        row_of("stored trailer: wheelbase error at the end", max(restored), "m"),
    ]


def _draw(columns: dict, title: str, path: Path) -> None:
    """Errors with three sigmas about zero, one below the other."""
    from autonomy.report.plot import Band, Line, time_figure
    from hil.suites._truck_longitudinal import STYLE

    t = columns["t"][::20]
    wheel = np.degrees(1.0)
    shown = [
        ("articulation error", "deg", wheel * (columns["articulation_angle"] - columns["true_articulation"]),
         wheel * columns["articulation_sigma"]),
        ("steering offset error", "deg", wheel * (columns["steering_offset_rad"] - columns["true_offset"]),
         wheel * columns["steering_offset_sigma_rad"]),
        ("dead time error", "s", columns["steering_delay_s"] - columns["true_delay"], columns["steering_delay_sigma_s"]),
        ("lag error", "s", columns["steering_lag_s"] - columns["true_lag"], columns["steering_lag_sigma_s"]),
        ("crosswind error", "m/s", columns["crosswind_mps"] - columns["true_crosswind"], columns["crosswind_sigma_mps"]),
    ]  # fmt: skip
    drawn = []
    for name, unit, value, sigma in shown:
        value, bound = value[::20], 3.0 * sigma[::20]
        marks = [Band(t, value - bound, value + bound, "s1", "3 sigma"), Line(t, value, "s1", "told less truth"),
                 Line(t, np.zeros(len(t)), "reference", "truth")]  # fmt: skip
        drawn.append(time_figure(f"{title}: {name}", marks, f"{name} ({unit})", (0.0, float(t[-1]))))
    figures = "".join(f"<figure><figcaption>{figure.title}</figcaption>{figure.svg}</figure>" for figure in drawn)
    head = f"<!doctype html><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style>"
    path.write_text(head + figures, encoding="utf-8")
