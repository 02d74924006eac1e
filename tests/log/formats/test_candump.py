"""Lines of candump: the kernel autonomy.log.formats._candump beside its twin, and every form by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.formats.candump_twin import frames_of as twin
from autonomy.log.opening import open_recording
from tests.log.formats.recordings import Frame, frames_of

S = 10**9
E = can.EXTENDED


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("(1.5) can0 123#", Frame(1_500_000_000, 0x123, 0, 0, b"")),
        ("(1691508198.524707) can1 0CF00400#007D92", Frame(1691508198_524707000, 0x0CF00400 | E, 1, 0, b"\0\x7d\x92")),
        ("(1.000000001) can0 123#11.22.33 R", Frame(S + 1, 0x123, 0, 0, b"\x11\x22\x33")),
        ("(1.0) can0 123#1122 T", Frame(S, 0x123, 0, can.TRANSMITTED, b"\x11\x22")),
        ("(1.0) can0 123#R", Frame(S, 0x123, 0, can.REMOTE, b"")),
        ("(1.0) can0 00000123#R8", Frame(S, 0x123 | E, 0, can.REMOTE, b"", asked=8)),
        ("(1.0) can0 20000080#0102030405060708", Frame(S, 0x80, 0, can.ERROR, bytes(range(1, 9)))),
        ("(1.0) can0 123##3AABB", Frame(S, 0x123, 0, 24, b"\xaa\xbb", True)),
        ("(1.0) can0 123##4" + "11" * 64, Frame(S, 0x123, 0, 0, b"\x11" * 64, True)),
        ("(1.0) can0 123#1122334455667788_E", Frame(S, 0x123, 0, 0, bytes.fromhex("1122334455667788"))),
        (" (2.25)  can2  123   [3]  11 22 33", Frame(2_250_000_000, 0x123, 2, 0, b"\x11\x22\x33")),
        (" (2.25)  can2  123   [3]  11 22 33   '.\"3'", Frame(2_250_000_000, 0x123, 2, 0, b"\x11\x22\x33")),
        (" (1.0)  can0  00000123   [4]  remote request", Frame(S, 0x123 | E, 0, can.REMOTE, b"", asked=4)),
        (" (1.0)  can0  20000004   [8]  00 01 00 00 00 00 00 00   ERRORFRAME", Frame(S, 4, 0, 2, b"\0\1" + bytes(6))),
        (" (1.0)  can0  123  [12]  " + "0A " * 12, Frame(S, 0x123, 0, 0, b"\x0a" * 12, True)),
        (" (1.0)  can0  TX B E  123  [02]  0A 0B", Frame(S, 0x123, 0, 25, b"\x0a\x0b", True)),
        (" (1.0)  can0  RX - -  123   [1]  0A", Frame(S, 0x123, 0, 0, b"\x0a")),
        (" (2023-08-08 15:23:18.524707)  can0  123   [1]  0A", Frame(1691508198_524707000, 0x123, 0, 0, b"\x0a")),
        ("(1.0) can0 123#11\r", Frame(S, 0x123, 0, 0, b"\x11")),
    ],
)  # fmt: skip
def test_each_form(tmp_path, line, frame):
    path = tmp_path / "a.log"
    path.write_bytes(line.encode() + b"\n")
    with open_recording(path) as reader:
        assert frames_of(reader) == [frame]
        assert not reader.unused and not reader.truncated


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("can0 123#11", "lines that are no frame"),
        ("(1.0) can0 123#1", "lines that are no frame"),
        ("(1.0) can0 FFF#11", "lines that are no frame"),
        ("(1.0) can0 F0000000#11", "lines that are no frame"),
        ("(1.0) can0 123#112233445566778899", "lines that are no frame"),
        ("(1.0) can0 123#11 X", "lines that are no frame"),
        ("(1.0) can0 123   [3]  11 22", "lines that are no frame"),
        ("(99999999999.0) can0 123#11", "lines that are no frame"),
        ("(2023-13-08 15:23:18.5) can0 123#11", "lines that are no frame"),
        ("(1.0) can0 45123#81:00:12345678#11223344", "CAN XL frames"),
        ("some words", "lines that are no frame"),
    ],
)
def test_what_is_no_frame_is_counted(tmp_path, line, reason):
    path = tmp_path / "a.log"
    path.write_text(f"(1.0) can0 123#11\n{line}\n\n(2.0) can0 123#11\n")
    with open_recording(path) as reader:
        assert reader.unused == {reason: 1} and reader.counts == {"/raw/can/0": 2}
        assert reader.metadata["unused"] == {reason: "1"}


def test_without_times_there_is_a_sentence(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("  can0  123   [3]  11 22 33\n")
    with pytest.raises(LogError, match="candump shows without times; record with 'candump -L'"):
        open_recording(path)


def test_interfaces_get_numbers(tmp_path):
    path = tmp_path / "a.log"
    names = ["can3", "vcan3", "powertrain", "slcan0", "can3"]
    path.write_text("".join(f"({n}.0) {name} 123#11\n" for n, name in enumerate(names)))
    with open_recording(path) as reader:
        assert reader.metadata["autonomy"]["buses"] == "0=vcan3 1=powertrain 2=slcan0 3=can3"
        assert [frame.bus for frame in frames_of(reader)] == [3, 0, 1, 2, 3]


def test_digits_beyond_the_nanosecond_are_noted(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("(1.0000000019) can0 123#11\n(1.0000000100) can0 123#11\n")
    with open_recording(path) as reader:
        assert [frame.time_ns for frame in frames_of(reader)] == [S + 1, S + 10]
        assert reader.notes == {"digits of the time beyond the nanosecond": 1}


PIECES = """( ( ) ) 1 12 . .5 123456789 2023-08-08 15:23:18 can0 can1 # # ## ##1 R r8 T X 7FF 123 18FEF100 20000080 FFFFFFFF
11 AABB f [8] [08] [2] [02] [64] 22 ERRORFRAME RX TX B E - _ _9 : 0"""
pieces = st.sampled_from([*PIECES.split(), " ", "\t", "remote request"])
lines = st.one_of(
    st.lists(st.one_of(pieces, st.just(" ")), max_size=14).map("".join),
    st.tuples(
        st.sampled_from(["(1.5) can0 ", " (1700000000.123456)  can7  ", "(2023-08-08 15:23:18.5) x "]),
        st.sampled_from(["123", "7FF", "18FEF100", "20000080", "800", "1234", "RX - -  123", "TX B E  123"]),
        st.sampled_from(["#", "##1", "##3", "#R", "#R4", "   [2]  ", "  [02]  ", "   [8]  "]),
        st.lists(st.sampled_from(["11", "AB", "cd", " ", ".", "22 33", "1"]), max_size=10).map("".join),
        st.sampled_from(["", " R", " T", " X", "  ", "_9", "#", ":00"]),
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(lines, max_size=20))
def test_the_kernel_says_what_its_twin_says(tmp_path_factory, found):
    path = tmp_path_factory.getbasetemp() / "twin.log"
    path.write_text("\n".join(["(1.0) first0 123#11", *found]) + "\n")
    expected = list(twin(path.read_text().split("\n")))
    with open_recording(path) as reader:
        told = dict(part.split("=", 1) for part in reader.metadata["autonomy"]["buses"].split(" ") if "=" in part)
        got = sorted((f.time_ns, f.identifier, told[str(f.bus)], f.flags, f.length, f.data, f.is_fd) for f in frames_of(reader))
    assert got == sorted(expected)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 7])
def test_lines_across_blocks(tmp_path, size):
    path = tmp_path / "a.log"
    line = "(%d.000000) can0 18FEF100#%016X\n"
    count = 3 * size // len(line % (10**9, 0))
    path.write_text("".join(line % (10**9 + n, n) for n in range(count)))
    with open_recording(path) as reader:
        rows = reader.read_topic("/raw/can/0")
        assert reader.counts == {"/raw/can/0": count} and not reader.truncated
    assert [int.from_bytes(row.tobytes(), "big") for row in rows["data"]] == list(range(count))
