"""Configuration files: TOML tables that include others, with overrides and a hash.

A file names the tables it builds on (`include = ["../ego.toml"]`, relative to itself, or a packaged name); its own keys
win. Every value remembers the file it came from, so that a wrong one can be named.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy import toml_file
from autonomy.errors import BadInputError, UsageError

CALIBRATION_SECTIONS = ("vehicle", "can")  # what is measured on one vehicle, as opposed to chosen for all


@dataclass(frozen=True)
class Config:
    """Merged tables. `origins` maps "section.key" to the file (or `--set`) that gave the value; `files` holds the contents of
    files that values name, as they were first read, or as a log carries them."""

    path: str
    sections: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict, compare=False)

    @property
    def sha256(self) -> str:
        return _hash(self.sections)

    @property
    def calibration_sha256(self) -> str:
        return _hash({name: self.sections[name] for name in CALIBRATION_SECTIONS if name in self.sections})

    def to_json(self) -> str:
        """The merged tables as text, to keep with a log; `from_json` of it is the same configuration."""
        return json.dumps({"path": self.path, "sections": self.sections}, sort_keys=True, default=str)

    @classmethod
    def from_json(cls, text: str, overrides: dict[str, Any] | None = None, files: dict[str, bytes] | None = None) -> Config:
        """Raises BadInputError when the text is no such configuration, UsageError when an override names no key."""
        try:
            stored = json.loads(text)
            if not isinstance(stored["path"], str) or not isinstance(stored["sections"], dict):
                raise TypeError("'path' is no text or 'sections' no table")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadInputError(f"the stored configuration cannot be used: {error}; give one with --config") from None
        origins: dict[str, str] = {}
        for dotted, value in (overrides or {}).items():
            _override(dotted, value, stored["sections"], origins, Path(stored["path"]))
        return cls(stored["path"], stored["sections"], origins, dict(files or {}))

    def section(self, name: str) -> dict[str, Any]:
        """One table. Raises UsageError when it is missing or no table."""
        table = self.sections.get(name)
        if not isinstance(table, dict):
            raise UsageError(f"{self.path}: table [{name}] is missing; add it or include a file that has it")
        return table

    def origin(self, section: str, key: str) -> str:
        return self.origins.get(f"{section}.{key}", self.path)

    def locate(self, section: str, key: str, name: str) -> Path | None:
        """A file that a value names: beside the file that gave the value, else in the packaged configurations."""
        for folder in (Path(self.origin(section, key)).parent, directory()):
            if (folder / name).is_file():
                return folder / name
        return None

    def content(self, section: str, key: str, name: str, kept_as: str) -> bytes | None:
        """Of a file that a value names and `files` has, or will have, as `kept_as`; None when there is none. Whoever asks again
        gets the same bytes, whatever happened to the file. Raises UsageError for one that cannot be read."""
        if kept_as not in self.files:
            try:
                found = self.locate(section, key, name)
                if found is None:
                    return None
                self.files[kept_as] = found.read_bytes()
            except OSError as error:
                raise UsageError(f"{self.origin(section, key)}: '{name[:200]}' cannot be read: {error.strerror}") from None
        return self.files[kept_as]


def directory() -> Path:
    """Where the packaged configurations are: beside the source tree, or where the wheel put them."""
    tree = Path(__file__).parents[1] / "configs"
    return tree if tree.is_dir() else Path(sys.prefix) / "share" / "autonomy" / "configs"


def find(name: str | Path) -> Path:
    """The file of a path or of a packaged name such as `vehicles/demo_truck`. Raises UsageError."""
    given = Path(name)
    candidates = [given, directory() / given, directory() / f"{given}.toml"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    folder = given.parent if given.parent.name and (directory() / given.parent).is_dir() else Path("vehicles")
    known = sorted(str(path.relative_to(directory()).with_suffix("")) for path in (directory() / folder).glob("*.toml"))
    raise UsageError(f"no configuration '{name}': neither a file nor one of the packaged ones ({', '.join(known)})")


def load(name: str | Path, overrides: dict[str, Any] | None = None, told_by: str = "--set") -> Config:
    """Reads a configuration with all it includes, then applies `{"section.key": value}`; what is wrong with those is told as
    of `told_by`. Raises UsageError."""
    path = find(name)
    sections: dict[str, Any] = {}
    origins: dict[str, str] = {}
    _merge_file(path, sections, origins, trail=())
    for dotted, value in (overrides or {}).items():
        _override(dotted, value, sections, origins, path, told_by)
    return Config(packaged_name(path), sections, origins)


def loaded(config: Config | str | Path) -> Config:
    """A configuration, or the one of that name. Raises UsageError."""
    return config if isinstance(config, Config) else load(config)


def parse_override(text: str) -> tuple[str, Any]:
    """`a.b=value` as ("a.b", value); the value is TOML, a bare word counts as text. Raises UsageError."""
    dotted, separator, value = text.partition("=")
    if not separator or not dotted.strip():
        raise UsageError(f"--set {text}: write section.key=value")
    try:
        parsed = toml_file.parse(f"value = {value}")["value"]
    except ValueError:
        parsed = value.strip()
    return dotted.strip(), parsed


def packaged_name(path: Path) -> str:
    """The name to find a packaged file by on any machine; other files keep their path."""
    try:
        return path.resolve().relative_to(directory().resolve()).with_suffix("").as_posix()
    except ValueError:
        return str(path)


def _merge_file(path: Path, sections: dict, origins: dict, trail: tuple[Path, ...]) -> None:
    resolved = path.resolve()
    if resolved in trail:
        way = "" if trail[-1] == resolved else f" by way of {trail[-1]}"
        raise UsageError(f"{path}: includes itself{way}")
    tables = toml_file.read(path)
    included = tables.pop("include", [])
    if not isinstance(included, list) or not all(isinstance(item, str) for item in included):
        raise UsageError(f"{path}: include = {included!r} must be a list of file names")
    for item in included:
        _merge_file(_included(item, path), sections, origins, (*trail, resolved))
    for name, table in tables.items():
        if isinstance(table, dict):
            if not isinstance(sections.setdefault(name, {}), dict):
                raise UsageError(f"{path}: [{name}] is a table here and a single value in a file it includes; make them one")
            sections[name].update(table)
            origins.update({f"{name}.{key}": str(path) for key in table})
        else:
            sections[name] = table
            origins[name] = str(path)


def _included(name: str, path: Path) -> Path:
    """The file that `path` includes by this name: beside it, else a packaged one."""
    beside = Path(os.path.normpath(path.parent / name))
    for candidate in (beside, directory() / name, directory() / f"{name}.toml"):
        if candidate.is_file():
            return candidate
    raise UsageError(
        f"{path}: include names '{name}', but there is no {beside} and no packaged configuration of that name; "
        "put the file there, or correct or remove the name"
    )


def _override(dotted: str, value: Any, sections: dict, origins: dict, path: Path, told_by: str = "--set") -> None:
    section, _, key = dotted.partition(".")
    if not key or "." in key:
        raise UsageError(f"{told_by} {dotted}: write section.key, two names with one dot")
    table = sections.get(section)
    if not isinstance(table, dict) or key not in table:
        known = sorted(table) if isinstance(table, dict) else sorted(sections)
        raise UsageError(f"{told_by} {dotted}: no such key in {path}; known there: {', '.join(known)}")
    sections[section] = {**table, key: value}
    origins[dotted] = told_by


def _hash(sections: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(sections, sort_keys=True, default=str).encode()).hexdigest()
