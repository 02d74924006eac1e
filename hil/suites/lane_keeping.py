"""Lane keeping of the whole combination: the nonlinear plant, sensors with noise and latency, the stack as it drives."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import ACTIVE, DRIVING_MODES
from autonomy.tick_period import TICK_S
from hil.suites._row import row_of

TITLE = "lane keeping of tractor and trailer on the nonlinear plant, noisy sensors"
LOADED, EMPTY = "plants/eu_4x2_40t", "plants/eu_4x2_empty"
STRAIGHT_M = 400.0
SETTLED_S = 8.0  # after taking over; what the driver left is not the controller's
GUST = {"speed_mps": 7.5, "rise": 1.5, "hold": 2.0, "fall": 1.5, "start_s": 15.0, "every": 12.0}  # 1 - cos flanks, on the mean
WIND = {"speed_mps": 7.5, "gusts": [GUST]}  # 15 m/s in the gusts, from the left
STEADY_WIND = {"speed_mps": 15.0}
FROM_RIGHT = {"from_deg": -90.0}
P99_M, PEAK_M, JERK_MPS3, REVERSALS = 0.25, 0.35, 5.0, 4.0
SLIP_SPEED_MPS = 22.0
STOP_VALID_PERCENT = 99.0  # [D] a moment after somebody cuts in there is none
STOP_TICKS = 25  # between two stop paths that are compared with the true lane
SEEDS = (11, 12, 13)  # of the sensors; the controller was tuned on 1 and 2
SERIES = ("time_s", "tractor_m", "trailer_m", "road_wheel_angle_rad", "lateral_acceleration_mps2", "command_rad")
PLAY_RAD = float(np.radians(0.1))


class Play(NamedTuple):
    """rad of road wheel: the steering's own and what the stack is told of it; `label` of its rows, "" = held to the aims."""

    own: float = PLAY_RAD
    told: float = PLAY_RAD
    label: str = ""


WIDE, NOT_TOLD = Play(3.0 * PLAY_RAD, 3.0 * PLAY_RAD, ", play 0.3 deg"), Play(PLAY_RAD, 0.0, ", play of 0.1 deg not told")


def bend(radius: float, length: float = 300.0, clothoid: float = 80.0, **more) -> list[dict]:
    """Straight, clothoid, bend, clothoid, straight."""
    return [{"length_m": STRAIGHT_M}, {"length_m": clothoid, "radius_m": radius, **more},
            {"length_m": length, "radius_m": radius, **more}, {"length_m": clothoid, **({"bank": 0.0} if more else {})},
            {"length_m": 500.0}]  # fmt: skip


def s_bend(radius: float) -> list[dict]:
    """Clothoids from one bend straight into the other."""
    return [{"length_m": STRAIGHT_M}, {"length_m": 100.0, "radius_m": radius}, {"length_m": 120.0, "radius_m": radius},
            {"length_m": 200.0, "radius_m": -radius}, {"length_m": 120.0, "radius_m": -radius}, {"length_m": 100.0},
            {"length_m": 400.0}]  # fmt: skip


# The planner takes bends with less than 69 km/h in R 250 m needs: 1.47 m/s2. Lifted where the suite asks for that
FAST_BENDS = {"plan.lateral_acceleration_maximum": 2.2}


