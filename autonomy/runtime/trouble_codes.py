"""What our node tells of the stack's health as DM1: proprietary suspect parameters (SPN from 520192 on [M]), one a fault
bit, one a fault of the table [faults]."""

from __future__ import annotations

from functools import cache

from autonomy import msg
from drivers.can.j1939.diagnostics import TroubleCode

FIRST_SPN = 520_192
# SAE J1939-73 [M]: 2 erratic, 9 abnormal update rate, 19 received network data in error, 31 condition exists
FAILURE_MODE = {"IMU_STALE": 9, "SPEED_STALE": 9, "STEERING_STALE": 9, "GNSS_STALE": 9, "RADAR_STALE": 9,
                "SENDER_SUSPECT": 2, "SENDERS_DISPUTED": 19}  # fmt: skip
CONDITION_EXISTS = 31


def trouble_codes(faults: int) -> tuple[TroubleCode, ...]:
    """One for each bit of Health.faults that has a name, and for each number of the table's faults above bit 32."""
    return tuple(TroubleCode(FIRST_SPN + place, mode, None, 0) for place, mode in _known() if faults >> place & 1)


@cache
def _known() -> list[tuple[int, int]]:
    """(bit number, failure mode) of each fault."""
    bits = {name.removeprefix("FAULT_"): bit for name, bit in msg.constants("Health").items() if name.startswith("FAULT_")}
    table = [number for name, number in msg.constants("FaultRow").items() if name.startswith("FAULT_") and number]
    return [(bit.bit_length() - 1, FAILURE_MODE.get(name, CONDITION_EXISTS)) for name, bit in bits.items()] \
        + [(32 + number, CONDITION_EXISTS) for number in table]  # fmt: skip
