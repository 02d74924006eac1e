"""candump's text: lines as can-utils write them, frames as cansend takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.candump import TimeStamps, log_line, parse_frame, screen_line
from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from tests.drivers.can.build import EXTENDED, can_frame

SPEED = can_frame(EXTENDED | 0x18FEF100, bytes.fromhex("ff0048ffffffffff"), time_ns=1_691_508_198_524_707_000)


def test_lines_are_those_of_candump():
    assert log_line(SPEED, "can1") == "(1691508198.524707) can1 18FEF100#FF0048FFFFFFFFFF"
    assert screen_line(SPEED, "can1", " ") == "  can1  18FEF100   [8]  FF 00 48 FF FF FF FF FF"
    standard = can_frame(0x123, b"AB\x00")
    assert screen_line(standard, "can0", " ") == "  can0       123   [3]  41 42 00"
    assert screen_line(standard, "can0", " ", as_ascii=True) == "  can0       123   [3]  41 42 00                  'AB.'"
    assert screen_line(can_frame(0x123, b"", flags=TRANSMITTED), "can0", " ", direction=True).startswith("  can0  TX - -  ")


def test_remote_requests_and_error_frames_are_marked():
    remote = can_frame(0x123, bytes(4), flags=REMOTE)
    assert screen_line(remote, "can0", " ").endswith("123   [4]  remote request") and log_line(remote, "can0").endswith("123#R4")
    error = can_frame(4, bytes(8), flags=ERROR)
    assert "20000004   [8]" in screen_line(error, "can0", " ") and screen_line(error, "can0", " ").endswith("ERRORFRAME")
    assert log_line(error, "can0").endswith(" 20000004#0000000000000000")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("n", [" ", " ", " "]),
     ("a", [" (1691508198.524707) ", " (1691508199.000000) ", " (1691508199.000000001) "]),
     ("d", [" (000.000000) ", " (000.475293) ", " (000.000000001) "]),
     ("z", [" (000.000000) ", " (000.475293) ", " (000.475293001) "]),
     ("A", [" (2023-08-08 15:23:18.524707) ", " (2023-08-08 15:23:19.000000) ", " (2023-08-08 15:23:19.000000001) "])],
)  # fmt: skip
def test_pain_18_times_keep_every_nanosecond(kind, expected):
    stamps = TimeStamps(kind)
    assert [stamps(time) for time in (1691508198524707000, 1691508199000000000, 1691508199000000001)] == expected


@given(st.integers(0, 2**29 - 1), st.binary(max_size=8))
def test_what_is_logged_can_be_sent(identifier, data):
    text = log_line(can_frame(EXTENDED | identifier, data), "can0").split()[-1]
    assert parse_frame(text) == (EXTENDED | identifier, data, False, 0)


def test_frames_as_cansend_takes_them():
    assert parse_frame("5AA#11.2233.44") == (0x5AA, bytes.fromhex("11223344"), False, 0)
    assert parse_frame("00000123#") == (EXTENDED | 0x123, b"", False, 0)
    assert parse_frame("123#r4") == (0x123, b"", True, 4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("123##0AA", "CAN FD"), ("123", "is no frame"), ("123#1", "is no frame"), ("123#GG", "is no frame"), ("12#00", "3 digits"),
     ("FFFFFFFF#00", "beyond 1FFFFFFF"), ("FFF#00", "beyond 7FF")],
)  # fmt: skip
def test_what_is_no_frame_is_named(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_frame(text)
