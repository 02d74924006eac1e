"""Which logs and scenarios a corpus run takes, by name and in the order of their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from autonomy.corpus import scenario
from autonomy.corpus.case import Case
from autonomy.corpus.conditions import Condition
from autonomy.errors import BadInputError, UsageError

LOG_ENDINGS = (".mcap",)


def select(given: str | Path, options: dict[str, Any], conditions: tuple[Condition, ...]) -> list[Case]:
    """The cases of a folder, of a list of paths, or of one log or scenario, sorted by name.

    `options` (keyword arguments of `replay`) hold where a scenario says nothing; `overrides` are added to its own.
    Raises UsageError, BadInputError.
    """
    given = Path(given)
    if given.is_dir():
        found = _in_folder(given)
    elif given.suffix in LOG_ENDINGS or given.name in scenario.FILE_NAMES:
        found = [(_stem(given.name) if given.suffix in LOG_ENDINGS else given.parent.resolve().name, given)]
    elif given.is_file():
        found = _in_list(given)
    else:
        raise BadInputError(f"test: {given} does not exist; give a folder of logs or scenarios, a list of paths, or one log")
    names = [name for name, _ in found]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise UsageError(f"test: {given} names '{twice}' twice; logs and scenarios of one corpus need names of their own")
    if not found:
        raise BadInputError(f"test: {given} holds no log ({', '.join(LOG_ENDINGS)}) and no {scenario.FILE_NAMES[0]}")
    return [_completed(_case(name, path), options, conditions) for name, path in sorted(found)]


def shard(cases: list[Case], number: int, count: int) -> list[Case]:
    """Every `count`-th case from the `number`-th on (counted from 1), so that long and short logs spread evenly."""
    return cases[number - 1 :: count]


def parse_shard(text: str) -> tuple[int, int]:
    """`2/4` as (2, 4). Raises UsageError."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError(f"--shard {text}: write i/n with i from 1 to n, e.g. 2/4")
    return int(number), int(count)


def _in_folder(folder: Path) -> list[tuple[str, Path]]:
    scenarios = sorted(path for name in scenario.FILE_NAMES for path in folder.rglob(name))
    of_scenarios = {path.parent for path in scenarios}
    found = [(_name(path.parent, folder), path) for path in scenarios]
    for ending in LOG_ENDINGS:
        logs = (path for path in folder.rglob(f"*{ending}") if path.is_file() and of_scenarios.isdisjoint(path.parents))
        found += [(_stem(_name(path, folder)), path) for path in logs]
    return found


def _in_list(path: Path) -> list[tuple[str, Path]]:
    """One path a line, relative to the list; empty lines and what follows a # are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"test: the list {path} cannot be read: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        item = path.parent / text
        if item.is_dir():
            item = next((item / name for name in scenario.FILE_NAMES if (item / name).is_file()), item)
        if not item.is_file():
            raise BadInputError(f"test: {path} line {number}: {text} is no log and no folder with a {scenario.FILE_NAMES[0]}")
        is_scenario = item.name in scenario.FILE_NAMES
        found.append((_plain(item.parent if is_scenario else item, path.parent, is_scenario), item))
    return found


def _plain(path: Path, folder: Path, is_scenario: bool) -> str:
    """A name below the output folder for any path: parts that lead upwards are left out."""
    try:
        name = path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        name = "/".join(part for part in path.resolve().parts if part != path.anchor)
    return name if is_scenario else _stem(name)


def _name(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder).as_posix()
    return folder.resolve().name if relative == "." else relative


def _stem(name: str) -> str:
    return next((name.removesuffix(ending) for ending in LOG_ENDINGS if name.endswith(ending)), name)


def _case(name: str, path: Path) -> Case:
    if path.name in scenario.FILE_NAMES:
        return scenario.load(path, name)
    return Case(name, str(path.resolve()))


def _completed(case: Case, options: dict[str, Any], conditions: tuple[Condition, ...]) -> Case:
    merged = {**options, **case.options}
    overrides = {**case.options.get("overrides", {}), **options.get("overrides", {})}
    if overrides:
        merged["overrides"] = overrides
    return replace(case, options=merged, conditions=case.conditions + conditions)
