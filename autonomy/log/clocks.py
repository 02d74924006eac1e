"""How a log's clock stands to the own time of a source: offset, rate, jumps, and a table that corrects it.

A record of a source carries the source's own time and came at a time of the log's clock; the difference is the offset of
the two clocks plus the way to the logger, which scatters. Followed by a filter of offset and rate, forwards as a live
system would and then backwards, it gives the offset at any moment. The constant part of the way is in the offset: it cannot be
told from it, only a motion model can (the delays of the ego filter).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ATTACHMENT = "clocks.json"
SCHEMA = "autonomy.clocks/1"
SETTLING_S = 120.0  # a filter of the rate has settled after a hundred samples at 1 Hz
KNOT_NS = 10_000_000_000  # of the table: a rate that changes by 1 ppm a second moves it by 0.1 ms between knots
RATE_SIGMA = 200e-6  # quartz clocks: 20-100 ppm, times two
RATE_WALK = 0.5e-6  # 1/sqrt(s): some 10 ppm in some minutes, as a warming quartz does
LEAST_JITTER_S = 1e-5
JUMP_S, JUMP_JITTERS, JUMP_SAMPLES = 0.05, 8.0, 5  # a step is real that five samples on either side agree on
OUTLIER = 3.0  # sigmas, beyond which a sample counts less
LEAST_SAMPLES = 10


@dataclass(frozen=True)
class Jump:
    """The log's clock against the source's: `step_s` > 0 = the log's went ahead (or the source's back)."""

    log_ns: int
    step_s: float


@dataclass(frozen=True)
class Correction:
    """Offsets of the log's clock to a source's at knots of the log's clock, int64 (k,)."""

    log_ns: np.ndarray
    offset_ns: np.ndarray

    def to_source_ns(self, log_ns: np.ndarray) -> np.ndarray:
        """Times (n,) int64 of the log's clock on the source's: between the knots by line, outside by the nearest rate."""
        log_ns = np.asarray(log_ns, np.int64)
        if len(self.log_ns) == 1:
            return log_ns - self.offset_ns[0]
        place = np.clip(np.searchsorted(self.log_ns, log_ns, side="right") - 1, 0, len(self.log_ns) - 2)
        first, offset = self.log_ns[place], self.offset_ns[place]
        slope = (self.offset_ns[place + 1] - offset) / (self.log_ns[place + 1] - first)
        return log_ns - offset - np.rint((log_ns - first) * slope).astype(np.int64)


def correction(reader, source: str = "gnss") -> Correction | None:
    """What `autonomy log sync -o` left in a log (an OrderedReader); None where it left nothing for the source."""
    if ATTACHMENT not in reader.attachments:
        return None
    row = json.loads(reader.attachment(ATTACHMENT))["sources"].get(source) or {}
    table = row.get("table")
    return Correction(np.array(table["log_ns"], np.int64), np.array(table["offset_ns"], np.int64)) if table else None


@dataclass(frozen=True)
class ClockFit:
    """One source. Offsets are log clock less source clock; a rate > 0 = the log's clock runs fast."""

    samples: int
    start_ns: int
    end_ns: int
    offset_ns: int  # at end_ns
    rate_ppm: float  # over all
    rate_sigma_ppm: float
    jitter_s: float  # robust sigma of the way's scatter
    residual_s: float  # RMS against the table
    following_s: float | None  # RMS of a sample against what the filter expected of it, after SETTLING_S
    holdover_s: float | None  # RMS of what the filter expected SETTLING_S earlier, against the table
    jumps: tuple[Jump, ...]
    table: Correction = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "offset_s": self.offset_ns / 1e9,
            "rate_ppm": self.rate_ppm,
            "rate_sigma_ppm": self.rate_sigma_ppm,
            "jitter_ms": self.jitter_s * 1e3,
            "residual_ms": self.residual_s * 1e3,
            "following_ms": None if self.following_s is None else self.following_s * 1e3,
            "holdover_ms": None if self.holdover_s is None else self.holdover_s * 1e3,
            "jumps": [{"log_ns": jump.log_ns, "step_s": jump.step_s} for jump in self.jumps],
            "table": {"log_ns": self.table.log_ns.tolist(), "offset_ns": self.table.offset_ns.tolist()},
        }


