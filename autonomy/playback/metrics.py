"""The figures of a run, in the shape of `autonomy replay --json`. Collected block by block: memory does not
grow with the ticks."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.evaluation import reference as evaluation
from autonomy.evaluation.outage import outage_metrics
from autonomy.evaluation.reference import REFERENCE
from autonomy.playback.collector import ReferenceCollector
from autonomy.playback.engine import Block, Engine, Fork
from autonomy.playback.source import KINDS
from autonomy.tick_period import TICK_S


class TickTimes:
    """Histogram of tick durations: in steps of 0.1 us up to 2 ms, of 0.1 ms up to 2 s; and the largest."""

    EDGES_NS = np.concatenate([np.arange(0, 2_000_000, 100), np.arange(2_000_000, 2_000_000_000, 100_000)])

    def __init__(self):
        self.counts = np.zeros(len(self.EDGES_NS), np.int64)
        self.largest_ns = 0

    def __call__(self, block: Block) -> None:
        self.take(block.timing[:, 1])

    def take(self, durations: np.ndarray) -> None:
        """(n,) ns."""
        places = np.searchsorted(self.EDGES_NS, durations, "right") - 1
        self.counts += np.bincount(np.maximum(places, 0), minlength=len(self.counts))
        self.largest_ns = max(self.largest_ns, int(durations.max(initial=0)))

    def percentile_us(self, share: float) -> float | None:
        total = self.counts.sum()
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        upper = self.EDGES_NS[place + 1] if place + 1 < len(self.EDGES_NS) else self.largest_ns
        return min(0.5 * float(self.EDGES_NS[place] + upper), float(self.largest_ns)) / 1e3

    def as_json(self) -> dict[str, float | None]:
        return {"p50": self.percentile_us(0.5), "p99": self.percentile_us(0.99), "max": self.largest_ns / 1e3 or None}


def drops(engine: Engine) -> dict[str, dict[str, Any]]:
    """Per input kind: samples received, used, unusable (CAN frames that gave none among them), and the longest silence."""
    found = {}
    spoiled = dict.fromkeys(KINDS, 0)
    for route, counts in engine.feed.route_counts().items():
        target = route.rpartition(">")[2]  # a kind, or the name of one vehicle signal
        spoiled[target if target in spoiled else "signal"] += counts["unusable"]
    for kind, (received, used, unusable, gap_ns) in zip(KINDS, engine.feed.counts(), strict=True):
        received, unusable = received + spoiled[kind], unusable + spoiled[kind]
        if kind and received:
            found[kind] = {"received": received, "used": used, "unusable": unusable, "max_gap_ms": gap_ns / 1e6}
    return found


def clocks(ego: np.void, against_gnss: tuple[float, float] | None = None) -> dict[str, dict[str, Any]]:
    """Delay of each source as the ego filter estimates it; offset and rate of the log's clock where a source tells a time.

    `against_gnss`: log clock less UTC in seconds at the last fix, and its rate.
    """
    sources = {"gnss_position": "gnss_position_delay", "gnss_velocity": "gnss_velocity_delay", "wheel": "wheel_delay"}
    offset_s, rate = against_gnss or (None, None)
    own = {"offset_s": offset_s, "rate_ppm": None if rate is None else rate * 1e6}
    return {
        name: {"delay_s": float(ego[f"{field}_s"]), "sigma_s": float(ego[f"{field}_sigma_s"])}
        | (own if name.startswith("gnss") else dict.fromkeys(own))
        for name, field in sources.items()
    }


def aids(ego: np.void) -> dict[str, dict[str, Any]]:
    """Acceptance and consistency of each aid that was ever offered."""
    return {name: found for name, found in evaluation.aid_metrics(ego).items() if found["accepted"] + found["rejected"]}


def reference(collector: ReferenceCollector, origin: str = REFERENCE) -> dict[str, float | None]:
    """Errors against the reference after the settling time, each None without one: fixes the filter was given are none."""
    poses = collector.poses if origin == REFERENCE else collector.poses[:0]
    return evaluation.reference_metrics(collector.ego(), poses)


def outages(forks: list[Fork], origin_ns: int, delay_s: float) -> list[dict[str, Any]]:
    """Drift of each fork that kept above its lowest speed. `delay_s`: age of the reference's positions."""
    found = []
    for fork in forks:
        if fork.slowest_mps < fork.outage.min_speed_mps:
            continue
        drift = outage_metrics(fork.collector.ego(), fork.collector.poses, fork.start_ns, fork.end_ns, delay_s)
        if drift["drift_percent"] is not None:
            notes = [note for note in (_cut_short(fork), drift["note"]) if note]
            found.append(drift | {"start_s": (fork.start_ns - origin_ns) / 1e9, "note": "; ".join(notes) or None})
    return found


def _cut_short(fork: Fork) -> str | None:
    """That the run ends before the outage that was asked for."""
    wanted_s, length_s = fork.outage.duration_s, (fork.end_ns - fork.start_ns) / 1e9
    if wanted_s is None or length_s >= wanted_s - TICK_S:
        return None
    return f"ends with the run after {length_s:.3g} s of the {wanted_s:g} s asked for"


def outage_summary(found: list[dict[str, Any]]) -> dict[str, float | None]:
    percents = np.array([item["drift_percent"] for item in found])
    if not percents.size:
        return {"outage_median_percent": None, "outage_p90_percent": None, "outage_max_percent": None}
    return {
        "outage_median_percent": float(np.median(percents)),
        "outage_p90_percent": float(np.percentile(percents, 90)),
        "outage_max_percent": float(percents.max()),
    }
