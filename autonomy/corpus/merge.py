"""Shards of one corpus run, made one run: their lines in one result.jsonl, one summary over all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from autonomy.corpus import results
from autonomy.corpus.run import write_summary
from autonomy.corpus.summary import require_parquet
from autonomy.errors import UsageError
from autonomy.report.words import counted


def merge(folders: list[str], output: str) -> dict[str, Any]:
    """Writes the merged results to `output` and returns their summary; the reports stay where they are and are linked.

    A log that no shard has run is named as missing. Raises UsageError for folders that do not belong together,
    BadInputError for one that holds no results.
    """
    require_parquet()
    target = Path(output)
    head: dict[str, Any] | None = None
    rows: dict[str, dict[str, Any]] = {}
    names: list[str] = []
    for folder in folders:
        found, shard_rows = results.read(folder)
        if head is None:
            head = found
        elif found["digest"] != head["digest"]:
            raise UsageError(f"test: {folder} and {folders[0]} are no shards of one run: their logs, options or builds differ")
        twice = sorted(rows.keys() & shard_rows.keys())
        if twice:
            raise UsageError(f"test: {folder} holds '{twice[0]}', which another of the folders holds as well")
        names += found["names"]
        for name, row in shard_rows.items():
            report = row["report"]
            moved = Path(os.path.relpath(Path(folder) / report, target)).as_posix() if report else None
            rows[name] = row | {"report": moved}
    absent = head["every"] - len(names)
    whole = head | {"shard": [1, 1], "names": sorted(names), "kind": "run"}
    with results.ResultFile(target, whole, resume=False) as file:
        for name in sorted(rows):
            file.add(rows[name])
    names += [f"({counted(absent, 'log')} of shards that were not given)"] if absent else []
    return write_summary(target, rows, names, head["removed"])
