"""Compares two runs and says whether they are the same, differ, or cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.errors import FAIL, INCONCLUSIVE, PASS
from autonomy.playback import stored
from autonomy.playback.difference import FieldDifference, TopicComparison, compare_topics, listed
from autonomy.playback.json_values import without_nan
from autonomy.playback.tolerance import Tolerances
from autonomy.report.comparison.figures import BETTER, WORSE, FigureChange, changes

SCHEMA = "autonomy.compare/1"
MOST_ROWS = 500  # differences in the JSON object
VERDICTS = {PASS: "pass", FAIL: "fail", INCONCLUSIVE: "inconclusive"}


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

    @property
    def common_ticks(self) -> int:
        return max((topic.common for topic in self.topics), default=0)

    @property
    def exit_code(self) -> int:
        if not self.common_ticks:
            return INCONCLUSIVE
        same = all(topic.equal for topic in self.topics) and all(figure.allowed for figure in self.figures)
        return PASS if same else FAIL

    @property
    def verdict(self) -> str:
        return VERDICTS[self.exit_code]

    def reason(self) -> str:
        """Why the verdict is what it is, in one sentence."""
        if not self.common_ticks:
            return "the runs have no tick at the same time: they are not of the same log, or not of the same part of it"
        within = sum(len(topic.differences) - len(topic.beyond) for topic in self.topics)
        if self.exit_code == PASS:
            covered = f"; {within} fields differ within their tolerance" if within else ""
            return f"every field of {self.common_ticks} ticks is the same{covered}"
        parts = []
        if self.differences:
            first = self.differences[0]
            parts.append(
                f"{sum(topic.kinds_beyond for topic in self.topics)} fields differ, the first in {first.topic} {first.field} "
                f"at tick {first.first_tick}"
            )
            alone = sum(topic.only_a + topic.only_b for topic in self.topics[:1])
            parts += [f"{alone} ticks are in one run only"] if alone else []
        worse = sum(figure.judgement == WORSE for figure in self.figures)
        better = sum(figure.judgement == BETTER for figure in self.figures)
        parts += [f"{worse} figures are worse and {better} better"] if worse or better else []
        return "; ".join(parts) or "figures differ"

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
                    "differing": len(topic.differences), "beyond_tolerance": len(topic.beyond),
                }
                for topic in self.topics
            ],
            "differences": [vars(item) for topic in self.topics for item in topic.differences][:MOST_ROWS],
            "figures": [
                {"name": item.name, "a": item.a, "b": item.b, "delta": item.delta, "judgement": item.judgement,
                 "allowed": item.allowed}
                for item in self.figures
            ],
            "report": None,
        }  # fmt: skip
        return without_nan(found)


def compare(a: str | Path, b: str | Path, tolerances: Tolerances | None = None) -> Comparison:
    """Compares two runs given by their folders or output logs. Raises BadInputError."""
    tolerances = tolerances or Tolerances()
    logs = stored.output_log(a), stored.output_log(b)
    topics = compare_topics(*logs, tolerances)
    left, right = stored.load_figures(a), stored.load_figures(b)
    return Comparison((str(a), str(b)), logs, _identity(left, right), topics, changes(left, right, tolerances), listed(topics))


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
