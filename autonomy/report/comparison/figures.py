"""The figures of two runs side by side: which changed, and whether that is better or worse."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

from autonomy.playback.tolerance import Limit, Tolerances
from autonomy.report.words import is_number

EQUAL, WITHIN, BETTER, WORSE, CHANGED, MACHINE = "equal", "within tolerance", "better", "worse", "changed", "not judged"
ROUNDING = 1e-12  # of the value: figures are read back from text

# What does not describe the outputs, or is compared on its own
_NOT_FIGURES = ("schema", "verdict", "exit_code", "version", "*_hash", "log.*", "mode", "path", "determinism*", "reference_run*",
                "report", "output_sha256", "faults*")  # fmt: skip
_OF_THE_MACHINE = ("realtime_factor", "startup_s", "tick_us.*")
_HIGHER_IS_BETTER = ("reference.inside_3_sigma_share", "aids.*.accepted", "drops.*.used", "shadow.*.correlation", "speed_kept",
                     "realtime_factor", "min_ttc_s", "min_headway_s")  # fmt: skip
_LOWER_IS_BETTER = (
    "reference.*", "outage*", "aids.*.rejected", "aids.*.share_over_95", "drops.*.unusable", "drops.*.max_gap_ms", "oddities.*",
    "clocks.*.sigma_s", "shadow.*.rms", "startup_s", "tick_us.*", "collisions", "jerk_p99_mps3", "hard_brakes", "lane_offset_*",
    "trailer_offset_max_m", "out_of_lane_share", "lateral_acceleration_max_mps2",
)  # fmt: skip
_NEAR_ONE = ("aids.*.nis_per_dof",)


@dataclass(frozen=True)
class FigureChange:
    """One figure of both runs; `a` or `b` is None where that run does not know it."""

    name: str
    a: float | None
    b: float | None
    judgement: str
    allowed: bool  # False fails the comparison

    @property
    def delta(self) -> float | None:
        return self.b - self.a if self.a is not None and self.b is not None else None

    @property
    def share(self) -> float | None:
        """The change as a share of A's value."""
        return self.delta / abs(self.a) if self.delta is not None and self.a else None


def flattened(metrics: dict[str, Any]) -> dict[str, float | None]:
    """Numbers by their dotted names; the outages by their start: `outages[20s].drift_percent`."""
    found: dict[str, float | None] = {}
    _flatten(metrics, "", found)
    return {name: value for name, value in found.items() if not _fits(name, _NOT_FIGURES)}


def changes(a: dict[str, Any], b: dict[str, Any], tolerances: Tolerances) -> list[FigureChange]:
    """Every figure that either run knows, in the order of run A's, then what only B has."""
    left, right = flattened(a), flattened(b)
    found = []
    for name in [*left, *(name for name in right if name not in left)]:
        one, other = left.get(name), right.get(name)
        limit = tolerances.of_metric(name)
        if (one is None and other is None) or limit.ignore:
            continue
        judgement = _judge(name, one, other, limit)
        allowed = judgement in (EQUAL, WITHIN, MACHINE) or (judgement == BETTER and limit.allow == "better")
        found.append(FigureChange(name, one, other, judgement, allowed))
    return found


def higher_is_better(name: str) -> bool | None:
    """None where a figure has no better direction."""
    if _fits(name, _HIGHER_IS_BETTER):
        return True
    return False if _fits(name, _LOWER_IS_BETTER) else None


def _judge(name: str, a: float | None, b: float | None, limit: Limit) -> str:
    if _fits(name, _OF_THE_MACHINE):
        return MACHINE
    if a is None or b is None:
        return CHANGED
    gap, size = abs(b - a), max(abs(a), abs(b))
    if gap <= ROUNDING * size:
        return EQUAL
    if gap <= limit.absolute + limit.relative * size:
        return WITHIN
    if _fits(name, _NEAR_ONE):
        return BETTER if abs(b - 1.0) < abs(a - 1.0) else WORSE
    upward = higher_is_better(name)
    if upward is None:
        return CHANGED
    return BETTER if (b > a) == upward else WORSE


def _flatten(value: Any, name: str, found: dict[str, float | None]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _flatten(item, f"{name}.{key}" if name else str(key), found)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            start = item.get("start_s") if isinstance(item, dict) else None
            _flatten(item, f"{name}[{start:g}s]" if is_number(start) else f"{name}[{number}]", found)
    elif value is None or is_number(value):
        found[name] = value


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
