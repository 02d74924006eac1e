"""Random numbers by counting, not by state: each is a hash of who asks, so batches, threads and repeats do not matter.

The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, variant 13 of Stafford).
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mixed(values: np.ndarray) -> np.ndarray:
    """uint64 in, uint64 out of the same shape, every bit hanging on every other."""
    with np.errstate(over="ignore"):
        z = values + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def keys(seed: int, fault_number: int, topic_hashes: np.ndarray, records: np.ndarray) -> np.ndarray:
    """uint64 (n,): one key a record, from what the record itself says (topic, sequence, log time), not from its place."""
    start = mixed(mixed(np.array([seed], np.uint64)) ^ np.uint64(fault_number))
    key = mixed(start ^ topic_hashes)
    key = mixed(key ^ records["sequence"].astype(np.uint64))
    return mixed(key ^ np.ascontiguousarray(records["log_time_ns"]).view(np.uint64))


def uniform(key: np.ndarray, draw: int | np.ndarray) -> np.ndarray:
    """float64 in [0, 1), the `draw`-th of each key; the two broadcast."""
    bits = mixed(key ^ mixed(np.asarray(draw, np.uint64).reshape(np.shape(draw) or (1,))))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key: np.ndarray, draw: int | np.ndarray) -> np.ndarray:
    """Standard normal numbers (Box and Muller)."""
    place = np.asarray(draw, np.uint64) * np.uint64(2)
    radius = np.sqrt(-2.0 * np.log1p(-uniform(key, place + np.uint64(1))))
    return radius * np.cos(2.0 * np.pi * uniform(key, place))
