"""Point clouds: any bytes in a file are points or a sentence, and any points are perceived."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from autonomy.msg import dtype
from autonomy.perception.point_files import read_points
from tests.fuzz import scratch
from tests.fuzz.targets.target import Target, refusals
from tests.perception.scenes import perceiver
from tests.perception.test_point_files import feather_of, pcd, rows

NAMES = ("cloud.pcd", "cloud.bin", "cloud.pcd.bin", "cloud.feather")
MOST_POINTS = 200


def point_file(data: bytes) -> None:
    """The first byte tells the kind of file."""
    path = scratch.write(NAMES[data[0] % len(NAMES)] if data else NAMES[0], data[1:])
    with refusals(str(path)):
        assert read_points(path).dtype == dtype("LidarPoint")


def perceived(data: bytes) -> None:
    """The bytes as LidarPoints, whatever numbers that makes."""
    size = dtype("LidarPoint").itemsize
    points = np.frombuffer(data[: len(data) // size * size], dtype("LidarPoint"))[:MOST_POINTS]
    found = perceiver(MOST_POINTS).perceive(points, elapsed_s=0.1)
    assert len(found.labels) == len(points) and (found.labels <= 5).all()
    assert ((found.instances >= -1) & (found.instances < len(found.obstacles))).all()
    for name in ("x", "y", "yaw", "length", "width", "score"):
        assert np.isfinite(found.obstacles[name]).all(), name
    assert np.isfinite(found.lanes["c"]).all()


def file_seeds() -> list[bytes]:
    kinds = ("ascii", "binary", "binary_compressed")
    found = [*(b"\0" + pcd(kind, rows(20)) for kind in kinds), b"\1" + bytes(64), b"\2" + bytes(40)]
    if find_spec("pyarrow") is None:
        return found
    odd = ({}, {"x": ["a", "b", "c"]}, {"y": [[1.0], [], []]}, {"z": [None, None, None]}, {"intensity": [1, None, 300]})
    return found + [b"\3" + feather_of(columns) for columns in odd] + [b"\3" + feather_of({}, twice="x")]


TARGETS = [
    Target("point_file", point_file, file_seeds, ("autonomy.perception.point_files", "autonomy.perception.pcd_file")),
    Target("perceived", perceived, lambda: [bytes(240), bytes(range(240))], ("autonomy.perception.perceive",), 4800),
]
