"""The figures of a run, in the shape of `autonomy replay --json`. Collected block by block, so memory does not grow with ticks."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy import msg
from autonomy.evaluation import reference as evaluation
from autonomy.playback.engine import Block, Engine, Fork
from autonomy.playback.source import KINDS

AIDS = ("gnss_position", "gnss_velocity", "wheel_speed", "non_holonomic", "zero_velocity", "zero_rate", "gravity", "odometry")
SETTLING_S = 5.0  # the filter's alignment is left out of the reference figures


class ReferenceCollector:
    """Keeps the ego outputs on both sides of every reference time, which is all that interpolation needs."""

    def __init__(self, poses: np.ndarray):
        self.poses = poses
        self._times = poses["time_ns"]
        self._kept: list[np.ndarray] = []
        self._last: np.ndarray | None = None

    def __call__(self, block: Block) -> None:
        ego = block.outputs["ego"]
        times = ego["time_ns"]
        if self._last is not None:
            times = np.concatenate([self._last["time_ns"], times])
        low, high = np.searchsorted(self._times, [times[0], times[-1]])
        if high > low:
            after = np.searchsorted(times, self._times[low:high], side="left")
            wanted = np.unique(np.concatenate([np.maximum(after - 1, 0), np.minimum(after, len(times) - 1)]))
            rows = ego if self._last is None else np.concatenate([self._last, ego])
            self._kept.append(rows[wanted])
        self._last = ego[-1:].copy()

    def ego(self) -> np.ndarray:
        """Array of dtype("EgoState"), strictly increasing in time."""
        if not self._kept:
            return np.zeros(0, msg.dtype("EgoState"))
        rows = np.concatenate(self._kept)
        return rows[np.concatenate([[True], np.diff(rows["time_ns"]) > 0])]


class TickTimes:
    """Histogram of tick durations in steps of 0.1 us up to 2 ms, and the largest."""

    STEP_NS, STEPS = 100, 20_000

    def __init__(self):
        self.counts = np.zeros(self.STEPS + 1, np.int64)
        self.largest_ns = 0

    def __call__(self, block: Block) -> None:
        durations = block.timing[:, 1]
        self.counts += np.bincount(np.minimum(durations // self.STEP_NS, self.STEPS), minlength=self.STEPS + 1)
        self.largest_ns = max(self.largest_ns, int(durations.max()))

    def percentile_us(self, share: float) -> float | None:
        total = self.counts.sum()
        if not total:
            return None
        return float(np.searchsorted(np.cumsum(self.counts), share * total) + 0.5) * self.STEP_NS / 1e3

    def as_json(self) -> dict[str, float | None]:
        return {"p50": self.percentile_us(0.5), "p99": self.percentile_us(0.99), "max": self.largest_ns / 1e3 or None}


def drops(engine: Engine) -> dict[str, dict[str, Any]]:
    """Per input kind: samples received, used, unusable, and the longest silence."""
    found = {}
    for kind, (received, used, unusable, gap_ns) in zip(KINDS, engine.feed.counts(), strict=True):
        if kind and received:
            found[kind] = {"received": received, "used": used, "unusable": unusable, "max_gap_ms": gap_ns / 1e6}
    return found


def clocks(ego: np.void) -> dict[str, dict[str, Any]]:
    """Delay of each source as the ego filter estimates it; offset and rate are not estimated yet."""
    sources = {"gnss_position": "gnss_position_delay", "gnss_velocity": "gnss_velocity_delay", "wheel": "wheel_delay"}
    return {
        name: {"delay_s": float(ego[f"{field}_s"]), "sigma_s": float(ego[f"{field}_sigma_s"]), "offset_s": None, "rate_ppm": None}
        for name, field in sources.items()
    }


def aids(ego: np.void) -> dict[str, dict[str, Any]]:
    """Acceptance and consistency of each aid that was ever offered."""
    found = {}
    for name, aid in zip(AIDS, ego["aids"], strict=True):
        offered = int(aid["accepted"]) + int(aid["rejected"])
        if offered:
            found[name] = {
                "accepted": int(aid["accepted"]),
                "rejected": int(aid["rejected"]),
                "nis_per_dof": float(aid["nis_sum"]) / max(int(aid["degrees_of_freedom"]), 1),
                "share_over_95": int(aid["over_95"]) / offered,
            }
    return found


def reference(collector: ReferenceCollector, start_ns: int) -> dict[str, Any] | None:
    """Errors against the reference after the settling time, None without a reference."""
    ego = collector.ego()
    if len(collector.poses) < 2 or len(ego) < 2:
        return None
    return evaluation.reference_metrics(ego, collector.poses, start_ns=start_ns + round(SETTLING_S * 1e9))


def outages(forks: list[Fork], poses: np.ndarray, main: ReferenceCollector, origin_ns: int) -> list[dict[str, Any]]:
    """Drift of each fork that kept above its lowest speed and ran to its end."""
    found = []
    for fork in forks:
        if fork.start_ego is None or fork.slowest_mps < fork.outage.min_speed_mps:
            continue
        drift = evaluation.outage_drift(fork.start_ego, fork.last_ego, poses)
        if drift is None:
            continue
        start, end = int(fork.start_ego["time_ns"]), int(fork.last_ego["time_ns"])
        found.append({"start_s": (start - origin_ns) / 1e9, "duration_s": (end - start) / 1e9, **drift})
    return found


def outage_summary(found: list[dict[str, Any]]) -> dict[str, float | None]:
    percents = np.array([item["drift_percent"] for item in found])
    if not percents.size:
        return {"outage_median_percent": None, "outage_p90_percent": None, "outage_max_percent": None}
    return {
        "outage_median_percent": float(np.median(percents)),
        "outage_p90_percent": float(np.percentile(percents, 90)),
        "outage_max_percent": float(percents.max()),
    }
