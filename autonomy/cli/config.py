"""`autonomy config show | check | diff | freeze`: what is in force, what is wrong, what differs, and one file of it all."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

NAME = "a file, the name of a packaged configuration (vehicles/demo_truck), a run's folder or a log that a run wrote"


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("config", help="show, check, compare and freeze configurations")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print every value and where it comes from")
    show.add_argument("config", help=NAME)
    check = actions.add_parser("check", help="say everything a run would refuse, DBC files and routes included")
    check.add_argument("config", nargs="+", help=NAME)
    check.add_argument("--log", metavar="FILE", type=Path, help="a log whose DBC files the routes go by")
    diff = actions.add_parser("diff", help="values that differ between two configurations; exit code 1 when any does")
    diff.add_argument("a", metavar="A", help=NAME)
    diff.add_argument("b", metavar="B", help=NAME)
    freeze = actions.add_parser("freeze", help="write a configuration with all it includes as one file, with the files it names")
    freeze.add_argument("config", help=NAME)
    freeze.add_argument("-o", "--output", metavar="FILE.toml", type=Path, required=True)
    for action in (show, check, diff, freeze):
        action.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one value")
        action.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises UsageError, BadInputError, EnvironmentFault."""
    return {"show": _show, "check": _check, "diff": _diff, "freeze": _freeze}[arguments.action](arguments)


def _load(arguments: argparse.Namespace, name: str):
    """The configuration of a file, of a packaged name, or the one that a log carries."""
    from autonomy import config
    from autonomy.errors import UsageError

    overrides = dict(config.parse_override(text) for text in arguments.overrides)
    log_path = _log_of(name)
    if log_path is None:
        return config.load(name, overrides)
    from autonomy.log.opening import open_recording
    from autonomy.perception.lidar_calibration import carried
    from autonomy.playback.source import CONFIG_ATTACHMENT

    with open_recording(log_path) as log:
        if CONFIG_ATTACHMENT not in log.attachments:
            raise UsageError(f"{name}: carries no configuration; only the logs that a run wrote do")
        return config.Config.from_json(log.attachment(CONFIG_ATTACHMENT).decode(), overrides, carried(log))


def _log_of(name: str) -> str | None:
    """The log that a name stands for: itself, or the output log of a run's folder; None where it is a configuration."""
    from autonomy.playback.result import OUTPUT_LOG

    if (Path(name) / OUTPUT_LOG).is_file():
        return str(Path(name) / OUTPUT_LOG)
    return name if name.endswith(".mcap") else None


def _show(arguments: argparse.Namespace) -> int:
    from autonomy.parameters import load_parameters

    config = _load(arguments, arguments.config)
    load_parameters(config)  # says what is wrong before it shows anything
    if arguments.json:
        json.dump({"config_hash": config.sha256, "calibration_hash": config.calibration_sha256, **config.sections}, sys.stdout)
        print()
        return 0
    for section, table in config.sections.items():
        if isinstance(table, dict):
            print(f"[{section}]")
            for key, value in table.items():
                if not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
                    print(f"{key} = {value}    # {config.origin(section, key)}")
    print(f"# config_hash {config.sha256}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from autonomy.config_review import Review, review
    from autonomy.errors import PASS, USAGE, UsageError

    databases = _databases(arguments.log)
    found = {}
    for name in arguments.config:
        try:
            carried = databases if databases is not None else _databases(_log_of(name))
            found[name] = review(_load(arguments, name), carried)
        except UsageError as error:
            found[name] = Review([str(error)], [])
    if arguments.json:
        print(json.dumps({"configs": [{"config": name, **item._asdict()} for name, item in found.items()]}))
    else:
        for name, item in found.items():
            print(f"{name}: {_count(len(item.problems), 'problem') if item.problems else 'good'}")
            for sentence in item.problems:
                print(f"  {sentence}")
            for sentence in item.notes:
                print(f"  note: {sentence}")
    return USAGE if any(item.problems for item in found.values()) else PASS


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _databases(log: str | Path | None) -> dict[int, str] | None:
    if log is None:
        return None
    from autonomy.log.carried_databases import carried_databases
    from autonomy.log.opening import open_recording

    with open_recording(log) as reader:
        return carried_databases(reader)


def _diff(arguments: argparse.Namespace) -> int:
    from autonomy.config_review import differences
    from autonomy.errors import FAIL, PASS

    found = differences(_load(arguments, arguments.a), _load(arguments, arguments.b))
    if arguments.json:
        print(json.dumps({"equal": not found, "differences": [item._asdict() for item in found]}))
        return FAIL if found else PASS
    for item in found:
        print(item.name)
        for mark, value, origin in (("-", item.a, item.origin_a), ("+", item.b, item.origin_b)):
            print(f"  {mark} {'absent' if value is None else json.dumps(value)}    # {origin}")
    print(_count(len(found), "difference") if found else "the same values")
    return FAIL if found else PASS


def _freeze(arguments: argparse.Namespace) -> int:
    from autonomy.config_review import freeze
    from autonomy.errors import PASS, EnvironmentFault, UsageError

    config, carrier = _load(arguments, arguments.config), _log_of(arguments.config)
    if arguments.output.suffix != ".toml":
        raise UsageError(f"config freeze -o {arguments.output}: the file must end in .toml")
    try:
        written, missing = freeze(config, arguments.output, _databases(carrier))
    except OSError as error:
        raise EnvironmentFault(f"config freeze -o {arguments.output}: cannot be written: {error.strerror}") from None
    if arguments.json:
        print(json.dumps({"config_hash": config.sha256, "files": [str(path) for path in written], "missing": missing}))
    else:
        for path in written:
            print(path)
        print(f"config_hash {config.sha256}")
    for sentence in missing:
        print(f"autonomy: {config.path}: {sentence}", file=sys.stderr)
    return PASS
