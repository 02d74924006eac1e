"""Lateral control over speed, load, dead time, lag, tyres and combination: linear in every cell, the closest cells driven."""

from __future__ import annotations

import itertools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from hil.lateral.linear_loop import Gains, LinearLoop, parameters, settling_time
from hil.suites import _robustness_drives as drives
from hil.suites._row import row_of

TITLE = "lateral control: stability, damping and settling over the whole range"
COMBINATIONS = {"demo_truck": 14500.0, "us_6x4_53ft": 15000.0, "openpbs_6x2": 16800.0}  # empty mass, kg
HEAVIEST_KG = 49000.0
SPEEDS = (5.0, 8.0, 11.0, 14.0, 17.0, 20.0, 23.0, 26.0, 29.0)
LOADS = (0.0, 1 / 3, 2 / 3, 1.0)  # from empty to HEAVIEST_KG
DELAYS, LAGS, TYRES = (0.05, 0.15, 0.25, 0.35), (0.1, 0.2, 0.3), (0.7, 1.0, 1.3)
WRONG_BY_S = 0.1
LEARNED = {0.7: 0.8, 1.0: 1.0, 1.3: 1.15}  # of tyres: the truck step knows them to 0.14 after minutes of bends (docs/truck.md)
STEP_M, BAND_M, SETTLE_S = 0.5, 0.05, 12.0
LANE_WIDTH_M = 3.75  # [V] RAA: a motorway's
ROOM_M = 0.5 * LANE_WIDTH_M - 0.5 * 2.6  # of a corner, to the line
UNKNOWN = ((1.0, 0.0), (0.7, 0.0), (1.3, 0.0), (1.0, WRONG_BY_S), (1.0, -WRONG_BY_S))  # tyres, dead time longer than told
COLUMNS = ("combination", "speed", "load", "lag", "delay", "tyres", "damping", "tractor_s", "trailer_s", "widest_m", "late",
           "early", "learned_damping", "learned_tractor_s", "learned_trailer_s")  # fmt: skip


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    table = grid(quick, jobs)
    nominal, damping = table["tyres"] == 1.0, table["damping"]
    found = [
        row_of(f"cells stable, of {len(damping)}", np.sum(damping > 0.0), "", f"{len(damping)}", bool((damping > 0.0).all())),
        row_of("least damping below 2 Hz, nominal tyres", damping[nominal].min(), "", ">= 0.3", damping[nominal].min() >= 0.3),
        row_of("least damping below 2 Hz, tyres +-30 %", damping.min(), "", ">= 0.2", damping.min() >= 0.2),
        *_settling("0.5 m to 0.05 m, {}, slowest cell", table["tractor_s"][nominal].max(), table["trailer_s"][nominal].max()),
        *_settling("the same with tyres +-30 % nobody knows of, {}", table["tractor_s"].max(), table["trailer_s"].max()),
        *_settling("the same with tyres +-30 % as learned, {}", table["learned_tractor_s"].max(),
                   table["learned_trailer_s"].max()),
        row_of("least damping below 2 Hz, tyres +-30 % as learned", table["learned_damping"].min(), "", ">= 0.2",
             table["learned_damping"].min() >= 0.2),
        row_of("widest on the way: axles, front and rear faces", table["widest_m"].max(), "m", f"<= {ROOM_M:.3f}",
             table["widest_m"].max() <= ROOM_M),
        row_of("least damping, dead time 0.1 s longer than told", table["late"].min(), "", "> 0", table["late"].min() > 0.0),
        row_of("least damping, dead time 0.1 s shorter than told", table["early"].min(), "", "> 0", table["early"].min() > 0.0),
    ]  # fmt: skip
    found += with_limits(quick, jobs)
    found += in_the_whole_loop(table, jobs)
    if output is not None:
        np.savetxt(output / "grid.csv", table, fmt="%s", delimiter=",", header=",".join(COLUMNS), comments="")
        (output / "grid.svg").write_text(drawn(table), encoding="utf-8")
    return found


def _settling(figure: str, tractor_s: float, trailer_s: float) -> list[dict]:
    return [
        row_of(figure.format("tractor"), tractor_s, "s", "<= 5", tractor_s <= 5.0),
        row_of(figure.format("trailer"), trailer_s, "s", "<= 8", trailer_s <= 8.0),
    ]


