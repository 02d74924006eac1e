"""A live drive as a page and as JUnit XML: the verdict, both sides' account, what happened and a cut of the log about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autonomy.output_folder import prepare, writing
from autonomy.report.junit import Case, write_cases
from autonomy.report.page import render_page
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Link, Section, Table
from autonomy.report.verdict import ERROR, FAIL, PASS
from hil.rig.drive_events import DriveEvent, as_json, events_of
from hil.rig.event_cuts import Event, write_cuts
from hil.rig.junit import OUTCOMES

__all__ = ["cases", "page", "write_drive", "write_undriven"]

LOG, PAGE, JUNIT, RESULT = "run.mcap", "report.html", "junit.xml", "drive.json"
TIMES = ("lateness_us", "work_us", "latency_us", "response_us")
WHAT = {"lateness_us": "Wake-up of the loop", "work_us": "Tick", "latency_us": "Deadline to bus", "response_us": "Byte to bus"}
QUANTILES = ("p50", "p99", "p99.9", "max")
NOTE = "Times are seconds from the loop's first tick. A cut is the stack's log from 5 s before the event to 5 s behind it."


def write_drive(folder: Path, name: str, found: dict[str, Any]) -> None:
    """report.html, junit.xml, drive.json and the cuts; adds `events` to `found`. Raises LogError, EnvironmentFault."""
    prepare(folder)
    events, cuts = [], []
    if found["replay_equal"] is not None:  # there is a log
        events = events_of(folder / LOG, found["truck"].get("events", ()))
        cuts = write_cuts(folder / LOG, folder, [_of_log(number, event) for number, event in enumerate(events, 1)])
    found["events"] = as_json(events, cuts)
    with writing(folder):
        (folder / PAGE).write_text(page(name, found), encoding="utf-8")
        (folder / RESULT).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    properties = {"verdict": found["verdict"], "interface": found["interface"],
                  **{f"lost_{where}": number for where, number in found["lost"].items()}}  # fmt: skip
    write_cases(folder / JUNIT, "autonomy hil live", cases(found), properties)


def write_undriven(folder: Path, why: str) -> None:
    """junit.xml of a drive that could not be made, for CI servers. Raises EnvironmentFault."""
    prepare(folder)
    write_cases(folder / JUNIT, "autonomy hil live", [Case("hil.live", "verdict", ERROR, why)], {"verdict": "error"})


def cases(found: dict[str, Any]) -> list[Case]:
    """What was lost, whether the log replays, each event of the truck's that fails a drive, and the verdict."""
    lost = ", ".join(f"{number} {where.replace('_', ' ')}" for where, number in found["lost"].items() if number)
    made = [Case("hil.live", "losses", FAIL if lost else PASS, lost or "every frame and datagram accounted for"),
            Case("hil.live", "replay", {True: PASS, False: FAIL, None: ERROR}[found["replay_equal"]],
                 "of the log from its cuts" if found["replay_equal"] is not None else "there is no log"),
            Case("hil.live", "truck", PASS if found["truck"]["metrics"] else ERROR,
                 "the stack drove" if found["truck"]["metrics"] else "the stack never took over")]  # fmt: skip
    made += [Case("hil.live", f"{event['after_s']:.2f} s {event['what']}", FAIL, event["cut"] or "no cut of the log")
             for event in found["events"] if event["told_by"] == "truck"]  # fmt: skip
    return [*made, Case("hil.live", "verdict", OUTCOMES[found["verdict"]], "; ".join(found["reasons"]) or "nothing amiss")]


def page(name: str, found: dict[str, Any]) -> str:
    """The page as text; the same drive gives the same text."""
    run, truck = found["run"], found["truck"]
    metrics = truck["metrics"]
    tiles = (
        Tile("Driven", f"{metrics['distance_m']:.0f}" if metrics else "-", "m",
             f"{metrics['collisions']} collisions, lane offset {metrics['lane_offset_max_m']:.2f} m at most" if metrics else
             "the stack never took over"),
        Tile("Ticks", str(run["counts"]["ticks"]), "", f"{run['counts']['missed']} missed, {run['counts']['late']} late"),
        Tile("Lost", str(sum(abs(number) for number in found["lost"].values())), "",
             f"of {truck['sent']} frames to the loop and {run['counts']['sent']} to the truck" + _packets(truck)),
        Tile("Lateness of the truck", _whole(truck["lateness_us"]["p50"]), "\N{MICRO SIGN}s",
             f"99 % below {_whole(truck['lateness_us']['p99'])}, longest {_whole(truck['lateness_us']['max'])}"),
    )  # fmt: skip
    reason = sentence("; ".join(found["reasons"]) or "nothing was lost, and the truck kept its lane")
    top = Head(Path(name).stem, WORDS[found["verdict"]], STYLES[found["verdict"]], reason, tiles)
    rows = tuple((f"{event['after_s']:.2f}", event["told_by"], event["what"], Link("cut", event["cut"]) if event["cut"] else "-")
                 for event in found["events"])  # fmt: skip
    events = Table("Events", ("After (s)", "Told by", "What", "Log"), rows, text_columns=4,
                   flags=tuple(event["told_by"] == "truck" for event in found["events"]))  # fmt: skip
    times = tuple((WHAT[key], *(_whole(run[key][quantile]) for quantile in QUANTILES)) for key in TIMES)
    loop = Table("Of the loop, in \N{MICRO SIGN}s", ("What", "p50", "p99", "p99.9", "Max"), times)
    sections = [Section("events", "Events", tables=(events,) if rows else (), missing="" if rows else "Nothing happened."),
                Section("times", "Times", tables=(loop,))]  # fmt: skip
    return render_page("Live drive", top, sections, NOTE)


def _of_log(number: int, event: DriveEvent) -> Event:
    return Event(f"event {number} {event.what}", event.time_ns, event.time_ns)


def _packets(truck: dict[str, Any]) -> str:
    return "" if not truck.get("scans") else f", {truck['scans']['sent']} datagrams"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
