"""How our monotonic clock stands to a clock elsewhere (GNSS time, a PTP grandmaster's, a pulse a second), followed live.

Each mark is a pair: what the other clock said, and when that reached us. A Kalman filter of offset and rate takes them one by
one (the model of autonomy/log/clocks.py, which does the same backwards too over a whole log). A mark that does not fit is
rejected; when LOST_MARKS in a row do not fit, one of the clocks was set: the offset begins anew, the rate is kept.

Offsets are our clock less the other one's, rates above zero: ours runs fast. Times go in and come out as whole nanoseconds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from autonomy.log.clocks import RATE_SIGMA, RATE_WALK

__all__ = ["ClockState", "follow", "sigma_s", "to_source_ns"]

GATE = 10.83  # 99.9 % of chi-square with one degree of freedom
LOST_MARKS = 5
LEAST_SIGMA_S = 1e-7  # a time stamp of this machine is no better


class ClockState(NamedTuple):
    """`offset_s` on top of `base_ns`, at `time_ns` of our clock; `variances`: of offset, of both, of rate."""

    base_ns: int
    time_ns: int
    offset_s: float
    rate: float
    variances: tuple[float, float, float]
    accepted: int = 0
    rejected: int = 0
    steps: int = 0
    last_step_s: float = 0.0
    test_ratio: float = 0.0  # of the last mark: above 1 = rejected
    misfits: tuple[float, ...] = ()  # innovations of the marks rejected since the last one that fitted

    @property
    def rate_ppm(self) -> float:
        return self.rate * 1e6


def follow(state: ClockState | None, monotonic_ns: int, source_ns: int, mark_sigma_s: float) -> ClockState:
    """The state behind a mark: the other clock said `source_ns` when ours was at `monotonic_ns`. `state` None = the first."""
    noise = max(mark_sigma_s, LEAST_SIGMA_S) ** 2
    if state is None:
        return ClockState(monotonic_ns - source_ns, monotonic_ns, 0.0, 0.0, (noise, 0.0, RATE_SIGMA**2), accepted=1)
    expected_s, (p00, p01, p11) = _predicted(state, monotonic_ns)
    innovation = (monotonic_ns - source_ns - state.base_ns) / 1e9 - expected_s
    test_ratio = innovation**2 / (p00 + noise) / GATE
    state = state._replace(time_ns=max(monotonic_ns, state.time_ns), offset_s=expected_s, variances=(p00, p01, p11),
                           test_ratio=test_ratio)  # fmt: skip
    if test_ratio > 1.0:
        misfits = (*state.misfits, innovation)
        state = state._replace(rejected=state.rejected + 1, misfits=misfits)
        return state if len(misfits) < LOST_MARKS else _begun_anew(state, noise)
    gain0, gain1 = p00 / (p00 + noise), p01 / (p00 + noise)
    return state._replace(
        offset_s=expected_s + gain0 * innovation, rate=state.rate + gain1 * innovation, misfits=(), accepted=state.accepted + 1,
        variances=((1.0 - gain0) * p00, (1.0 - gain0) * p01, p11 - gain1 * p01),
    )  # fmt: skip


def to_source_ns(state: ClockState, monotonic_ns: int) -> int:
    """What the other clock says when ours is at `monotonic_ns`."""
    offset_s, _ = _predicted(state, monotonic_ns)
    return monotonic_ns - state.base_ns - round(offset_s * 1e9)


def sigma_s(state: ClockState, monotonic_ns: int) -> float:
    """Of `to_source_ns`: it grows while no mark comes."""
    return math.sqrt(_predicted(state, monotonic_ns)[1][0])


def _predicted(state: ClockState, monotonic_ns: int) -> tuple[float, tuple[float, float, float]]:
    """(offset, variances) then; a rate that walks."""
    step = max(monotonic_ns - state.time_ns, 0) / 1e9
    p00, p01, p11 = state.variances
    walk = RATE_WALK**2 * step
    return state.offset_s + step * state.rate, (
        p00 + 2.0 * step * p01 + step**2 * p11 + walk * step**2 / 3.0, p01 + step * p11 + walk * step / 2.0, p11 + walk,
    )  # fmt: skip


def _begun_anew(state: ClockState, noise: float) -> ClockState:
    """At the median of what did not fit, as unsure as that scatters."""
    ordered = sorted(state.misfits)
    step_s = ordered[len(ordered) // 2]
    spread = max((misfit - step_s) ** 2 for misfit in ordered)
    return state._replace(
        base_ns=state.base_ns + round(step_s * 1e9), variances=(noise + spread, 0.0, state.variances[2]), steps=state.steps + 1,
        last_step_s=step_s, misfits=(),
    )  # fmt: skip
