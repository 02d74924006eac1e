"""Scenes of the drive seen from above: lanes, followed objects, lead, wanted path and planned stop, as drawings in pixels.

The vehicle stands still and looks to the right of the page; the world passes by, once as far as the radar sees and once close
to tractor and trailer. One scene is drawn into the page, the others are text in the drawing's data, which the page's script
puts in its place: without scripts a picture remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.viewers.bodies import Box, object_boxes, vehicle_boxes

WIDTH, FAR_HEIGHT, NEAR_HEIGHT, BETWEEN = 1140, 214, 200, 10
HEIGHT = FAR_HEIGHT + BETWEEN + NEAR_HEIGHT
BEHIND_M, AHEAD_M = 30.0, 160.0
PIXELS_PER_M = WIDTH / (BEHIND_M + AHEAD_M)
MIDDLE = 110.0  # of the road, in what both pictures show
NEAR_BEHIND_M, NEAR_AHEAD_M = 18.0, 42.0
NEAR_SCALE = (BEHIND_M + AHEAD_M) / (NEAR_BEHIND_M + NEAR_AHEAD_M)
PREVIEW_STEP_M = msg.constants("LaneState")["PREVIEW_STEP_M"]
STOP_STEP_M = msg.constants("Plan")["FALLBACK_STEP_M"]
DRAWN_EVERY = 2  # of the points of a path: every 10 m is smooth enough
WANTED_S = 4.0  # of driving shown as the wanted path
EGO_LENGTH_M, EGO_WIDTH_M = 6.0, 2.5  # of the mark that stands for a vehicle of unknown size
MOST_OBJECTS = 24
CONFIRMED = 2  # Track.status from here on: confirmed, coasting
TURNED_ABOVE_MPS = 3.0  # slower objects are drawn along the own axis
NOWHERE = "M-99 -99"


class World(NamedTuple):
    """What moves in one drawing: its name on the page, and the heights of its two pictures in pixels."""

    name: str
    far_height: int
    near_height: int


class Road(NamedTuple):
    """Lanes beside the own one, and their width in m."""

    left: int
    right: int
    width: float


PARTS = ("lanes", "lane", "middle", "stop", "wanted", "objects", "lead", "ego")  # of a scene, the last on top


@dataclass(frozen=True)
class Scene:
    """Path data of everything that moves; `words` stand in the corner."""

    time_s: float
    words: str
    lanes: str  # lines of the lanes beside
    lane: str  # the surface between its boundaries
    middle: str
    wanted: str
    stop: str
    objects: str
    lead: str
    ego: str

    def text(self) -> str:
        return "|".join((f"{self.time_s:.2f}", self.words, *(getattr(self, name) for name in PARTS)))


def scene(time_s: float, words: str, lane: np.void, plan: np.void, tracks: np.void, vehicle: Any = None,
          articulation: float = 0.0, road: Road | None = None) -> Scene:  # fmt: skip
    """One tick as pixels. `lane`, `plan`, `tracks` are rows of LaneState, Plan and TrackList (its list may be missing),
    `vehicle` one of VehicleParameters; without it a mark stands for the truck."""
    path, normal = _lane_path(lane)
    surface = middle = wanted = lanes = NOWHERE
    if len(path) > 1:
        middle, surface = _drawn(path), _surface(path, normal, lane)
        wanted = _wanted(path, normal, plan)
        if road is not None:
            lanes = _lanes(path, normal, road)
    stop = _drawn(_stop_path(plan)) if plan["fallback_valid"] else NOWHERE
    followed, of_lead = objects(tracks)
    lead = outlines(followed[of_lead])
    if not of_lead.any():
        lead = _dots(_lead(tracks, path))
    ego = mark() if vehicle is None else combination(vehicle, articulation)
    return Scene(time_s, words, lanes, surface, middle, wanted, stop, outlines(followed[~of_lead]), lead, ego)


def drawing(title: str, scenes: Sequence[Scene], still: int) -> str:
    """The SVG, showing scene number `still`."""
    shown = scenes[still]
    parts, texts = [(name, getattr(shown, name)) for name in PARTS], ";".join(each.text() for each in scenes)
    return views(title, parts, shown.words, texts, still, World("world", FAR_HEIGHT, NEAR_HEIGHT))


def views(title: str, parts: Sequence[tuple[str, str]], words: str, scenes: str, still: int, world: World,
          raster: str = "") -> str:  # fmt: skip
    """The SVG of what moves, from afar and close up: paths by the name of their style, those of the scene shown. `scenes` holds
    those of all, the time and the words of each before them. `raster`: cells across, cells a pixel and upper end in pixels, for
    dots that scenes hold packed (autonomy/report/scan_picture.py)."""
    top = world.far_height + BETWEEN
    height = top + world.near_height
    far_box = f"0 {MIDDLE - 0.5 * world.far_height:g} {WIDTH} {world.far_height}"
    near = [PIXELS_PER_M * (BEHIND_M - NEAR_BEHIND_M), MIDDLE - 0.5 * world.near_height / NEAR_SCALE, WIDTH / NEAR_SCALE,
            world.near_height / NEAR_SCALE]  # fmt: skip
    far_lines, far_names = distances(PIXELS_PER_M, BEHIND_M, AHEAD_M, 20, world.far_height)
    near_lines, near_names = distances(PIXELS_PER_M * NEAR_SCALE, NEAR_BEHIND_M, NEAR_AHEAD_M, 10, world.near_height)
    paths = "".join(f'<path class="scene {name}" d="{data}"/>' for name, data in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot birdseye" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" data-parts="{" ".join(name for name, _ in parts)}" data-scenes="{escape(scenes)}" '
        f'data-still="{still}" data-raster="{raster}">'
        f'<svg width="{WIDTH}" height="{world.far_height}">{far_lines}'
        f'<svg width="{WIDTH}" height="{world.far_height}" viewBox="{far_box}"><g id="{world.name}">{paths}</g></svg>'
        f'{far_names}</svg>'
        f'<text class="level words" x="8" y="16">{escape(words)}</text>'
        f'<svg y="{top}" width="{WIDTH}" height="{world.near_height}">{near_lines}'
        f'<svg width="{WIDTH}" height="{world.near_height}" viewBox="{" ".join(f"{value:.6g}" for value in near)}">'
        f'<use href="#{world.name}"/></svg>{near_names}</svg><path class="axis" d="M0 {top}H{WIDTH}"/></svg>'
    )


def combination(vehicle: Any, articulation: float) -> str:
    """Cab, chassis and trailer to scale; the reference point is that of the picture."""
    hitch, angle = -float(vehicle["hitch_offset_m"]), articulation if np.isfinite(articulation) else 0.0
    return "".join(_box(box, hitch, angle) if box.frame == "trailer" else _box(box, 0.0, 0.0) for box in vehicle_boxes(vehicle))


def _box(box: Box, pivot: float, angle: float) -> str:
    """A box of a frame that is turned about (pivot, 0)."""
    return outline(np.array(box.centre_m[:2]), np.array(box.size_m[:2]), np.array([pivot, 0.0]), angle)


def outline(centre: np.ndarray, size: np.ndarray, origin: np.ndarray, angle: float) -> str:
    """A rectangle in a frame at `origin` turned by `angle`."""
    corners = centre + 0.5 * size * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    cosine, sine = np.cos(angle), np.sin(angle)
    return line(origin + corners @ np.array([[cosine, sine], [-sine, cosine]])) + "Z"


def mark() -> str:
    """The vehicle as a mark whose tip is the reference point."""
    x, y = BEHIND_M * PIXELS_PER_M, MIDDLE
    length, half = EGO_LENGTH_M * PIXELS_PER_M, 0.5 * EGO_WIDTH_M * PIXELS_PER_M
    corner = x - 0.25 * length
    return f"M{x - length:.0f} {y - half:.0f}H{corner:.0f}L{x:.0f} {y:.0f}L{corner:.0f} {y + half:.0f}H{x - length:.0f}Z"


def distances(pixels_per_m: float, behind_m: float, ahead_m: float, step_m: int, height: int) -> tuple[str, str]:
    """Lines across at even distances, and their names at the foot."""
    lines, names = [], []
    for distance in range(step_m * int(np.ceil((1.0 - behind_m) / step_m)), int(ahead_m), step_m):
        x, word = (behind_m + distance) * pixels_per_m, f"{distance} m".replace("-", "\N{MINUS SIGN}")
        lines.append(f'<path class="grid" d="M{x:.0f} 22V{height - 16}"/>')
        names.append(f'<text class="level" x="{x:.0f}" y="{height - 4}" text-anchor="middle">{word}</text>')
    return "".join(lines), "".join(names)


def _surface(path: np.ndarray, normal: np.ndarray, lane: np.void) -> str:
    """The outline of the lane between its boundaries; of one boundary alone a line there and back."""
    sides = [path + width[None, None] * normal for width in (lane["width_left"], -lane["width_right"])]
    known = [_thinned(side) for side in sides if np.isfinite(side).all()]
    return line(np.concatenate([known[0], known[-1][::-1]])) + "Z" if known else NOWHERE


def _lanes(path: np.ndarray, normal: np.ndarray, road: Road) -> str:
    """The far line of every lane beside the own one, as parallels of its middle."""
    places = [number + 0.5 for number in range(1, road.left + 1)] + [-number - 0.5 for number in range(1, road.right + 1)]
    path, normal = _thinned(path), _thinned(normal)  # a road's far lines need fewer points than the own lane's
    return "".join(_drawn(path + place * road.width * normal) for place in places) or NOWHERE


def _wanted(path: np.ndarray, normal: np.ndarray, plan: np.void) -> str:
    """Where the next seconds shall lead: along the lane at the wanted offset, as far as the target speed goes."""
    reach = WANTED_S * float(plan["target_speed"])
    if not np.isfinite(reach) or not np.isfinite(plan["lateral_target"]) or not plan["behaviour"]:
        return NOWHERE
    points = path + float(plan["lateral_target"]) * normal
    points = points[(points[:, 0] >= 0.0) & (points[:, 0] <= reach)]
    return _drawn(points) if len(points) > 1 else NOWHERE


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


def objects(tracks: np.void, height: int = FAR_HEIGHT) -> tuple[np.ndarray, np.ndarray]:
    """Rows of Track of the nearest followed objects in a view so many pixels high, and which of them is the lead."""
    if "tracks" not in tracks.dtype.names or not tracks["count"]:
        return np.zeros(0, msg.dtype("Track")), np.zeros(0, bool)
    items = tracks["tracks"][: tracks["count"]]
    half = 0.5 * height / PIXELS_PER_M + 2.0
    seen = (items["status"] >= CONFIRMED) & (items["x"] > -BEHIND_M) & (items["x"] < AHEAD_M) & (np.abs(items["y"]) < half)
    items = items[seen]
    items = items[np.argsort(np.abs(items["x"]), kind="stable")][:MOST_OBJECTS]
    return items, (items["track_id"] == tracks["lead_track_id"]) & np.isfinite(tracks["lead_distance"])


def outlines(items: np.ndarray) -> str:
    """Rows of Track as boxes of typical size, turned the way they move; their points are the faces turned to us."""
    centres, sizes = object_boxes(items)
    parts = []
    for item, centre, size in zip(items, centres, sizes, strict=True):
        face = np.array([item["x"], item["y"]], float)
        vx, vy = float(item["velocity_x"]), float(item["velocity_y"])
        turned = np.hypot(vx, vy) > TURNED_ABOVE_MPS  # an oncoming one is as long backwards
        angle = np.arctan(vy / vx) if turned and abs(vx) > abs(vy) else 0.0
        if np.isfinite([*face, *centre, angle]).all():
            parts.append(outline(centre[:2] - face, size[:2], face, angle))
    return "".join(parts) or NOWHERE


def _lead(tracks: np.void, path: np.ndarray) -> np.ndarray:
    """(0 or 1, 2): a lead without a track in view, on the path at its distance."""
    distance = float(tracks["lead_distance"])
    if not np.isfinite(distance) or not 0.0 <= distance < AHEAD_M:
        return np.zeros((0, 2))
    left = float(np.interp(distance, path[:, 0], path[:, 1])) if len(path) > 1 else 0.0
    return np.array([[distance, left + float(np.nan_to_num(tracks["lead_lateral_offset"]))]])


def _drawn(points: np.ndarray) -> str:
    return line(_thinned(points)) if np.isfinite(points).all() else NOWHERE


def _thinned(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points[:-1:DRAWN_EVERY], points[-1:]])


def line(points: np.ndarray) -> str:
    x, y = _pixels(points)
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in zip(x, y, strict=True))


def _dots(points: np.ndarray) -> str:
    x, y = _pixels(points)
    return "".join(f"M{a:g} {b:g}h0" for a, b in zip(x, y, strict=True)) or NOWHERE


def _pixels(points: np.ndarray) -> tuple[list[float], list[float]]:
    x = np.clip((points[:, 0] + BEHIND_M) * PIXELS_PER_M, -WIDTH, 2 * WIDTH)
    y = np.clip(MIDDLE - points[:, 1] * PIXELS_PER_M, -3 * HEIGHT, 4 * HEIGHT)
    return np.round(x, 1).tolist(), np.round(y, 1).tolist()
