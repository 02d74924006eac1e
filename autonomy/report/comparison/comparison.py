"""Compares two runs and says whether they are the same, differ, or cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.errors import BAD_INPUT, FAIL, INCONCLUSIVE, PASS
from autonomy.playback import stored
from autonomy.playback.difference import FieldDifference, TopicComparison, compare_topics, listed
from autonomy.playback.json_values import without_nan
from autonomy.playback.output_log import OutputLog
from autonomy.playback.tolerance import Tolerances
from autonomy.report.comparison.figures import BETTER, CHANGED, WORSE, FigureChange, changes, flattened
from autonomy.report.words import counted

SCHEMA = "autonomy.compare/1"
MOST_ROWS = 500  # differences in the JSON object
VERDICTS = {PASS: "pass", FAIL: "fail", BAD_INPUT: "error", INCONCLUSIVE: "inconclusive"}


@dataclass(frozen=True)
class Identity:
    """One thing that a run is made of."""

    name: str
    a: Any
    b: Any

    @property
    def equal(self) -> bool:
        return self.a == self.b


@dataclass
class Comparison:
    """`paths` are what the runs were called by, `logs` their output logs."""

    paths: tuple[str, str]
    logs: tuple[Path, Path]
    identity: list[Identity]
    topics: list[TopicComparison]
    figures: list[FigureChange]
    differences: list[FieldDifference] = field(default_factory=list)
    ended_early: tuple[str, ...] = ()  # a sentence for each output log that is cut short
    notes: tuple[str, ...] = ()  # what is odd and does not change the verdict

    @property
    def common_ticks(self) -> int:
        return max((topic.common for topic in self.topics), default=0)

    @property
    def exit_code(self) -> int:
        if self.ended_early:
            return BAD_INPUT
        if not self.common_ticks:
            return INCONCLUSIVE
        same = all(topic.equal for topic in self.topics) and all(figure.allowed for figure in self.figures)
        return PASS if same else FAIL

    @property
    def verdict(self) -> str:
        return VERDICTS[self.exit_code]

    def reason(self) -> str:
        """Why the verdict is what it is, in one sentence."""
        parts = list(self.ended_early)
        if not self.common_ticks:
            parts.append("the runs have no tick at the same time: they are not of the same log, or not of the same part of it")
            return "; ".join(parts)
        parts.append(self._of_fields())
        missing = [topic.topic for topic in self.topics if topic.missing]
        parts += [f"only one run has {', '.join(missing)}"] if missing else []
        for run, alone in (("A", self.ticks_alone[0]), ("B", self.ticks_alone[1])):
            parts += [f"{counted(alone, 'tick')} {'is' if alone == 1 else 'are'} in run {run} only"] if alone else []
        moved = {
            word: sum(figure.judgement == word and not figure.allowed for figure in self.figures)
            for word in (WORSE, BETTER, CHANGED)
        }
        if any(moved.values()):
            told = ", ".join(f"{count} {'otherwise' if word == CHANGED else word}" for word, count in moved.items() if count)
            parts.append(f"figures that moved beyond their tolerance: {told}")
        return "; ".join(parts)

    @property
    def ticks_alone(self) -> tuple[int, int]:
        """Ticks that only A and only B has, of the topic that has most of them."""
        topics = [topic for topic in self.topics if not topic.missing]
        return max((topic.only_a for topic in topics), default=0), max((topic.only_b for topic in topics), default=0)

    def _of_fields(self) -> str:
        both = self.ticks_alone != (0, 0)
        ticks = f"the {counted(self.common_ticks, 'tick')} in both" if both else counted(self.common_ticks, "tick")
        beyond = sum(topic.fields_beyond for topic in self.topics)
        within = sum(topic.fields_differing - topic.fields_beyond for topic in self.topics)
        if beyond:
            first = next(item for item in self.differences if item.beyond)
            more = f", {within} more within their tolerance" if within else ""
            verb = "differs" if beyond == 1 else "differ"
            return f"{counted(beyond, 'field')} {verb}, the first in {first.topic} {first.field} at tick {first.first_tick}{more}"
        if within:
            verb = "differs" if within == 1 else "differ"
            return f"no field of {ticks} differs beyond its tolerance; {counted(within, 'field')} {verb} within it"
        left_out = sum(topic.ignored for topic in self.topics)
        others = f" but {counted(left_out, 'ignored field')}" if left_out else ""
        return f"every field{others} of {ticks} is the same"

    def as_json(self) -> dict[str, Any]:
        """The object that `autonomy report A B --json` prints."""
        found = {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "reason": self.reason(),
            "a": self.paths[0],
            "b": self.paths[1],
            "identity": [{"name": item.name, "a": item.a, "b": item.b, "equal": item.equal} for item in self.identity],
            "topics": [
                {
                    "topic": topic.topic, "equal": topic.equal, "ticks": topic.common, "only_a": topic.only_a,
                    "only_b": topic.only_b, "fields": topic.fields, "ignored": topic.ignored, "missing": topic.missing or None,
                    "fields_only_a": topic.fields_only_a, "fields_only_b": topic.fields_only_b,
                    "differing": topic.fields_differing, "beyond_tolerance": topic.fields_beyond,
                }
                for topic in self.topics
            ],
            "differences": [vars(item) for topic in self.topics for item in topic.differences][:MOST_ROWS],
            "figures": [
                {"name": item.name, "a": item.a, "b": item.b, "delta": item.delta, "judgement": item.judgement,
                 "allowed": item.allowed}
                for item in self.figures
            ],
            "notes": list(self.notes),
            "report": None,
        }  # fmt: skip
        return without_nan(found)


def compare(a: str | Path, b: str | Path, tolerances: Tolerances | None = None) -> Comparison:
    """Compares two runs given by their folders or output logs. Raises BadInputError."""
    tolerances = tolerances or Tolerances()
    logs = stored.output_log(a), stored.output_log(b)
    topics = compare_topics(*logs, tolerances)
    left, right = stored.load_figures(a), stored.load_figures(b)
    notes = [
        f"tolerance '{match}': neither run has a figure of this name" for match in
        tolerances.unused_metrics({*flattened(left), *flattened(right)})
    ]  # fmt: skip
    for run, found in (("A", left), ("B", right)):
        if (found.get("log") or {}).get("truncated"):
            notes.append(f"run {run} is of a log that ends early ({found['log'].get('path')})")
    return Comparison(
        (str(a), str(b)), logs, _identity(left, right), topics, changes(left, right, tolerances), listed(topics),
        tuple(_cut_short(logs)), tuple(notes),
    )  # fmt: skip


def _cut_short(logs: tuple[Path, Path]) -> Iterator[str]:
    for run, path in zip("AB", logs, strict=True):
        with OutputLog(path) as log:
            if log.reader.truncated:
                yield f"run {run} ends early: {path} is cut short or damaged ({log.reader.problem}); make the run anew"


def _identity(a: dict[str, Any], b: dict[str, Any]) -> list[Identity]:
    """Log, build, configuration: what could explain a difference."""
    log_a, log_b = a.get("log") or {}, b.get("log") or {}
    rows = [
        Identity("Log", log_a.get("path"), log_b.get("path")),
        Identity("SHA-256 of the log", log_a.get("sha256"), log_b.get("sha256")),
        Identity("Version", a.get("version"), b.get("version")),
        Identity("SHA-256 of the configuration", a.get("config_hash"), b.get("config_hash")),
        Identity("SHA-256 of the calibration", a.get("calibration_hash"), b.get("calibration_hash")),
        Identity("What drove the ticks", a.get("mode"), b.get("mode")),
        Identity("Lane path", a.get("path"), b.get("path")),
        Identity("Faults injected", len(a.get("faults") or []), len(b.get("faults") or [])),
        Identity("Ticks", a.get("ticks"), b.get("ticks")),
        Identity("SHA-256 of the outputs", a.get("output_sha256"), b.get("output_sha256")),
    ]
    return [row for row in rows if row.a is not None or row.b is not None]
