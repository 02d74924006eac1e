"""`autonomy perceive`: labels, obstacles, lanes and pictures of point files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "perceive",
        help="find ground, obstacles and lanes in scans of a lidar",
        description="Reads KITTI .bin, .pcd and Argoverse .feather files, one scan each, and the packets of a lidar in "
        "recordings (pcap, ROS bags, MCAP), every scan that begins at its cut as NAME_0000 and so on. Writes DIR/summary.json "
        "and of each scan NAME.json, NAME.labels.npy (uint8, input order: 0 none, 1 ground, 2 obstacle, 3 marking, 4 edge, "
        "5 noise), NAME.instances.npy (int32) and NAME.png. Everything is told in the frame of the input: x forward, y left, "
        "z up.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="scans")
    parser.add_argument("-o", "--output-dir", required=True, type=Path, metavar="DIR", help="where the results go")
    mounting = parser.add_mutually_exclusive_group()
    mounting.add_argument(
        "--sensor",
        metavar="NAME",
        help="the lidar's model, for packets; or a frame of configs/lidar_mountings.toml, for its height above the ground",
    )
    mounting.add_argument("--height", type=float, metavar="M", help="of the input's frame above the ground; default: estimated")
    parser.add_argument("--config", default="perception", metavar="FILE", help="parameters; default: perception")
    parser.add_argument("--no-pictures", action="store_true", help="leave out the bird's-eye pictures")
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import PASS
    from autonomy.output_folder import prepare, writing
    from autonomy.perception import results
    from autonomy.perception.perceive import parameters

    sections = parameters(arguments.config)
    height_m = _height(arguments.sensor, arguments.height)
    paths = _paths(arguments.files, arguments.sensor)
    directory = prepare(arguments.output_dir)
    scans: dict[str, dict] = {}
    notes: dict[str, dict] = {}
    for path in paths:
        for stem, points, decode_ns, packets in _scans(path, arguments.sensor, notes):
            scans[stem] = _one(path, stem, points, decode_ns, packets, directory, sections, height_m, not arguments.no_pictures)
            if not arguments.json:
                _tell(stem, scans[stem])
    content = results.summary(scans, [str(path) for path in paths]) | {"packets": notes}
    with writing(directory / "summary.json"):
        (directory / "summary.json").write_text(json.dumps(content, allow_nan=False, indent=1) + "\n")
    if arguments.json:
        json.dump(content, sys.stdout, allow_nan=False)
        print()
    return PASS


def _scans(path: Path, sensor: str | None, notes: dict[str, dict]):
    """(stem, LidarPoint [n], time spent in ns, what was amiss with its packets, if there were any) of each scan of a file; what
    was counted of all packets goes into `notes`."""
    from time import thread_time_ns

    from autonomy.perception.packet_files import read_scans
    from autonomy.perception.point_files import is_points, read_points

    if is_points(path):
        begun = thread_time_ns()
        points = read_points(path)
        yield _stem(path), points, thread_time_ns() - begun, None
        return
    for number, (points, spent_ns, packets) in enumerate(read_scans(path, sensor, notes.setdefault(str(path), {}))):
        yield f"{_stem(path)}_{number:04d}", points, spent_ns, packets


def _one(path: Path, stem: str, points, decode_ns: int, packets: dict | None, directory: Path, sections: dict,
         height_m: float | None, with_picture: bool) -> dict:  # fmt: skip
    """Perceives one scan and writes its results."""
    from autonomy.errors import BadInputError
    from autonomy.perception import results
    from autonomy.perception.mounting import estimate_height
    from autonomy.perception.perceive import Mounting, Perceiver

    height = estimate_height(points) if height_m is None else height_m
    if height is None:
        raise BadInputError(f"{path}: has too few points near the sensor to tell its height above the ground; give --height")
    found = Perceiver(sections, Mounting(height_m=height), max(len(points), 1)).perceive(points)
    content = results.as_json(found, height, decode_ns, packets)
    results.write(directory, stem, content, found)
    if with_picture:
        from autonomy.perception.picture import draw

        draw(directory / f"{stem}.png", found, stem)
    return content


def _height(sensor: str | None, height: float | None) -> float | None:
    """Of the frame or as told; None: to be estimated."""
    from autonomy import config
    from autonomy.errors import UsageError
    from drivers.lidar.model import models

    if sensor is not None and sensor not in models():
        known = config.load("lidar_mountings").section("height_m")
        if sensor not in known:
            told = ", ".join([*sorted(models()), *sorted(known)])
            raise UsageError(f"--sensor {sensor}: there are {told}; give --height for the frame of another")
        return float(known[sensor])
    if height is not None and not -10.0 < height < 50.0:
        raise UsageError(f"--height {height}: must be between -10 and 50 m")
    return height


def _paths(files: list[str], sensor: str | None) -> list[Path]:
    """Raises UsageError for packets of an unknown lidar, or two files of one name; BadInputError for one that is not there."""
    from autonomy.errors import BadInputError, UsageError
    from autonomy.perception.point_files import is_points
    from drivers.lidar.model import models

    seen: dict[str, Path] = {}
    for path in map(Path, files):
        if not path.exists():
            raise BadInputError(f"{path}: there is no such file")
        if not is_points(path) and sensor not in models():
            raise UsageError(
                f"{path}: holds no points by its name (.bin, .pcd, .feather); for packets give --sensor with one of "
                f"{', '.join(sorted(models()))}"
            )
        stem = _stem(path)
        if stem in seen:
            raise UsageError(
                f"{path} and {seen[stem]} would both be written as {stem}.json; perceive them into folders of their own"
            )
        seen[stem] = path
    return list(seen.values())


def _stem(path: Path) -> str:
    return path.name[: -len(".pcd.bin")] if path.name.lower().endswith(".pcd.bin") else path.stem


def _tell(stem: str, scan: dict) -> None:
    classes = [obstacle["class"] for obstacle in scan["obstacles"]]
    told = ", ".join(f"{classes.count(name)} {name}" for name in dict.fromkeys(classes)) or "no obstacles"
    share = "-" if scan["ground_share"] is None else f"{100.0 * scan['ground_share']:.0f} %"
    print(
        f"{stem}: {scan['points']} points, ground {share}, {told}; {len(scan['lanes'])} lines; "
        f"{scan['timing_ms']['total']:.1f} ms"
    )
