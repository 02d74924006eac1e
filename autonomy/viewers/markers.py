"""Markers of the scene: the vehicle's boxes, the followed objects with the lead among them, the lines of the lane."""

from __future__ import annotations

from functools import cache

import numpy as np

from autonomy import msg
from autonomy.viewers import bodies, geometry
from autonomy.viewers.geometry import Lines
from autonomy.viewers.moments import EVERY_TICKS, Moments
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

CUBE, LINE_STRIP, TEXT = 1, 4, 9  # Marker.type
ADD, DELETE, DELETE_ALL = 0, 2, 3  # Marker.action
TENTATIVE = 1  # Track.status
MOST_TRACKS = msg.dtype("TrackList").fields["tracks"][0].shape[0]
LABEL_CHARACTERS = 16
MOST_LABELLED = 1 << 30  # labels count from here, so that no two markers have one number
LEAD_COLOUR, OBJECT_COLOUR, TENTATIVE_COLOUR = (0.93, 0.34, 0.2, 0.9), (0.95, 0.71, 0.15, 0.85), (0.6, 0.6, 0.6, 0.25)
TEXT_COLOUR = (1.0, 1.0, 1.0, 1.0)
LINES = 2  # left and right boundary
LINE_COLOUR, LINE_WIDTH_M = (1.0, 1.0, 1.0, 1.0), 0.15


def array(frame: str, namespace: str, markers: int, points: int = 0, characters: int = 0) -> Memory:
    strings = {"markers.header.frame_id": frame, "markers.ns": namespace, "markers.text": characters}
    memory = Memory("visualization_msgs/MarkerArray", strings, {"markers": markers, "markers.points": points}, ends_in="markers")
    if "lead" in memory.dtype["markers"].names:
        raise ValueError(f"markers of {namespace} would lie unevenly; make the frame's name or the labels longer or shorter")
    return memory


OBJECTS = array(VEHICLE, "objects", 1 + 2 * MOST_TRACKS, characters=LABEL_CHARACTERS)
_SOME_OBJECTS = [array(VEHICLE, "objects", 1 + 2 * most, characters=LABEL_CHARACTERS) for most in (8, 16, 32, 64)] + [OBJECTS]
LANE = array(VEHICLE, "lane", LINES, points=geometry.LINE_POINTS)


@cache
def _vehicle_array(frame: str, boxes: int) -> Memory:
    return array(frame, "vehicle", boxes)


def vehicle(moments: Moments, parameters: np.void, frame: str) -> tuple[np.ndarray, Memory, np.ndarray]:
    """(times, layout, messages): the boxes that stand in a frame, from VehicleParameters; none where there is no such frame.

    At every tenth moment: they only move with their frame.
    """
    boxes = [box for box in bodies.vehicle_boxes(parameters) if box.frame == frame]
    if not boxes:
        return moments.time_ns[:0], OBJECTS, OBJECTS.rows(0)
    memory = _vehicle_array(frame, len(boxes))
    times = moments.time_ns[moments.outputs["tick_index"] % (10 * EVERY_TICKS) == 0]
    rows = memory.rows(len(times))
    rows["markers"]["count"] = len(boxes)
    for number, box in enumerate(boxes):
        marker = rows["markers"]["items"][:, number]
        fill.stamp(marker["header"], times)
        marker["id"], marker["type"], marker["action"], marker["frame_locked"] = number, CUBE, ADD, 1
        _stand(marker, np.array(box.centre_m), np.array(box.size_m), box.colour)
    return times, memory, rows


