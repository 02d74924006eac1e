"""Interfaces that installed packages offer: their pacer gets every frame, and what it raises is in the account."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from autonomy import msg
from autonomy.errors import FAIL, PASS, EnvironmentFault
from hil.rig import pacers
from hil.rig.play import Options, play
from hil.rig.targets import Wishes
from tests.hil.rig import logs


class Card:
    """Of somebody else's package."""

    made: list[Card] = []

    def __init__(self, channel: str):
        if channel == "missing":
            raise RuntimeError("no card\nin slot")
        self.channel, self.frames, self.is_closed = channel, [], False
        Card.made.append(self)

    def send(self, frame: bytes) -> None:
        if self.channel == "full":
            raise OSError(errno.ENOBUFS, "no room")
        self.frames.append(frame)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def card(monkeypatch):
    class Offered:
        names = {"mycard"}

        def __getitem__(self, name):
            return self

        def load(self):
            return Card

    monkeypatch.setattr(pacers, "entry_points", lambda group: Offered() if group == "autonomy.pacers" else None)
    Card.made.clear()
    return Card


def options(tmp_path, *channels) -> Options:
    return Options([logs.write_log(tmp_path / "drive.mcap")], Wishes("mycard", list(channels)), rate=1000.0, no_device=True,
                   late_limit_s=60.0, arm=True)  # fmt: skip


def test_a_pacer_gets_every_frame_of_its_bus(card, tmp_path):
    found = play(options(tmp_path, "one", "two"))
    one, two = card.made
    rows = np.frombuffer(b"".join(one.frames), msg.dtype("CanFrame"))
    assert [int.from_bytes(row["data"][:4].tobytes(), "little") for row in rows] == list(range(40))
    assert {len(frame) for frame in two.frames} == {msg.dtype("CanFrame").itemsize, msg.dtype("CanFdFrame").itemsize}
    assert found["verdict"] != "fail" and found["exit_code"] in (PASS, 5) and one.is_closed and two.is_closed


def test_what_a_pacer_refuses_fails_the_run_with_its_reason(card, tmp_path):
    found = play(options(tmp_path, "full", "two"))
    assert found["exit_code"] == FAIL and found["targets"][0]["failed"] == {"ENOBUFS": 40}


def test_a_pacer_that_does_not_open_is_one_sentence(card):
    with pytest.raises(EnvironmentFault, match="cannot open channel 'missing' of the pacer 'mycard': no card in slot"):
        pacers.open_pacer("mycard", "missing")


def test_without_an_entry_point_it_is_python_cans(card):
    made = pacers.open_pacer("virtual", "pacers")
    made.close()
    assert isinstance(made, pacers.PythonCanPacer)
