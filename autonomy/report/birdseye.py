"""Scenes of the drive seen from the vehicle: lane, followed objects, lead and planned stop, as drawings in pixels.

The vehicle stands still and looks to the right of the page; the world passes by. One scene is drawn into the page, the
others are text in the drawing's data, which the page's script puts in its place: without scripts a picture remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from autonomy import msg

WIDTH, HEIGHT = 1140, 250
BEHIND_M, AHEAD_M = 30.0, 160.0
PIXELS_PER_M = WIDTH / (BEHIND_M + AHEAD_M)
MIDDLE = HEIGHT / 2 + 4
PREVIEW_STEP_M = msg.constants("LaneState")["PREVIEW_STEP_M"]
STOP_STEP_M = msg.constants("Plan")["FALLBACK_STEP_M"]
DRAWN_EVERY = 3  # of the points of a path: every 15 m is smooth enough
EGO_LENGTH_M, EGO_WIDTH_M = 6.0, 2.5  # of the mark that stands for a vehicle of unknown size
TRACTOR_REAR_M, TRAILER_FRONT_M = 1.0, 1.4  # behind the drive axle, before the kingpin [M]
MOST_OBJECTS = 24
CONFIRMED = 2  # Track.status from here on: confirmed, coasting
NOWHERE = "M-99 -99"


@dataclass(frozen=True)
class Scene:
    """Path data of everything that moves; `words` stand in the corner."""

    time_s: float
    words: str
    lane: str  # left and right boundary
    middle: str
    stop: str
    objects: str
    lead: str
    ego: str

    def text(self) -> str:
        paths = (self.lane, self.middle, self.stop, self.objects, self.lead, self.ego)
        return "|".join((f"{self.time_s:.2f}", self.words, *paths))


def scene(time_s: float, words: str, lane: np.void, plan: np.void, tracks: np.void, vehicle: Any = None,
          articulation: float = 0.0) -> Scene:  # fmt: skip
    """One tick as pixels. `lane`, `plan`, `tracks` are rows of LaneState, Plan and TrackList (its list may be missing),
    `vehicle` one of VehicleParameters; without it a mark stands for the truck."""
    path, normal = _lane_path(lane)
    left = right = middle = NOWHERE
    if len(path) > 1:
        middle = _drawn(path)
        left, right = (_drawn(path + width[None, None] * normal) for width in (lane["width_left"], -lane["width_right"]))
        left, right = (text if "n" not in text else NOWHERE for text in (left, right))
    stop = _drawn(_stop_path(plan)) if plan["fallback_valid"] else NOWHERE
    objects = _objects(tracks)
    ego = _mark() if vehicle is None else _combination(vehicle, articulation)
    return Scene(time_s, words, f"{left}{right}", middle, stop, _dots(objects), _dots(_lead(tracks, objects, path)), ego)


def drawing(title: str, scenes: Sequence[Scene], still: int) -> str:
    """The SVG, showing scene number `still`."""
    shown = scenes[still]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot birdseye" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" data-scenes="{escape(";".join(each.text() for each in scenes))}" data-still="{still}">'
        f"{_distances()}"
        f'<path class="line s6 lane" d="{shown.lane}"/><path class="line lanemiddle" d="{shown.middle}"/>'
        f'<path class="line s3 stop" d="{shown.stop}"/><path class="ego" d="{shown.ego}"/>'
        f'<path class="dots raw objects" d="{shown.objects}"/><path class="dots s2 lead" d="{shown.lead}"/>'
        f'<text class="level words" x="8" y="16">{escape(shown.words)}</text></svg>'
    )


def _combination(vehicle: Any, articulation: float) -> str:
    """Tractor and trailer to scale; the reference point is that of the picture."""
    half = 0.5 * float(vehicle["width_m"])
    if not vehicle["has_trailer"]:
        return _box(float(vehicle["front_overhang_m"]), -float(vehicle["rear_overhang_m"]), half, 0.0, 0.0)
    hitch = -float(vehicle["hitch_offset_m"])
    angle = articulation if np.isfinite(articulation) else 0.0
    trailer = _box(TRAILER_FRONT_M, -float(vehicle["rear_overhang_m"]) - hitch, half, hitch, angle)
    return _box(float(vehicle["front_overhang_m"]), -TRACTOR_REAR_M, half, 0.0, 0.0) + trailer


def _box(front: float, rear: float, half: float, pivot: float, angle: float) -> str:
    """A rectangle turned about (pivot, 0)."""
    corners = np.array([[front, half], [rear, half], [rear, -half], [front, -half]])
    cosine, sine = np.cos(angle), np.sin(angle)
    x = (pivot + cosine * corners[:, 0] - sine * corners[:, 1] + BEHIND_M) * PIXELS_PER_M
    y = MIDDLE - (sine * corners[:, 0] + cosine * corners[:, 1]) * PIXELS_PER_M
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + "Z"


def _mark() -> str:
    """The vehicle as a mark whose tip is the reference point."""
    x, y = BEHIND_M * PIXELS_PER_M, MIDDLE
    length, half = EGO_LENGTH_M * PIXELS_PER_M, 0.5 * EGO_WIDTH_M * PIXELS_PER_M
    corner = x - 0.25 * length
    return f"M{x - length:.0f} {y - half:.0f}H{corner:.0f}L{x:.0f} {y:.0f}L{corner:.0f} {y + half:.0f}H{x - length:.0f}Z"


def _distances() -> str:
    """Lines across every 20 m, named at the foot."""
    parts = []
    for distance in range(0, int(AHEAD_M), 20):
        x = (BEHIND_M + distance) * PIXELS_PER_M
        word = f"{distance} m" if distance else "vehicle"
        parts.append(f'<path class="grid" d="M{x:.0f} 22V{HEIGHT - 18}"/>')
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 5}" text-anchor="middle">{word}</text>')
    return "".join(parts)


def _lane_path(lane: np.void) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) of the lane's middle in vehicle axes and its normals to the left; none without a lane."""
    if not lane["status"] or not np.isfinite(lane["offset"]):
        return np.zeros((0, 2)), np.zeros((0, 2))
    known = int(np.clip(lane["valid_distance_m"] / PREVIEW_STEP_M, 1, len(lane["preview"]) - 1))
    ahead = _integrated(-float(lane["heading_error"]), lane["preview"][: known + 1].astype(float), PREVIEW_STEP_M)
    behind = int(BEHIND_M / PREVIEW_STEP_M) + 1
    back = _integrated(-float(lane["heading_error"]), np.full(behind, float(lane["curvature"])), -PREVIEW_STEP_M)
    table = np.concatenate([back[:0:-1], ahead])
    points, heading = table[:, :2] - [0.0, float(lane["offset"])], table[:, 2]
    return points, np.stack([-np.sin(heading), np.cos(heading)], axis=1)