def grid(quick: bool, jobs: int) -> np.ndarray:
    """Structured array, one record a cell. The quick one takes the ends of every range."""
    speeds, loads = (SPEEDS[::4], LOADS[::3]) if quick else (SPEEDS, LOADS)
    delays, lags = (DELAYS[::3], LAGS[::2]) if quick else (DELAYS, LAGS)
    pieces = [(name, speed, load, lag, delays) for name, speed, load, lag in itertools.product(COMBINATIONS, speeds, loads, lags)]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(_cells, pieces, chunksize=8))
    else:
        found = [_cells(piece) for piece in pieces]
    dtype = [("combination", "U16")] + [(name, float) for name in COLUMNS[1:]]
    return np.array([cell for cells in found for cell in cells], dtype)


def _cells(piece) -> list[tuple]:
    """All dead times and tyres of one combination, speed, load and lag."""
    name, speed, load, lag, delays = piece
    lateral, vehicle = parameters(f"vehicles/{name}")
    mass = _mass(name, load)
    gains = {delay: Gains(lateral, vehicle, speed, mass, delay, lag) for delay in delays}
    found = []
    for delay, tyres in itertools.product(delays, TYRES):
        common = {"speed": speed, "mass": mass, "lag": lag, "gains": gains[delay]}
        loop = LinearLoop(lateral, vehicle, delay=delay, tyres=tyres, **common)
        late = LinearLoop(lateral, vehicle, delay=delay, true_delay=delay + WRONG_BY_S, tyres=tyres, **common)
        early = LinearLoop(lateral, vehicle, delay=delay, true_delay=max(delay - WRONG_BY_S, 0.0), tyres=tyres, **common)
        known = Gains(lateral, vehicle, speed, mass, delay, lag, LEARNED[tyres]) if tyres != 1.0 else gains[delay]
        learned = LinearLoop(lateral, vehicle, delay=delay, tyres=tyres, **common | {"gains": known})
        offsets, after = loop.offsets(STEP_M, SETTLE_S), learned.offsets(STEP_M, SETTLE_S)
        found.append((name, speed, load, lag, delay, tyres, loop.damping(), settling_time(offsets[:, 0], BAND_M),
                      settling_time(offsets[:, 1], BAND_M), np.abs(offsets).max(), late.damping(), early.damping(),
                      learned.damping(), settling_time(after[:, 0], BAND_M), settling_time(after[:, 1], BAND_M)))  # fmt: skip
    return found


def with_limits(quick: bool, jobs: int) -> list[dict]:
    """The controller's own code, its bounds on rate, acceleration and lane included, on the linear plant."""
    names = ("demo_truck",) if quick else tuple(COMBINATIONS)
    cells = list(itertools.product(names, (5.0, 14.0, 22.0, 29.0), (0.0, 1.0), ((0.05, 0.1), (0.35, 0.3))))
    pieces = [(cell, unknown) for unknown in UNKNOWN for cell in cells]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(_limited, pieces, chunksize=8))
    else:
        found = [_limited(piece) for piece in pieces]
    table = np.array(found).reshape(len(UNKNOWN), len(cells), 5)
    tractor, trailer, widest, late, budget = np.moveaxis(table, 2, 0)
    tyres = [k for k, (share, _) in enumerate(UNKNOWN) if share != 1.0]
    told = [k for k, (_, late_s) in enumerate(UNKNOWN) if late_s != 0.0]
    return [
        *_settling("with all limits: {}, slowest", tractor[0].max(), trailer[0].max()),
        row_of("with all limits: widest corner", widest[0].max(), "m", f"<= {ROOM_M:.3f}", widest[0].max() <= ROOM_M),
        *_settling("with all limits, tyres +-30 %: {}, slowest", tractor[tyres].max(), trailer[tyres].max()),
        row_of("with all limits, tyres +-30 %: widest corner", widest[tyres].max(), "m", f"<= {ROOM_M:.3f}",
               widest[tyres].max() <= ROOM_M),
        row_of("with all limits, dead time +-0.1 s wrong: widest corner", widest[told].max(), "m", f"<= {ROOM_M:.3f}",
               widest[told].max() <= ROOM_M),
        row_of("with all limits, dead time +-0.1 s wrong: widest corner in the last 2 of 12 s", late[told].max(), "m",
               f"< {STEP_M:g}", late[told].max() < STEP_M),
        row_of("with all limits: ticks whose budget ran out", budget.sum(), ""),
    ]  # fmt: skip