def shown_tracks(tracks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Of rows of TrackList: (row of each object shown, its Track, its colour (m, 4), its label)."""
    counts = np.minimum(tracks["count"], MOST_TRACKS).astype(np.int64)
    shown = (np.arange(MOST_TRACKS) < counts[:, None]) & (tracks["tracks"]["status"] >= TENTATIVE)
    row, column = np.nonzero(shown)
    items = tracks["tracks"][row, column]
    is_lead = np.isfinite(tracks["lead_distance"])[row] & (items["track_id"] == tracks["lead_track_id"][row])
    colours = np.where((items["status"] == TENTATIVE)[:, None], TENTATIVE_COLOUR, OBJECT_COLOUR)
    colours[is_lead] = LEAD_COLOUR
    speeds = np.hypot(items["velocity_x"], items["velocity_y"]).tolist()
    labels = [f"#{number} {speed:.1f} m/s" for number, speed in zip(items["track_id"].tolist(), speeds, strict=True)]
    return row, items, colours, labels


def objects(moments: Moments) -> np.ndarray:
    """One box and one label an object, its face towards us where the track is; every message replaces the one before."""
    tracks = moments.outputs["tracks"]
    row, items, colours, labels = shown_tracks(tracks)
    numbers = np.bincount(row, minlength=len(tracks))
    order = np.arange(len(row)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    most = 1 + 2 * int(numbers.max(initial=0))
    rows = next(memory for memory in _SOME_OBJECTS if memory.lists["markers"] >= most).rows(len(tracks))
    markers = rows["markers"]["items"]
    rows["markers"]["count"] = 1 + 2 * numbers
    markers["action"][:, 0] = DELETE_ALL
    markers["pose"]["orientation"]["w"][:, 0] = 1.0
    fill.stamp(markers["header"], moments.time_ns[:, None])
    centres, sizes = bodies.object_boxes(items)
    box, label = (row, 1 + 2 * order), (row, 2 + 2 * order)
    scatter(markers, box, items["track_id"], CUBE, centres, sizes, colours)
    above = centres + [0.0, 0.0, 1.0] * (0.5 * sizes + 0.8)
    scatter(markers, label, items["track_id"], TEXT, above, np.full((len(items), 3), 1.0), np.array(TEXT_COLOUR))
    markers["id"][label] += MOST_LABELLED
    markers["text"]["text"][label] = [text[:LABEL_CHARACTERS].rjust(LABEL_CHARACTERS).encode() for text in labels]
    return rows


def lane(moments: Moments, lines: Lines) -> np.ndarray:
    """Left and right boundary; taken away while no lane is known."""
    rows = LANE.rows(len(moments.outputs))
    rows["markers"]["count"] = LINES
    marker = rows["markers"]["items"]
    fill.stamp(marker["header"], moments.time_ns[:, None])
    marker["id"], marker["type"] = np.arange(LINES), LINE_STRIP
    marker["action"] = np.where(lines.known, ADD, DELETE)[:, None]
    marker["pose"]["orientation"]["w"] = 1.0
    marker["scale"]["x"] = LINE_WIDTH_M
    fill.colour(marker["color"], LINE_COLOUR)
    fill.point(marker["points"]["items"], np.stack([lines.left, lines.right], axis=1))
    return rows


def scatter(markers: np.ndarray, where, numbers: np.ndarray, kind: int, centres, sizes, colours) -> None:
    """Sets scattered elements field by field: indexing a structured array with arrays gives a copy."""
    markers["id"][where], markers["type"][where], markers["action"][where] = numbers, kind, ADD
    markers["frame_locked"][where] = 1
    markers["pose"]["orientation"]["w"][where] = 1.0
    for axis, name in enumerate("xyz"):
        markers["pose"]["position"][name][where] = centres[:, axis]
        markers["scale"][name][where] = sizes[:, axis]
    for axis, name in enumerate("rgba"):
        markers["color"][name][where] = colours[..., axis]


def _stand(marker: np.ndarray, centre: np.ndarray, size: np.ndarray, colour) -> None:
    marker["pose"]["orientation"]["w"] = 1.0
    fill.point(marker["pose"]["position"], centre)
    fill.point(marker["scale"], size)
    fill.colour(marker["color"], colour)