def _stop_path(plan: np.void) -> np.ndarray:
    count = int(np.clip(np.nan_to_num(plan["fallback_distance"]) / STOP_STEP_M, 1, len(plan["fallback_curvature"]) - 1))
    return _integrated(0.0, plan["fallback_curvature"][: count + 1].astype(float), STOP_STEP_M)[:, :2]


def _integrated(heading: float, curvature: np.ndarray, step_m: float) -> np.ndarray:
    """(n, 3): x, y, heading of a path from the origin, its curvature known every step."""
    headings = heading + np.concatenate([[0.0], np.cumsum(0.5 * (curvature[1:] + curvature[:-1]) * step_m)])
    middles = 0.5 * (headings[1:] + headings[:-1])
    steps = np.stack([np.cos(middles), np.sin(middles)], axis=1) * step_m
    return np.column_stack([np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]), headings])


def _objects(tracks: np.void) -> np.ndarray:
    """(n, 3): x, y, identifier of the nearest followed objects in view."""
    if "tracks" not in tracks.dtype.names or not tracks["count"]:
        return np.zeros((0, 3))
    items = tracks["tracks"][: tracks["count"]]
    items = items[items["status"] >= CONFIRMED]
    table = np.column_stack([items["x"], items["y"], items["track_id"]]).astype(float)
    half = 0.5 * HEIGHT / PIXELS_PER_M - 2.0
    table = table[(table[:, 0] > -BEHIND_M) & (table[:, 0] < AHEAD_M) & (np.abs(table[:, 1]) < half)]
    return table[np.argsort(table[:, 0], kind="stable")][:MOST_OBJECTS]


def _lead(tracks: np.void, objects: np.ndarray, path: np.ndarray) -> np.ndarray:
    """(0 or 1, 2): the lead, by its track where that is in view, else on the path at its distance."""
    distance = float(tracks["lead_distance"])
    if not np.isfinite(distance) or not 0.0 <= distance < AHEAD_M:
        return np.zeros((0, 2))
    own = objects[objects[:, 2] == tracks["lead_track_id"]]
    if len(own):
        return own[:1, :2]
    left = float(np.interp(distance, path[:, 0], path[:, 1])) if len(path) > 1 else 0.0
    return np.array([[distance, left + float(np.nan_to_num(tracks["lead_lateral_offset"]))]])


def _drawn(points: np.ndarray) -> str:
    kept = np.concatenate([points[:-1:DRAWN_EVERY], points[-1:]])
    if not np.isfinite(kept).all():
        return NOWHERE
    x, y = _pixels(kept)
    return "M" + "L".join(f"{a} {b}" for a, b in zip(x, y, strict=True))


def _dots(points: np.ndarray) -> str:
    x, y = _pixels(points)
    return "".join(f"M{a} {b}h0" for a, b in zip(x, y, strict=True)) or NOWHERE


def _pixels(points: np.ndarray) -> tuple[list[int], list[int]]:
    x = np.clip((points[:, 0] + BEHIND_M) * PIXELS_PER_M, -WIDTH, 2 * WIDTH)
    y = np.clip(MIDDLE - points[:, 1] * PIXELS_PER_M, -3 * HEIGHT, 4 * HEIGHT)
    return np.round(x).astype(int).tolist(), np.round(y).astype(int).tolist()
