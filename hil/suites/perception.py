"""Scan processing on emulated scans, from the maker's packets on: lanes, road users, false obstacles, ground, odometry, bits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hil.suites._perception.case import TUNED_ON, Case, cases
from hil.suites._perception.users import BANDS
from hil.suites._row import row_of

TITLE = "perception: lidar packets of the emulator into lanes, obstacles, ground and odometry, against the truth"
LANES, USERS = "Pandar64", "VLS-128"
# kind, lidar, drives and seconds of each: full, quick
GRID = (
    ("determinism", LANES, (2, 10.0), (1, 3.0)),
    ("odometry", LANES, (4, 60.0), (1, 30.0)),
    ("outage", LANES, (4, 170.0), (0, 170.0)),
    ("ground", LANES, (4, 20.0), (1, 10.0)),
    ("ground", USERS, (4, 20.0), (1, 10.0)),
    ("lanes", LANES, (8, 60.0), (2, 20.0)),
    ("worn", LANES, (8, 60.0), (2, 20.0)),
    ("sites", LANES, (17, 60.0), (2, 30.0)),
    ("users", USERS, (12, 30.0), (2, 15.0)),
    ("corridor", LANES, (121, 60.0), (3, 60.0)),
    ("users", LANES, (12, 30.0), (2, 15.0)),
)
# Band of hil/suites/_perception/users.py -> least share of the road users found, of 128 beams
RECALL = {"car to 80 m": 0.99, "car 80 to 120 m": 0.95, "pedestrian to 40 m": 0.98, "debris to 50 m": 0.90}
TOGETHER = {"debris to 50 m": ("debris to 35 m", "debris 35 to 50 m"), "car to 120 m": ("car to 80 m", "car 80 to 120 m")}
SITE_SCANS, CORRIDOR_H = 10_000, 2.0  # that the aims ask for


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict[str, Any]]:
    """`output` keeps what was measured of each drive in `cases`; a second call goes on from there. And a picture of a turn."""
    from hil.suites._perception.drawn import draw
    from hil.suites._perception.stored import tallies

    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        draw(output / "lidar_turn.png")

    wanted = [case for kind, lidar, full, short in GRID for case in cases(kind, lidar, *(short if quick else full))]
    found = tallies(wanted, jobs, None if output is None else output / "cases")
    return table(found, quick)


def table(found: dict[Case, dict], quick: bool) -> list[dict[str, Any]]:
    """The rows of measured cases."""

    def of(kind: str, lidar: str = LANES) -> list[dict]:
        return [tally for case, tally in found.items() if (case.kind, case.lidar) == (kind, lidar)]

    seeds = [case.seed for case in found]
    told = f"scans; seeds {min(seeds)} to {max(seeds)}, tuned on {TUNED_ON[0]} to {TUNED_ON[-1]}"
    return [
        row_of(told, sum(tally["scans"] for tally in found.values()), "", "", None),
        *_lanes("dry", of("lanes"), 0.99),
        *_lanes("half worn", of("worn"), 0.90),
        *_sites(of("sites"), quick),
        *_users("128 beams", of("users", USERS), RECALL),
        *_users("64 beams", of("users"), {}),
        *_corridor(of("corridor"), quick),
        *_ground("64 beams", of("ground")),
        *_ground("128 beams", of("ground", USERS)),
        *_odometry(of("odometry")),
        *_outages(of("outage")),
        *_determinism(of("determinism")),
    ]


def _sum(tallies: Iterable[dict], name: str) -> float:
    return sum(tally[name] for tally in tallies)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _rms(tallies: list[dict], name: str) -> float:
    return math.sqrt(_sum(tallies, f"{name}_square") / max(_sum(tallies, name), 1))


def _lanes(paint: str, tallies: list[dict], available: float) -> list[dict]:
    near, far = _rms(tallies, "near"), _rms(tallies, "far")
    told, wrong = _share(_sum(tallies, "told"), _sum(tallies, "sides")), _sum(tallies, "wrong")
    judged = paint == "dry"
    return [
        row_of(f"lanes, 64 beams, {paint}: RMS at the vehicle", near, "m", *(("<= 0.06", near <= 0.06) if judged else ())),
        row_of(f"lanes, 64 beams, {paint}: RMS at 40 m", far, "m", *(("<= 0.15", far <= 0.15) if judged else ())),
        row_of(f"lanes, 64 beams, {paint}: sides told", told, "", f">= {available:g}", told is not None and told >= available),
        row_of(f"lanes, 64 beams, {paint}: another lane's", wrong, "", "0", wrong == 0),
    ]  # fmt: skip


def _sites(tallies: list[dict], quick: bool) -> list[dict]:
    scans, wrong = _sum(tallies, "scans"), _sum(tallies, "wrong")
    name = "lanes at construction sites, puddles, trucks beside"
    return [
        row_of(f"{name}: scans", scans, "", f">= {SITE_SCANS}", None if quick else scans >= SITE_SCANS),
        row_of(f"{name}: sides of another lane", wrong, "", "0", wrong == 0),
        row_of(f"{name}: sides told", _share(_sum(tallies, "told"), _sum(tallies, "sides")), ""),
        row_of(f"{name}: ... within sites", _share(_sum(tallies, "site_told"), _sum(tallies, "site_sides")), ""),
        row_of(f"{name}: RMS at the vehicle", _rms(tallies, "near"), "m"),
    ]


def _users(beams: str, tallies: list[dict], aims: dict[str, float]) -> list[dict]:
    bands = {}
    for name in (*(name for name, *_ in BANDS), *TOGETHER):
        parts = TOGETHER.get(name, (name,))
        judged, found = (sum(tally[part][k] for tally in tallies for part in parts) for k in (0, 1))
        bands[name] = judged, found
    told = []
    for name, (judged, found) in bands.items():
        share, aim = _share(found, judged), aims.get(name)
        met = None if aim is None or share is None else share >= aim
        told.append(row_of(f"{beams}: {name}, found of {judged}", share, "", "" if aim is None else f">= {aim:g}", met))
    return told


def _corridor(tallies: list[dict], quick: bool) -> list[dict]:
    false, hours = _sum(tallies, "false"), _sum(tallies, "scans") / 36_000.0
    per_two = false * CORRIDOR_H / hours if hours else None
    return [
        row_of("corridor: driven in rain and spray", hours, "h", f">= {CORRIDOR_H:g}", None if quick else hours >= CORRIDOR_H),
        row_of("corridor: false obstacles, 8 to 80 m", false, "", f"<= 1 in {CORRIDOR_H:g} h",
               None if quick and false <= 1 else false <= 1),
        row_of("corridor: ... in 2 h", per_two, ""),
    ]


def _ground(beams: str, tallies: list[dict]) -> list[dict]:
    def overlap(who: str) -> float:
        return sum(tally[who][0] for tally in tallies) / max(sum(tally[who][1] for tally in tallies), 1)

    name = f"ground, {beams}: intersection over union"
    if any(tally["theirs"] is None for tally in tallies):
        return [row_of(f"{name}; pypatchworkpp is not installed, so not compared", overlap("ours"), "")]
    ours, theirs = overlap("ours"), overlap("theirs")
    return [row_of(name, ours, "", f">= {theirs:.4f}", ours >= theirs), row_of(f"{name}, pypatchworkpp", theirs, "")]


def _odometry(tallies: list[dict]) -> list[dict]:
    worst = max(100.0 * tally["odometry_m"] / tally["way_m"] for tally in tallies)
    reckoned = max(100.0 * tally["reckoned_m"] / tally["way_m"] for tally in tallies)
    return [
        row_of("odometry: end of the drive off, worst", worst, "% of way", "<= 1", worst <= 1.0),
        row_of("odometry: ... by the told motion alone", reckoned, "% of way"),
    ]


def _outages(tallies: list[dict]) -> list[dict]:
    table = []
    for when, kept in (("from 45 s of a drive on", "drift_percent"), ("12 to 24 s after a start at speed", "early_percent")):
        drifts = sorted(drift for tally in tallies for drift in tally[kept])
        if drifts:
            name = f"ego aided by odometry: drift in 60 s without GNSS, {when}, {len(drifts)} outages"
            table += [row_of(f"{name}, median", drifts[len(drifts) // 2], "% of way"),
                      row_of(f"{name}, worst", drifts[-1], "% of way", "<= 0.3", drifts[-1] <= 0.3)]  # fmt: skip
    return table


def _determinism(tallies: list[dict]) -> list[dict]:
    again, replayed = (sum(not tally[name] for tally in tallies) for name in ("again", "replayed"))
    return [
        row_of("drives that differ when driven again", again, "", "0", again == 0),
        row_of("drives that differ when replayed from their packets", replayed, "", "0", replayed == 0),
    ]
