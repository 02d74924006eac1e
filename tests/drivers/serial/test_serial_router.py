"""[serial] of a vehicle file: what is wrong is told by name; several entries of a port; a full list is counted."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import config, msg
from drivers.gnss import ubx
from drivers.serial import _router
from drivers.serial.route_config import SerialError, ports_of, read
from drivers.serial.router import PORT_ROW, SerialRouter
from tests.drivers.gnss.streams import fix, imu

GOOD = {"port": "gnss", "protocol": "ubx", "source": 1}


def test_rows_lie_as_the_kernel_reads_them():
    assert PORT_ROW.itemsize == _router.ROW_SIZE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": "sirf"}, "protocol = 'sirf'"),
        ({"port": "a/b"}, "port = 'a/b'"),
        ({"kinds": ["radar"]}, "kinds ="),
        ({"protocol": "nmea", "kinds": ["imu"]}, "nmea gives gnss"),
        ({"source": 70000}, "source = 70000"),
        ({"delay_s": float("nan")}, "delay_s"),
        ({"baud": 5}, "baud = 5"),
        ({"protocol": "nmea", "sentences": ["VTG"]}, "no position"),
        ({"sentences": ["GLL"]}, "sentences"),
        ({"axes": ["x", "y", "y"]}, "axes"),
        ({"axes": ["x", "y", "-z"]}, "left-handed"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_wrong_is_told(changes, words):
    with pytest.raises(SerialError, match=words) as told:
        read({"port": [GOOD | changes]}, "truck.toml")
    assert "truck.toml" in str(told.value)


def test_entries_that_contradict_are_told():
    with pytest.raises(SerialError, match="second time"):
        read({"port": [GOOD, GOOD]}, "truck.toml")
    with pytest.raises(SerialError, match="baud"):
        read({"port": [GOOD, GOOD | {"kinds": ["imu"], "baud": 9600}]}, "truck.toml")
    with pytest.raises(SerialError, match="at most 8"):
        read({"port": [GOOD | {"port": f"p{number}"} for number in range(9)]}, "truck.toml")


def test_entries_of_one_port_have_sources_and_delays_of_their_own():
    table = read({"port": [GOOD | {"delay_s": 0.1}, {**GOOD, "port": "other"}, GOOD | {"kinds": ["imu"], "source": 7}]}, "t")
    router = SerialRouter(table)
    assert ports_of(table) == ["gnss", "other"] and ports_of(table, "imu") == ["gnss"]
    assert router.entry_of("/raw/serial/gnss") == 0 and router.entry_of("/raw/serial/other") == 1
    assert router.entry_of("/raw/serial/none") is None and router.entry_of("/raw/can/0") is None
    frame = np.zeros(1, msg.dtype("InputFrame"))
    router.route(0, 10**9, ubx.nav_pvt(fix(0)) + ubx.esf_meas(imu(0), 1), frame)
    assert frame["gnss"]["count"][0] == frame["imu"]["count"][0] == 1
    assert frame["imu"]["items"][0, 0]["source"] == 7 and frame["imu"]["items"][0, 0]["valid_time_ns"] == 10**9
    assert frame["gnss"]["items"][0, 0]["valid_time_ns"] == 900_000_000
    assert set(router.counts()) == {"gnss:ubx>gnss", "other:ubx>gnss", "gnss:ubx>imu"}


def test_what_finds_no_room_in_a_tick_is_counted():
    router, frame = SerialRouter(read({"port": [GOOD]}, "t")), np.zeros(1, msg.dtype("InputFrame"))
    router.route(0, 0, ubx.nav_pvt(fix(0)) * 7, frame)
    assert frame["gnss"]["count"][0] == 4 and frame["gnss"]["overflow"][0] == 3


def test_the_packaged_vehicle_is_sound():
    from autonomy.config_review import review

    assert review(config.load("vehicles/demo_truck_serial")).problems == []
    wrong = config.load("vehicles/demo_truck_serial", {"serial.port": [GOOD | {"protocol": "x"}]})
    assert any("protocol = 'x'" in problem for problem in review(wrong).problems)
