"""result.jsonl: one line about the run, then one a finished log, each on the disk before the next log is begun.

A run that was ended at any moment goes on from there: a line cut short is dropped, and what has a whole line is done.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from autonomy.errors import BadInputError, EnvironmentFault, UsageError
from autonomy.playback.json_values import without_nan

SCHEMA = "autonomy.test/1"
RESULTS = "result.jsonl"


def header(
    identity: dict[str, Any], shard: tuple[int, int], names: list[str], every: int, removed: list[str] | None
) -> dict[str, Any]:
    """The first line. `identity` has to be the same for a run to go on, and for shards to belong together; `every` is the
    number of logs in all shards, `removed` the logs that only the reference run has."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    told = {key: identity[key] for key in ("version", "layout", "reference", "keep")}
    return {"schema": SCHEMA, "kind": "run", **told, "digest": digest, "shard": list(shard), "names": names, "every": every,
            "removed": removed}  # fmt: skip


class ResultFile:
    """Appends rows to OUT/result.jsonl. `rows` holds those that were there already, by name."""

    def __init__(self, directory: Path, head: dict[str, Any], resume: bool):
        path = directory / RESULTS
        self.rows: dict[str, dict[str, Any]] = {}
        if path.is_file() and path.stat().st_size and not resume:
            raise UsageError(
                f"test: {path} holds results of an earlier run; add --resume to go on, or give another folder with -o"
            )
        length = 0
        if resume and path.is_file():
            length = self._read(path, head)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "r+b" if path.is_file() else "wb")  # noqa: SIM115 - closed by close()
            self._file.truncate(length)
            self._file.seek(length)
        except OSError as error:
            raise EnvironmentFault(f"test: cannot write {path}: {error.strerror}") from None
        if not length:
            self._write(head)

    def add(self, row: dict[str, Any]) -> None:
        """Writes one finished log; when this returns, it is on the disk. Raises EnvironmentFault."""
        self.rows[row["name"]] = self._write({"kind": "log", **row})

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> ResultFile:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self, path: Path, head: dict[str, Any]) -> int:
        """Takes the whole lines over; returns the length of the file up to their end."""
        lines, length = _whole_lines(path)
        if not lines:
            return 0
        for key, what in (("digest", "other options or other logs"), ("shard", "another --shard")):
            if lines[0].get(key) != head[key]:
                raise UsageError(f"test: {path} is of a run with {what}; give the same command with --resume, or another folder")
        self.rows = {row["name"]: row for row in lines[1:]}
        return length

    def _write(self, row: dict[str, Any]) -> dict[str, Any]:
        """Returns the row as a later reader will have it, so that a run in one go and one resumed sum up the same."""
        line = json.dumps(without_nan(row), allow_nan=False) + "\n"
        try:
            self._file.write(line.encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise EnvironmentFault(f"test: cannot write {self._file.name}: {error.strerror}") from None
        read_back = json.loads(line)
        read_back.pop("kind", None)
        return read_back


def read(directory: str | Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """(header, rows by name) of a run's folder. Raises BadInputError."""
    path = Path(directory) / RESULTS
    if not path.is_file():
        raise BadInputError(f"{directory}: holds no {RESULTS}; give the folder of an earlier 'autonomy test -o'")
    lines, _ = _whole_lines(path)
    if not lines:
        raise BadInputError(f"{path}: is empty; that run never began")
    return lines[0], {row["name"]: row for row in lines[1:]}


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows up to the first line that is cut short or damaged, and their length in bytes. Raises BadInputError."""
    lines: list[dict[str, Any]] = []
    length = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if not isinstance(row, dict):
                break
            row.pop("kind", None)
            lines.append(row)
            length += len(line)
    if lines and lines[0].get("schema") != SCHEMA:
        raise BadInputError(f"{path}: is no result of 'autonomy test' (schema '{SCHEMA}')")
    return lines, length