def cases() -> list[dict]:
    """name, speed in km/h; segments, plant, wind, overrides of the stack."""
    straight = [{"length_m": 1900.0}]
    found = []
    for speed in (80.0, 90.0):
        found += [{"name": f"straight, {speed:.0f} km/h", "speed": speed, "segments": straight},
                  {"name": f"R 500 m, {speed:.0f} km/h", "speed": speed, "segments": bend(500.0)},
                  {"name": f"S-bend R 500 m, {speed:.0f} km/h", "speed": speed, "segments": s_bend(500.0)}]  # fmt: skip
    slippery = [{**segment, "friction": 0.4} for segment in bend(500.0)]
    banked = [{"length_m": STRAIGHT_M}, {"length_m": 60.0, "bank": 0.04}, {"length_m": 1200.0, "bank": 0.04}]
    tight = bend(250.0, clothoid=100.0)
    found += [
        {"name": "R 250 m, 69 km/h (planner's limit of bends lifted)", "speed": 69.0, "segments": tight, "overrides": FAST_BENDS},
        {"name": "R 250 m, 69 km/h set, braked by the planner", "speed": 69.0, "segments": tight},
    ]
    for speed in (80.0, 90.0):
        found += [
            {"name": f"bank 4 %, {speed:.0f} km/h", "speed": speed, "segments": banked},
            {"name": f"friction 0.4, R 500 m, {speed:.0f} km/h", "speed": speed, "segments": slippery},
        ]
    found += [{"name": "empty, straight, 90 km/h", "speed": 90.0, "segments": straight, "plant": EMPTY}]
    for label, plant in (("", LOADED), ("empty, ", EMPTY)):
        for side, wind_from in (("left", {}), ("right", FROM_RIGHT)):
            found += [
                {
                    "name": f"{label}gusts 15 m/s from the {side}, {speed:.0f} km/h",
                    "speed": speed,
                    "segments": straight,
                    "plant": plant,
                    "wind": WIND | wind_from,
                }
                for speed in (80.0, 90.0)
            ]
            found += [{"name": f"{label}steady wind 15 m/s from the {side}, 90 km/h, after 20 s", "speed": 90.0,
                       "settled_s": 20.0, "segments": straight, "plant": plant, "wind": STEADY_WIND | wind_from}]  # fmt: skip
    for speed in (80.0, 90.0):
        for label, segments in (("R 500 m", bend(500.0)), ("S-bend R 500 m", s_bend(500.0))):
            found += [{"name": f"empty, {label}, gusts 15 m/s, {speed:.0f} km/h", "speed": speed, "segments": segments,
                       "plant": EMPTY, "wind": WIND}]  # fmt: skip
    return found


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    chosen = cases()[:1] + cases()[2:3] + cases()[-2:-1] if quick else cases()
    pieces = [(case, play) for play in ((Play(),) if quick else (Play(), WIDE)) for case in chosen]
    pieces += [(case, NOT_TOLD) for case in ([] if quick else chosen) if "wind" not in case]
    seeds = SEEDS[:1] if quick else SEEDS
    drives = [(case, play, seed) for case, play in pieces for seed in seeds]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            driven = list(pool.map(drive, drives))
    else:
        driven = [drive(piece) for piece in drives]
    figures = [together(driven[k : k + len(seeds)]) for k in range(0, len(driven), len(seeds))]
    found = []
    for (case, play), figure in zip(pieces, figures, strict=True):
        found += judged(case["name"], play, figure)
    if output is not None:
        for (case, play), figure in zip(pieces, figures, strict=True):
            name = "".join(letter if letter.isalnum() else "_" for letter in case["name"] + play.label)
            np.savetxt(output / f"{name}.csv", figure["series"], fmt="%.5f", delimiter=",", comments="",
                       header=",".join(SERIES))  # fmt: skip
    return found


def judged(name: str, play: Play, figure: dict) -> list[dict]:
    """Rows of one drive; held to an aim with the play of the aims alone."""
    held, label = not play.label, name + play.label
    aims = [
        ("axles p99", figure["p99"], "m", P99_M),
        ("axles peak", figure["peak"], "m", PEAK_M),
        ("nearest to the line", figure["margin"], "m", 0.0),
        ("lateral jerk, 0.5 s", figure["jerk"], "m/s3", JERK_MPS3),
        ("fallback path valid, share of driven ticks", 100.0 * figure["stop_valid"], "%", STOP_VALID_PERCENT),
        ("fallback path, were it followed exactly, nearest to the line", figure["stop_margin"], "m", 0.0),
        ("speed where it bends most", figure["speed"], "km/h", None),
        ("nearest to the line, from taking over on", figure["margin_from_start"], "m", None),
    ]
    if name.startswith(("straight", "empty, straight")):
        aims.append(("reversals", figure["reversals"], "1/min", REVERSALS))
    found = []
    for what, value, unit, aim in aims:
        least = None
        if aim is not None and ("nearest" in what or unit == "%"):
            least = "> 0" if unit == "m" else f">= {aim:g}"
        met = (value > aim if least == "> 0" else value >= aim if least else value <= aim) if aim is not None else None
        judged_so = held and aim is not None
        told = (least or f"<= {aim:g}") if judged_so else ""
        found.append(row_of(f"{label}: {what}", value if figure["driven"] else None, unit, told,
                            (met and figure["driven"]) if judged_so else None))  # fmt: skip
    return found


def together(drives: list[dict]) -> dict:
    """Figures over the drives of one case, of the worst seed; the series is that of the first."""
    axles = np.concatenate([drive["axles"] for drive in drives])
    if not all(drive["driven"] for drive in drives):
        return drives[0] | {"driven": False, "p99": float("nan"), "peak": float("nan")}
    return {"p99": max(float(np.percentile(drive["axles"], 99)) for drive in drives), "peak": float(axles.max()),
            "margin": min(drive["margin"] for drive in drives),
            "stop_valid": min(drive["stop_valid"] for drive in drives),
            "stop_margin": min(drive["stop_margin"] for drive in drives),
            "margin_from_start": min(drive["margin_from_start"] for drive in drives),
            "jerk": max(drive["jerk"] for drive in drives), "speed": drives[0]["speed"],
            "driven": True, "series": drives[0]["series"],
            "reversals": float(max(drive["reversals"] for drive in drives))}  # fmt: skip


