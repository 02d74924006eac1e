"""The simulated steering plugin: what goes in comes out, broken frames do not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.steering.plugin import SteeringRequest, SteeringStatus
from drivers.steering.simulated import SimulatedSteering


@given(angle=st.floats(-2.0, 2.0), mode=st.integers(0, 2))
def test_a_request_comes_through(angle, mode):
    (identifier, data), = SimulatedSteering(0x27).command(SteeringRequest(angle, mode))
    found = SimulatedSteering(0x27).read_command(identifier, data)
    assert found.mode == mode and abs(found.road_wheel_angle_rad - angle) <= 5.1e-7


@given(torque=st.none() | st.floats(-12.0, 12.0), follows=st.booleans())
def test_an_answer_comes_through(torque, follows):
    (identifier, data), = SimulatedSteering(0x27).status(SteeringStatus(0.1, follows, torque))
    found = SimulatedSteering(0x27).read_status(identifier, data)
    assert found.follows == follows and (found.driver_torque_nm is None) == (torque is None)
    assert torque is None or abs(found.driver_torque_nm - torque) <= 0.051


@given(place=st.integers(0, 63))
def test_no_single_bit_error_passes(place):
    (identifier, data), = SimulatedSteering(0x27).command(SteeringRequest(0.05, 1))
    broken = bytearray(data)
    broken[place // 8] ^= 1 << place % 8
    assert SimulatedSteering(0x27).read_command(identifier, bytes(broken)) is None


def test_frames_of_others_and_short_ones_are_not_read():
    plugin = SimulatedSteering(0x27)
    (identifier, data), = plugin.command(SteeringRequest(0.05, 1))
    assert plugin.read_command(identifier + 1, data) is None and plugin.read_command(identifier, data[:7]) is None
    assert plugin.read_status(identifier, data) is None


@pytest.mark.parametrize("angle", [math.nan, math.inf, 2.1])
def test_an_angle_that_is_none_is_refused(angle):
    with pytest.raises(ValueError, match="road wheel angle"):
        SimulatedSteering(0x27).command(SteeringRequest(angle, 1))
