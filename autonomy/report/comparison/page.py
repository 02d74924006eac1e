"""The page and the JUnit file of a comparison."""

from __future__ import annotations

from pathlib import Path

from autonomy import output_folder
from autonomy.playback.difference import FieldDifference, firsts
from autonomy.report import verdict
from autonomy.report.comparison.comparison import Comparison
from autonomy.report.comparison.figures import BETTER, CHANGED, EQUAL, MACHINE, WITHIN, WORSE
from autonomy.report.comparison.pictures import figures
from autonomy.report.junit import Case, write_cases
from autonomy.report.page import TIME_NOTE, render_page
from autonomy.report.sections.head import STYLES, WORDS, Head, Tile, sentence
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import UNKNOWN, counted, number, plain, shown, whole

PAGE = "comparison.html"
MOST_FIELDS = 150  # rows of the page's table
ORDER = (WORSE, BETTER, CHANGED, WITHIN, EQUAL, MACHINE)


def write_page(directory: str | Path, found: Comparison) -> Path:
    """Writes `directory`/comparison.html and returns its path. Raises EnvironmentFault."""
    page = output_folder.prepare(directory) / PAGE
    text = render(found)
    with output_folder.writing(page):
        page.write_text(text, encoding="utf-8")
    return page


def render(found: Comparison) -> str:
    """The page as text; the same runs give the same text."""
    sections = [_runs(found), _figures(found), _pictures(found), _fields(found)]
    note = f"{TIME_NOTE} Differences are B minus A."
    return render_page("Comparison of two runs", _head(found), sections, note)


def write_junit(path: str | Path, found: Comparison) -> Path:
    """One case a topic and one a figure. Raises EnvironmentFault."""
    return write_cases(path, "autonomy report", cases(found), {f"{item.name}": f"{item.a} | {item.b}" for item in found.identity})


def cases(found: Comparison) -> list[Case]:
    if not found.common_ticks:
        return [Case("compare", "common ticks", verdict.ERROR, found.reason())]
    listed = [Case("compare", "whole logs", verdict.ERROR, sentence) for sentence in found.ended_early]
    for topic in found.topics:
        if topic.missing:
            detail = f"only run {'B' if topic.missing == 'a' else 'A'} has this topic"
        elif topic.equal:
            checked, within = topic.fields - topic.ignored, topic.fields_differing
            detail = f"{counted(checked - within, 'field')} of {counted(topic.common, 'tick')} the same"
            detail += f", {within} within tolerance" if within else ""
        else:
            parts = [_words(item) for item in topic.beyond[:20]]
            if topic.only_a or topic.only_b:
                parts.append(f"{counted(topic.only_a, 'tick')} only in A, {topic.only_b} only in B")
            detail = "; ".join(parts)
        listed.append(Case("compare.topic", topic.topic, verdict.PASS if topic.equal else verdict.FAIL, detail))
    for figure in found.figures:
        outcome = verdict.SKIPPED if figure.judgement == MACHINE else verdict.PASS if figure.allowed else verdict.FAIL
        detail = f"{figure.judgement}: {number(figure.a, digits=6)} against {number(figure.b, digits=6)}"
        listed.append(Case("compare.figure", figure.name, outcome, detail))
    return listed


def _words(item: FieldDifference) -> str:
    return (
        f"{item.field}: {counted(item.beyond, 'tick')}, first at tick {item.first_tick} "
        f"({shown(item.a)} against {shown(item.b)}), largest {number(item.largest)}"
    )


def _head(found: Comparison) -> Head:
    names = " against ".join(Path(path).name or path for path in found.paths)
    beyond = sum(topic.fields_beyond for topic in found.topics)
    fields = sum(topic.fields - topic.ignored for topic in found.topics)
    first = found.differences[0] if found.differences else None
    alone = sum(found.ticks_alone)
    worse = [item for item in found.figures if item.judgement == WORSE]
    changed = [item for item in found.figures if item.judgement not in (EQUAL, WITHIN, MACHINE)]
    unequal = [item.name for item in found.identity if not item.equal and item.name.startswith(("SHA-256 of the c", "Version"))]
    tiles = (
        Tile("Ticks in both", whole(found.common_ticks), "", f"{whole(alone)} in one run only"),
        Tile("Fields that differ", whole(beyond), "", f"of {whole(fields)} compared"),
        Tile(
            "First difference", whole(first.first_tick) if first else UNKNOWN, "",
            f"tick; {first.topic} {first.field}" if first else "none",
        ),
        Tile("Figures changed", whole(len(changed)), "", f"{len(worse)} of them for the worse"),
        Tile("Made of", "same" if not unequal else "other", "", ", ".join(map(plain, unequal)) or "version, configuration"),
    )  # fmt: skip
    return Head(names, WORDS[found.verdict], STYLES[found.verdict], sentence(found.reason()), tiles)


