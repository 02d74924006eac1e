"""The choice among a signal's sources, stated plainly."""

from __future__ import annotations

import numpy as np

OK, NOT_AVAILABLE, ERROR, STALE = range(4)


def choose(samples, sources, now_ns: int, timeout_s: float) -> tuple[float, int]:
    """(value, validity) at `now_ns`. `samples`: (source, valid_time_ns, value, validity) received so far, in order.

    Of each source counts its newest valid, finite sample that is not from the future; the first source of the list that
    is fresh wins. Without a fresh one the value is NaN and the validity STALE, or that of what was seen when none was valid.
    """
    newest: dict[int, tuple[int, float]] = {}
    failure = NOT_AVAILABLE
    for source, time_ns, value, validity in samples:
        rank = next((i for i, wanted in enumerate(sources) if wanted in (source, 65535)), None)
        if rank is None or time_ns > now_ns or time_ns <= newest.get(rank, (0, 0.0))[0]:
            continue
        if validity == OK and np.isfinite(value):
            newest[rank] = time_ns, value
        elif rank == 0 and rank not in newest:
            failure = validity or ERROR
    for rank in sorted(newest):
        if (now_ns - newest[rank][0]) * 1e-9 <= timeout_s:
            return newest[rank][1], OK
    return np.nan, STALE if newest else failure
