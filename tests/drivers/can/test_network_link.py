"""What the kernel tells of a network interface: its attributes, what it lost; a name that is not there has none."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from drivers.can import network_link

IFLA_IFNAME = 3


def test_the_loopback_is_there_and_told_by_its_name():
    assert network_link.look("lo")[IFLA_IFNAME] == b"lo\0" and network_link.IFLA_STATS64 in network_link.look("lo")


def test_an_interface_that_is_not_there_has_nothing_and_lost_nothing():
    assert network_link.look("no_such_interface") == {} and network_link.frames_lost("no_such_interface") == 0


def test_what_no_socket_saw_is_dropped_over_fifo_and_missed(monkeypatch):
    statistics = {network_link.IFLA_STATS64: struct.pack("=24Q", *range(100, 124))}
    monkeypatch.setattr(network_link, "look", lambda name: statistics)
    assert network_link.frames_lost("can0") == 106 + 111 + 114 + 115


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_apart_without_reading_past_their_end(data):
    assert sum(len(value) + network_link.ATTRIBUTE.size for value in network_link.attributes(data).values()) <= len(data)
