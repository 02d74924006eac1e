"""`autonomy run` and the truck in two processes over vcan0 and vcan1: nothing lost, the log replays bit for bit.

In lockstep, for a user-mode kernel keeps no real time. The stack takes over after five seconds and drives twenty.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.socketcan
DURATION_S = 26.0
DRIVEN_S = 20.0


def test_the_loop_drives_the_truck_over_socketcan(vcan, tmp_path):
    from hil.rig.drive import drive, lines, same_from_cuts

    found = drive(tmp_path, duration_s=DURATION_S, lockstep=True)
    print("\n".join(lines(found)))
    assert found["interface"] == "socketcan"
    assert found["lost"] == {"to_loop": 0, "to_truck": 0}
    assert found["run"]["engaged"] and found["truck"]["metrics"]["collisions"] == 0
    assert found["truck"]["metrics"]["driven_s"] >= DRIVEN_S and found["truck"]["metrics"]["out_of_lane_share"] == 0.0
    assert found["run"]["counts"]["records"] > 20_000 and found["run"]["counts"]["sent"] > 250 * DRIVEN_S
    assert not found["truck"]["refused"] and found["run"]["minimal_risk_ticks"] == 0
    assert {partner["address"] for partner in found["run"]["partners"]} == {0x00, 0x03, 0x0B, 0x0F, 0x10}
    assert found["run"]["verdict"] == "pass", found["run"]["reasons"]
    assert same_from_cuts(tmp_path / "run.mcap") == []
