"""What leaves this machine: a name proves nothing, an unknown interface is real."""

from __future__ import annotations

import pytest

from drivers.can.interface_kind import is_virtual, kind_of


@pytest.mark.parametrize("interface", ["local", "virtual", "udp_multicast"])
def test_buses_of_memory_are_virtual(interface):
    assert is_virtual(interface, "anything")


@pytest.mark.parametrize(
    ("interface", "channel"),
    [("pcan", "PCAN_USBBUS1"), ("slcan", "/dev/ttyACM0"), ("socketcan", "vcan_no_such"), ("socketcan", "lo"), ("", "")],
)
def test_what_cannot_be_told_is_real(interface, channel):
    assert not is_virtual(interface, channel)


def test_the_kernel_is_asked_for_the_kind():
    assert kind_of("lo") == "" and kind_of("no_such_interface") == ""
