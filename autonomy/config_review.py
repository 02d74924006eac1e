"""What is wrong with a configuration, how two differ, and one file that stands alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from autonomy.config import Config, packaged_name
from autonomy.errors import AutonomyError, BadInputError, UsageError
from autonomy.report.words import is_number

OTHER_SECTIONS = ("can", "command", "serial", "lidar", "radar", "replay", "trailers")  # besides those of Parameters.msg
REPLAY_KEYS = {"path_origin": 3, "set_speed_mps": None}  # how many numbers each takes, None = one alone


class Review(NamedTuple):
    """`problems`: what a run would refuse. `notes`: what is odd in the databases and does not stop it."""

    problems: list[str]
    notes: list[str]


class Frozen(NamedTuple):
    """`missing`: a sentence for each DBC and calibration file that could not be written beside the configuration."""

    files: list[Path]
    missing: list[str]


class Difference(NamedTuple):
    """One value; None where a side lacks it."""

    name: str  # section.key
    a: Any
    b: Any
    origin_a: str
    origin_b: str


def review(config: Config, databases: dict[int, str] | None = None) -> Review:
    """A sentence for everything that is wrong; `databases`: DBC texts by bus that a log carries."""
    from autonomy.calibration.trailer_store import names_of
    from autonomy.msg import definitions
    from autonomy.parameters import load_parameters, section_problems
    from autonomy.perception.lidar_calibration import model_of
    from autonomy.perception.sensor_tables import shared_ports
    from autonomy.perception.stages import sensors_of
    from drivers.can.commanding.command_config import CommandError
    from drivers.can.commanding.command_config import read as read_commands
    from drivers.can.router import complaints
    from drivers.serial.route_config import SerialError
    from drivers.serial.route_config import read as read_serial

    found = []
    sections = {item.name: item.type for item in definitions.load("Parameters").fields}
    for name, message in sections.items():
        found += section_problems(config, name, message)
    for name, table in config.sections.items():
        if name in sections:
            continue
        if name not in OTHER_SECTIONS:
            found.append(f"{config.path}: section [{name}] is unknown; known: {', '.join([*sections, *OTHER_SECTIONS])}")
        elif not isinstance(table, dict):
            found.append(f"{config.path}: {name} = {table!r} must be a table; write [{name}]")
        elif name == "replay":
            found += _replay_problems(config, table)
    if not found:
        try:
            load_parameters(config)
        except AutonomyError as error:
            found.append(str(error))
    if "command" in config.sections:
        try:
            read_commands(config.sections["command"], config.path)
        except CommandError as error:
            found.append(str(error))
    unknown = sorted(set(config.sections.get("trailers", {})) - {"names"})
    found += [f"{config.path}: [trailers] {key} is unknown; known: names" for key in unknown]
    try:
        names_of(config.sections)
    except UsageError as error:
        found.append(f"{config.path}: {error}")
    try:
        read_serial(config.sections.get("serial", {}), config.path)
    except SerialError as error:
        found.append(str(error))
    try:
        sensors = sensors_of(config)
        found += shared_ports(sensors, str(config.path))
        for sensor in sensors:
            if sensor.kind == "lidar":
                model_of(sensor, config)
    except (UsageError, BadInputError) as error:
        found.append(str(error))
    of_buses, notes = complaints(config, databases)
    return Review(found + of_buses, notes)


def differences(a: Config, b: Config) -> list[Difference]:
    """Values that differ, in the order of the first configuration, then those only the second has."""
    left, right = _flat(a), _flat(b)
    names = list(left) + [name for name in right if name not in left]
    return [
        Difference(name, left.get(name), right.get(name), _origin(a, name), _origin(b, name))
        for name in names
        if left.get(name) != right.get(name) or (name in left) != (name in right)
    ]


def freeze(config: Config, output: Path, databases: dict[int, str] | None = None) -> Frozen:
    """Writes all sections to one file, and the DBC and calibration files it names beside it. Raises UsageError, OSError.

    The file says where each value came from, and reading it back gives the same hash. `databases`: DBC texts by bus that a
    log carries; they come before files of the same name, as in a run of that log.
    """
    import tomli_w

    text = f"# {config.path} with all it includes; config_hash {config.sha256}\n"
    section = ""
    for line in tomli_w.dumps(config.sections).split("\n"):
        key, is_value, _ = line.partition(" = ")
        if line.startswith("["):
            section = line.strip("[]")
        elif is_value and (origin := config.origins.get(f"{section}.{key}")):
            line += f"  # {packaged_name(Path(origin))}"
        text += line + "\n"
    if Config(config.path, tomllib.loads(text)).sha256 != config.sha256:
        raise UsageError(f"{config.path}: holds a value that TOML cannot give back; freeze works on what TOML files hold")
    copies, missing = _database_copies(config, output.parent, databases or {})
    more, more_missing = _calibration_copies(config, output.parent)
    copies, missing = copies | more, missing + more_missing
    for path, content in {output: text.encode(), **copies}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Frozen([output, *copies], missing)


def _database_copies(config: Config, folder: Path, databases: dict[int, str]) -> tuple[dict[Path, bytes], list[str]]:
    """What to write beside a frozen file, and a sentence for each DBC that is not to be had."""
    copies: dict[Path, bytes] = {}
    missing = []
    for bus in config.sections.get("can", {}).get("bus", []):
        name, number = bus["dbc"], bus["bus"]
        source, copy = config.locate("can", "bus", name), folder / name
        if number in databases:
            content = databases[number].encode()
        elif source is None:
            missing.append(
                f"the DBC '{name}' of bus {number} is not to be found; put it into {copy.parent}, or use logs that carry it"
            )
            continue
        elif source.resolve() == copy.resolve():
            continue
        else:
            content = source.read_bytes()
        _refuse_another(copy, copies, content)
        copies[copy] = content
    return copies, missing


def _calibration_copies(config: Config, folder: Path) -> tuple[dict[Path, bytes], list[str]]:
    """The same of the lidars' calibration files. A log may name one anywhere: nothing is written outside the folder."""
    from autonomy.perception.lidar_calibration import files_named

    copies: dict[Path, bytes] = {}
    missing = []
    for name, content in files_named(config):
        copy = folder / name
        if content is None:
            missing.append(f"the calibration file '{name}' is not to be found; put it there as seen from {folder}")
        elif copy.is_file() and copy.read_bytes() == content:
            continue
        elif not copy.resolve().is_relative_to(folder.resolve()):
            missing.append(f"the calibration file '{name}' lies outside {folder} and was not copied; put it there yourself")
        else:
            _refuse_another(copy, copies, content)
            copies[copy] = content
    return copies, missing


