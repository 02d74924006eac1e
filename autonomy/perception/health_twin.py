"""Shares of noise and of blocked sectors, in NumPy: the twin of ext/autonomy/perception/_health.pyx."""

from __future__ import annotations

import numpy as np

from autonomy.perception.ground_twin import corner

SECTORS, NOISE = 64, 5


def judge(points: np.ndarray, labels: np.ndarray, p: dict) -> dict[str, float]:
    """Of points [n, 4] (x, y, z, height above the ground) and their labels."""
    r = np.hypot(points[:, 0], points[:, 1])
    valid = np.isfinite(points[:, :3]).all(axis=1) & (r > 0)
    noise, above = valid & (labels == NOISE), points[:, 3] >= 0
    near = valid & (r < p["noise_range_m"])
    near_noise = near & noise & above
    share = near_noise.sum() / max(near.sum(), 1)
    low = (near_noise & (points[:, 3] < p["spray_height_m"])).sum()
    sector = (corner(points[valid, 0], points[valid, 1]) * SECTORS / 4).astype(int) % SECTORS
    counts = np.bincount(sector, minlength=SECTORS)
    ranges = np.bincount(sector, r[valid], SECTORS) / np.maximum(counts, 1)
    blocked = (counts < p["blocked_share"] * np.sort(counts)[SECTORS // 2]) | (ranges < p["blocked_range_m"])
    return {
        "points": valid.sum(), "invalid": (~valid).sum(), "noise": (noise & above).sum(), "below": (noise & ~above).sum(),
        "near": near.sum(), "near_noise": near_noise.sum(), "low_noise": low, "noise_share": share,
        "rain": min(share / p["noise_share_rain"], 1.0),
        "spray": min(share / p["noise_share_spray"], 1.0) if 2 * low > near_noise.sum() else 0.0,
        "blocked_sectors": blocked.sum(), "median_range_m": np.sort(ranges)[SECTORS // 2],
    }  # fmt: skip
