"""A run of the rig as a page and as JUnit XML: one step for each fault, what it did, and the rig's own delay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autonomy.output_folder import prepare, writing
from autonomy.report import verdict
from autonomy.report.junit import Case, write_cases
from autonomy.report.page import render_page
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Link, Section, Table

__all__ = ["cases", "page", "write_steps"]

PAGE, JUNIT, RESULT = "report.html", "junit.xml", "result.json"
NOTE = ("Times are seconds from the start of the run. A step that found nothing to do says nothing of the device under test. A "
        "cut is what the device got and said, from 5 s before the step to 5 s behind it.")  # fmt: skip


def write_steps(folder: Path, name: str, found: dict[str, Any]) -> None:
    """report.html, junit.xml, result.json. Raises EnvironmentFault."""
    prepare(folder)
    with writing(folder):
        (folder / PAGE).write_text(page(name, found), encoding="utf-8")
        (folder / RESULT).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    properties = {"verdict": found["verdict"], **{f"records_{key}": value for key, value in found["counts"].items()}}
    write_cases(folder / JUNIT, "autonomy hil inject", cases(found), properties)


def cases(found: dict[str, Any]) -> list[Case]:
    """One for each step, and the verdict."""
    made = []
    for step in found["steps"]:
        outcome = verdict.FAIL if step["note"] else verdict.PASS if step["did"] else verdict.ERROR
        told = step["note"] or _did(step)
        made.append(Case("hil.inject", _name(step), outcome, told + (f"; {step['cut']}" if step["cut"] else "")))
    outcome = {"pass": verdict.PASS, "fail": verdict.FAIL}.get(found["verdict"], verdict.ERROR)
    return [*made, Case("hil.inject", "verdict", outcome, "; ".join(found["reasons"]) or "every step did what it says, in time")]


def page(name: str, found: dict[str, Any]) -> str:
    """The page as text; the same run gives the same text."""
    counts, delay = found["counts"], found["delay_us"]
    tiles = (
        Tile("Steps", str(len(found["steps"])), "", f"{sum(bool(step['did']) for step in found['steps'])} did something"),
        Tile("Records passed", str(counts["passed"]), "",
             f"of {counts['heard']} heard; {counts['held']} held, {counts['untaken']} refused"),
        Tile("Records back", str(counts["returned"]), "", "from the device under test"),
        Tile("Delay of the gateway", "-" if delay["p50"] is None else f"{delay['p50']:.0f}", "\N{MICRO SIGN}s",
             "nothing passed" if delay["p99"] is None else f"99 % below {delay['p99']:.0f}, longest {delay['max']:.0f}"),
    )  # fmt: skip
    rows = tuple(
        (str(step["number"]), step["source"], step["kind"], f"{step['start_s']:g}",
         "end" if step["end_s"] is None else f"{step['end_s']:g}", f"{step['value']:g}", step["note"] or _did(step),
         Link("cut", step["cut"]) if step["cut"] else "-")
        for step in found["steps"]
    )  # fmt: skip
    table = Table("Steps", ("Step", "Source", "Kind", "From (s)", "To (s)", "Value", "What it did", "Log"), rows, text_columns=3,
                  flags=tuple(bool(step["note"]) or not step["did"] for step in found["steps"]))  # fmt: skip
    account = Table("Records", ("Frames, pieces of lines, datagrams", "Count"),
                    tuple((key, str(value)) for key, value in counts.items()))  # fmt: skip
    reason = sentence("; ".join(found["reasons"]) or "every step did what it says, in time")
    top = Head(Path(name).stem, WORDS[found["verdict"]], STYLES[found["verdict"]], reason, tiles)
    sections = [Section("steps", "Steps", tables=(table,)), Section("records", "Records", tables=(account,))]
    return render_page("Fault injection on live buses", top, sections, NOTE)


def _name(step: dict[str, Any]) -> str:
    return f"{step['number']} {step['kind']} of {step['source']}"


def _did(step: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in step["counts"].items() if count) or "nothing: no such record came"
