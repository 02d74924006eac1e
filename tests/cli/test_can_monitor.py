"""`autonomy can monitor`: the table as text, at 80 and 140 columns, and how it is shown."""

from __future__ import annotations

import io
import re

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.cli.can import monitor_table
from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.monitor import ALTERNATE, HOME, NORMAL
from autonomy.cli.can.monitor_table import NS, MonitorTable
from autonomy.cli.main import main
from tests.cli.can_logs import MS, bus_frames, run, write_log
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

CATALOGUE = Catalogue.from_options([])
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NAMES = {0: "can0"}
ENGINE = EXTENDED | 0x0CF00400
ANY_FRAME = st.tuples(st.integers(0, 2**29 - 1), st.booleans(), st.binary(max_size=8), st.integers(0, 7), st.integers(0, 255))


def engine(time_ms: int, data: str, priority: int = 3):
    return can_frame(EXTENDED | priority << 26 | 0xF00400, bytes.fromhex(data), time_ns=time_ms * MS)


def table_of(*frames) -> MonitorTable:
    table = MonitorTable(CATALOGUE)
    table.add(can_frames(*frames))
    return table


def test_a_row_is_its_last_data_rate_and_age():
    table = table_of(*(engine(10 * n, "f87d7d8025fff07d") for n in range(50)))
    assert table.lines(590 * MS, bus_names=NAMES, width=80) == [
        "can0: 50 frames in 0.6 s, 0 error frames",
        "id        PGN   from>to name     data                     rate/s age s",
        "0CF00400  F004  00>FF   EEC1     F8 7D 7D 80 25 FF F0 7D   100.0   0.1",
    ]
    assert table.lines(590 * MS, bus_names=NAMES, width=140)[1:] == [
        "id        PGN   from>to name     usual sender               data                     rate/s age s    frames",
        "0CF00400  F004  00>FF   EEC1     engine 1                   F8 7D 7D 80 25 FF F0 7D   100.0   0.1        50",
    ]


def test_changed_bytes_are_marked_until_they_were_shown():
    table = table_of(engine(0, "0000000000000000"), engine(10, "0000ff0000000001"))
    assert "00 00*FF 00 00 00 00*01" in table.lines(10 * MS, bus_names=NAMES)[2]
    assert "*" not in table.lines(20 * MS, bus_names=NAMES)[2]
    table.add(can_frames(engine(30, "0000ff")))
    assert " 00 00 FF  " in table.lines(30 * MS, bus_names=NAMES)[2]


def test_colour_changes_nothing_but_colour():
    marked = table_of(engine(0, "00"), engine(10, "01")).lines(10 * MS, bus_names=NAMES)[2]
    coloured = table_of(engine(0, "00"), engine(10, "01")).lines(10 * MS, bus_names=NAMES, colour=True)[2]
    assert coloured != COLOURS.sub("", coloured) == marked.replace("*", " ")
    silent = table_of(engine(0, "00"), engine(10, "00")).lines(5 * NS, bus_names=NAMES, colour=True)[2]
    assert silent.startswith("\x1b[2m") and silent.endswith("\x1b[0m")


def test_priorities_share_a_row_and_senders_do_not():
    table = table_of(engine(0, "00"), engine(1, "00", priority=6), can_frame(ENGINE | 1, b"\0", time_ns=2 * MS))
    assert len(table.lines(2 * MS, bus_names=NAMES)) == 4


def test_a_small_window_hides_rows_and_says_how_many():
    table = table_of(*(can_frame(number, b"", time_ns=number) for number in range(50)))
    lines = table.lines(50, bus_names=NAMES, height=10)
    assert len(lines) == 10 and lines[-1] == "... and 43 more; a filter or a taller window shows them"


def test_rows_are_bounded(monkeypatch):
    monkeypatch.setattr(monitor_table, "MOST_ROWS", 3)
    table = table_of(*(can_frame(number, b"") for number in range(5)))
    assert table.lines(0, bus_names=NAMES)[-1] == "2 frames of further identifiers left out" and table.left_out == 2


@given(
    st.lists(ANY_FRAME, max_size=30),
    st.integers(40, 200),
    st.integers(3, 40),
    st.booleans(),
)
def test_any_frames_fit_the_window(items, width, height, colour):
    table = MonitorTable(CATALOGUE)
    if items:
        table.add(can_frames(*(
            can_frame(identifier | EXTENDED if extended else identifier & 0x7FF, data, flags=flags, bus=bus)
            for identifier, extended, data, flags, bus in items
        )))  # fmt: skip
    lines = table.lines(NS, bus_names={}, width=width, height=height, colour=colour)
    assert len(lines) <= height
    if not colour:
        assert all(len(line) <= width for line in lines)


def test_once_is_one_table_at_the_end(capsys, tmp_path):
    lines, told = run(capsys, "monitor", write_log(tmp_path / "drive.mcap"), "--once")
    assert lines[0] == f"can0: {len(bus_frames())} frames in 0.9 s, 1 error frames"
    assert max(map(len, lines)) <= 80 and sum("CCVS1" in line for line in lines) == 2 and told == ""


def test_without_a_terminal_tables_follow_each_other(capsys, tmp_path):
    lines, _ = run(capsys, "monitor", write_log(tmp_path / "drive.mcap"), "--every", "0.3", "pgn=F004")
    assert [line for line in lines if line.startswith("can0")] == [
        f"can0: {count} frames in {seconds} s, 0 error frames"
        for count, seconds in ((3, "0.3"), (6, "0.6"), (9, "0.9"), (10, "0.9"))
    ]


def test_a_day_of_silence_is_one_step(capsys, tmp_path):
    path = write_log(tmp_path / "gap.mcap", can_frames(engine(0, "00"), engine(86_400_000, "00")))
    assert len([line for line in run(capsys, "monitor", path)[0] if line.startswith("can0")]) == 2


def test_a_live_bus(capsys, monkeypatch, request):
    sender, receiver = (can.Bus(interface="virtual", channel=request.node.name) for _ in range(2))
    monkeypatch.setattr("autonomy.cli.can.source.open_bus", lambda *_: receiver)
    for number in range(5):
        sender.send(can.Message(arbitration_id=0x18FEF100 + number, data=bytes(8)))
    lines, told = run(capsys, "monitor", "-i", "virtual", "-c", request.node.name, "-n", "5")
    assert len([line for line in lines if "CCVS1" in line]) == 5 and "5 frames received" in told
    sender.shutdown()


@pytest.mark.parametrize(("option", "value"), [("--rate", "0"), ("--rate", "fast"), ("--rate", "inf"), ("--every", "0")])
def test_wrong_options_are_named(capsys, option, value):
    assert value in run(capsys, "monitor", "a.mcap", option, value, code=2)[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_picture_is_renewed_and_the_last_one_stays(tmp_path, monkeypatch):
    path = write_log(tmp_path / "drive.mcap")
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["can", "monitor", path, "--rate", "max", "--width", "100"]) == 0
    picture, last = terminal.getvalue().split(NORMAL)
    assert picture.startswith(ALTERNATE) and picture.count(HOME) == 4
    assert COLOURS.sub("", last).splitlines()[0] == f"can0: {len(bus_frames())} frames in 0.8 s, 1 error frames"
