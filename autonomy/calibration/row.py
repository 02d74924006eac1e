"""One number of a calibration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One calibrated number as people read it; `note` says why a value is not used."""

    name: str
    unit: str
    value: float
    sigma: float | None  # None where the value was held
    configured: float | None
    is_used: bool
    note: str