def _runs(found: Comparison) -> Section:
    rows = tuple((item.name, shown(item.a), shown(item.b), "" if item.equal else "other") for item in found.identity)
    flags = tuple(not item.equal for item in found.identity)
    table = Table(f"A: {found.paths[0]}    B: {found.paths[1]}", ("What", "A", "B", ""), rows, 4, flags)
    return Section("runs", "The two runs", "What could explain a difference; a triangle marks it.", (), (table,))


def _figures(found: Comparison) -> Section:
    rows, flags = [], []
    moved = [item for item in found.figures if item.judgement != EQUAL]
    for item in sorted(moved, key=lambda item: (ORDER.index(item.judgement), -abs(item.share or 0.0))):
        rows.append(
            (
                item.name,
                item.judgement,
                number(item.a, digits=5),
                number(item.b, digits=5),
                number(item.delta),
                number(100.0 * item.share, "%") if item.share is not None else UNKNOWN,
            )
        )
        flags.append(not item.allowed)
    same = len(found.figures) - len(moved)
    table = Table(
        f"Figures that changed; {same} are the same", ("Figure", "", "A", "B", "B minus A", "Of A"), tuple(rows), 2, tuple(flags)
    )
    missing = "" if found.figures else "Neither run's folder holds figures (result.json)."
    text = "A triangle fails the comparison. Times of the machine are shown, not judged."
    return Section("figures", "Figures", text, (), (table,) if rows else (), missing)


def _fields(found: Comparison) -> Section:
    topics = Table(
        "Topics",
        ("Topic", "Ticks in both", "Only A", "Only B", "Fields", "Differing", "Beyond tolerance"),
        tuple(
            (
                topic.topic + (f" (missing in {topic.missing.upper()})" if topic.missing else ""),
                whole(topic.common), whole(topic.only_a), whole(topic.only_b), whole(topic.fields), whole(topic.fields_differing),
                whole(topic.fields_beyond),
            )
            for topic in found.topics
        ),
        flags=tuple(not topic.equal for topic in found.topics),
    )  # fmt: skip
    tables = [topics]
    every = firsts(sorted((item for topic in found.topics for item in topic.differences), key=_order))
    if every:
        caption = "Fields that differ, the earliest first; of a list the element that differs first"
        if len(every) > MOST_FIELDS:
            caption += f": {MOST_FIELDS} of {len(every)}, the others are in the JSON object"
        tables.append(
            Table(
                caption,
                ("Topic", "Field", "Tolerance", "First tick", "A", "B", "Ticks", "Largest", "RMS"),
                tuple(
                    (
                        item.topic, item.field, item.tolerance, whole(item.first_tick), shown(item.a), shown(item.b),
                        whole(item.ticks), number(item.largest), number(item.rms),
                    )
                    for item in every[:MOST_FIELDS]
                ),
                3,
                tuple(item.beyond > 0 for item in every[:MOST_FIELDS]),
            )
        )  # fmt: skip
    of_builds = [
        (topic.topic, ", ".join(topic.fields_only_a), ", ".join(topic.fields_only_b))
        for topic in found.topics
        if topic.fields_only_a or topic.fields_only_b
    ]
    if of_builds:
        caption = "Fields that only one of the builds has (not judged)"
        tables.append(Table(caption, ("Topic", "Only in A", "Only in B"), tuple(of_builds), 3))
    return Section("fields", "Field by field", "Ticks belong together that have the same time.", (), tuple(tables))


def _pictures(found: Comparison) -> Section:
    if not found.common_ticks:
        return Section("pictures", "Picture by picture", missing="No tick is in both runs, so there is nothing to lay over.")
    text = "Left both runs over each other, right their difference. Quantities that neither run knows are left out."
    return Section("pictures", "Picture by picture", text, figures(found))


def _order(item: FieldDifference) -> tuple:
    return item.beyond == 0, item.first_tick, item.topic, item.field
