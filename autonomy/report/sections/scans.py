"""What the lidar sees: ten seconds of its scans, the points by label, what was found in them and what the stack follows."""

from __future__ import annotations

import numpy as np

from autonomy.perception.perceive import CLASSES
from autonomy.report.drive import Drive
from autonomy.report.plot import Figure
from autonomy.report.scan_picture import drawing, in_view, scene
from autonomy.report.sections.section import Section
from autonomy.report.words import counted, number
from autonomy.tick_period import TICK_NS
from autonomy.viewers.kept_scans import STEP_M

ROAD_USERS = [code for code, name in enumerate(CLASSES) if name in ("car", "truck", "motorcycle", "pedestrian")]
LEGEND = (
    ("ground", "points", "ground"),
    ("paint", "points", "marking"),
    ("thing", "points", "obstacle"),
    ("edge", "points", "road edge"),
    ("noise", "points", "noise"),
    ("lines", "line", "lane lines"),
    ("car", "band", "car"),
    ("truck", "band", "truck"),
    ("person", "band", "two-wheeler, pedestrian"),
    ("other", "band", "unknown, debris"),
    ("fixed", "band", "structure"),
    ("followed", "band", "followed"),
    ("lead", "band", "lead"),
)


def section(drive: Drive) -> Section | None:
    """None for a run in which no scan was processed."""
    scans = drive.result.scans
    if not scans or not len(scans["time_ns"]) or not len(drive.tick_time_ns):
        return None
    ticks, of_scan = np.unique(_ticks(drive, scans["time_ns"]), return_inverse=True)
    tracks, truck = (drive.result.sampled(name, ticks)[of_scan.ravel()] for name in ("tracks", "truck"))
    bent = truck["articulation_angle"].tolist()
    pieces = [_pieces(scans, names, count) for names, count in (
        (("points", "labels"), "point_count"), (("boxes",), "box_count"), (("lines",), "line_count"))]  # fmt: skip
    scenes, words, times = [], [], drive.seconds(scans["time_ns"])
    for row, ((points, labels), (boxes,), (lines,)) in enumerate(zip(*pieces, strict=True)):
        scenes.append(scene(points * STEP_M, labels, boxes, lines, tracks[row], drive.vehicle, bent[row]))
        words.append(_words(times[row], len(points), int(scans["scanned"][row]), boxes, tracks[row]))
    svg = drawing("What the lidar sees", times, words, scenes, _still(pieces[1], tracks))
    first, last = (number(float(time), decimals=1) for time in times[[0, -1]])
    note = f"{counted(len(times), 'scan')}, from {first} s to {last} s. The page's other plots show the same time."
    text = (
        "The ten seconds about the nearest obstacle that a scan told ahead in the own lane, or, where none was, about the most "
        "obstacles. Points are thinned, the rarest labels least. Boxes are the scan's; what is followed is the tick's at the "
        "scan's time, in the typical size of its class."
    )
    return Section("scans", "What the lidar sees", text, (Figure("Points by label, boxes and lines", svg, LEGEND, note, "wide"),))


def _ticks(drive: Drive, time_ns: np.ndarray) -> np.ndarray:
    """Index of the last tick of the run at each time; of a long run only some ticks are shown, and all are a period apart."""
    at = np.maximum(np.searchsorted(drive.tick_time_ns, time_ns, side="right") - 1, 0)
    behind = np.append(drive.tick_indices[1:], drive.tick_indices[-1] + 1)[at] - 1
    passed = np.maximum(time_ns - drive.tick_time_ns[at], 0) // TICK_NS
    return np.minimum(drive.tick_indices[at] + passed, behind)


def _pieces(scans: dict[str, np.ndarray], names: tuple[str, ...], count: str) -> list[tuple[np.ndarray, ...]]:
    """Of each scan its part of some arrays."""
    ends = np.cumsum(scans[count].astype(np.int64))[:-1]
    return list(zip(*(np.split(scans[name], ends) for name in names), strict=True))


def _still(boxes: list[tuple[np.ndarray]], tracks: np.ndarray) -> int:
    """The scan that a page without scripts shows: with the nearest lead, or with most road users."""
    if np.isfinite(tracks["lead_distance"]).any():
        return int(np.nanargmin(tracks["lead_distance"]))
    return int(np.argmax([(each["is_fixed"] == 0).sum() for (each,) in boxes]))


def _words(time: float, shown: int, scanned: int, boxes: np.ndarray, tracks: np.void) -> str:
    users = int(np.isin(boxes["classification"][in_view(boxes) & (boxes["is_fixed"] == 0)], ROAD_USERS).sum())
    parts = [
        number(float(time), "s", decimals=2),
        f"{number(shown)} of {number(scanned)} points",
        f"{counted(users, 'road user')} in view",
    ]
    if np.isfinite(tracks["lead_distance"]):
        parts.append(f"lead {number(float(tracks['lead_distance']), 'm', decimals=0)} ahead")
    return ", ".join(parts)
