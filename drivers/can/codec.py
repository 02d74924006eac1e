"""CAN frames to physical values and back, for several buses at once.

    codec = Codec.from_dbc({0: "powertrain.dbc", 1: "radar.dbc"})
    values, validity = codec.decode(0x0CF00400 | EXTENDED, data, bus=0)
    columns = codec.decode_batch(frames)                # {"EEC1": Columns(time_ns, identifier, values, validity)}
    identifier, data = codec.encode("EEC1", {"engine_speed": 1200.0}, source_address=0)

Values are float64 in the DBC's units, bit-equal to cantools; validity 0 ok, 1 not available, 2 error (the codes of
SAE J1939-71, for J1939 messages only; a value that is not ok is NaN). The twin is codec_twin.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg import dtype
from drivers.can._codec import CodecKernel
from drivers.can.database import Database, load
from drivers.can.tables import EXTENDED, build_tables

__all__ = ["CHECKSUMS", "EXTENDED", "Codec", "Columns"]

CHECKSUMS = {"toyota": 1, "j1939_tsc1": 2, "j1939_xbr": 3, "sum": 4, "xor": 5, "crc8_j1850": 6}
CHECKSUM_LENGTHS = {"j1939_tsc1": (3, 4), "j1939_xbr": (4,)}  # the others fill a whole byte
# (SPN of the checksum, SPN of the counter): kind, counter values. SAE J1939-71: TSC1 counts 0..7, XBR 0..15.
PROTECTED_SPNS = {4207: ("j1939_tsc1", 4206, 8), 3188: ("j1939_xbr", 3189, 16)}


class Columns(NamedTuple):
    """All frames of one message: `values` and `validity` are (frames, signals), in the order of the message's signals."""

    time_ns: np.ndarray
    identifier: np.ndarray  # as on the bus; the low byte is a J1939 sender
    values: np.ndarray
    validity: np.ndarray