def _refuse_another(copy: Path, copies: dict[Path, bytes], content: bytes) -> None:
    there = copies.get(copy) or (copy.read_bytes() if copy.is_file() else content)
    if there != content:
        raise UsageError(f"{copy}: another '{copy.name}' is there already; freeze into another folder, so that neither is lost")


def _replay_problems(config: Config, table: dict[str, Any]) -> list[str]:
    found = []
    for key, value in table.items():
        where = f"{config.origin('replay', key)}: [replay]"
        if key not in REPLAY_KEYS:
            found.append(f"{where} has no key '{key}'; known: {', '.join(REPLAY_KEYS)}")
        elif (count := REPLAY_KEYS[key]) is None and not is_number(value):
            found.append(f"{where} {key} = {value!r}: needs one number")
        elif count is not None and not (isinstance(value, list) and len(value) == count and all(map(is_number, value))):
            found.append(f"{where} {key} = {value!r}: needs {count} numbers")
    return found


def _flat(config: Config) -> dict[str, Any]:
    flat = {}
    for section, table in config.sections.items():
        if not isinstance(table, dict):
            flat[section] = table
            continue
        for key, value in table.items():
            if section == "can" and isinstance(value, list):
                flat |= {f"can.{key}[{label}]": item for label, item in _labelled(value)}
            else:
                flat[f"{section}.{key}"] = value
    return flat


def _labelled(items: list[dict]) -> list[tuple[str, dict]]:
    """Each bus or route under a name that does not change when another is added before it."""
    labelled, seen = [], {}
    for item in items:
        parts = [str(item[key]) for key in ("bus", "message", "source_address", "kind", "signal") if key in item]
        label = " ".join(parts)
        seen[label] = seen.get(label, 0) + 1
        labelled.append((label if seen[label] == 1 else f"{label} #{seen[label]}", item))
    return labelled


def _origin(config: Config, name: str) -> str:
    section, _, key = name.partition(".")
    return config.origin(section, key.partition("[")[0])
