"""Axis scales: round tick values, their labels, and the map from values to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Scale:
    """Maps `low..high` to the pixels `start..end`; logarithmic to base 10 if asked (values must then be positive)."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, values) -> np.ndarray:
        """Pixels, NaN where the value is not finite; far-off values stay within four axis lengths of the axis."""
        values = np.asarray(values, float)
        low, high = self.low, self.high
        if self.logarithmic:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values)
            low, high = math.log10(low), math.log10(high)
        with np.errstate(invalid="ignore", over="ignore"):
            share = np.where(np.isfinite(values), (values - low) / (high - low), np.nan)
        return self.start + np.clip(share, -4.0, 5.0) * (self.end - self.start)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """(value, label) of at most about `most` round values inside the range."""
        return decade_ticks(self.low, self.high) if self.logarithmic else round_ticks(self.low, self.high, most)


def covering(values, least_span: float = 0.0, margin: float = 0.06) -> tuple[float, float]:
    """A range around all finite values with a margin, never narrower than `least_span`; (0, 1) around nothing."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    least_span = max(least_span, 1e-9 * max(abs(low), abs(high)), 1e-12)
    if high - low < least_span:
        middle = 0.5 * (low + high)
        low, high = middle - 0.5 * least_span, middle + 0.5 * least_span
    extra = margin * (high - low)
    return low - extra, high + extra


def round_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= rough * (1.0 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(index * step, label(index * step, step)) for index in range(first, last + 1)]


def decade_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten, with their doubles and fives while there is room."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 3.0 else (1,)
    values = [factor * 10.0**decade for decade in decades for factor in factors]
    return [(value, label(value, value)) for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def label(value: float, step: float) -> str:
    """A tick value with as many decimals as its step asks for."""
    if value == 0.0:
        return "0"
    if not 1e-5 <= step < 1e7:
        return f"{value:.3g}".replace("-", MINUS)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", MINUS)