def fit(log_ns: np.ndarray, source_ns: np.ndarray) -> ClockFit | None:
    """From the times (n,) int64 at which records came and what the source's clock said. None with too few of them."""
    order = np.argsort(log_ns, kind="stable")
    log_ns, source_ns = np.asarray(log_ns, np.int64)[order], np.asarray(source_ns, np.int64)[order]
    if len(log_ns) < LEAST_SAMPLES:
        return None
    base_ns = int(log_ns[0] - source_ns[0])
    time_s = (log_ns - log_ns[0]) / 1e9
    offset_s = (log_ns - source_ns - base_ns) / 1e9  # differences first: exact, whatever the epochs are
    jitter_s = _jitter(offset_s)
    starts = _jumps(offset_s, jitter_s)
    jumps = tuple(Jump(int(log_ns[place]), _step(offset_s, place)) for place in starts)
    parts = [_Follower(time_s[part], offset_s[part], jitter_s) for part in np.split(np.arange(len(time_s)), starts)]
    smooth = np.concatenate([part.smooth for part in parts])
    following = _rms(np.concatenate([part.innovations for part in parts]))
    holdover = _rms(np.concatenate([part.holdovers for part in parts]))
    rate, rate_sigma = _line(time_s, offset_s, starts, jitter_s)
    knots = _knots(log_ns, starts)
    return ClockFit(
        samples=len(log_ns), start_ns=int(log_ns[0]), end_ns=int(log_ns[-1]),
        offset_ns=base_ns + round(float(smooth[-1]) * 1e9), rate_ppm=rate * 1e6, rate_sigma_ppm=rate_sigma * 1e6,
        jitter_s=jitter_s, residual_s=_rms(offset_s - smooth) or 0.0, following_s=following, holdover_s=holdover, jumps=jumps,
        table=Correction(log_ns[knots], base_ns + np.rint(smooth[knots] * 1e9).astype(np.int64)),
    )  # fmt: skip


class _Follower:
    """Kalman filter of offset and rate over one stretch without jumps, and its smoother."""

    def __init__(self, time_s: np.ndarray, offset_s: np.ndarray, jitter_s: float) -> None:
        count = len(time_s)
        state, covariance = np.array([offset_s[0], 0.0]), np.diag([jitter_s**2, RATE_SIGMA**2])
        states, expected = np.zeros((count, 2)), np.zeros((count, 2))
        covariances, ahead = np.zeros((count, 2, 2)), np.zeros((count, 2, 2))
        for index in range(count):
            step = time_s[index] - time_s[index - 1] if index else 0.0
            F = np.array([[1.0, step], [0.0, 1.0]])
            state = F @ state
            covariance = F @ covariance @ F.T + RATE_WALK**2 * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
            expected[index], ahead[index] = state, covariance
            innovation, variance = offset_s[index] - state[0], covariance[0, 0] + jitter_s**2
            excess = abs(innovation) / (OUTLIER * np.sqrt(variance))
            gain = covariance[:, 0] / (covariance[0, 0] + jitter_s**2 * max(1.0, excess) ** 2)
            state, covariance = state + gain * innovation, covariance - np.outer(gain, covariance[0])
            states[index], covariances[index] = state, covariance
        settled = time_s - time_s[0] >= SETTLING_S
        self.innovations = (offset_s - expected[:, 0])[settled]
        smooth = states.copy()
        for index in range(count - 2, -1, -1):  # Rauch-Tung-Striebel
            step = time_s[index + 1] - time_s[index]
            F = np.array([[1.0, step], [0.0, 1.0]])
            gain = covariances[index] @ F.T @ np.linalg.inv(ahead[index + 1])
            smooth[index] += gain @ (smooth[index + 1] - F @ states[index])
        self.smooth = smooth[:, 0]
        # What was known SETTLING_S before, carried on at its rate
        before = np.searchsorted(time_s, time_s - SETTLING_S, side="right") - 1
        usable = (before >= 0) & (time_s[np.maximum(before, 0)] - time_s[0] >= SETTLING_S)
        index = before[usable]
        foretold = states[index, 0] + states[index, 1] * (time_s[usable] - time_s[index])
        self.holdovers = foretold - self.smooth[usable]


