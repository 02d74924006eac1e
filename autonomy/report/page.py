"""`write_report`: one self-contained HTML file that explains a run; it needs no network and reads with scripts off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autonomy import output_folder
from autonomy.report.drive import Drive
from autonomy.report.sections import (
    aids,
    birdseye,
    bus,
    calibration,
    combination,
    commands,
    events,
    head,
    health,
    inputs,
    lane,
    lead,
    motion,
    outages,
    outcome,
    path,
    provenance,
    scans,
    timing,
    truck,
)
from autonomy.report.sections.section import Section

if TYPE_CHECKING:
    from autonomy.playback.metrics import TickTimes
    from autonomy.playback.result import Result

REPORT = "report.html"
TILES_IN_A_ROW = (5, 4, 6)  # the first is the nicest
TIME_NOTE = (
    "Time axes count seconds from the log's first record. Vehicle axes: forward, left, up (ISO 8855); world: east, north, up."
)
SECTIONS = (
    path, birdseye, scans, motion, outages, aids, commands, lead, lane, truck, health, events, timing, inputs, calibration,
    provenance,
)  # fmt: skip


def write_report(directory: Path, result: Result, tick_times: TickTimes | None) -> Path:
    """Writes `directory`/report.html and returns its path. Raises EnvironmentFault.

    What `result` lacks (a reference, a lane path, outages) the page does without. Raw radar targets and GNSS fixes come
    from its output log, where it has one.
    """
    page = output_folder.prepare(directory) / REPORT
    text = render(Drive(result, tick_times))
    with output_folder.writing(page):
        page.write_text(text, encoding="utf-8")
    return page


def render(drive: Drive) -> str:
    """The page as text; the same run gives the same text."""
    kicker = "Replay report"
    if _in_closed_loop(drive):
        kicker = ": ".join(filter(None, ("Drive in closed loop", drive.metrics.get("scenario"))))
    return render_page(kicker, head.head(drive.metrics), _sections(drive), TIME_NOTE)


def render_page(kicker: str, top: head.Head, sections: list[Section], note: str = "") -> str:
    """Any page of this kind: a line over the title, the verdict with its tiles, sections, a note at the foot."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    templates = Environment(loader=PackageLoader("autonomy.report"), autoescape=True, undefined=StrictUndefined)
    # Not escaped: they are our own text, and in style and script elements escapes mean nothing
    style = Markup(templates.get_template("style.css.j2").render(tiles=_tiles_in_a_row(len(top.tiles))))
    script = Markup(templates.get_template("script.js.j2").render())
    return templates.get_template("page.html.j2").render(
        kicker=kicker, head=top, sections=sections, note=note, style=style, script=script
    )


def _tiles_in_a_row(count: int) -> int:
    """All of a few; of more as many as leave the last row fullest."""
    return max(count, 1) if count <= max(TILES_IN_A_ROW) else min(TILES_IN_A_ROW, key=lambda number: -count % number)


def _sections(drive: Drive) -> list[Section]:
    modules = SECTIONS
    if _in_closed_loop(drive):
        others = [module for module in SECTIONS if module not in (birdseye, scans)]
        others.insert(others.index(commands) + 1, bus)
        modules = (outcome, birdseye, scans, combination, *others)
    found = (module.section(drive) for module in modules)
    return [section for section in found if section is not None]


def _in_closed_loop(drive: Drive) -> bool:
    return "collisions" in drive.metrics
