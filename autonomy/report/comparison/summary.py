"""A comparison as lines for a terminal: what was made otherwise, which fields part first, which figures moved."""

from __future__ import annotations

from autonomy.playback.difference import TICKS, firsts
from autonomy.report.comparison.comparison import Comparison
from autonomy.report.comparison.figures import BETTER, CHANGED, WORSE
from autonomy.report.words import counted, number

MOST_FIELDS, MOST_FIGURES = 12, 20


def lines(found: Comparison, report: str | None = None) -> list[str]:
    told = [f"{found.verdict.upper():<13} {found.reason()}"]
    told += [f"{'other':<13} {item.name}: {item.a} | {item.b}" for item in found.identity if not item.equal]
    every = firsts(found.differences)
    alone = [item for item in every if item.field == TICKS]
    every = [item for item in every if item.field != TICKS]
    if len({(item.a, item.b) for item in alone}) == 1:
        told.append(f"{'ticks':<13} {alone[0].a} | {alone[0].b}")
    else:
        told += [f"{'ticks':<13} {item.topic}: {item.a} | {item.b}" for item in alone]
    for item in every[:MOST_FIELDS]:
        told.append(
            f"{'field':<13} {item.topic} {item.field}: first at tick {item.first_tick}, {counted(item.ticks, 'tick')}, largest "
            f"{number(item.largest)}, RMS {number(item.rms)}"
        )
    if len(every) > MOST_FIELDS:
        told.append(f"{'':<13} and {len(every) - MOST_FIELDS} more")
    moved = [item for item in found.figures if item.judgement in (WORSE, BETTER, CHANGED)]
    moved.sort(key=lambda item: (WORSE, BETTER, CHANGED).index(item.judgement))
    for item in moved[:MOST_FIGURES]:
        told.append(f"{item.judgement:<13} {item.name}: {number(item.a, digits=5)} -> {number(item.b, digits=5)}")
    if len(moved) > MOST_FIGURES:
        told.append(f"{'':<13} and {len(moved) - MOST_FIGURES} more")
    told += [f"{'note':<13} {sentence}" for sentence in found.notes]
    return told + ([f"{'report':<13} {report}"] if report else [])
