"""What a truck alone on real buses saw of the stack that drove it, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autonomy.report.page import render_page
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Section, Table

__all__ = ["after_taking_over", "page"]

NOTE = "What the truck saw; what the stack says of itself is in its own log and report."


def after_taking_over(truck: dict[str, Any]) -> list[tuple[float, str]]:
    """(s, what) of the truck's events, from the first tick that the stack drove."""
    return [((time_ns - truck["took_over_ns"]) / 1e9, what) for time_ns, what in truck["events"]]


def page(name: str, found: dict[str, Any]) -> str:
    """The page as text; the same drive gives the same text."""
    truck, metrics = found["truck"], found["truck"]["metrics"]
    late = truck["lateness_us"]
    driven = f"{metrics['collisions']} collisions, lane offset {metrics['lane_offset_max_m']:.2f} m at most" if metrics else ""
    tiles = (
        Tile("Driven", f"{metrics['distance_m']:.0f}" if metrics else "-", "m", driven or "the stack never took over"),
        Tile("Ticks driven", str(truck["engaged_ticks"]), "",
             f"{truck['abandoned_ticks']} let go behind them, {truck['minimal_risk_ticks']} of a minimal-risk manoeuvre"),
        Tile("Frames", str(truck["sent"]), "", f"sent on {found['interface']}; {truck['received']} heard on the command bus"),
        Tile("Lateness of the truck", f"{late['p50']:.0f}", "\N{MICRO SIGN}s",
             f"99 % below {late['p99']:.0f}, longest {late['max']:.0f}"),
    )  # fmt: skip
    reason = sentence("; ".join(found["reasons"]) or "the truck kept its lane and touched nothing")
    top = Head(Path(name).stem, WORDS[found["verdict"]], STYLES[found["verdict"]], reason, tiles)
    rows = tuple((f"{after_s:.2f}", what) for after_s, what in after_taking_over(truck))
    events = Table("Events", ("After taking over (s)", "What"), rows, text_columns=2, flags=(True,) * len(rows))
    refused = tuple((reason, str(count)) for reason, count in truck["refused"].items() if count)
    not_obeyed = Table("Commands not obeyed", ("Why", "Frames"), refused, text_columns=1)
    return render_page("Truck alone", top, [
        Section("events", "Events", tables=(events,) if rows else (), missing="" if rows else "Nothing happened."),
        Section("commands", "Commands", tables=(not_obeyed,) if refused else (),
                missing="" if refused else "Every command that was heard was obeyed."),
    ], NOTE)  # fmt: skip
