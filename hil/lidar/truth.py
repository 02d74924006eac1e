"""What was truly there, in the vehicle's frame at the begin of a turn: boxes of road users, lines of paint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hil.lidar.markings import Marking
from hil.lidar.primitives import Places
from hil.lidar.surface import along
from hil.world import Actor

BOX = np.dtype([("id", "i4"), ("x", "f8"), ("y", "f8"), ("z", "f8"), ("yaw", "f8"), ("length", "f8"), ("width", "f8"),
                ("height", "f8"), ("velocity_x", "f8"), ("velocity_y", "f8"), ("rays", "i4"), ("rays_alone", "i4")])  # fmt: skip


@dataclass(frozen=True)
class Boxes:
    """`table` (n,) of BOX: x, y, z the middle of the body; velocity over ground along the vehicle's axes; `rays` that met it and
    `rays_alone` that would have, were it alone on the road - before noise, weather and what is too faint."""

    table: np.ndarray
    classes: list[str]

    def visible_share(self) -> np.ndarray:
        """(n,) of the rays that would meet it, those that do; NaN where no ray would."""
        alone = self.table["rays_alone"]
        return np.where(alone > 0, self.table["rays"] / np.maximum(alone, 1), np.nan)


def box_truth(actors: list[Actor], places: Places, pose: np.ndarray, rays: np.ndarray) -> Boxes:
    """`pose`: (6,) of the vehicle in the window's frame; `rays` (n, 2) as the kernel counted them."""
    table = np.zeros(len(actors), BOX)
    if actors:
        size, place, velocity, yaw = places[:4]
        x, y = place[:, 0] - pose[0], place[:, 1] - pose[1]
        cosine, sine = math.cos(pose[3]), math.sin(pose[3])
        table["id"] = [actor.id for actor in actors]
        table["x"], table["y"], table["z"] = (
            cosine * x + sine * y,
            cosine * y - sine * x,
            place[:, 2] - pose[2] + 0.5 * size[:, 2],
        )
        table["yaw"] = yaw - pose[3]
        table["length"], table["width"], table["height"] = size.T
        table["velocity_x"] = cosine * velocity[:, 0] + sine * velocity[:, 1]
        table["velocity_y"] = cosine * velocity[:, 1] - sine * velocity[:, 0]
        table["rays"], table["rays_alone"] = rays[: len(actors)].T
    return Boxes(table, [actor.classification for actor in actors])


def lane_lines(scene, s: float, pose: np.ndarray, ahead_m: float = 120.0, behind_m: float = 20.0,
               step_m: float = 1.0) -> list[tuple[Marking, np.ndarray]]:  # fmt: skip
    """Each marking near arc length `s`, its points (n, 3) in the vehicle's frame, level; `pose`: the vehicle's in the world."""
    found = []
    at = np.arange(s - behind_m, s + ahead_m, step_m)
    cosine, sine = math.cos(pose[3]), math.sin(pose[3])
    for marking in scene.markings:
        places = at[(at >= marking.start_m) & (at < marking.end_m)]
        if not len(places):
            continue
        x, y, z, heading, _, _, bank = along(scene.road, places)
        d = marking.offset_at(places)
        east, north, up = x - d * np.sin(heading) - pose[0], y + d * np.cos(heading) - pose[1], z + bank * d - pose[2]
        found.append((marking, np.column_stack([cosine * east + sine * north, cosine * north - sine * east, up])))
    return found
