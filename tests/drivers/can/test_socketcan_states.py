"""What error frames say of a controller, and who brings it back: without a kernel that has CAN (see tests/socketcan for that)."""

from __future__ import annotations

import numpy as np
import pytest
from drivers.can._controller import ControllerState

from autonomy.errors import EnvironmentFault
from drivers.can.frame_flags import ERROR
from drivers.can.socketcan import BusOffGuard, restart
from tests.drivers.can.build import EXTENDED, can_frame, can_frames


def error_frame(kind: int, second: int = 0) -> np.void:
    return can_frame(kind, bytes([0, second, 0, 0, 0, 0, 0, 0]), flags=ERROR)


def test_a_controller_is_followed_through_its_states():
    state = ControllerState()
    told = [(0x04, 0x08, "error warning"), (0x04, 0x20, "error passive"), (0x40, 0, "bus off"), (0x100, 0, "error active"),
            (0x04, 0x04, "error warning"), (0x04, 0x40, "error active")]  # fmt: skip
    for kind, second, expected in told:
        state.hear(can_frames(error_frame(kind, second)))
        assert state.state == expected
    state.hear(can_frames(error_frame(0x04, 0x01), error_frame(0x20)))
    assert (state.bus_offs, state.restarts, state.overflows, state.error_frames) == (1, 1, 1, 8)


def test_frames_that_are_no_errors_say_nothing():
    state = ControllerState()
    state.hear(can_frames(can_frame(0x40, b"\0\x20"), can_frame(EXTENDED | 0x100, bytes(8))))
    assert (state.state, state.error_frames, state.overflows) == ("error active", 0, 0)


def test_pain_12_a_bus_that_is_off_is_restarted_with_growing_pauses_and_forgiven():
    restarted: list[float] = []
    now = [0.0]
    guard = BusOffGuard("can0", 0.1, 1.0, restart=lambda channel: restarted.append(now[0]))
    off, on = ControllerState("bus off"), ControllerState()
    for tick in range(400):
        now[0] = tick / 100
        guard.look(off, now[0])
    assert restarted == pytest.approx([0.0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5], abs=0.05)
    assert not guard.look(on, 4.0) and not guard.look(on, 6.0)
    now[0] = 7.0
    assert guard.look(off, 7.0) and not guard.look(off, 7.05) and guard.look(off, 7.1)


def test_a_restart_that_is_not_possible_says_what_to_do():
    with pytest.raises(EnvironmentFault, match="restart-ms 100"):
        restart("no_such_can")


def test_a_frame_from_the_bus_tells_that_a_controller_is_on_it():
    state = ControllerState("bus off")
    state.hear(can_frames(can_frame(0x123, b""), error_frame(0x40, 0)))
    assert state.state == "bus off", "it came before"
    state.hear(can_frames(can_frame(0x123, b"")))
    assert state.state == "error active"
