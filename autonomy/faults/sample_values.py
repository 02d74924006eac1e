"""Value faults on decoded samples: straight into the fields of the structs in the lists of /in/<kind>."""

from __future__ import annotations

import zlib

import numpy as np

from autonomy import msg
from autonomy.faults import chance
from autonomy.faults.fields import GROUND_FIELDS, IDENTITY_FIELDS, PRIMARY_FIELDS, SAMPLE_MESSAGES
from autonomy.faults.ground import degrees_per_metre
from autonomy.faults.target import sample_field
from autonomy.faults.timeline import ARITHMETIC_KINDS, Fault

NOT_AVAILABLE = 1  # validity


class SampleValues:
    """One fault's way of changing samples of one kind; holds what `freeze` repeats."""

    def __init__(self, fault: Fault, kind: str):
        self.fault, self.kind = fault, kind
        self.dtype = msg.dtype(SAMPLE_MESSAGES[kind])
        self.names = self._names()
        self._frozen: dict[tuple[int, int], np.ndarray] = {}

    def _names(self) -> tuple[str, ...]:
        if self.fault.signal is not None:
            known = sample_field(self.dtype, self.fault.signal) or self.fault.signal in self._floats()
            ground = self.kind == "gnss" and self.fault.signal in GROUND_FIELDS
            return (self.fault.signal,) if known or ground else ()
        if self.fault.kind in ARITHMETIC_KINDS:
            return PRIMARY_FIELDS[self.kind]
        return self._floats()

    def _floats(self) -> tuple[str, ...]:
        return tuple(name for name in self.dtype.names if self.dtype.fields[name][0].base.kind == "f")

    def change(self, samples: np.ndarray, keys: np.ndarray) -> None:
        """Changes samples (n,) in place; `keys` (n,) are what their random numbers hang on."""
        if self.fault.kind == "freeze":
            self._freeze(samples)
        elif self.fault.kind == "not_available":
            for name in self.names:
                self._set(samples, name, np.nan)
            if self.fault.signal is None:
                samples["validity"] = NOT_AVAILABLE
        else:
            for name in self.names:
                self._compute(samples, name, keys)

    def bits(self) -> np.ndarray:
        """Places of the bits in a sample that `corrupt` may flip: the named field's, or all."""
        if self.fault.signal is None:
            return np.arange(self.dtype.itemsize * 8)
        base, index = sample_field(self.dtype, self.fault.signal) or (self.fault.signal, None)
        field, offset = self.dtype.fields[base][:2]
        size = field.itemsize if index is None else field.base.itemsize
        return (offset + (index or 0) * size) * 8 + np.arange(size * 8)

    def _compute(self, samples: np.ndarray, name: str, keys: np.ndarray) -> None:
        field = name
        step = np.full(len(samples), self.fault.value)
        if self.fault.kind == "noise":
            step *= chance.normal(keys, zlib.crc32(name.encode()))
        if name in GROUND_FIELDS:
            step *= degrees_per_metre(name, samples["latitude_deg"])
            field = "longitude_deg" if name == "east" else "latitude_deg"
        values = self._get(samples, field)
        if values.ndim == 2:
            step = step[:, None]
        self._set(samples, field, values * self.fault.value if self.fault.kind == "scale" else values + step)

    def _freeze(self, samples: np.ndarray) -> None:
        identity = np.zeros((len(samples), 2), np.int64)
        identity[:, 0] = samples["source"]
        if self.kind in IDENTITY_FIELDS:
            identity[:, 1] = samples[IDENTITY_FIELDS[self.kind]]
        groups, first, of = np.unique(identity, axis=0, return_index=True, return_inverse=True)
        for number, group in enumerate(groups):
            frozen = self._frozen.setdefault(tuple(group.tolist()), samples[first[number]].copy())
            rows = np.flatnonzero(of.reshape(-1) == number)
            for name in self.names:
                self._set(samples, name, self._get(frozen, name), rows)

    def _get(self, samples, name: str):
        found = sample_field(self.dtype, name)
        base, index = found if found else (name, None)
        return samples[base] if index is None else samples[base][..., index]

    def _set(self, samples: np.ndarray, name: str, values, rows=slice(None)) -> None:
        found = sample_field(self.dtype, name)
        base, index = found if found else (name, None)
        if index is None:
            samples[base][rows] = values
        else:
            samples[base][rows, index] = values


def shift_times(samples: np.ndarray, step_ns: np.ndarray, kind: str) -> None:
    """`delay` and `reorder` move the reception, and the validity of samples that knew no better; `clock_jump` moves all."""
    if kind == "clock_jump":
        moved = np.ones(len(samples), bool)
        if "start_time_ns" in samples.dtype.names:
            samples["start_time_ns"] += step_ns
    else:
        moved = samples["valid_time_ns"] == samples["received_time_ns"]
    samples["valid_time_ns"] += np.where(moved, step_ns, 0)
    samples["received_time_ns"] += step_ns
