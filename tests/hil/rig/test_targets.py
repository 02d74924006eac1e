"""Which stream goes where: in order, by --map, or nowhere with a reason; what is ambiguous is refused."""

from __future__ import annotations

import pytest

from autonomy.errors import UsageError
from hil.rig.recorded import CAN, SERIAL, UDP, Stream
from hil.rig.targets import NOT_MAPPED, Target, Wishes, assign

BUS0, BUS1, BUS128 = Stream(CAN, "0"), Stream(CAN, "1"), Stream(CAN, "128")
GNSS, LIDAR = Stream(SERIAL, "gnss"), Stream(UDP, "lidar")


def local(name: str) -> Target:
    return Target(CAN, name, "local")


def test_buses_take_the_channels_in_order():
    plan = assign([[BUS0, BUS1], [BUS0]], Wishes("local", ["a", "b", "c"]))
    assert plan.targets == {(0, BUS0): local("a"), (0, BUS1): local("b"), (1, BUS0): local("c")} and not plan.left_out


def test_a_map_says_it_and_what_it_does_not_name_stays_out():
    plan = assign([[BUS0, BUS1, BUS128]], Wishes("local", ["a", "b"], ["0=b", "can128=b", "1=none"]))
    assert plan.targets == {(0, BUS0): local("b"), (0, BUS128): local("b")} and plan.left_out == {(0, BUS1): NOT_MAPPED}
    assert plan.used() == [local("b")]


def test_a_map_of_one_recording_leaves_the_others_in_order():
    plan = assign([[BUS0], [BUS0]], Wishes("local", ["a", "b"], ["2:0=b"]))
    assert plan.targets == {(0, BUS0): local("a"), (1, BUS0): local("b")}


def test_lines_and_datagrams_go_where_they_are_told_and_else_nowhere():
    plan = assign([[BUS0, GNSS, LIDAR]], Wishes(lines=["gnss=pty"], addresses=["lidar=127.0.0.1:2368"]))
    assert plan.targets == {(0, GNSS): Target(SERIAL, "pty"), (0, LIDAR): Target(UDP, "127.0.0.1", port=2368)}
    assert plan.left_out == {(0, BUS0): "no -i and -c for it"}


@pytest.mark.parametrize(
    ("target", "real"),
    [
        (local("x"), False),
        (Target(CAN, "can0", "socketcan"), True),
        (Target(CAN, "1", "pcan"), True),
        (Target(SERIAL, "pty"), False),
        (Target(SERIAL, "/dev/ttyUSB0"), True),
        (Target(UDP, "127.0.0.1", port=1), False),
        (Target(UDP, "192.168.1.5", port=1), True),
    ],
)
def test_what_leaves_the_machine_is_real(target, real):
    assert target.is_real == real


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (Wishes("local", ["a"]), "2 recorded buses (0, 1) and 1 channels"),
        (Wishes(None, ["a"]), "give -i"),
        (Wishes("local", ["a"], ["0=b"]), "no channel b"),
        (Wishes("local", ["a"], ["7=a"]), "no such bus is recorded"),
        (Wishes("local", ["a"], ["0=a", "can0=a"]), "--map can0=...: given more than once"),
        (Wishes("local", ["a", "b", "c"]), "-c c: no recorded bus is left for it"),
        (Wishes(lines=["gnss=pty", "gnss=/dev/ttyUSB0"]), "--serial gnss=...: given more than once"),
        (Wishes(addresses=["lidar=127.0.0.1:5", "lidar=127.0.0.1:6"]), "--udp lidar=...: given more than once"),
        (Wishes("local", ["a"], ["2:0=a"]), "recording 2 is not within 1..1"),
        (Wishes("local", ["a"], ["0"]), "write BUS=CHANNEL"),
        (Wishes(maps=["0=a"]), "name the channel"),
        (Wishes(), "nothing has a place to go"),
        (Wishes(lines=["imu=pty"]), "no such serial stream; there are gnss"),
        (Wishes(addresses=["lidar=127.0.0.1:99999"]), "port 99999"),
        (Wishes(addresses=["lidar=127.0.0.1:"]), "write ADDRESS:PORT"),
        (Wishes(addresses=["lidar=not an address:5"]), "no such address"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(wishes, said):
    with pytest.raises(UsageError) as told:
        assign([[BUS0, BUS1, GNSS, LIDAR]], wishes)
    assert said in str(told.value)