class Codec(CodecKernel):
    """The decoder and encoder over {bus: Database}."""

    def __new__(cls, databases: Mapping[int, Database]):
        return super().__new__(cls, build_tables(databases))

    def __init__(self, databases: Mapping[int, Database]) -> None:
        self.databases = dict(databases)
        self._counters: dict[tuple[int, int], int] = {}
        for index, message in enumerate(self._tables.message_list):
            self._protect_by_spn(index, message)

    @classmethod
    def from_dbc(cls, files: Mapping[int, str | Path | Database], j1939: Mapping[int, bool] | None = None) -> Codec:
        """From {bus: DBC path or Database}. `j1939`: {bus: True/False} where VFrameFormat does not tell. Raises DatabaseError."""
        forced = j1939 or {}
        return cls({bus: item if isinstance(item, Database) else load(item, forced.get(bus)) for bus, item in files.items()})

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the databases, a sentence each."""
        return self._tables.problems

    def signal_names(self, message: str, bus: int | None = None) -> tuple[str, ...]:
        """Names of a message's signals in the order of the values. Raises KeyError with a sentence."""
        return tuple(signal.name for signal in self._tables.message_list[self._index(message, bus)].signals)

    def decode_record(self, frame: np.void) -> tuple[np.ndarray, np.ndarray] | None:
        """`decode` of one element of an array of CanFrame."""
        return self.decode(int(frame["id"]), frame["data"][: frame["length"]].tobytes(), int(frame["bus"]))

    def decode_batch(self, frames: np.ndarray) -> dict[str, Columns]:
        """Columns per message of an array of CanFrame. Messages of one name on two buses are told apart as "name@bus"."""
        if frames.dtype != dtype("CanFrame"):
            raise TypeError(f"decode_batch: frames have dtype {frames.dtype}; give an array of dtype('CanFrame')")
        names = self._tables.names
        return {
            names[index] if names.count(names[index]) == 1 else f"{names[index]}@{self._tables.bus_of_message[index]}": Columns(
                *item
            )
            for index, item in self._decode_columns(frames).items()
        }

    def protect(self, message: str, *, checksum: str, kind: str, counter: str | None = None, counter_modulo: int = 0,
                bus: int | None = None) -> None:  # fmt: skip
        """Names the checksum signal of a message, its kind (see CHECKSUMS) and its rolling counter. Raises ValueError."""
        index = self._index(message, bus)
        described = self._tables.message_list[index]
        if kind not in CHECKSUMS:
            raise ValueError(f"message {message}: unknown checksum kind '{kind}'; choose one of {', '.join(CHECKSUMS)}")
        signal = described.signals[self._place(described, checksum)]
        allowed = CHECKSUM_LENGTHS.get(kind, (8,))
        if signal.length not in allowed or signal.end_byte > described.length or (8 in allowed and signal.bus_bit % 8):
            raise ValueError(
                f"message {message}: checksum kind '{kind}' needs a signal of {allowed[0]} bits"
                f"{' that fills one byte' if 8 in allowed else ''}, {checksum} has {signal.length} at bit {signal.start}"
            )
        if 8 not in allowed and described.length != 8:
            raise ValueError(f"message {message}: checksum kind '{kind}' is defined for 8 bytes, not {described.length}")
        row = self._tables.messages[index : index + 1]
        row["checksum_signal"], row["checksum_kind"] = self._place(described, checksum), CHECKSUMS[kind]
        if counter is not None:
            self.count(message, counter=counter, counter_modulo=counter_modulo, bus=bus)

    def count(self, message: str, *, counter: str, counter_modulo: int = 0, bus: int | None = None) -> None:
        """Names the rolling counter of a message. Raises ValueError."""
        index = self._index(message, bus)
        described = self._tables.message_list[index]
        place = self._place(described, counter)
        top = 1 << described.signals[place].length
        if not 1 < (counter_modulo or top) <= min(top, 255):
            raise ValueError(f"message {message}: counter {counter} cannot count to {counter_modulo} in "
                             f"{described.signals[place].length} bits")  # fmt: skip
        row = self._tables.messages[index : index + 1]
        row["counter_signal"], row["counter_modulo"] = place, counter_modulo or min(top, 255)

    def index(self, message: str, bus: int | None = None) -> int:
        """Row of a message by its name. Raises KeyError."""
        return self._index(message, bus)

    def message_name(self, identifier: int, bus: int = 0) -> str:
        """Of a frame's identifier, "" where the database does not know it."""
        index = self.find(identifier, bus)
        return self._tables.names[index] if index >= 0 else ""

    def encode(self, message: str, values: Mapping[str, float] | np.ndarray, *, validity: np.ndarray | None = None,
               bus: int | None = None, source_address: int | None = None, destination: int | None = None,
               priority: int | None = None, counter: int | None = None) -> tuple[int, bytes]:  # fmt: skip
        """(identifier with bit 31, data) of one frame.

        `values` by signal name, or all in order. A signal left out or NaN is "not available" on J1939 and 0 raw
        elsewhere when left out. A protected message gets its checksum, and its counter counts up per sender unless
        `counter` is given. Raises ValueError naming message, signal and value.
        """
        index = self._index(message, bus)
        described = self._tables.message_list[index]
        ordered = self._ordered(index, values)
        identifier = described.identifier
        if source_address is not None or destination is not None or priority is not None:
            identifier = _addressed(described, source_address, destination, priority)
        row = self._tables.messages[index]
        if counter is None and row["counter_signal"] >= 0 and np.isnan(ordered[row["counter_signal"]]):
            counter = self._counters.get((index, identifier), 0)
            self._counters[index, identifier] = (counter + 1) % int(row["counter_modulo"])
        try:
            data = self._encode(index, identifier, ordered, validity, -1 if counter is None else counter)
        except IndexError as error:
            signal = described.signals[error.args[0]]
            raise ValueError(
                f"message {message}: signal {signal.name} cannot hold {ordered[error.args[0]]:.15g}; it reaches from "
                f"{_limits(signal)[0]:.15g} to {_limits(signal)[1]:.15g}"
            ) from None
        return identifier, data

    def _ordered(self, index: int, values) -> np.ndarray:
        message = self._tables.message_list[index]
        if isinstance(values, np.ndarray):
            if values.shape != (len(message.signals),):
                raise ValueError(f"message {message.name}: {values.shape} values for {len(message.signals)} signals")
            return np.ascontiguousarray(values, np.float64)
        ordered = np.full(max(1, len(message.signals)), np.nan)
        if not message.is_j1939:
            for place, signal in enumerate(message.signals):
                ordered[place] = 0.0 if signal.is_float else signal.offset
            row = self._tables.messages[index]
            if row["counter_signal"] >= 0:
                ordered[row["counter_signal"]] = np.nan  # counted up unless given
        for name, value in values.items():
            ordered[self._place(message, name)] = value
        return ordered

    def _protect_by_spn(self, index: int, message) -> None:
        by_spn = {signal.spn: signal for signal in message.signals if signal.spn}
        for spn, (kind, counter_spn, modulo) in PROTECTED_SPNS.items():
            if message.is_j1939 and spn in by_spn and counter_spn in by_spn:
                self.protect(message.name, checksum=by_spn[spn].name, kind=kind, counter=by_spn[counter_spn].name,
                             counter_modulo=modulo, bus=self._tables.bus_of_message[index])  # fmt: skip

    def _index(self, name: str, bus: int | None) -> int:
        found = [
            index for index, message in enumerate(self._tables.message_list)
            if message.name == name and bus in (None, self._tables.bus_of_message[index])
        ]  # fmt: skip
        if not found:
            where = "any bus" if bus is None else f"bus {bus}"
            raise KeyError(f"no message {name} in the database of {where}; check the name and the bus")
        if len(found) > 1:
            raise KeyError(f"message {name} exists on {len(found)} buses; say which with bus=")
        return found[0]

    @staticmethod
    def _place(message, signal: str) -> int:
        try:
            return message.place(signal)
        except KeyError:
            known = ", ".join(item.name for item in message.signals)
            raise ValueError(f"message {message.name} has no signal {signal}; it has {known}") from None


def _addressed(message, source_address: int | None, destination: int | None, priority: int | None) -> int:
    if not message.is_j1939:
        raise ValueError(f"message {message.name}: only J1939 messages take a source or destination address, or a priority")
    identifier = message.identifier
    if priority is not None:
        identifier = identifier & ~(7 << 26) | (priority & 7) << 26
    if source_address is not None:
        identifier = identifier & ~0xFF | source_address & 0xFF
    if destination is not None:
        if identifier >> 16 & 0xFF >= 0xF0:
            raise ValueError(f"message {message.name} is broadcast (PDU2); it takes no destination address")
        identifier = identifier & ~0xFF00 | (destination & 0xFF) << 8
    return identifier


def _limits(signal) -> tuple[float, float]:
    low, high = (-(1 << signal.length - 1), (1 << signal.length - 1) - 1) if signal.is_signed else (0, (1 << signal.length) - 1)
    return tuple(sorted((low * signal.scale + signal.offset, high * signal.scale + signal.offset)))
