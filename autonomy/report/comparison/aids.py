"""How each aid of the ego filter fares in a run, from its start up to each tick: share accepted, and consistency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEEDED = ("accepted", "rejected", "nis_sum", "degrees_of_freedom")  # of AidStatus; another build may lack them


@dataclass(frozen=True)
class AidShare:
    """Accepted measurements of those offered so far, in per cent; NaN before the first."""

    place: int  # in EgoState.aids

    def __call__(self, aids: np.ndarray) -> np.ndarray:
        """`aids`: (n, m) AidStatus; returns (n,)."""
        aid = _aid(aids, self.place)
        return _ratio(100.0 * aid["accepted"], aid["accepted"].astype(float) + aid["rejected"])


@dataclass(frozen=True)
class AidConsistency:
    """Mean NIS per degree of freedom so far: one where the noise fits."""

    place: int

    def __call__(self, aids: np.ndarray) -> np.ndarray:
        aid = _aid(aids, self.place)
        return _ratio(aid["nis_sum"], aid["degrees_of_freedom"].astype(float))


def _aid(aids: np.ndarray, place: int) -> dict[str, np.ndarray]:
    if aids.ndim != 2 or place >= aids.shape[1] or not set(NEEDED) <= set(aids.dtype.names or ()):
        return dict.fromkeys(NEEDED, np.zeros(len(aids)))
    return {name: aids[name][:, place] for name in NEEDED}


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
