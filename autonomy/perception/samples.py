"""What was found in a scan as the samples that the tick takes: obstacles, the own lane's lines, the motion between two scans."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.perception.perceive import CLASSES, SIDES, Found

STRUCTURE = CLASSES.index("structure")
NOTHING = msg.constants("ObstacleSample")["CLASSIFICATION_NOTHING"]
LEFT, RIGHT = SIDES.index("left"), SIDES.index("right")
LEFT_EDGE, RIGHT_EDGE = SIDES.index("left_edge"), SIDES.index("right_edge")
EDGE_MARGIN_M = 0.2  # [D] half a post, and what an edge is off by
MOST_OBSTACLES = msg.dtype("ObstacleInput")["items"].shape[0]
BEST_QUALITY = 3


def obstacle_samples(found: Found, valid_time_ns: int, received_time_ns: int, source: int) -> np.ndarray:
    """(n,) ObstacleSample, the nearest first: road users and what lies on the road, no rails, walls, signs, nor what stands
    beyond the road's edges. A single scan tells no velocity."""
    rows = found.obstacles
    rows = rows[(rows["edge"] == 0) & (rows["classification"] != STRUCTURE) & _on_the_road(rows, found.lanes)]
    rows = rows[np.argsort(np.hypot(rows["x"], rows["y"]), kind="stable")][:MOST_OBSTACLES]
    samples = np.zeros(len(rows), msg.dtype("ObstacleSample"))
    _stamp(samples, valid_time_ns, received_time_ns, source)
    for name in ("velocity_x", "velocity_y", "range_rate"):
        samples[name] = np.nan
    for name in ("x", "y", "yaw", "length", "width", "classification"):
        samples[name] = rows[name]
    samples["existence"] = rows["score"]
    return samples


def nothing_seen(valid_time_ns: int, received_time_ns: int, source: int) -> np.ndarray:
    """(1,) ObstacleSample of a scan without obstacles: a look all the same."""
    samples = np.zeros(1, msg.dtype("ObstacleSample"))
    _stamp(samples, valid_time_ns, received_time_ns, source)
    for name in ("x", "y", "velocity_x", "velocity_y", "range_rate", "yaw", "length", "width"):
        samples[name] = np.nan
    samples["classification"] = NOTHING
    return samples


def near_faces(rows: np.ndarray, sensor: tuple[float, float]) -> np.ndarray:
    """(n, 2) where the boxes' middles would be were they as short as the part towards the sensor."""
    x, y = rows["x"] - sensor[0], rows["y"] - sensor[1]
    distance = np.maximum(np.hypot(x, y), 1e-6)
    turn = rows["yaw"] - np.arctan2(y, x)
    reach = 0.5 * (rows["length"] * np.abs(np.cos(turn)) + rows["width"] * np.abs(np.sin(turn))) / distance
    return np.column_stack([rows["x"] - x * reach, rows["y"] - y * reach])


def tell_standing(rows: np.ndarray, stands: np.ndarray, velocity: tuple[float, float], yaw_rate: float,
                  sensor: tuple[float, float]) -> None:  # fmt: skip
    """Speed and range rate, along the sight from the sensor, of the obstacles that stand; velocity and yaw rate are the own."""
    x, y = rows["x"] - sensor[0], rows["y"] - sensor[1]
    closing_x, closing_y = -velocity[0] + yaw_rate * sensor[1], -velocity[1] - yaw_rate * sensor[0]
    rate = (x * closing_x + y * closing_y) / np.maximum(np.hypot(x, y), 1e-6)
    rows["range_rate"][stands] = rate[stands]
    rows["velocity_x"][stands] = rows["velocity_y"][stands] = 0.0


def _on_the_road(rows: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """(n,) bool: not beyond an edge where there is one. Before and behind the part that was seen an edge goes on as it is."""
    inside = np.ones(len(rows), bool)
    for side, inwards in ((LEFT_EDGE, -1.0), (RIGHT_EDGE, 1.0)):
        for edge in lines[lines["side"] == side]:
            offset = np.polynomial.polynomial.polyval(rows["x"], edge["c"])
            inside &= inwards * (rows["y"] - offset) > EDGE_MARGIN_M
    return inside


def lane_samples(found: Found, valid_time_ns: int, received_time_ns: int, source: int) -> np.ndarray:
    """(1,) LaneSample of the lines to both sides; quality 0 where there is none. Always one: silence is another matter."""
    samples = np.zeros(1, msg.dtype("LaneSample"))
    _stamp(samples, valid_time_ns, received_time_ns, source)
    row = samples[0]
    for side, number in (("left", LEFT), ("right", RIGHT)):
        lines = found.lanes[found.lanes["side"] == number]
        if len(lines):
            line = lines[0]
            row[side], row[f"{side}_sigma"] = line["c"], line["sigma"]
            row[f"{side}_range_m"], row[f"{side}_type"] = line["x_max"], line["type"]
            row[f"{side}_quality"] = max(1, round(BEST_QUALITY * float(line["quality"])))
    return samples


def odometry_samples(moved: dict, start_time_ns: int, valid_time_ns: int, received_time_ns: int, source: int) -> np.ndarray:
    """(1,) OdometrySample of what `Odometry.register` returned."""
    samples = np.zeros(1, msg.dtype("OdometrySample"))
    _stamp(samples, valid_time_ns, received_time_ns, source)
    samples["start_time_ns"] = start_time_ns
    for name in ("translation", "rotation", "sigma"):
        samples[name][0] = moved[name]
    return samples


def _stamp(samples: np.ndarray, valid_time_ns: int, received_time_ns: int, source: int) -> None:
    samples["valid_time_ns"], samples["received_time_ns"], samples["source"] = valid_time_ns, received_time_ns, source
