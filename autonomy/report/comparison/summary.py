"""A comparison as lines for a terminal: what was made otherwise, which fields part first, which figures moved."""

from __future__ import annotations

from autonomy.report.comparison.comparison import Comparison
from autonomy.report.comparison.figures import BETTER, CHANGED, WORSE
from autonomy.report.words import number

MOST_FIELDS, MOST_FIGURES = 12, 20


def lines(found: Comparison, report: str | None = None) -> list[str]:
    told = [f"{found.verdict.upper():<13} {found.reason()}"]
    told += [f"{'other':<13} {item.name}: {item.a} | {item.b}" for item in found.identity if not item.equal]
    for item in found.differences[:MOST_FIELDS]:
        told.append(
            f"{'field':<13} {item.topic} {item.field}: first at tick {item.first_tick}, {item.ticks} ticks, largest "
            f"{number(item.largest)}, RMS {number(item.rms)}"
        )
    if len(found.differences) > MOST_FIELDS:
        told.append(f"{'':<13} and {len(found.differences) - MOST_FIELDS} more")
    moved = [item for item in found.figures if item.judgement in (WORSE, BETTER, CHANGED)]
    moved.sort(key=lambda item: (WORSE, BETTER, CHANGED).index(item.judgement))
    for item in moved[:MOST_FIGURES]:
        told.append(f"{item.judgement:<13} {item.name}: {number(item.a, digits=5)} -> {number(item.b, digits=5)}")
    if len(moved) > MOST_FIGURES:
        told.append(f"{'':<13} and {len(moved) - MOST_FIGURES} more")
    return told + ([f"{'report':<13} {report}"] if report else [])
