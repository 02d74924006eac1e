"""`autonomy perceive`: labels, obstacles, lanes and pictures of point files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autonomy.perception.file_batch import FileBatch
    from drivers.lidar.model import LidarModel


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "perceive",
        help="find ground, obstacles and lanes in scans of a lidar",
        description="Reads KITTI .bin, .pcd and Argoverse .feather files, one scan each, and the packets of a lidar in "
        "recordings (pcap, ROS bags, MCAP), every scan that begins at its cut as NAME_0000 and so on; of several lidars in one "
        "recording as NAME@2368_0000, by port, topic or address. Writes DIR/summary.json and of each scan "
        "NAME.json, NAME.labels.npy (uint8, input order: 0 none, 1 ground, 2 obstacle, 3 marking, 4 edge, 5 noise), "
        "NAME.instances.npy (int32) and NAME.png. Everything is told in the frame of the input: x forward, y left, z up. "
        "A file that is bad or ends early is told, and the others go on; the exit code is then 3.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="scans")
    parser.add_argument("-o", "--output-dir", required=True, type=Path, metavar="DIR", help="where the results go")
    parser.add_argument(
        "--sensor",
        metavar="NAME",
        help="the lidar's model, for packets; or a frame of configs/lidar_mountings.toml, for its height above the ground",
    )
    parser.add_argument("--calibration", metavar="FILE", help="the calibration file of this lidar, for packets; needs --sensor")
    parser.add_argument("--height", type=float, metavar="M", help="of the input's frame above the ground; default: estimated")
    parser.add_argument("--config", default="perception", metavar="FILE", help="parameters; default: perception")
    parser.add_argument("--no-pictures", action="store_true", help="leave out the bird's-eye pictures")
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.output_folder import prepare
    from autonomy.perception.file_batch import FileBatch
    from autonomy.perception.perceive import parameters
    from autonomy.perception.result_names import check_names

    sections = parameters(arguments.config)
    height_m = _height(arguments.sensor, arguments.height)
    paths = [Path(file) for file in arguments.files]
    lidar = _lidar(paths, arguments.sensor, arguments.calibration)
    check_names(paths)
    batch = FileBatch(prepare(arguments.output_dir), sections, lidar, height_m, not arguments.no_pictures)
    for path in paths:
        told = len(batch.problems)
        for name in batch.take(path):
            if not arguments.json:
                _tell(name, batch.scans[name])
        _tell_amiss(batch, path, told)
    content = batch.write_summary()
    if arguments.json:
        json.dump(content, sys.stdout, allow_nan=False)
        print()
    return batch.exit_code


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
        if height is not None:
            raise UsageError(f"--sensor {sensor}: is a frame {known[sensor]:g} m above the ground; leave it or --height out")
        return float(known[sensor])
    if height is not None and not -10.0 < height < 50.0:
        raise UsageError(f"--height {height}: must be between -10 and 50 m")
    return height


def _lidar(paths: list[Path], sensor: str | None, calibration: str | None) -> LidarModel | None:
    """The lidar whose packets are in the recordings among the files. Raises UsageError for packets of an unknown one,
    BadInputError for a calibration file that is none."""
    from autonomy.errors import UsageError
    from autonomy.perception.point_files import is_points
    from drivers.lidar.calibration import calibrated
    from drivers.lidar.model import model, models

    recordings = [path for path in paths if not is_points(path) and path.exists()]
    known = ", ".join(sorted(models()))
    if sensor not in models():
        if recordings:
            raise UsageError(
                f"{recordings[0]}: holds no points by its name (.bin, .pcd, .feather); for packets give --sensor with one of "
                f"{known}"
            )
        if calibration is not None:
            raise UsageError(f"--calibration {calibration}: is for the packets of a lidar; give --sensor with one of {known}")
        return None
    if calibration is None:
        return model(sensor)
    if not any(not is_points(path) for path in paths):
        raise UsageError(f"--calibration {calibration}: is for packets, and all files hold points; leave it out")
    return calibrated(model(sensor), calibration)


def _tell(name: str, scan: dict) -> None:
    classes = [obstacle["class"] for obstacle in scan["obstacles"]]
    told = ", ".join(f"{classes.count(kind)} {kind}" for kind in dict.fromkeys(classes)) or "no obstacles"
    share = "-" if scan["ground_share"] is None else f"{100.0 * scan['ground_share']:.0f} %"
    print(
        f"{name}: {scan['points']} points, ground {share}, {told}; {len(scan['lanes'])} lines; "
        f"{scan['timing_ms']['total']:.1f} ms"
    )


def _tell_amiss(batch: FileBatch, path: Path, before: int) -> None:
    """On stderr: what a file holds that was left out, and why it is not whole; `before`: problems that are told already."""
    for reason, count in batch.packets.get(str(path), {}).get("left_out", {}).items():
        print(f"autonomy: {path}: left out: {reason}: {count}", file=sys.stderr)
    for _, sentence in batch.problems[before:]:
        print(f"autonomy: {sentence}", file=sys.stderr)
