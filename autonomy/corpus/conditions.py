"""Pass criteria on the figures of a run, as text: `reference.position_rms_m <= 0.45`."""

from __future__ import annotations

import difflib
import operator
import re
from dataclasses import dataclass
from typing import Any

from autonomy.errors import UsageError
from autonomy.report.words import is_number, number

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
_OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt}
_FORM = re.compile(r"^\s*(?P<metric>[A-Za-z_][\w.\[\]]*)\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<limit>\S+)\s*$")


@dataclass(frozen=True)
class Condition:
    """`metric` is a key of `autonomy replay --json`, joined by dots; `limit` a number or a word."""

    text: str
    metric: str
    operator: str
    limit: float | str

    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """`{text, value, outcome, detail}`; a figure that the run does not know makes the outcome `unknown`."""
        value, known = _look_up(metrics, self.metric)
        if value is None:
            return self._told(
                None, UNKNOWN, f"{self.metric} is not known in this run" if known else _missing(metrics, self.metric)
            )
        if isinstance(self.limit, str) != isinstance(value, str):
            return self._told(None, UNKNOWN, f"{self.metric} is {value!r}, which cannot be held against {self.limit!r}")
        outcome = PASS if _OPERATORS[self.operator](value, self.limit) else FAIL
        shown = number(value, digits=4) if is_number(value) else value
        return self._told(value, outcome, f"{self.metric} is {shown}, wanted {self.operator} {self.text.split()[-1]}")

    def _told(self, value: Any, outcome: str, detail: str) -> dict[str, Any]:
        return {"text": self.text, "value": value, "outcome": outcome, "detail": detail}


def parse(text: str, where: str) -> Condition:
    """Reads one condition; `where` says whose it is. Raises UsageError."""
    match = _FORM.match(text) if isinstance(text, str) else None
    if match is None:
        raise UsageError(
            f"{where}: cannot read the condition {text!r}; write 'figure <= number', e.g. 'reference.position_rms_m <= 0.45' "
            f"with one of {', '.join(_OPERATORS)}"
        )
    try:
        limit: float | str = float(match["limit"])
    except ValueError:
        limit = match["limit"].strip("\"'")
        if match["operator"] not in ("==", "!="):
            raise UsageError(f"{where}: the condition {text!r} holds a word against {match['operator']}; give a number") from None
    return Condition(f"{match['metric']} {match['operator']} {match['limit']}", match["metric"], match["operator"], limit)


def _look_up(metrics: dict[str, Any], name: str) -> tuple[Any, bool]:
    """(value, whether the name is known); a group of figures that is null as a whole is known and has no value."""
    here: Any = metrics
    for part in name.split("."):
        if here is None:
            return None, True
        if not isinstance(here, dict) or part not in here:
            return None, False
        here = here[part]
    return (float(here) if is_number(here) else here if isinstance(here, str) else None), True


def _missing(metrics: dict[str, Any], name: str) -> str:
    names = []
    for key, value in metrics.items():
        names += [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
    near = difflib.get_close_matches(name, names, 3, 0.5)
    return f"this run has no figure {name}" + (f"; near it are {', '.join(near)}" if near else "")
