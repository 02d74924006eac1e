"""A corpus run from its options to its summary: select, run what is not done yet, write results as they come, sum up."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autonomy import __version__, msg, output_folder
from autonomy.corpus import checks, page, processes, results, selection, summary
from autonomy.corpus.case import RUNS, Case, Settings
from autonomy.corpus.conditions import Condition
from autonomy.errors import UsageError
from autonomy.playback import difference
from autonomy.playback.rows import output_dtypes
from autonomy.playback.tolerance import Tolerances

ENGINES = ("process", "ray")
_OF_A_REFERENCE = ("output_sha256", "log_sha256")  # what a worker needs of a reference row


@dataclass
class Options:
    """What `autonomy test` was asked for. `replay` are keyword arguments of `replay` for every log."""

    logs: str
    output: str
    replay: dict[str, Any] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    reference: str | None = None
    tolerances: Tolerances = Tolerances()
    shard: tuple[int, int] = (1, 1)
    keep: str = "reports"
    time_out_s: float = 600.0
    jobs: int = 1
    engine: str = "process"
    resume: bool = False


def run(options: Options, progress: Callable[[dict[str, Any], int, int], None] | None = None) -> dict[str, Any]:
    """Runs the corpus and returns its summary; `progress` is told each row as it comes, the count done and the count wanted.

    Raises UsageError, BadInputError, EnvironmentFault; what is wrong with a single log is in its row.
    """
    summary.require_parquet()
    output = Path(options.output)
    every = selection.select(options.logs, options.replay, options.conditions)
    cases = selection.shard(every, *options.shard)
    checks.check_options(cases)
    if options.reference is not None:
        options.tolerances.require_fields(difference.field_names(output_dtypes()))
    reference_rows = _reference(options)
    removed = sorted(reference_rows.keys() - {case.name for case in every}) if reference_rows is not None else None
    head = results.header(_identity(options, every), options.shard, [case.name for case in cases], len(every), removed)
    slim = None
    if reference_rows is not None:
        slim = {name: {key: row.get(key) for key in _OF_A_REFERENCE} for name, row in reference_rows.items()}
    settings = Settings(
        str(output.resolve()), options.keep, options.time_out_s,
        str(Path(options.reference).resolve()) if options.reference else None,
        slim, options.tolerances,
    )  # fmt: skip
    with results.ResultFile(output, head, options.resume) as file:
        left = [case for case in cases if case.name not in file.rows]
        for case in left:  # of a run that was ended in the middle of this log
            shutil.rmtree(output / RUNS / case.name, ignore_errors=True)
        with contextlib.closing(_engine(options, left, settings)) as rows:
            for row in rows:
                file.add(row)
                if progress is not None:
                    progress(row, len(file.rows), len(cases))
        return write_summary(output, file.rows, [case.name for case in cases], removed)


def write_summary(output: Path, rows: dict[str, dict[str, Any]], names: list[str], removed: list[str] | None) -> dict[str, Any]:
    """summary.json, results.parquet and index.html; returns the summary. Raises EnvironmentFault."""
    told = summary.summarise(rows, names, removed)
    with output_folder.writing(output):
        summary.write_json(output, told)
        summary.write_parquet(output, rows)
        page.write_page(output, told, rows)
    return told


def _engine(options: Options, cases: list[Case], settings: Settings) -> Iterator[dict[str, Any]]:
    if options.engine == "ray":
        from autonomy.corpus import cluster

        return cluster.run(cases, settings, options.jobs)
    return processes.run(cases, settings, options.jobs)


def _reference(options: Options) -> dict[str, dict[str, Any]] | None:
    if options.reference is None:
        return None
    if Path(options.reference).resolve() == Path(options.output).resolve():
        raise UsageError(f"test: --ref {options.reference} is the folder to write; the reference is an earlier run's")
    return results.read(options.reference)[1]


def _identity(options: Options, cases: list[Case]) -> dict[str, Any]:
    """What makes a run another one: the build, the cases with their options, the reference; not the number of workers."""
    return {
        "version": __version__,
        "layout": f"{msg.layout_hash():016x}",
        "cases": [asdict(case) for case in cases],
        "reference": str(Path(options.reference).resolve()) if options.reference else None,
        "tolerances": asdict(options.tolerances),
        "keep": options.keep,
    }
