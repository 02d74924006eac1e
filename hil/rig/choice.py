"""Which recorded CAN frames are sent, and why the others are not.

A device under test must not hear itself from the rig: frames of its J1939 source addresses stay out, and with them those that
the recorder had sent itself, for the recorder was then the device. Without a device under test (`--no-dut`) all are sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from drivers.can.frame_filter import FrameFilter
from drivers.can.frame_flags import ERROR, TRANSMITTED
from drivers.can.tables import EXTENDED

__all__ = ["Choice"]

FILTERED, ERROR_FRAME, DEVICE, RECORDER = "filtered", "error frame", "of the device under test", "sent by the recorder"


@dataclass(frozen=True)
class Choice:
    """`device_addresses` None: no device under test."""

    device_addresses: frozenset[int] | None
    frame_filter: FrameFilter | None = None

    def mask(self, frames: np.ndarray) -> tuple[np.ndarray, Counter[str]]:
        """Which frames (n,) of CanFrame or CanFdFrame are sent, bool (n,), and how many are not by reason."""
        wanted = np.ones(len(frames), bool)
        reasons: Counter[str] = Counter()
        for reason, refused in self._refusals(frames):
            reasons[reason] += int(np.count_nonzero(wanted & refused))
            wanted &= ~refused
        return wanted, +reasons

    def _refusals(self, frames: np.ndarray):
        if self.frame_filter is not None:
            yield FILTERED, ~self.frame_filter.mask(frames)
        yield ERROR_FRAME, frames["flags"] & ERROR != 0
        if self.device_addresses is None:
            return
        is_extended = frames["id"] & np.uint32(EXTENDED) != 0
        yield DEVICE, is_extended & np.isin(frames["id"] & np.uint32(0xFF), list(self.device_addresses))
        yield RECORDER, frames["flags"] & TRANSMITTED != 0
