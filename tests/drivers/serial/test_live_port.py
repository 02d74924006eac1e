"""A serial port that is there now, on pseudo terminals: what comes, being unplugged, coming back under the same name."""

from __future__ import annotations

import os

import pytest

from autonomy.errors import EnvironmentFault
from drivers.serial.live_port import LivePort


class Plug:
    """A pseudo terminal behind a name that stays, as below /dev/serial/by-id."""

    def __init__(self, name):
        self.name = name
        self.insert()

    def insert(self) -> None:
        self.ours, self.theirs = os.openpty()
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(self.theirs))

    def pull(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)
        self.name.unlink()


@pytest.fixture
def plug(tmp_path):
    return Plug(tmp_path / "usb-receiver")


def test_bytes_come_as_they_are(plug):
    port = LivePort(str(plug.name), 115200)
    port.open()
    sent = bytes(range(256))  # control characters too: no line discipline may touch them
    os.write(plug.ours, sent)
    received = b""
    while len(received) < len(sent):
        received += port.read(1.0)
    assert received == sent and port.read(0.0) == b"" and port.lost() == 0 and port.is_open
    port.close()


def test_a_port_that_was_unplugged_is_opened_again_by_its_name(plug):
    port = LivePort(str(plug.name), 115200)
    port.open()
    plug.pull()
    assert port.read(1.0) == b"" and not port.is_open
    assert not port.open_again() and port.reopened == 0
    plug.insert()
    assert port.open_again() and port.reopened == 1
    os.write(plug.ours, b"again")
    assert port.read(1.0) == b"again"
    port.close()


@pytest.mark.parametrize(("refuses", "known"), [(None, True), (ValueError("no"), False), (NotImplementedError(), False)])
def test_the_driver_is_asked_to_hand_bytes_on_at_once(plug, monkeypatch, refuses, known):
    import serial

    asked = []

    def answer(port, wanted):
        asked.append(wanted)
        if refuses is not None:
            raise refuses

    monkeypatch.setattr(serial.Serial, "set_low_latency_mode", answer)
    port = LivePort(str(plug.name), 115200)
    port.open()
    assert asked == [True] and port.has_low_latency is known and port.is_open
    port.close()


def test_a_pseudo_terminal_knows_no_low_latency(plug):
    port = LivePort(str(plug.name), 115200)
    port.open()
    assert not port.has_low_latency
    port.close()


def test_a_device_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(EnvironmentFault, match=r"serial device '.*nothing' cannot be opened"):
        LivePort(str(tmp_path / "nothing"), 9600).open()
    assert not LivePort(str(tmp_path / "nothing"), 9600).open_again()


def test_two_programs_do_not_share_a_port(plug):
    port = LivePort(str(plug.name), 115200)
    port.open()
    with pytest.raises(EnvironmentFault, match="cannot be opened"):
        LivePort(str(plug.name), 115200).open()
    port.close()
