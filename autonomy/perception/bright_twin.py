"""Narrow bright runs slab by slab, in NumPy: the twin of ext/autonomy/perception/_bright.pyx."""

from __future__ import annotations

import numpy as np

SLABS, STRIPS, APART, BESIDE, LEAST_AROUND = 120, 320, 3, 2, 2


def find_runs(x: np.ndarray, y: np.ndarray, intensity: np.ndarray, p: dict) -> np.ndarray:
    """(n, 4) x, y, weight, slab of each run among ground points."""
    slab, strip = np.floor(x + p["behind_m"]).astype(int), np.floor(y * 10.0 + STRIPS // 2).astype(int)
    found = []
    for s in range(SLABS):
        here = (slab == s) & (strip >= 0) & (strip < STRIPS)
        if here.any():
            found += _runs_of_slab(s, strip[here], x[here], y[here], intensity[here].astype(float), p)
    return np.array(found).reshape(-1, 4)


def _runs_of_slab(slab, strip, x, y, intensity, p) -> list[tuple]:
    counts = np.bincount(strip, minlength=STRIPS)
    sums = np.bincount(strip, intensity, STRIPS)
    mean = np.divide(sums, counts, out=np.full(STRIPS, np.nan), where=counts > 0)
    around, widest = int(p["around_m"] * 10), int(p["width_most_m"] * 10 + 0.5)
    background = np.full(STRIPS, np.nan)
    for i in np.flatnonzero(counts):
        sides = slice(max(i - around, 0), max(i - APART, 0)), slice(i + APART + 1, i + around + 1)
        if all(counts[side].sum() >= LEAST_AROUND for side in sides):
            background[i] = max(sums[side].sum() / counts[side].sum() for side in sides)
    known = np.isfinite(background)
    if not known.any():
        return []
    more = mean - background
    deviation = np.minimum(np.abs(more[known]), background[known] + 1.0).mean()
    bright = known & (more > p["ratio"] * background) & (more > p["spread"] * deviation) & (more > p["least"])
    runs, i = [], 0
    while i < STRIPS:
        if not bright[i]:
            i += 1
            continue
        first = last = i
        i += 1
        while i < STRIPS and i - last <= 2:
            if bright[i]:
                last = i
            elif counts[i] > 0:
                break
            i += 1
        if last - first + 1 > widest:
            continue
        peak = max(range(first, last + 1), key=lambda k: more[k] if known[k] else -1.0)
        half = background[peak] + 0.5 * more[peak]
        if any(0 <= k < STRIPS and counts[k] and mean[k] > half for k in (first - BESIDE, last + BESIDE)):
            continue
        inside = (strip >= first) & (strip <= last)
        light = np.maximum(intensity - background[strip], 0.0)[inside]
        ground = background[[k for k in range(first, last + 1) if known[k]][-1]]
        light = np.nan_to_num(light)
        runs.append(
            ((x[inside] @ light) / light.sum(), (y[inside] @ light) / light.sum(), more[peak] / (more[peak] + ground + 1.0), slab)
        )
    return runs