def drive(piece) -> dict:
    """One drive at the messages level; figures from SETTLED_S after the stack took over."""
    import hil
    from autonomy import Stack
    from autonomy import config as configuration
    from hil.loop.metrics import LATERAL_JERK_WINDOW_S, REVERSAL_RAD, _slope, reversals
    from hil.loop.stop_path import line_margin
    from hil.sensors import Messages
    from hil.worlds.motorway import Motorway

    case, play, seed = piece
    speed = case["speed"] / 3.6
    plant = case.get("plant", LOADED)
    segments = [{**segment, "speed_limit_mps": 27.0} for segment in case["segments"]]
    length = sum(segment["length_m"] for segment in segments)
    scenario = {"schema": "autonomy.scenario/1", "duration_s": (length - 120.0) / speed, "set_speed_mps": speed,
                "ego": {"plant": plant, "overrides": {"steering.play": play.own}}, "road": {"segments": segments}}  # fmt: skip
    if "wind" in case:
        scenario["wind"] = case["wind"]
    told = stack_overrides(plant, play.told) | case.get("overrides", {})
    stack = Stack.from_config("vehicles/demo_truck", overrides=told)
    sensors = Messages(configuration.load("vehicles/demo_truck", told), seed=seed)
    rows, stop_margins, modes = [], [], set()

    def watch(truth, out):
        if int(out["actuation"]["mode"]) not in DRIVING_MODES:
            return
        modes.add(int(out["actuation"]["mode"]))
        axles = np.abs(np.asarray(truth.road.axle_offsets))
        split = truth.ego.tractor_axles
        corners = np.abs(np.asarray(truth.road.corner_offsets)).max()
        rows.append((truth.time_ns / 1e9, axles[:split].max(), axles[split:].max(), truth.ego.road_wheel_angle,
                     truth.ego.lateral_acceleration, float(out["actuation"]["road_wheel_angle_rad"]),
                     truth.road.width_left - corners, truth.ego.velocity, abs(truth.road.curvature)))  # fmt: skip
        settled = len(rows) > SETTLED_S / TICK_S
        if settled and len(rows) % STOP_TICKS == 0 and out["plan"]["fallback_valid"]:
            stop_margins.append(line_margin(truth, out["plan"], stack.parameters["vehicle"]))

    result = hil.run(Motorway(scenario), stack, sensors, scenario["duration_s"], seed=seed, watch=watch, report=False)
    if len(rows) < 500 or modes != {ACTIVE}:  # begun too late, or stopped on the way
        told_of_none = ("margin", "margin_from_start", "jerk", "reversals", "stop_valid", "stop_margin", "speed")
        nothing = dict.fromkeys(told_of_none, float("nan"))
        return nothing | {"driven": False, "axles": np.zeros(0), "series": np.zeros((0, 6))}
    series = np.array(rows)
    from_start = float(series[:, 6].min())
    series = series[series[:, 0] > series[0, 0] + case.get("settled_s", SETTLED_S)]
    axles = series[:, 1:3].max(axis=1)
    in_bend = series[:, 8] >= 0.99 * series[:, 8].max()
    return {"axles": axles, "margin": float(series[:, 6].min()), "margin_from_start": from_start,
            "jerk": float(np.abs(_slope(series[:, 4], 0.01, LATERAL_JERK_WINDOW_S)).max()),
            "speed": 3.6 * float(series[in_bend, 7].mean()),
            "reversals": reversals(series[:, 3], REVERSAL_RAD) / (len(series) * 0.01) * 60.0, "driven": True,
            "stop_valid": result.metrics["fallback_valid_share"], "stop_margin": min(stop_margins, default=float("nan")),
            "series": series[:, :6]}  # fmt: skip


def stack_overrides(plant: str, play: float = PLAY_RAD) -> dict:
    """What identification would tell the stack of a plant: dead time, lag, play, mass, side slip of the drive axle."""
    from autonomy import config as configuration
    from autonomy.control.yaw_plane_twin import YawPlane
    from hil.lateral.linear_loop import parameters

    table = configuration.load(plant).sections
    mass = table["tractor"]["mass_kg"] + table["trailer"]["mass_kg"]
    model = YawPlane(parameters("vehicles/demo_truck")[1], mass, SLIP_SPEED_MPS)
    x, _, _ = model.steady(1.0 / SLIP_SPEED_MPS**2, 0.0, 0.0)  # at 1 m/s2
    slip = model.reference_m * x[1] / SLIP_SPEED_MPS + x[0] / SLIP_SPEED_MPS
    return {"vehicle.steering_delay_s": table["steering"]["delay_s"], "vehicle.steering_lag_s": table["steering"]["lag_s"],
            "vehicle.mass_kg": mass, "vehicle.steering_play_rad": play, "ego.slip": -float(slip)}  # fmt: skip
