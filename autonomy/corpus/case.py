"""One log of a corpus with all that its replay needs; runs in a worker process and comes back as one row."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.corpus import conditions as criteria
from autonomy.corpus.conditions import Condition
from autonomy.errors import FAIL, INCONCLUSIVE, INTERNAL, PASS, AutonomyError

RUNS = "runs"  # folder of the runs' folders
KEEP = ("nothing", "reports", "all")
CHANGED, SAME, WITHIN, ADDED, OTHER_INPUT = "changed", "same", "within tolerance", "added", "other input"
MOST_DIFFERENCES = 20  # of one log, in its row


@dataclass(frozen=True)
class Case:
    """`name` is unique in the corpus. `options` are keyword arguments of `replay`; paths are absolute."""

    name: str
    log: str
    options: dict[str, Any] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    description: str = ""
    time_out_s: float | None = None
    scenario: str = ""  # the file it was read from
    of_scenario: tuple[str, ...] = ()  # the options that the file gives


@dataclass(frozen=True)
class Settings:
    """What holds for every case of a run."""

    output: str
    keep: str = "reports"
    time_out_s: float = 600.0
    reference: str | None = None  # folder of an earlier run
    reference_rows: dict[str, dict[str, Any]] | None = None
    tolerances: Any = None  # autonomy.playback.tolerance.Tolerances


def run_case(case: Case, settings: Settings) -> dict[str, Any]:
    """The row of one case. Whatever goes wrong with the log becomes part of the row."""
    began = time.perf_counter()
    try:
        row = _run(case, settings)
    except AutonomyError as error:
        row = failed(case, str(error), error.exit_code)
    except Exception as error:  # a defect of ours must not end the run of the other logs
        row = failed(case, f"defect: {type(error).__name__}: {error}", INTERNAL)
    row.setdefault("machine", {})["seconds"] = time.perf_counter() - began
    return row


def failed(case: Case, reason: str, exit_code: int) -> dict[str, Any]:
    """The row of a case that gave no result."""
    return {
        "name": case.name, "verdict": "error", "exit_code": exit_code, "reason": reason, "log": Path(case.log).name,
        "conditions": [], "figures": {}, "change": None, "differences": [], "report": None,
    }  # fmt: skip


def _run(case: Case, settings: Settings) -> dict[str, Any]:
    from autonomy.playback.replay import replay
    from autonomy.report.comparison.figures import flattened

    folder = Path(settings.output) / RUNS / case.name
    result = replay(case.log, output_dir=folder if settings.keep == "all" else None, report=False, **case.options)
    metrics = result.metrics
    judged = [condition.judge(metrics) for condition in case.conditions]
    verdict, exit_code, reason = _verdict(result, judged)
    row = failed(case, reason, exit_code) | {
        "verdict": verdict,
        "description": case.description,
        "version": metrics["version"],
        "config_hash": metrics["config_hash"],
        "log_sha256": metrics["log"]["sha256"],
        "output_sha256": metrics["output_sha256"],
        "duration_s": metrics["log"]["duration_s"],
        "ticks": metrics["ticks"],
        "conditions": judged,
        "figures": {name: value for name, value in flattened(metrics).items() if name not in _of_the_machine(metrics)},
        "machine": {name: metrics[name] for name in ("realtime_factor", "startup_s")} | {"tick_us": metrics["tick_us"]},
    }
    row |= _against_reference(case, settings, result, row)
    if settings.keep != "nothing":
        from autonomy.report.page import write_report

        write_report(folder, result, result.tick_times)
        row["report"] = f"{RUNS}/{case.name}/report.html"
    return row


def _of_the_machine(metrics: dict[str, Any]) -> set[str]:
    return {"realtime_factor", "startup_s", *(f"tick_us.{name}" for name in metrics["tick_us"])}


def _verdict(result, judged: list[dict[str, Any]]) -> tuple[str, int, str]:
    from autonomy.report.verdict import reason

    if result.verdict != "pass":
        return result.verdict, result.exit_code, reason(result.metrics)
    for outcome, verdict, exit_code in ((criteria.FAIL, "fail", FAIL), (criteria.UNKNOWN, "inconclusive", INCONCLUSIVE)):
        wrong = [item["detail"] for item in judged if item["outcome"] == outcome]
        if wrong:
            return verdict, exit_code, "; ".join(wrong)
    return "pass", PASS, "; ".join(item["detail"] for item in judged) or reason(result.metrics)


def _against_reference(case: Case, settings: Settings, result, row: dict[str, Any]) -> dict[str, Any]:
    """What changed since the reference run: by the hash of all outputs, field by field where that run kept its log."""
    if settings.reference_rows is None:
        return {}
    before = settings.reference_rows.get(case.name)
    if before is None:
        return {"change": ADDED}
    if before.get("output_sha256") == row["output_sha256"]:
        return {"change": SAME}
    if before.get("log_sha256") not in (None, row["log_sha256"]):
        return {"change": OTHER_INPUT, "change_reason": "the log itself is another one than in the reference run"}
    log = Path(settings.reference) / RUNS / case.name / "output.mcap"
    if before.get("output_sha256") is None or not log.is_file():
        why = "the reference run gave no outputs" if before.get("output_sha256") is None else "the outputs' hash is another one"
        return {"change": CHANGED, "change_reason": why}
    from autonomy.playback import difference
    from autonomy.report.words import counted

    topics = difference.compare_result_topics(result, log, settings.tolerances)
    found = difference.listed(topics)
    if not found:
        return {"change": WITHIN, "change_reason": "only ignored fields, or less than the tolerance"}
    first, count = found[0], sum(topic.fields_beyond for topic in topics)
    if not count:
        why = f"no field differs, but {first.topic} has {counted(first.ticks, 'tick')} in one run only"
    else:
        first = next(item for item in found if item.beyond)
        why = f"{counted(count, 'field')} differ, the first in {first.topic} {first.field} at tick {first.first_tick}"
    return {
        "change": CHANGED,
        "change_reason": why,
        "differences": difference.table(found, MOST_DIFFERENCES),
    }
