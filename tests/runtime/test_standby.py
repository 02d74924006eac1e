"""An active stack that does not take over says why, once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from autonomy import msg
from autonomy.runtime.standby import GRACE_TICKS, UNKNOWN, Standby, words

STALE, LOST = (msg.constants("Health")[f"FAULT_{name}"] for name in ("IMU_STALE", "LANE_LOST"))
ROWS = {name: number for name, number in msg.constants("FaultRow").items() if name.startswith("FAULT_") and number}


def test_each_reason_is_told_once_and_the_end_of_it():
    loop = SimpleNamespace(tick_index=500 + GRACE_TICKS - 1, engaged=False, faults=STALE)
    standby = Standby(loop, 500)
    assert standby.look() == [] and standby.reason is None
    loop.tick_index += 1
    assert standby.look() == ["standby, because: imu stale"] and standby.look() == []
    loop.faults = LOST
    assert standby.look() == ["standby, because: lane lost"]
    loop.faults = STALE
    assert standby.look() == [] and standby.reason == "imu stale"
    loop.engaged = True
    assert standby.look() == ["the stack takes over"] and standby.reason is None
    loop.engaged = False
    assert standby.look() == [] and standby.reason is None


def test_a_stack_that_takes_over_at_once_says_nothing():
    loop = SimpleNamespace(tick_index=1000, engaged=True, faults=0)
    assert Standby(loop, 500).look() == []


@pytest.mark.parametrize(("name", "number"), ROWS.items())
def test_faults_of_the_table_have_their_names(name, number):
    assert words(1 << (32 + number)) == f"{name.removeprefix('FAULT_').replace('_', ' ').lower()} (fault table)"


def test_without_a_fault_that_is_said():
    assert words(0) == UNKNOWN and words(STALE | LOST) == "imu stale, lane lost"
