"""What a corpus run gave as a whole. Nothing in it depends on when, where or in what order the logs ran."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.corpus.case import ADDED, CHANGED, OTHER_INPUT, WITHIN
from autonomy.corpus.results import SCHEMA
from autonomy.errors import BAD_INPUT, FAIL, INCONCLUSIVE, INTERNAL, PASS, MissingPackage
from autonomy.report.comparison.figures import higher_is_better
from autonomy.report.words import counted, number

SUMMARY, TABLE = "summary.json", "results.parquet"
VERDICTS = ("error", "fail", "inconclusive", "pass")  # the worst first
ROW_KEYS = (
    "name", "verdict", "exit_code", "reason", "change", "change_reason", "description", "log", "log_sha256", "output_sha256",
    "config_hash", "version", "duration_s", "ticks", "report",
)  # fmt: skip
_TEXTS = {key for key in ROW_KEYS if key not in ("exit_code", "duration_s", "ticks")}


def summarise(rows: dict[str, dict[str, Any]], names: list[str], removed: list[str] | None) -> dict[str, Any]:
    """The object that `autonomy test --json` prints. `names` are the logs asked for, `removed` those only the reference has."""
    ordered = [rows[name] for name in sorted(rows)]
    counts = {verdict: sum(row["verdict"] == verdict for row in ordered) for verdict in VERDICTS}
    missing = sorted(set(names) - rows.keys())
    changed = [row["name"] for row in ordered if row["change"] == CHANGED]
    exit_code = _exit_code(ordered, changed, missing)
    return {
        "schema": SCHEMA,
        "verdict": {PASS: "pass", FAIL: "fail", BAD_INPUT: "error", INCONCLUSIVE: "inconclusive"}[exit_code],
        "exit_code": exit_code,
        "logs": len(ordered),
        "counts": counts,
        "missing": missing,
        "changed": changed,
        "within_tolerance": [row["name"] for row in ordered if row["change"] == WITHIN],
        "other_input": [row["name"] for row in ordered if row["change"] == OTHER_INPUT],
        "added": [row["name"] for row in ordered if row["change"] == ADDED],
        "removed": removed,
        "duration_s": float(sum(row.get("duration_s") or 0.0 for row in ordered)),
        "ticks": sum(row.get("ticks") or 0 for row in ordered),
        "figures": figures(ordered),
    }


def figures(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of every figure: how many logs know it, smallest, median, 90 % point, largest, and the log where it is worst."""
    known: dict[str, list[tuple[float, str]]] = {}
    for row in rows:
        for name, value in row["figures"].items():
            if value is not None and "[" not in name:
                known.setdefault(name, []).append((value, row["name"]))
    found = {}
    for name in sorted(known):
        values = np.array([value for value, _ in known[name]])
        upward = higher_is_better(name)
        pick = min if upward else max
        found[name] = {
            "logs": len(values),
            "smallest": float(values.min()),
            "median": float(np.median(values)),
            "p90": float(np.percentile(values, 10 if upward else 90)),
            "largest": float(values.max()),
            "worst": pick(known[name], key=lambda item: item[0])[1] if upward is not None else None,
        }
    return found


def _exit_code(rows: list[dict[str, Any]], changed: list[str], missing: list[str]) -> int:
    """1 before 3 before 5: a difference says more than a log that cannot be read."""
    codes = {row["exit_code"] for row in rows if row["verdict"] in ("error", "fail")}
    if changed or codes & {FAIL, INTERNAL}:
        return FAIL
    if codes:
        return BAD_INPUT
    return INCONCLUSIVE if missing or any(row["verdict"] == "inconclusive" for row in rows) else PASS


def write_json(directory: Path, told: dict[str, Any]) -> Path:
    path = directory / SUMMARY
    path.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def require_parquet() -> None:
    """Raises EnvironmentFault where pyarrow is not there."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingPackage(f"test: writing {TABLE}", "pyarrow", "replay") from None


def write_parquet(directory: Path, rows: dict[str, dict[str, Any]]) -> Path:
    """One row a log, in the order of the names; a column a figure, null where a log does not know it."""
    import pyarrow
    from pyarrow import parquet

    ordered = [rows[name] for name in sorted(rows)]
    columns: dict[str, Any] = {}
    for key in ROW_KEYS:
        kind = pyarrow.string() if key in _TEXTS else pyarrow.float64() if key == "duration_s" else pyarrow.int64()
        columns[key] = pyarrow.array([row.get(key) for row in ordered], kind)
    failed = [[item["text"] for item in row["conditions"] if item["outcome"] != "pass"] for row in ordered]
    columns["conditions_not_met"] = pyarrow.array(failed, pyarrow.list_(pyarrow.string()))
    for name in sorted({name for row in ordered for name in row["figures"] if "[" not in name} - columns.keys()):
        values = [row["figures"].get(name) for row in ordered]
        columns[name] = pyarrow.array([None if value is None else float(value) for value in values], pyarrow.float64())
    path = directory / TABLE
    parquet.write_table(pyarrow.table(columns), path, compression="zstd")
    return path


def lines(told: dict[str, Any], rows: dict[str, dict[str, Any]], page: Path | None = None) -> list[str]:
    """The summary for a terminal: what is wrong by name, the worst first."""
    counts = ", ".join(f"{told['counts'][verdict]} {verdict}" for verdict in reversed(VERDICTS) if told["counts"][verdict])
    found = [f"{told['verdict'].upper():<13} {counted(told['logs'], 'log')}: {counts or 'none'}"]
    for verdict in VERDICTS[:-1]:
        found += _named(verdict, [(name, row["reason"]) for name, row in sorted(rows.items()) if row["verdict"] == verdict])
    for word, key in (("changed", "changed"), ("other input", "other_input"), ("in tolerance", "within_tolerance")):
        found += _named(word, [(name, rows[name].get("change_reason") or "") for name in told[key]])
    found += _named("added", [(name, "not in the reference run") for name in told["added"]])
    found += _named("removed", [(name, "only in the reference run") for name in told["removed"] or []])
    found += _named("missing", [(name, "not run yet") for name in told["missing"]])
    for name in ("reference.position_rms_m", "outage_median_percent"):
        if name in told["figures"]:
            item = told["figures"][name]
            found.append(
                f"{'figure':<13} {name}: median {number(item['median'])}, 90 % within {number(item['p90'])}, "
                f"largest {number(item['largest'])} ({item['worst']})"
            )
    return found + ([f"{'page':<13} {page}"] if page else [])


def _named(word: str, items: list[tuple[str, str]], most: int = 30) -> list[str]:
    found = [f"{word:<13} {name}: {reason}" if reason else f"{word:<13} {name}" for name, reason in items[:most]]
    return found + ([f"{'':<13} and {len(items) - most} more {word}"] if len(items) > most else [])
