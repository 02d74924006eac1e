"""Value faults on CAN frames: the signals decoded by the codec, changed, and written back into the frame's bytes."""

from __future__ import annotations

import zlib

import numpy as np

from autonomy.faults import chance
from autonomy.faults._rewrite import write_signals
from autonomy.faults.ground import degrees_per_metre
from autonomy.faults.plans import Plan, SignalSum
from autonomy.faults.timeline import Fault
from drivers.can.tables import FLOAT16, FLOAT32, FLOAT64, NO_CODE

FLOATS = {FLOAT16: ("<f2", "<u2"), FLOAT32: ("<f4", "<u4"), FLOAT64: ("<f8", "<u8")}
ROUNDS = 2  # once more when the fine signal ran out of range


class CanValues:
    """One fault's way of changing frames; holds what `freeze` repeats."""

    def __init__(self, fault: Fault, codec):
        self.fault, self.codec = fault, codec
        self._frozen: dict[tuple[int, ...], np.ndarray] = {}

    def change(self, plan: Plan, frames: np.ndarray, keys: np.ndarray) -> tuple[int, int]:
        """Changes frames (n,) of one plan in place; returns (frames changed, frames with a value at its limit)."""
        if self.fault.kind == "freeze":
            return self._freeze(plan, frames), 0
        if self.fault.kind == "not_available":
            rows = [self._row(plan, place) for place in plan.places]
            raw = np.tile(np.array([row["mask"] for row in rows], np.uint64), (len(frames), 1))
            return self._write(plan, frames, raw, np.ones(raw.shape, np.uint8)), 0
        return self._compute(plan, frames, keys)

    def bits(self, plan: Plan) -> np.ndarray:
        """Places in the frame (byte * 8 + bit) of all bits of the plan's signals that fit into 8 bytes."""
        found = []
        for place in plan.places:
            row = self._row(plan, place)
            if row["end_byte"] <= 8:
                bits = np.arange(int(row["start_bit"]), int(row["start_bit"]) + int(row["length"]))
                found.append(bits // 8 * 8 + 7 - bits % 8 if row["is_big_endian"] else bits)
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _compute(self, plan: Plan, frames: np.ndarray, keys: np.ndarray) -> tuple[int, int]:
        (columns,) = self.codec.decode_batch(frames).values()
        places = {place: column for column, place in enumerate(plan.places)}
        raw = np.zeros((len(frames), len(places)), np.uint64)
        written = np.zeros(raw.shape, bool)
        limited = np.zeros(len(frames), bool)
        values = columns.values.copy()
        for item in plan.sums:
            free = [term for term in item.terms if not written[:, places[term[0]]].any()]
            if not free:
                continue
            wanted = self._wanted(item, columns.values, keys)
            if plan.condition is not None:
                wanted[columns.values[:, plan.condition[0]] != plan.condition[1]] = np.nan
            limited |= self._reach(plan, item, free, values, wanted)
            for place, _, _ in free:
                written[:, places[place]] = np.isfinite(values[:, place]) & np.isfinite(wanted)
        for place, column in places.items():
            raw[:, column] = _quantised(self._row(plan, place), values[:, place], plan.is_j1939)[1]
        return self._write(plan, frames, raw, written.view(np.uint8)), int(limited.sum())

    def _reach(self, plan: Plan, item: SignalSum, free, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Moves the free signals of a sum until it is as wanted, in place; True where their limits or steps forbid it.

        Signals of the largest span share the change, the finer ones take what rounding leaves. Where a fine one runs
        into its limit, it starts again from the middle of its range.
        """
        rows = [self._row(plan, place) for place, _, _ in free]
        spans = [abs(scale) * _span(row) for (_, scale, _), row in zip(free, rows, strict=True)]
        order = sorted(range(len(free)), key=lambda n: -spans[n])
        leading = sum(span >= 0.5 * max(spans) for span in spans)
        step = min(abs(scale * float(row["factor"])) for (_, scale, _), row in zip(free, rows, strict=True))
        missed = np.isfinite(wanted)
        for _ in range(ROUNDS):
            for count, n in enumerate(order):
                place, scale, _ = free[n]
                rest = wanted - _total(item.terms, values)
                change = rest / (leading - count) if count < leading else rest
                aim = values[:, place] + change / scale
                use = missed & np.isfinite(aim)
                values[use, place] = _quantised(rows[n], aim, plan.is_j1939)[0][use]
            missed &= np.abs(wanted - _total(item.terms, values)) > 0.75 * step
            if not missed.any() or leading == len(order):
                break
            for n in order[leading:]:
                values[missed, free[n][0]] = _middle(rows[n])
        return missed

    def _wanted(self, item: SignalSum, values: np.ndarray, keys: np.ndarray) -> np.ndarray:
        now = _total(item.terms, values)
        if self.fault.kind == "scale":
            return now * self.fault.value
        step = np.full(len(now), self.fault.value)
        if self.fault.kind == "noise":
            step *= chance.normal(keys, zlib.crc32(item.name.encode()))
        if item.latitude:
            step *= degrees_per_metre(item.name, _total(item.latitude, values))
        return now + step

    def _freeze(self, plan: Plan, frames: np.ndarray) -> int:
        raw = np.stack([_raw(self._row(plan, place), frames) for place in plan.places], axis=1)
        message = self.codec._tables.message_list[plan.message]
        selectors = sorted({message.place(signal.multiplexer) for signal in message.signals if signal.multiplexer})
        identity = np.stack(
            [frames["bus"].astype(np.uint64) << np.uint64(32) | frames["id"].astype(np.uint64)]
            + [_raw(self._row(plan, place), frames) for place in selectors], axis=1
        )  # fmt: skip
        groups, first, of = np.unique(identity, axis=0, return_index=True, return_inverse=True)
        for number, group in enumerate(groups):
            frozen = self._frozen.setdefault(tuple(group.tolist()), raw[first[number]].copy())
            raw[of.reshape(-1) == number] = frozen
        return self._write(plan, frames, raw, np.ones(raw.shape, np.uint8))

    def _write(self, plan: Plan, frames: np.ndarray, raw: np.ndarray, written: np.ndarray) -> int:
        return write_signals(self.codec, plan.message, frames, np.array(plan.places, np.int32), raw, written)

    def _row(self, plan: Plan, place: int) -> np.void:
        tables = self.codec._tables
        return tables.signals[int(tables.messages[plan.message]["first_signal"]) + place]


def _total(terms: tuple[tuple[int, float, float], ...], values: np.ndarray) -> np.ndarray:
    total = np.zeros(len(values))
    for place, scale, offset in terms:
        total = total + (values[:, place] * scale + offset)
    return total


def _raw(row: np.void, frames: np.ndarray) -> np.ndarray:
    """Raw bits uint64 (n,) of a signal within the first 8 bytes."""
    if row["end_byte"] > 8:
        return np.zeros(len(frames), np.uint64)
    words = np.ascontiguousarray(frames["data"]).view(">u8" if row["is_big_endian"] else "<u8").reshape(-1).astype(np.uint64)
    return words >> np.uint64(row["shift"]) & np.uint64(row["mask"])


def _quantised(row: np.void, values: np.ndarray, is_j1939: bool) -> tuple[np.ndarray, np.ndarray]:
    """(the nearest values the signal can hold, their raw bits)."""
    factor, offset = float(row["factor"]), float(row["offset"])
    if int(row["kind"]) in FLOATS:
        float_type, bits_type = FLOATS[int(row["kind"])]
        stored = ((values - offset) / factor).astype(float_type)
        return stored.astype(float) * factor + offset, stored.view(bits_type).astype(np.uint64)
    low, high = _limits(row, is_j1939)
    steps = np.rint((np.where(np.isfinite(values), values, offset) - offset) / factor)
    kept = np.clip(steps, low, np.nextafter(float(high), 0.0) if high > 2**53 else float(high))
    bits = kept.astype(np.int64).view(np.uint64) if high < 2**63 else kept.astype(np.uint64)
    return kept * factor + offset, bits & np.uint64(row["mask"])


def _limits(row: np.void, is_j1939: bool) -> tuple[int, int]:
    """Lowest and highest raw value that is a measurement."""
    if row["sign_bit"]:
        return -int(row["sign_bit"]), int(row["sign_bit"]) - 1
    if is_j1939 and int(row["error_from"]) != NO_CODE:
        # SAE J1939-71: FB.. to FD.. are reserved as well
        reserved = 3 << int(row["length"]) - 8 if row["length"] >= 8 else 0
        return 0, int(row["error_from"]) - reserved - 1
    return 0, int(row["mask"])


def _middle(row: np.void) -> float:
    low, high = _limits(row, False)
    return (low + high + 1) // 2 * float(row["factor"]) + float(row["offset"])


def _span(row: np.void) -> float:
    return float("inf") if int(row["kind"]) in FLOATS else float(row["mask"]) * abs(float(row["factor"]))
