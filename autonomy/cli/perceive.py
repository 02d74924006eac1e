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
        description="Reads KITTI .bin, .pcd and Argoverse .feather files, one scan each. Writes DIR/summary.json and of each scan "
        "NAME.json, NAME.labels.npy (uint8, input order: 0 none, 1 ground, 2 obstacle, 3 marking, 4 edge, 5 noise), "
        "NAME.instances.npy (int32) and NAME.png. Everything is told in the frame of the input: x forward, y left, z up.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="scans")
    parser.add_argument("-o", "--output-dir", required=True, type=Path, metavar="DIR", help="where the results go")
    mounting = parser.add_mutually_exclusive_group()
    mounting.add_argument("--sensor", metavar="NAME", help="a frame of configs/lidar_mountings.toml, for its height above the ground")
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
    paths = _paths(arguments.files)
    directory = prepare(arguments.output_dir)
    scans = {}
    for path in paths:
        stem = _stem(path)
        scans[stem] = _one(path, stem, directory, sections, height_m, not arguments.no_pictures)
        if not arguments.json:
            _tell(path, scans[stem])
    content = results.summary(scans, [str(path) for path in paths])
    with writing(directory / "summary.json"):
        (directory / "summary.json").write_text(json.dumps(content, allow_nan=False, indent=1) + "\n")
    if arguments.json:
        json.dump(content, sys.stdout, allow_nan=False)
        print()
    return PASS


def _one(path: Path, stem: str, directory: Path, sections: dict, height_m: float | None, with_picture: bool) -> dict:
    """Reads, perceives and writes one scan."""
    from time import thread_time_ns

    from autonomy.errors import BadInputError
    from autonomy.perception import results
    from autonomy.perception.mounting import estimate_height
    from autonomy.perception.perceive import Mounting, Perceiver
    from autonomy.perception.point_files import read_points

    begun = thread_time_ns()
    points = read_points(path)
    decode_ns = thread_time_ns() - begun
    height = estimate_height(points) if height_m is None else height_m
    if height is None:
        raise BadInputError(f"{path}: has too few points near the sensor to tell its height above the ground; give --height")
    perceiver = Perceiver(sections, Mounting(height_m=height), max(len(points), 1))
    found = perceiver.perceive(points)
    content = results.as_json(found, height, decode_ns)
    results.write(directory, stem, content, found)
    if with_picture:
        from autonomy.perception.picture import draw

        draw(directory / f"{stem}.png", found, path.name)
    return content


def _height(sensor: str | None, height: float | None) -> float | None:
    from autonomy import config
    from autonomy.errors import UsageError

    if sensor is not None:
        known = config.load("lidar_mountings").section("height_m")
        if sensor not in known:
            raise UsageError(f"--sensor {sensor}: there are {', '.join(sorted(known))}; give --height for another")
        return float(known[sensor])
    if height is not None and not -10.0 < height < 50.0:
        raise UsageError(f"--height {height}: must be between -10 and 50 m")
    return height


def _paths(files: list[str]) -> list[Path]:
    """Raises UsageError for a kind of file that is none of points, or two of one name; BadInputError for one that is not there."""
    from autonomy.errors import BadInputError, UsageError
    from autonomy.perception.point_files import SUFFIXES

    seen: dict[str, Path] = {}
    for path in map(Path, files):
        if not path.name.lower().endswith(SUFFIXES):
            raise UsageError(f"{path}: the name must end in {', '.join(SUFFIXES)}")
        if not path.is_file():
            raise BadInputError(f"{path}: there is no such file")
        stem = _stem(path)
        if stem in seen:
            raise UsageError(f"{path} and {seen[stem]} would both be written as {stem}.json; perceive them into folders of their own")
        seen[stem] = path
    return list(seen.values())


def _stem(path: Path) -> str:
    return path.name[: -len(".pcd.bin")] if path.name.lower().endswith(".pcd.bin") else path.stem


def _tell(path: Path, scan: dict) -> None:
    classes = [obstacle["class"] for obstacle in scan["obstacles"]]
    told = ", ".join(f"{classes.count(name)} {name}" for name in dict.fromkeys(classes)) or "no obstacles"
    share = "-" if scan["ground_share"] is None else f"{100.0 * scan['ground_share']:.0f} %"
    print(f"{path}: {scan['points']} points, ground {share}, {told}; {len(scan['lanes'])} lines; {scan['timing_ms']['total']:.1f} ms")
