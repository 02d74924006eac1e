"""Frames as bytes for descriptors, held against python-can's own packing and against the local bus."""

from __future__ import annotations

import can
import numpy as np
import pytest
from can.interfaces.socketcan import socketcan

from autonomy.msg import dtype
from drivers.can.frame_flags import REMOTE, TRANSMITTED
from drivers.can.local_message_bus import packed, unpacked
from drivers.can.wire import local_bytes, socketcan_bytes
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

MESSAGES = [
    can.Message(arbitration_id=0x18FEF100, data=b"\1\2\3"),
    can.Message(arbitration_id=0x7FF, is_extended_id=False, data=bytes(range(8))),
    can.Message(arbitration_id=0x123, is_extended_id=False, is_remote_frame=True, dlc=5),
    can.Message(arbitration_id=0, is_extended_id=False),
]
FD_MESSAGES = [
    can.Message(arbitration_id=0x1ABCDEF0, is_fd=True, bitrate_switch=True, data=bytes(range(64))),
    can.Message(arbitration_id=0x12, is_extended_id=False, is_fd=True, error_state_indicator=True, data=b"abc"),
]


def rows(messages: list[can.Message], name: str) -> np.ndarray:
    return np.array([np.frombuffer(packed(message), dtype(name))[0] for message in messages])


def theirs(message: can.Message) -> bytes:
    """Without what says the same twice: the flag that it is FD, and the length code, which counts above 8 only."""
    found = bytearray(socketcan.build_can_frame(message))
    found[5] &= 0x03
    found[7] = 0
    return bytes(found)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.arbitration_id:x}")
def test_a_classic_frame_is_what_python_can_hands_to_the_kernel(message):
    (found,) = socketcan_bytes(rows([message], "CanFrame"))
    assert found.tobytes() == theirs(message)


@pytest.mark.parametrize("message", FD_MESSAGES, ids=lambda message: f"{message.arbitration_id:x}")
def test_an_fd_frame_is_what_python_can_hands_to_the_kernel(message):
    (found,) = socketcan_bytes(rows([message], "CanFdFrame"))
    assert found.tobytes() == theirs(message)


@pytest.mark.parametrize(("messages", "name"), [(MESSAGES, "CanFrame"), (FD_MESSAGES, "CanFdFrame")])
def test_the_local_bus_reads_what_was_packed(messages, name):
    for found, message in zip(local_bytes(rows(messages, name)), messages, strict=True):
        assert unpacked(found.tobytes()).equals(message, timestamp_delta=None, check_channel=False)


def test_time_bus_and_direction_stay_behind():
    frame = can_frame(EXTENDED | 0x18FEF100, b"\1", bus=3, time_ns=77, flags=TRANSMITTED | REMOTE)
    sent = np.frombuffer(local_bytes(can_frames(frame))[0], dtype("CanFrame"))[0]
    assert (sent["time_ns"], sent["bus"], sent["flags"]) == (0, 0, REMOTE)
