"""`autonomy calibrate LOG`: mounting, lever arms, delays, speed scale and steering from a drive, with sigmas and plots."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

PAGE, SNIPPET = "calibration.html", "calibration.toml"


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "calibrate",
        help="learn mounting, delays, speed scale, lever arms and steering from a drive",
        description="Writes calibration.toml, to be named in a vehicle file's include, and calibration.html with -o.",
    )
    parser.add_argument("log", type=Path, help="a recorded drive: some minutes with turns and changes of speed")
    parser.add_argument("--config", help="configuration file or packaged name; default: the one the log names")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one value")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="write calibration.toml and calibration.html there")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Returns 0, or 5 when the drive taught nothing. Raises UsageError, BadInputError."""
    from autonomy.calibration import sensors, steering
    from autonomy.calibration.result import Calibration
    from autonomy.config import parse_override
    from autonomy.errors import INCONCLUSIVE, PASS

    overrides = dict(parse_override(text) for text in arguments.overrides)
    found = sensors.calibrate(arguments.log, arguments.config, overrides, lambda text: print(f"{text} ...", file=sys.stderr))
    drive = found.passes[-1]
    vehicle = drive.vehicle
    calibration = Calibration(
        arguments.log, found, steering.fit(drive.motion, float(vehicle["wheelbase_m"]), float(vehicle["understeer_gradient"]))
    )
    files = _write(calibration, arguments.output) if arguments.output is not None else []
    if arguments.json:
        print(json.dumps(calibration.as_json() | {"files": [str(path) for path in files]}))
    else:
        _print(calibration, files)
    return PASS if any(row.is_used for row in calibration.rows()) else INCONCLUSIVE


def _write(calibration, directory: Path) -> list[Path]:
    from autonomy.calibration.page import render
    from autonomy.errors import UsageError

    files = {directory / SNIPPET: calibration.to_toml(), directory / PAGE: render(calibration)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"-o {directory}: cannot be written: {error.strerror}; give another folder") from None
    return list(files)


def _print(calibration, files: list[Path]) -> None:
    for row in calibration.rows():
        was = "" if row.configured is None else f"was {row.configured:.5g}"
        sigma = "" if row.sigma is None else f"+- {row.sigma:.2g}"
        print(f"{row.name:<42}{row.value:>12.5f} {sigma:<12}{row.unit:<5} {was:<13} {row.note}".rstrip())
    for note in calibration.notes():
        print(f"note: {note}")
    for path in files:
        print(path)
