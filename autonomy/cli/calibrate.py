"""`autonomy calibrate LOG`: what a drive says of sensors, steering, forces, tyres and trailer, with sigmas and plots."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

PAGE, SNIPPET, VEHICLE = "calibration.html", "calibration.toml", "vehicle.toml"


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "calibrate",
        help="learn sensors, steering, resistance, tyres and trailer from a drive",
        description="With -o, writes calibration.toml, the vehicle's configuration with what was learned (for --config), and "
        "calibration.html.",
    )
    parser.add_argument("log", type=Path, help="a drive or its run's folder: some minutes with turns and changes of speed")
    parser.add_argument("--config", help="configuration file or packaged name; default: the one the log names")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one value")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="write calibration.toml and calibration.html there")
    parser.add_argument("--trailer", metavar="NAME", help="store what was learned of the trailer under this name; needs -o")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Returns 0, or 5 when the drive taught nothing. Raises UsageError, BadInputError."""
    from autonomy.calibration import sensors, steering, truck
    from autonomy.calibration.result import Calibration
    from autonomy.config import parse_override
    from autonomy.errors import INCONCLUSIVE, PASS, UsageError
    from autonomy.log.run_folder import log_in

    log = log_in(arguments.log) or arguments.log
    overrides = dict(parse_override(text) for text in arguments.overrides)
    if arguments.trailer is not None and arguments.output is None:
        raise UsageError(f"--trailer {arguments.trailer}: is stored in calibration.toml; say with -o where to write it")
    if arguments.output is not None:
        _prepare(arguments.output, arguments.config)

    def tell(text: str) -> None:
        print(f"{text} ...", file=sys.stderr)

    found = sensors.calibrate(log, arguments.config, overrides, tell)
    drive = found.passes[-1]
    vehicle = drive.vehicle
    turning = steering.fit(drive.motion, float(vehicle["wheelbase_m"]), float(vehicle["understeer_gradient"]))
    learned = overrides | Calibration(log, found, turning).overrides()
    combination = truck.calibrate(log, arguments.config, learned, tell)
    if arguments.trailer is not None:
        combination.store(arguments.trailer, found.passes[0].config.sections)
    calibration = Calibration(log, found, turning, combination)
    files = _write(calibration, arguments.output, overrides) if arguments.output is not None else []
    if arguments.json:
        print(json.dumps(calibration.as_json() | {"files": [str(path) for path in files]}))
    else:
        _print(calibration, files)
    return PASS if any(row.is_used for row in calibration.rows()) else INCONCLUSIVE


def _prepare(directory: Path, config: str | None) -> None:
    """Finds out what is wrong with -o before the passes, which take minutes."""
    from autonomy.errors import UsageError
    from autonomy.output_folder import prepare

    prepare(directory)
    if config is not None and Path(config).is_file() and Path(config).resolve() == (directory / SNIPPET).resolve():
        raise UsageError(f"-o {directory}: would write over {config}, the configuration to calibrate; give another folder")


def _write(calibration, directory: Path, given: dict) -> list[Path]:
    from autonomy.calibration.page import render
    from autonomy.output_folder import writing

    with writing(directory):
        vehicle, files = _vehicle(calibration.sensors.passes[0].config, calibration.log, directory)
        for name, text in {SNIPPET: calibration.to_toml(vehicle, given), PAGE: render(calibration)}.items():
            (directory / name).write_text(text, encoding="utf-8")
            files.append(directory / name)
    return files


def _vehicle(config, log: Path, directory: Path) -> tuple[str, list[Path]]:
    """What to include: a packaged name, a file as seen from `directory`, or a copy there of what the log carries."""
    import os

    from autonomy.config import directory as packaged
    from autonomy.config_review import freeze
    from autonomy.log.carried_databases import carried_databases
    from autonomy.log.opening import open_recording

    if config.origins and any(origin != "--set" for origin in config.origins.values()):  # read from files
        if (packaged() / f"{config.path}.toml").is_file():
            return config.path, []
        return os.path.relpath(Path(config.path).resolve(), directory.resolve()), []
    with open_recording(log) as reader:
        return VEHICLE, freeze(config, directory / VEHICLE, carried_databases(reader)).files


def _print(calibration, files: list[Path]) -> None:
    for row in calibration.rows():
        was = "" if row.configured is None else f"was {row.configured:.5g}"
        sigma = "" if row.sigma is None else f"+- {row.sigma:.2g}"
        print(f"{row.name:<42}{row.value:>12.5f} {sigma:<12}{row.unit:<5} {was:<13} {row.note}".rstrip())
    for note in calibration.notes():
        print(f"note: {note}")
    for path in files:
        print(path)
