"""Samples from a file into input messages of one sample each, as if every one had arrived alone."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.log import layouts

NOT_IN_A_TICK = np.uint64(2**64 - 1)
OK, NOT_AVAILABLE, ERROR = 0, 1, 2  # validity codes


def blank(kind: str, times_ns: np.ndarray) -> np.ndarray:
    """Samples (n,) of dtype `kind`: valid and received at these times, every number NaN until it is set."""
    samples = np.zeros(len(times_ns), msg.dtype(kind))
    for name in samples.dtype.names:
        if samples.dtype[name].base.kind == "f":
            samples[name] = np.nan
    samples["valid_time_ns"] = samples["received_time_ns"] = times_ns
    return samples


def as_messages(message: str, samples: np.ndarray) -> np.ndarray:
    """One input message (ImuInput, GnssInput, ...) per sample, outside any tick."""
    rows = np.zeros(len(samples), layouts.short_dtype(message, 1))
    rows["tick_index"] = NOT_IN_A_TICK
    rows["count"] = 1
    rows["items"][:, 0] = samples
    return rows


def is_rotation(quaternions: np.ndarray) -> np.ndarray:
    """(n,) bool: those of (n, 4) that are a unit quaternion but for rounding; not zeros, nor numbers whose squares overflow."""
    largest = np.abs(np.nan_to_num(quaternions)).max(axis=1, initial=0.0)
    length = np.linalg.norm(np.clip(np.nan_to_num(quaternions), -2.0, 2.0), axis=1)
    return np.isfinite(quaternions).all(axis=1) & (largest < 2.0) & (length > 0.5) & (length < 2.0)
