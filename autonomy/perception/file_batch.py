"""Files one after the other into a folder of results; what is wrong with one is kept, and the next goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import thread_time_ns
from typing import Any

import numpy as np

from autonomy.errors import BAD_INPUT, PASS, AutonomyError, BadInputError, MissingPackage
from autonomy.output_folder import writing
from autonomy.perception import results
from autonomy.perception.mounting import estimate_height
from autonomy.perception.packet_files import PacketFile
from autonomy.perception.perceive import Mounting, Perceiver
from autonomy.perception.point_files import is_points, read_points
from autonomy.perception.result_names import SUMMARY, scan_name, stem_of
from drivers.lidar.model import LidarModel

__all__ = ["FileBatch"]


class FileBatch:
    """`lidar`: whose packets the recordings hold; None where there are none. `height_m`: None = estimated of each scan.

    `problems`: (file, sentence) of what was wrong; `exit_code`: for a command that has told them.
    """

    def __init__(self, directory: Path, sections: dict, lidar: LidarModel | None, height_m: float | None, with_pictures: bool):
        self.directory, self.sections, self.lidar = directory, sections, lidar
        self.height_m, self.with_pictures = height_m, with_pictures
        self.files: list[Path] = []
        self.scans: dict[str, dict[str, Any]] = {}
        self.packets: dict[str, dict[str, Any]] = {}
        self.problems: list[tuple[Path, str]] = []
        self.exit_code = PASS

    def take(self, path: Path) -> Iterator[str]:
        """The names of its scans, each when its results are written. Raises EnvironmentFault when they cannot be."""
        self.files.append(path)
        without_height = 0
        try:
            for name, points, decode_ns, packets in self._read(path):
                height = estimate_height(points) if self.height_m is None else self.height_m
                if height is None:
                    without_height += 1
                    continue
                self.scans[name] = self._one(name, points, decode_ns, packets, height)
                yield name
        except (BadInputError, MissingPackage) as error:
            self._amiss(path, error)
        if without_height:
            told = "has" if is_points(path) else f"{without_height} of its scans have"
            self._amiss(path, BadInputError(
                f"{path}: {told} too few points near the sensor to tell its height above the ground; give --height"
            ))  # fmt: skip

    def write_summary(self) -> dict[str, Any]:
        """Raises EnvironmentFault."""
        content = results.summary(self.scans, [str(path) for path in self.files]) | {
            "packets": self.packets,
            "problems": [{"file": str(path), "problem": sentence} for path, sentence in self.problems],
        }
        path = self.directory / f"{SUMMARY}.json"
        with writing(path):
            path.write_text(json.dumps(content, allow_nan=False, indent=1) + "\n")
        return content

    def _amiss(self, path: Path, error: AutonomyError) -> None:
        self.problems.append((path, str(error)))
        # A file that is bad is bad on every machine
        self.exit_code = BAD_INPUT if BAD_INPUT in (self.exit_code, error.exit_code) else error.exit_code

    def _read(self, path: Path) -> Iterator[tuple[str, np.ndarray, int, dict[str, bool | int] | None]]:
        """(name, LidarPoint [n], time spent in ns, what was amiss with its packets, if there were any) of each scan of a file."""
        if not path.exists():
            raise BadInputError(f"{path}: there is no such file")
        if is_points(path):
            begun = thread_time_ns()
            points = read_points(path)
            yield stem_of(path), points, thread_time_ns() - begun, None
            return
        numbers = Counter[str]()
        with PacketFile(path, self.lidar) as file:
            self.packets[str(path)] = file.counts
            try:
                for whose, points, spent_ns, packets in file.scans():
                    yield scan_name(path, whose, numbers[whose]), points, spent_ns, packets
                    numbers[whose] += 1
            finally:
                if file.notes:
                    file.counts["left_out"] = file.notes
                if file.problem is not None:
                    self._amiss(path, BadInputError(f"{path}: ends early: {file.problem}; what stands before is perceived"))

    def _one(self, name: str, points: np.ndarray, decode_ns: int, packets: dict | None, height_m: float) -> dict[str, Any]:
        """Perceives one scan and writes its results."""
        found = Perceiver(self.sections, Mounting(height_m=height_m), max(len(points), 1)).perceive(points)
        content = results.as_json(found, height_m, decode_ns, packets)
        results.write(self.directory, name, content, found)
        if self.with_pictures:
            from autonomy.perception.picture import draw

            draw(self.directory / f"{name}.png", found, name)
        return content
