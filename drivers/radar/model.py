"""What a radar on CAN is, as data: which frames make a scan and where their signals stand.

A scan is `count` target frames with consecutive identifiers, of which each is a place of the sensor's list. Its counter stands
in every target frame or in a header frame before them.
"""

from __future__ import annotations

from dataclasses import dataclass

# What a signal of a target frame may be: columns of ext/drivers/radar/_can_scan.pxd
FIELDS = ("x", "y", "range", "azimuth", "range_rate", "status", "is_new", "is_bridge", "is_oncoming", "counter")


@dataclass(frozen=True)
class Signal:
    """Bits of a big-endian ("Motorola") signal: `start` of the highest bit as a DBC counts them, `scale` into SI."""

    field: str
    start: int
    length: int
    scale: float = 1.0
    is_signed: bool = False

    @property
    def shift(self) -> int:
        """Of its lowest bit in the frame's eight bytes read as one big-endian number."""
        return 64 - (self.start // 8 * 8 + 7 - self.start % 8) - self.length

    @property
    def last_byte(self) -> int:
        return (63 - self.shift) // 8


@dataclass(frozen=True)
class CanRadar:
    """Sigmas in m, rad, m/s, as the maker promises them; angles and sides are turned to the left by the sign of `scale`."""

    name: str
    first_identifier: int
    count: int
    signals: tuple[Signal, ...]
    cycle_ns: int
    header_identifier: int | None  # None: the counter is a signal of the targets
    header_counter: Signal | None
    valid_status: tuple[int, ...]  # values of "status" under which the place of the list holds something
    new_status: tuple[int, ...] = ()
    coasted_status: tuple[int, ...] = ()
    is_checked: bool = False  # Toyota's sum in the last byte
    range_sigma: float = float("nan")
    azimuth_sigma: float = float("nan")
    range_rate_sigma: float = float("nan")

    @property
    def counter(self) -> Signal:
        """Of the scan, wherever it stands."""
        return self.header_counter or next(signal for signal in self.signals if signal.field == "counter")

    @property
    def target_length(self) -> int:
        """Bytes that a target frame must have; the sum of a checked one stands behind its signals."""
        return max(signal.last_byte for signal in self.signals) + 1 + self.is_checked