def in_the_whole_loop(table: np.ndarray, jobs: int) -> list[dict]:
    """The closest cells on the nonlinear plant, with sensors, lane and ego filter."""
    pieces = [(cell, _mass(cell["combination"], cell["load"]), STEP_M, LANE_WIDTH_M) for cell in drives.closest(table)]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            return drives.rows(list(pool.map(drives.drive, pieces)))
    return drives.rows([drives.drive(piece) for piece in pieces])


def _mass(name: str, load: float) -> float:
    """kg."""
    return COMBINATIONS[name] + load * (HEAVIEST_KG - COMBINATIONS[name])


def _limited(piece) -> tuple[float, ...]:
    """Settling times, widest corner, the widest in the last 2 s, ticks without budget."""
    from hil.lateral.kernel_loop import step_response

    (name, speed, load, (delay, lag)), (tyres, late_s) = piece
    mass = _mass(name, load)
    offsets, statuses = step_response(f"vehicles/{name}", speed, mass, delay, lag, STEP_M, SETTLE_S, 0.5 * LANE_WIDTH_M,
                                      tyres=tyres, late_s=late_s)  # fmt: skip
    return (settling_time(offsets[:, 0], BAND_M), settling_time(offsets[:, 1], BAND_M), np.abs(offsets).max(),
            np.abs(offsets[-200:]).max(), np.sum(statuses == 3))  # fmt: skip


def drawn(table: np.ndarray) -> str:
    """SVG: least damping over speed and dead time, a panel a combination and tyre, worst of loads and lags."""
    speeds, delays = np.unique(table["speed"]), np.unique(table["delay"])
    cell_w, cell_h, left, top, gap = 34, 22, 70, 58, 26
    panel_w, panel_h = cell_w * len(speeds) + gap, cell_h * len(delays) + 46
    width, height = left + 3 * panel_w, top + 3 * panel_h
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{left}" y="20" font-size="14">Least damping of any mode below 2 Hz; worst of all loads and lags</text>',
             f'<text x="{left}" y="36">across: speed in m/s; down: dead time in s</text>']  # fmt: skip
    for row, name in enumerate(COMBINATIONS):
        for column, tyres in enumerate(TYRES):
            x0, y0 = left + column * panel_w, top + row * panel_h
            parts.append(f'<text x="{x0}" y="{y0 + 10}">{name}, tyres {tyres:.0%}</text>')
            for i, speed in enumerate(speeds):
                parts.append(f'<text x="{x0 + cell_w * (i + 0.5)}" y="{y0 + 30 + cell_h * len(delays)}" '
                             f'text-anchor="middle">{speed:.0f}</text>')  # fmt: skip
            for j, delay in enumerate(delays):
                if column == 0:
                    parts.append(f'<text x="{x0 - 6}" y="{y0 + 32 + cell_h * j}" text-anchor="end">{delay:.2f}</text>')
                for i, speed in enumerate(speeds):
                    chosen = (table["combination"] == name) & (table["tyres"] == tyres) & (table["speed"] == speed) \
                        & (table["delay"] == delay)  # fmt: skip
                    value = float(table["damping"][chosen].min())
                    share = min(max((value - 0.1) / 0.5, 0.0), 1.0)
                    colour = f"hsl({120 * share:.0f} 60% 70%)"
                    parts.append(f'<rect x="{x0 + cell_w * i}" y="{y0 + 16 + cell_h * j}" width="{cell_w - 1}" '
                                 f'height="{cell_h - 1}" fill="{colour}"/>')  # fmt: skip
                    parts.append(f'<text x="{x0 + cell_w * (i + 0.5)}" y="{y0 + 31 + cell_h * j}" '
                                 f'text-anchor="middle">{value:.2f}</text>')  # fmt: skip
    return "\n".join([*parts, "</svg>", ""])
