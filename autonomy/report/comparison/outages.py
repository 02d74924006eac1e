"""The outages of both runs: each one's drift in A and in B, by the time of its start."""

from __future__ import annotations

import re

import numpy as np

from autonomy.report.comparison.comparison import Comparison
from autonomy.report.plot import Figure, Level, Points, time_figure
from autonomy.report.words import counted

DRIFT = re.compile(r"outages\[(?P<start_s>[\d.e+]+)s\]\.drift_percent")
Y_LABEL = "drift (% of distance)"


def figures(found: Comparison) -> list[Figure]:
    """A pair of figures, none where neither run drove an outage."""
    drifts = [(match["start_s"], item.a, item.b) for item in found.figures if (match := DRIFT.fullmatch(item.name))]
    if not drifts:
        return []
    start, a, b = np.array(sorted((float(start), *(np.nan if one is None else one for one in pair)) for start, *pair in drifts)).T
    x_range = (min(0.0, float(start[0])), float(start[-1]) * 1.05 + 1.0)
    top = max(1.1 * float(np.nanmax([a, b], initial=0.0)), 0.1)
    gap = b - a
    known = gap[np.isfinite(gap)]
    note = f"In both runs: {len(known)} of {counted(len(gap), 'outage')}"
    note += f"; B drifts less in {int((known < 0).sum())}, more in {int((known > 0).sum())}." if len(known) else "."
    both = [Points(start, a, "s1", "A"), Points(start, b, "s2", "B")]
    apart = [Points(start, gap, "s1", "B minus A"), Level(0.0)]
    return [
        time_figure("Drift without GNSS, by the start", both, Y_LABEL, x_range, y_range=(0.0, top)),
        time_figure("Drift without GNSS: difference", apart, Y_LABEL, x_range, least_span=1e-9, note=note),
    ]
