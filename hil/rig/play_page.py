"""What `hil play` sent as a page: every stream's records, the lateness beside that of the bare loop, the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.output_folder import prepare, writing
from autonomy.report.page import render_page
from autonomy.report.plot import Figure, Line, legend, plot
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Section, Table

__all__ = ["page", "write_page"]

PAGE, RESULT = "report.html", "result.json"
BINS = 80
SHOWN_SHARE = 0.999  # of the records; the rest is beyond the figure's right edge and in its note
NOTE = "Lateness is from a record's moment until the system had taken it. A late rig says nothing of the device under test."


def write_page(folder: Path, found: dict[str, Any]) -> None:
    """report.html and result.json. Raises EnvironmentFault."""
    prepare(folder)
    with writing(folder):
        (folder / PAGE).write_text(page(found), encoding="utf-8")
        (folder / RESULT).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def page(found: dict[str, Any]) -> str:
    """The page as text; the same run gives the same text."""
    counts, late = found["counts"], found["lateness_us"]
    logs = sorted({stream["log"] for stream in found["streams"]})
    tiles = (
        Tile("Records sent", str(counts["sent"]), "", f"of {counts['read']} read; {counts['left_out']} left out"),
        Tile("Failed", str(counts["failed"]), "",
             f"{counts['not_reached']} not reached, {counts['behind_the_end']} behind the end"),
        Tile("Lateness", _whole(late["p50"]), "\N{MICRO SIGN}s",
             f"99 % below {_whole(late['p99'])}, longest {_whole(late['max'])}"),
        Tile("Played", f"{found['seconds']:.1f}", "s", _drift(found["drift"])),
    )  # fmt: skip
    reason = sentence("; ".join(found["reasons"]) or "every record is accounted for, in time")
    top = Head(Path(logs[0]).stem if logs else "run", WORDS[found["verdict"]], STYLES[found["verdict"]], reason, tiles)
    sections = [
        Section("streams", "Records", tables=(_streams(found), *_changes(found))),
        Section("targets", "Targets", tables=(_targets(found),)),
        Section("lateness", "Lateness", figures=_lateness(found), missing="" if late["p50"] is not None else "Nothing was sent."),
    ]
    return render_page("Play", top, sections, NOTE)


def _streams(found: dict[str, Any]) -> Table:
    rows = []
    for stream in found["streams"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in stream["left_out"].items())
        rows.append((stream["stream"], stream["target"] or "-", reasons, str(stream["read"]), str(stream["queued"]),
                     str(stream["replaced"])))  # fmt: skip
    return Table("Of each stream", ("Stream", "To", "Left out", "Read", "To send", "Overridden"), tuple(rows), text_columns=3)


def _changes(found: dict[str, Any]) -> list[Table]:
    rows = [(f"counter or checksum of {text}", str(count)) for text, count in found["counters"].items()]
    rows += [(f"override {text}", str(count)) for text, count in found["overrides"].items()]
    rows += [(f"not used: {text}", str(count)) for text, count in found["unused"].items()]
    return [Table("What was written anew, or of no use", ("What", "Frames"), tuple(rows))] if rows else []


def _targets(found: dict[str, Any]) -> Table:
    rows = tuple(
        (item["target"], ", ".join(f"{count} {reason}" for reason, count in item["failed"].items()) or "-", str(item["sent"]),
         str(item["not_reached"]), *(_whole(item["lateness_us"][name]) for name in ("p50", "p99", "p99.9", "max")),
         str(item["waits"]))
        for item in found["targets"]
    )  # fmt: skip
    columns = ("Target", "Failed", "Sent", "Not reached", "p50 (\N{MICRO SIGN}s)", "p99", "p99.9", "Max", "Waits")
    return Table("Of each target", columns, rows, text_columns=2, flags=tuple(bool(item["failed"]) for item in found["targets"]))


def _lateness(found: dict[str, Any]) -> tuple[Figure, ...]:
    """Share of the records by lateness, and that of the bare loop where there was one."""
    parts = [(found["histogram_us"], "s1", "play")]
    if baseline := found.get("baseline"):
        parts.append((baseline["histogram_us"], "reference", "bare loop"))
    sparse = [(np.array(histogram, float).reshape(-1, 2), style, label) for histogram, style, label in parts if histogram]
    if not sparse:
        return ()
    reach_us = max(_quantile(part, SHOWN_SHARE) for part, _, _ in sparse)
    edges = np.linspace(0.0, reach_us, BINS + 1)
    marks, beyond = [], []
    for part, style, label in sparse:
        counts, _ = np.histogram(part[:, 0], edges, weights=part[:, 1])
        total = float(part[:, 1].sum())
        share = 100.0 * np.append(counts, counts[-1]) / total
        marks.append(Line(edges, share, style, label, steps=True))
        beyond.append(f"{label}: {100.0 * (1.0 - counts.sum() / total):.2f} % beyond")
    highest = 1.06 * max(float(mark.y.max()) for mark in marks)
    svg = plot(marks, (0.0, reach_us), (0.0, highest), "lateness (\N{MICRO SIGN}s)", "share of the records (%)")
    return (Figure("Lateness", svg, legend(marks), "; ".join(beyond) + "."),)


def _quantile(part: np.ndarray, share: float) -> float:
    upto = np.cumsum(part[:, 1])
    return float(part[np.searchsorted(upto, share * upto[-1]), 0]) + 1.0


def _drift(drift: dict[str, float | None]) -> str:
    if drift["ms_per_hour"] is None:
        return "too short for a drift"
    return f"drift {drift['ms_per_hour']:+.3f} ms/h +- {drift['two_sigma_ms_per_hour']:.3f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
