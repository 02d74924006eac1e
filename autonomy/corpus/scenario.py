"""A scenario: a folder with a `scenario.toml` that says which log runs how, and what makes it pass.

    schema = "autonomy.scenario/1"
    description = "a motorway minute, GNSS withheld from 20 s on"
    log = "drive.mcap"                          # beside this file; so are lane_path and faults
    config = "vehicles/demo_truck"              # a packaged name or a file; default: what the log names
    outages = "at=20:end"
    faults = "gnss_drop"                        # a packaged timeline or a file
    conditions = ["reference.position_rms_m <= 0.45", "outage_max_percent <= 1.0"]
    [set]
    "ego.wheel_sigma_mps" = 0.06

YAML with the same keys will do as well (`scenario.yaml`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from autonomy import toml_file
from autonomy.corpus import conditions
from autonomy.corpus.case import Case
from autonomy.errors import MissingPackage, UsageError

SCHEMA = "autonomy.scenario/1"
FILE_NAMES = ("scenario.toml", "scenario.yaml", "scenario.yml")
KEYS = ("schema", "description", "log", "config", "set", "start_s", "end_s", "from", "lane_path", "faults", "outages",
        "conditions", "time_out_s")  # fmt: skip
_TEXTS = ("description", "log", "config", "from", "lane_path", "faults", "outages")
_SECONDS = ("start_s", "end_s", "time_out_s")
_OPTIONS = {"config": "config", "start_s": "start", "end_s": "end", "from": "mode", "lane_path": "path_file", "faults": "faults",
            "outages": "outages"}  # fmt: skip
_BESIDE = ("config", "lane_path", "faults")  # a file beside the scenario, where there is one of that name


def load(path: str | Path, name: str) -> Case:
    """Reads one scenario file. Raises UsageError naming file and key, EnvironmentFault for YAML without PyYAML."""
    path = Path(path)
    table = _read(path)
    _check(path, table)
    options: dict[str, Any] = {}
    for key, option in _OPTIONS.items():
        if key in table:
            beside = path.parent / str(table[key])
            options[option] = str(beside.resolve()) if key in _BESIDE and beside.is_file() else table[key]
    if table.get("set"):
        options["overrides"] = dict(table["set"])
    judged = tuple(conditions.parse(text, str(path)) for text in table.get("conditions", []))
    log = (path.parent / table["log"]).resolve()
    if not log.exists():
        raise UsageError(f"{path}: log = '{table['log']}' does not exist beside this file")
    given = tuple(options)
    return Case(name, str(log), options, judged, table.get("description", ""), table.get("time_out_s"), str(path), given)


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".toml":
        return toml_file.read(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    try:
        import yaml
    except ImportError:
        raise MissingPackage(f"{path}: reading YAML", "PyYAML", "replay", ", or write scenario.toml") from None
    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(table, dict):
        raise UsageError(f"{path}: holds no table of keys; see {FILE_NAMES[0]} in the documentation")
    return table


def _check(path: Path, table: dict[str, Any]) -> None:
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{path}: unknown key '{key}'; known: {', '.join(KEYS)}")
    if table.get("schema", SCHEMA) != SCHEMA:
        raise UsageError(f"{path}: schema = {table['schema']!r} must be '{SCHEMA}'")
    if "log" not in table:
        raise UsageError(f'{path}: lacks log = "FILE", the recording it is about')
    for key in _TEXTS:
        if key in table and not (isinstance(table[key], str) and table[key]):
            raise UsageError(f"{path}: {key} = {table[key]!r} must be a text")
    for key in _SECONDS:
        value = table.get(key)
        if value is not None and not (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        ):
            raise UsageError(f"{path}: {key} = {value!r} must be seconds, zero or more")
    if not isinstance(table.get("conditions", []), list):
        raise UsageError(f"{path}: conditions = {table['conditions']!r} must be a list of texts such as 'ticks >= 1000'")
    if not isinstance(table.get("set", {}), dict):
        raise UsageError(f'{path}: set = {table["set"]!r} must be a table of values such as "ego.wheel_sigma_mps" = 0.06')
