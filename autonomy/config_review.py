"""What is wrong with a configuration, how two differ, and one file that stands alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from autonomy.config import Config, packaged_name
from autonomy.errors import AutonomyError, UsageError

# Besides those of Parameters.msg; None = has a reader of its own
OTHER_SECTIONS = {"can": None, "command": None, "replay": {"set_speed_mps", "path_origin"}}


class Review(NamedTuple):
    """`problems`: what a run would refuse. `notes`: what is odd in the databases and does not stop it."""

    problems: list[str]
    notes: list[str]


class Difference(NamedTuple):
    """One value; None where a side lacks it."""

    name: str  # section.key
    a: Any
    b: Any
    origin_a: str
    origin_b: str


def review(config: Config, databases: dict[int, str] | None = None) -> Review:
    """A sentence for everything that is wrong; `databases`: DBC texts by bus that a log carries."""
    from autonomy.msg import definitions
    from autonomy.parameters import load_parameters, load_section
    from drivers.can.commanding.command_config import CommandError
    from drivers.can.commanding.command_config import read as read_commands
    from drivers.can.router import Router

    found = []
    sections = {item.name: item.type for item in definitions.load("Parameters").fields}
    for name, message in sections.items():
        try:
            load_section(config, name, message, _computed(name))
        except UsageError as error:
            found.append(str(error))
    for name, table in config.sections.items():
        if name in sections:
            continue
        if name not in OTHER_SECTIONS:
            found.append(f"{config.path}: section [{name}] is unknown; known: {', '.join([*sections, *OTHER_SECTIONS])}")
        elif (known := OTHER_SECTIONS[name]) is not None:
            found += [
                f"{config.origin(name, key)}: [{name}] has no key '{key}'; known: {', '.join(sorted(known))}"
                for key in table if key not in known
            ]  # fmt: skip
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
    try:
        notes = list(Router.from_config(config, databases).problems)
    except AutonomyError as error:
        found.append(str(error))
        notes = []
    return Review(found, notes)


def differences(a: Config, b: Config) -> list[Difference]:
    """Values that differ, in the order of the first configuration, then those only the second has."""
    left, right = _flat(a), _flat(b)
    names = list(left) + [name for name in right if name not in left]
    return [
        Difference(name, left.get(name), right.get(name), _origin(a, name), _origin(b, name))
        for name in names
        if left.get(name) != right.get(name) or (name in left) != (name in right)
    ]


def freeze(config: Config, output: Path) -> list[Path]:
    """Writes all sections to one file and the DBC files it names beside it; returns the files. Raises UsageError.

    The file says where each value came from, and reading it back gives the same hash.
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
    written = [output]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    for bus in config.sections.get("can", {}).get("bus", []):
        source = config.locate("can", "bus", bus["dbc"])
        copy = output.parent / bus["dbc"]
        if source is not None and source.resolve() != copy.resolve():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
            written.append(copy)
    return written


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
