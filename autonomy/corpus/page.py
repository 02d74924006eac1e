"""index.html of a corpus run: what is wrong first, every log in a table to sort, how the figures are spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autonomy.corpus.case import CHANGED, SAME
from autonomy.corpus.summary import VERDICTS
from autonomy.report import verdict as outcomes
from autonomy.report.junit import Case, write_cases
from autonomy.report.page import render_page
from autonomy.report.plot import WIDTH, Figure, Line, plot
from autonomy.report.scale import covering
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Link, Section, Table
from autonomy.report.words import UNKNOWN, counted, duration, number, shown, whole

PAGE = "index.html"
MOST_ROWS = 2000  # of the table of logs: the page stays readable and small
SPREAD = {  # figures whose spread is drawn: title, unit
    "reference.position_rms_m": ("Position error, RMS", "m"),
    "reference.velocity_rms_mps": ("Velocity error, RMS", "m/s"),
    "reference.heading_rms_deg": ("Heading error, RMS", "°"),
    "reference.inside_3_sigma_share": ("Errors inside 3 sigma", "share"),
    "outage_median_percent": ("Drift without GNSS, median of a log", "%"),
    "outage_max_percent": ("Drift without GNSS, worst of a log", "%"),
    "shadow.road_wheel_angle_rad.rms": ("Steering apart from the driver's, RMS", "rad"),
    "speed_scale": ("Speed scale", ""),
}
COLUMNS = {  # of the table of logs: heading, unit
    "reference.position_rms_m": ("Position RMS", "m"),
    "reference.velocity_rms_mps": ("Velocity RMS", "m/s"),
    "reference.heading_rms_deg": ("Heading RMS", "°"),
    "reference.inside_3_sigma_share": ("Inside 3 sigma", "share"),
    "outage_median_percent": ("Drift, median", "%"),
    "outage_max_percent": ("Drift, worst", "%"),
}


def write_page(directory: Path, told: dict[str, Any], rows: dict[str, dict[str, Any]]) -> Path:
    """Writes `directory`/index.html and returns its path; the same results give the same bytes. Raises OSError."""
    ordered = sorted(rows.values(), key=_worst_first)
    sections = [_logs(ordered), *_changes(told, ordered), _spread(ordered), _figures(told)]
    page = directory / PAGE
    page.write_text(render_page("Corpus run", _head(told), sections, "A click on a column's head sorts by it."), encoding="utf-8")
    return page


def write_junit(path: str | Path, told: dict[str, Any], rows: dict[str, dict[str, Any]]) -> Path:
    """One case a log, one more where it was held against the reference. Raises EnvironmentFault."""
    cases = []
    for name, row in sorted(rows.items()):
        outcome = {"pass": outcomes.PASS, "fail": outcomes.FAIL, "inconclusive": outcomes.SKIPPED}.get(
            row["verdict"], outcomes.ERROR
        )
        cases.append(Case("test.log", name, outcome, row["reason"], (row.get("machine") or {}).get("seconds") or 0.0))
        if row["change"] is not None:
            state = outcomes.FAIL if row["change"] == CHANGED else outcomes.PASS
            cases.append(Case("test.reference", name, state, row.get("change_reason") or row["change"]))
    cases += [Case("test.log", name, outcomes.ERROR, "not run") for name in told["missing"]]
    counts = {f"logs.{verdict}": count for verdict, count in told["counts"].items()}
    return write_cases(path, "autonomy test", cases, counts)


def _worst_first(row: dict[str, Any]) -> tuple:
    error = row["figures"].get("reference.position_rms_m")
    return VERDICTS.index(row["verdict"]), row["change"] != CHANGED, -(error if error is not None else 0.0), row["name"]


def _head(told: dict[str, Any]) -> Head:
    counts = told["counts"]
    parts = [f"{counts[verdict]} of {counted(told['logs'], 'log')}: {verdict}" for verdict in VERDICTS if counts[verdict]]
    parts += [f"{len(told['changed'])} changed against the reference"] if told["changed"] else []
    parts += [f"{len(told['missing'])} not run yet"] if told["missing"] else []
    position, drift = (told["figures"].get(name) for name in ("reference.position_rms_m", "outage_median_percent"))
    versus = told["removed"] is not None
    tiles = (
        Tile("Logs", whole(told["logs"]), "", f"{duration(told['duration_s'])}, {whole(told['ticks'])} ticks"),
        Tile("Pass", whole(counts["pass"]), "", f"{whole(counts['inconclusive'])} inconclusive"),
        Tile("Fail or error", whole(counts["fail"] + counts["error"]), "", f"{whole(counts['error'])} gave no result"),
        Tile(
            "Changed", whole(len(told["changed"])) if versus else UNKNOWN, "",
            f"{len(told['added'])} added, {len(told['removed'])} removed" if versus else "no reference run was given",
        ),
        _spread_tile("Position error, median", position, "m") if position else _spread_tile("Drift, median", drift, "%"),
    )  # fmt: skip
    return Head("Corpus run", WORDS[told["verdict"]], STYLES[told["verdict"]], sentence("; ".join(parts) or "no logs"), tiles)


def _spread_tile(name: str, figure: dict[str, Any] | None, unit: str) -> Tile:
    if not figure:
        return Tile(name, UNKNOWN, "", "no reference in these logs")
    return Tile(name, number(figure["median"]), unit, f"90 % within {number(figure['p90'])}, largest {number(figure['largest'])}")


def _logs(ordered: list[dict[str, Any]]) -> Section:
    columns = {name: told for name, told in COLUMNS.items() if any(row["figures"].get(name) is not None for row in ordered)}
    versus = any(row["change"] is not None for row in ordered)
    heads = ("Log", "Verdict", *(("Reference run",) if versus else ()), "Why", "Length (s)", "Ticks")
    heads += tuple(f"{head} ({unit})" if unit else head for head, unit in columns.values())
    rows = tuple(
        (
            Link(row["name"], row["report"]) if row["report"] else row["name"],
            row["verdict"],
            *((row["change"] or "",) if versus else ()),
            "; ".join(filter(None, (row["reason"], row["change_reason"] if row["change"] == CHANGED else None))),
            number(row.get("duration_s"), decimals=1),
            whole(row.get("ticks")),
            *(number(row["figures"].get(name)) for name in columns),
        )
        for row in ordered[:MOST_ROWS]
    )
    flags = tuple(row["verdict"] != "pass" or row["change"] == CHANGED for row in ordered[:MOST_ROWS])
    rest = f"; {len(ordered) - MOST_ROWS} more are in results.parquet" if len(ordered) > MOST_ROWS else ""
    table = Table(f"The worst first{rest}", heads, rows, 4 if versus else 3, flags, sortable=True)
    return Section("logs", "Logs", "A triangle marks what did not pass or has changed.", (), (table,))


def _changes(told: dict[str, Any], ordered: list[dict[str, Any]]) -> list[Section]:
    """Against the reference run: what differs, field by field where known; what came and went."""
    if told["removed"] is None:
        return []
    tables = []
    rows = [
        (row["name"], item["topic"], item["field"], whole(item["first_tick"]), shown(item["a"]), shown(item["b"]),
         whole(item["ticks"]), number(item["largest"]))
        for row in ordered
        for item in row["differences"]
    ]  # fmt: skip
    if rows:
        heads = ("Log", "Topic", "Field", "First tick", "Now", "Reference", "Ticks", "Largest")
        tables.append(Table("Fields that differ, by log", heads, tuple(rows[:500]), 3, sortable=True))
    moved = [(name, "added") for name in told["added"]] + [(name, "removed") for name in told["removed"]]
    if moved:
        tables.append(Table("Logs that came or went", ("Log", ""), tuple(moved[:500]), 2))
    same = sum(row["change"] == SAME for row in ordered)
    text = f"{same} of {counted(len(ordered), 'log')} gave the same outputs, byte for byte."
    return [Section("changes", "Against the reference run", text, (), tuple(tables))]


def _spread(ordered: list[dict[str, Any]]) -> Section:
    drawn = []
    for name, (title, unit) in SPREAD.items():
        values = np.sort([row["figures"][name] for row in ordered if row["figures"].get(name) is not None])
        if len(values) > 1:
            share = 100.0 * np.arange(1, len(values) + 1) / len(values)
            line = Line(np.repeat(values, 2), np.stack([share - 100.0 / len(values), share], axis=1).ravel(), "s1", title)
            svg = plot([line], covering(values, 1e-9), (0.0, 100.0), unit or "figure", "logs at or below (%)", width=WIDTH)
            note = f"Median {number(np.median(values))}, largest {number(values[-1])}."
            drawn.append(Figure(title, svg, note=note))
    missing = "" if drawn else "Fewer than two logs know any of the figures that are drawn here."
    return Section(
        "spread", "How the figures are spread", "How many logs lie at or below a value.", tuple(drawn), missing=missing
    )


def _figures(told: dict[str, Any]) -> Section:
    rows = tuple(
        (name, item["worst"] or "", whole(item["logs"]), *(number(item[key]) for key in ("smallest", "median", "p90", "largest")))
        for name, item in told["figures"].items()
    )
    heads = ("Figure", "Worst in", "Logs", "Smallest", "Median", "90 % within", "Largest")
    return Section("figures", "All figures", "", (), (Table("Over all logs that know them", heads, rows, 2, sortable=True),))