def _jitter(offset_s: np.ndarray) -> float:
    """Sigma of the scatter between neighbours, blind to steps and slow changes: half of what two thirds lie within."""
    low, high = np.percentile(np.diff(offset_s, 2), (15.87, 84.13))
    return max(float(high - low) / 2.0 / np.sqrt(6.0), LEAST_JITTER_S)


def _step(offset_s: np.ndarray, place: int) -> float:
    """Median of the samples from `place` on less that of those before it."""
    before, after = offset_s[max(0, place - JUMP_SAMPLES) : place], offset_s[place : place + JUMP_SAMPLES]
    return float(np.median(after) - np.median(before))


def _jumps(offset_s: np.ndarray, jitter_s: float) -> list[int]:
    """First samples behind each step."""
    limit = max(JUMP_S, JUMP_JITTERS * jitter_s)
    found: list[int] = []
    last = -JUMP_SAMPLES
    for place in np.flatnonzero(np.abs(np.diff(offset_s)) > 0.5 * limit) + 1:
        inside = JUMP_SAMPLES <= place <= len(offset_s) - JUMP_SAMPLES
        if inside and place - last >= JUMP_SAMPLES and abs(_step(offset_s, place)) > limit:
            found.append(int(place))
            last = place
    return found


def _line(time_s: np.ndarray, offset_s: np.ndarray, starts: list[int], jitter_s: float) -> tuple[float, float]:
    """One rate over all stretches and its sigma, which allows for errors that neighbours share."""
    part = np.searchsorted(starts, np.arange(len(time_s)), side="right")
    columns = np.column_stack([time_s, part[:, None] == np.arange(len(starts) + 1)])
    weight = np.ones(len(time_s))
    for _ in range(5):  # Huber
        solution = np.linalg.lstsq(columns * weight[:, None], offset_s * weight, rcond=None)[0]
        residual = offset_s - columns @ solution
        scale = max(1.4826 * float(np.median(np.abs(residual))), jitter_s)
        weight = np.sqrt(np.minimum(1.0, OUTLIER * scale / np.maximum(np.abs(residual), 1e-12)))
    spread = residual - residual.mean()
    variance = float(spread @ spread) / len(spread)
    shared = 1.0
    for lag in range(1, len(spread) // 4):
        correlation = float(spread[lag:] @ spread[:-lag]) / len(spread) / variance if variance else 0.0
        if correlation <= 0.05:
            break
        shared += 2.0 * correlation
    centred = np.concatenate([piece - piece.mean() for piece in np.split(time_s, starts)])
    return float(solution[0]), float(np.sqrt(variance * shared / max(float(centred @ centred), 1e-12)))


def _knots(log_ns: np.ndarray, starts: list[int]) -> np.ndarray:
    """Indices of the samples that make the table: one a KNOT_NS, and both sides of each jump."""
    bins = (log_ns - log_ns[0]) // KNOT_NS
    chosen = np.flatnonzero(np.append(True, np.diff(bins) > 0))
    edges = [index for start in starts for index in (start - 1, start)]
    chosen = np.unique(np.concatenate([chosen, edges, [len(log_ns) - 1]]).astype(np.int64))
    return chosen[np.append(True, np.diff(log_ns[chosen]) > 0)]


def _rms(values: np.ndarray) -> float | None:
    return float(np.sqrt(np.mean(values**2))) if len(values) else None
