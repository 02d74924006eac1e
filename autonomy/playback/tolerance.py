"""How far two runs may lie apart before a field counts as different: a TOML file of patterns, exact without one.

    schema = "autonomy.tolerance/1"
    [[field]]
    match = "ego.position*"      # message.field, * and ? as in a shell; "plan" alone means every field of it
    absolute = 1e-6              # in the field's own unit
    relative = 1e-9              # of the larger of the two values
    angle = true                 # whole turns do not count
    [[field]]
    match = "tracks"
    ignore = true
    [[metric]]
    match = "reference.*"        # keys of `autonomy replay --json`, joined by dots
    relative = 0.02
    allow = "better"             # a figure that got better by more is no failure

The first entry that fits a name counts.
"""

from __future__ import annotations

import difflib
import fnmatch
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import toml_file
from autonomy.errors import UsageError

SCHEMA = "autonomy.tolerance/1"
_COMMON_KEYS = {"match", "absolute", "relative", "ignore"}
_KEYS = {"field": _COMMON_KEYS | {"angle"}, "metric": _COMMON_KEYS | {"allow"}}


@dataclass(frozen=True)
class Limit:
    match: str
    absolute: float = 0.0
    relative: float = 0.0
    angle: bool = False
    ignore: bool = False
    allow: str = ""  # "" or "better"

    @property
    def exact(self) -> bool:
        return self.absolute == 0.0 and self.relative == 0.0

    def words(self) -> str:
        """`1e-06 + 1e-09 x value`, `exact` or `ignored`."""
        if self.ignore:
            return "ignored"
        parts = [f"{self.absolute:g}"] if self.absolute else []
        parts += [f"{self.relative:g} \N{MULTIPLICATION SIGN} value"] if self.relative else []
        return " + ".join(parts) or "exact"

    def gaps(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """|a - b| as float64 of any shape, without whole turns where the field is an angle; NaN where either is not finite."""
        with np.errstate(invalid="ignore", over="ignore"):
            gaps = np.abs(a.astype(float) - b.astype(float))
            return np.abs(np.remainder(gaps + math.pi, 2.0 * math.pi) - math.pi) if self.angle else gaps

    def exceeded(self, a: np.ndarray, b: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """True where two values that are not the same bits lie further apart than allowed; a NaN beside a number always does."""
        if self.exact:
            return np.ones(gaps.shape, bool)
        with np.errstate(invalid="ignore", over="ignore"):
            largest = np.maximum(np.abs(a.astype(float)), np.abs(b.astype(float)))
            inside = gaps <= self.absolute + self.relative * largest
        return ~(inside | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else inside)


EXACT = Limit("*")


@dataclass(frozen=True)
class Tolerances:
    fields: tuple[Limit, ...] = ()
    metrics: tuple[Limit, ...] = ()

    def of_field(self, topic: str, field: str) -> Limit:
        name = f"{topic.removeprefix('/out/')}.{field}"
        return next((limit for limit in self.fields if _fits(limit.match, name)), EXACT)

    def of_metric(self, name: str) -> Limit:
        return next((limit for limit in self.metrics if _fits(limit.match, name)), EXACT)

    def require_fields(self, names: Iterable[str]) -> None:
        """Raises UsageError for an entry that none of the fields fits: a name spelled wrong would allow nothing, silently."""
        names = list(names)
        for limit in self.fields:
            if not any(_fits(limit.match, name) for name in names):
                near = difflib.get_close_matches(limit.match, names, 3, 0.5)
                hint = f"; near it are {', '.join(near)}" if near else ""
                raise UsageError(f"tolerance '{limit.match}': no field of the outputs has this name{hint}; correct or remove it")

    def unused_metrics(self, names: Iterable[str]) -> list[str]:
        """Entries for figures that none of the names fits."""
        names = list(names)
        return [limit.match for limit in self.metrics if not any(_fits(limit.match, name) for name in names)]

    def ignoring(self, patterns: Iterable[str]) -> Tolerances:
        """The same with more fields left out."""
        ignored = tuple(Limit(pattern.removeprefix("/out/"), ignore=True) for pattern in patterns)
        return Tolerances(ignored + self.fields, self.metrics)


def _fits(pattern: str, name: str) -> bool:
    """True for the name itself, its elements (`ego.position` fits `ego.position[2]`) and what lies below it."""
    return (
        fnmatch.fnmatchcase(name, pattern)
        or fnmatch.fnmatchcase(name, f"{pattern}.*")
        or (name.startswith(pattern) and name[len(pattern) :].startswith("["))
    )


def load(path: str | Path) -> Tolerances:
    """Reads a tolerance file. Raises UsageError with a sentence that names file, entry and key."""
    path = Path(path)
    tables = toml_file.read(path)
    if tables.pop("schema", SCHEMA) != SCHEMA:
        raise UsageError(f"tolerance file {path}: schema must be '{SCHEMA}'")
    for name, entries in tables.items():
        if name not in _KEYS:
            raise UsageError(f"tolerance file {path}: unknown table '{name}'; there are [[field]] and [[metric]]")
        if not isinstance(entries, list):
            raise UsageError(f"tolerance file {path}: {name} = {entries!r} must be a list of tables; write [[{name}]]")
    found = {
        kind: tuple(_limit(item, f"tolerance file {path}: [[{kind}]] {number}", _KEYS[kind])
                    for number, item in enumerate(tables.get(kind, []), 1))
        for kind in _KEYS
    }  # fmt: skip
    return Tolerances(found["field"], found["metric"])


def _limit(item: Any, where: str, known: set[str]) -> Limit:
    if not isinstance(item, dict) or not isinstance(item.get("match"), str) or not item["match"]:
        raise UsageError(f'{where}: needs match = "name or pattern"')
    for key, value in item.items():
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; known: {', '.join(sorted(known))}")
        if key in ("absolute", "relative") and not (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        ):
            raise UsageError(f"{where}: {key} = {value!r} must be a number, zero or more")
        if key in ("angle", "ignore") and not isinstance(value, bool):
            raise UsageError(f"{where}: {key} = {value!r} must be true or false")
        if key == "allow" and value != "better":
            raise UsageError(f'{where}: allow = {value!r} must be "better"')
    return Limit(**{**item, "match": item["match"].removeprefix("/out/")})
