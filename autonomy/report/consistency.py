"""Whether an aid's innovations are what the filter takes them for: white, Gaussian, of the size it believes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_LAGS = 20
LEAST_SAMPLES = 30  # below, a histogram or a correlation says nothing
WINDOWS = 40  # of the NIS over time


@dataclass(frozen=True)
class WindowedNis:
    """Per window (k,): its middle in s, the mean NIS per degree of freedom, and where 95 % of such means lie."""

    time_s: np.ndarray
    nis_per_dof: np.ndarray
    low: np.ndarray
    high: np.ndarray


def normalised(innovation: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Innovation over its sigma, (n, axes); NaN where the axis was not used."""
    used = np.isfinite(innovation) & (sigma > 0)
    return np.where(used, innovation / np.where(used, sigma, 1.0), np.nan)


def autocorrelation(values: np.ndarray, lags: int = MOST_LAGS) -> np.ndarray:
    """Of the finite values, for the lags 1..`lags`; empty where there are too few of them."""
    values = values[np.isfinite(values)]
    lags = min(lags, len(values) // 4)
    if len(values) < LEAST_SAMPLES or lags < 1:
        return np.zeros(0)
    values = values - values.mean()
    power = float(values @ values)
    if power <= 0.0:
        return np.zeros(0)
    return np.array([values[lag:] @ values[:-lag] for lag in range(1, lags + 1)]) / power


def windowed_nis(time_s: np.ndarray, nis_sum: np.ndarray, degrees_of_freedom: np.ndarray) -> WindowedNis | None:
    """From the filter's running sums at each measurement. None with too few measurements."""
    if len(time_s) < LEAST_SAMPLES:
        return None
    from scipy.stats import chi2

    edges = np.unique(np.linspace(0, len(time_s) - 1, min(WINDOWS, len(time_s) // 8) + 1).astype(int))
    freedom = np.diff(degrees_of_freedom.astype(np.int64)[edges]).astype(float)
    usable = freedom > 0  # a filter that began anew counts from zero
    total = np.diff(nis_sum[edges])[usable]
    freedom, middle = freedom[usable], 0.5 * (time_s[edges[1:]] + time_s[edges[:-1]])[usable]
    if not len(freedom):
        return None
    return WindowedNis(middle, total / freedom, chi2.ppf(0.025, freedom) / freedom, chi2.ppf(0.975, freedom) / freedom)
