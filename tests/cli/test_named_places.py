"""NAME=PLACE on the command line: each name once, and nothing is lost without a word."""

from __future__ import annotations

import pytest

from autonomy.cli.main import main
from autonomy.cli.named_places import named_places, once
from autonomy.errors import UsageError


def test_a_place_may_hold_the_sign_too():
    assert named_places(["gnss=/dev/by-id/a=b", "imu=pty"], "--serial") == {"gnss": "/dev/by-id/a=b", "imu": "pty"}


@pytest.mark.parametrize("text", ["gnss", "gnss=", "=pty", ""])
def test_what_says_no_place_is_told_how_to(text):
    with pytest.raises(UsageError, match="--serial .*: write PORT=DEVICE"):
        named_places([text], "--serial", "PORT=DEVICE")


def test_a_name_that_comes_again_is_refused():
    with pytest.raises(UsageError, match="--process stack=...: given more than once"):
        once([("stack", 11), ("plant", 12), ("stack", 13)], "--process")


@pytest.mark.parametrize(
    "words",
    [["run", "--config", "vehicles/demo_truck_lidar", "-i", "virtual", "-c", "a", "--udp", "roof=1", "--udp", "roof=2"],
     ["hil", "truck", "-i", "local", "-c", "a", "--udp", "roof=127.0.0.1:1", "--udp", "roof=127.0.0.1:2"],
     ["hil", "inject", "x.toml", "--process", "stack=11", "--process", "stack=12"]],
)  # fmt: skip
def test_every_program_refuses_it(words, capsys):
    assert main(words) == 2
    assert "given more than once" in capsys.readouterr().err
