"""From rings to logs: datagrams put together, segments, snapshots around events, and nothing kept back for long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from autonomy.runtime.segments import Segments, Snapshots
from drivers.can.frame_filter import FrameFilter
from drivers.ring import Ring
from drivers.udp.receiver import Received
from hil.rig.capture import CanCapture, UdpCapture
from hil.rig.raw_journal import FLUSH_S, RawJournal, Taps
from tests.drivers.can.build import EXTENDED, can_frame, can_frames

S = 1_000_000_000
BUS_OFF = 0x18FFAA00


def opened(path, first_ns) -> LogWriter:
    return LogWriter(path, {"clock": "utc"})


class Bus:
    """A transport that has these frames."""

    def __init__(self):
        self.waiting = can_frames()

    def receive(self, classic, fd, timeout_s):
        count = min(len(classic), len(self.waiting))
        classic[:count], self.waiting = self.waiting[:count], self.waiting[count:]
        return count, 0

    def lost(self):
        return None


class Desk:
    """A bus, its capture and a journal, turned by hand."""

    def __init__(self, folder, *, segment_s=None, before_s=None, after_s=1.0, keep=True):
        self.bus, self.now_s = Bus(), 0.0
        self.capture = CanCapture(self.bus, "bus", 0)
        self.marks = Ring(8, 8)
        self.log = Segments(folder / "drive.mcap", opened, segment_s, keep=keep)
        wanted = FrameFilter.parse([f"{BUS_OFF:08X}:1FFFFFFF"])
        snapshots = None if before_s is None else Snapshots(self.log, before_s, after_s)
        self.journal = RawJournal(self.log, Taps(self.capture.taps, self.marks), (), snapshots, wanted, clock=lambda: self.now_s)

    def second(self, number: int, identifier: int = 0x123) -> None:
        """Ten frames within a second."""
        times = [number * S + place * S // 10 for place in range(10)]
        self.bus.waiting = can_frames(*(can_frame(EXTENDED | identifier, b"\1", time_ns=time) for time in times))
        self.capture.turn(0.0)
        self.journal.drain()

    def close(self) -> None:
        self.log.close()
        if self.journal.snapshots is not None:
            self.journal.snapshots.close()


def times_of(path) -> list[float]:
    with LogReader(path) as log:
        return (log.read_topic("/raw/can/0")["time_ns"] / S).tolist()


def test_segments_follow_each_other_and_hold_everything_once(tmp_path):
    desk = Desk(tmp_path, segment_s=3.0)
    for number in range(1, 8):
        desk.second(number)
    desk.close()
    assert [path.rsplit("/", 1)[1] for path in desk.log.paths] == ["drive_0000.mcap", "drive_0001.mcap", "drive_0002.mcap"]
    found = [times_of(path) for path in desk.log.paths]
    assert [part[0] for part in found] == [1.0, 4.0, 7.0] and sum(map(len, found)) == 70
    assert desk.journal.counts["written"] == {"/raw/can/0": 70}


def test_an_event_keeps_what_was_before_it_and_what_comes_behind(tmp_path):
    desk = Desk(tmp_path, before_s=2.0, after_s=1.5, keep=False)
    for number in range(1, 12):
        desk.second(number, BUS_OFF if number == 5 else 0x123)
    desk.close()
    (path,) = desk.log.paths
    times = times_of(path)
    assert path.endswith("drive_event_0000.mcap") and desk.journal.counts["events"] == 10
    assert times[0] == pytest.approx(3.0) and 5.9 + 1.5 <= times[-1] < 9.0 and len(times) == len(set(times))


def test_a_mark_from_outside_is_an_event_and_a_second_one_prolongs_it(tmp_path):
    desk = Desk(tmp_path, before_s=1.0, after_s=2.0)
    for number in range(1, 12):
        desk.second(number)
        if number in (4, 5):
            desk.marks.push(((number + 1) * S).to_bytes(8, "little"))
    desk.close()
    assert [path.rsplit("/", 1)[1] for path in desk.log.paths] == ["drive.mcap", "drive_event_0000.mcap"]
    assert len(times_of(desk.log.paths[0])) == 110 and times_of(desk.log.paths[1])[-1] >= 8.0


def test_pain_15_a_silent_bus_does_not_keep_its_last_records_from_the_disk(tmp_path):
    desk = Desk(tmp_path)
    desk.second(1)
    with LogReader(tmp_path / "drive.mcap") as log:
        assert log.truncated and len(log.topics) == 0 or len(log.read_topic("/raw/can/0")) == 0
    desk.now_s += FLUSH_S
    desk.journal.drain()
    with LogReader(tmp_path / "drive.mcap") as log:  # as a kill would leave it
        assert log.truncated and len(log.read_topic("/raw/can/0")) == 10
    desk.close()


class Socket:
    address, port, lost = "127.0.0.1", 2368, 0

    def __init__(self, contents: list[bytes]):
        self.contents = contents

    def receive(self, timeout_s):
        found = [Received(S + number, 0x7F000001, 5, content) for number, content in enumerate(self.contents)]
        self.contents = []
        return found


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=3000), st.sampled_from([bytes(2008), b"x" * 2009, b"y" * 9401, b"z" * 35_336])), max_size=8
    )
)
def test_datagrams_of_any_length_come_out_whole(tmp_path_factory, contents):
    capture = UdpCapture(Socket(contents), "lidar")
    capture.turn(0.0)
    path = tmp_path_factory.mktemp("udp") / "x.mcap"
    with Segments(path, opened) as log:
        journal = RawJournal(log, Taps(capture.taps, Ring(8, 8)))
        journal._rows["UdpPacket"] = journal._rows["UdpPacket"][:3]  # a datagram's parts in several drains
        for _ in range(200):
            journal.drain()
    if not contents:
        return
    with LogReader(path) as log:
        rows = log.read_topic("/raw/udp/lidar")
    assert [row["data"][: row["count"]].tobytes() for row in rows] == contents
    assert capture.account()["unrecorded"] == 0 and (rows["destination_port"] == 2368).all()


def test_a_datagram_without_room_is_counted_and_harms_no_other(tmp_path):
    capture = UdpCapture(Socket([bytes([number % 256]) * 60_000 for number in range(300)]), "lidar")
    capture.turn(0.0)
    with Segments(tmp_path / "x.mcap", opened) as log:
        journal = RawJournal(log, Taps(capture.taps, Ring(8, 8)))
        while journal.drain():
            pass
    with LogReader(tmp_path / "x.mcap") as log:
        rows = log.read_topic("/raw/udp/lidar")
    account = capture.account()
    assert account["received"] == 300 and len(rows) + account["unrecorded"] == 300 and account["unrecorded"] > 0
    assert all((row["data"][: row["count"]] == row["data"][0]).all() and row["count"] == 60_000 for row in rows)


def test_rows_in_a_ring_are_whole_or_counted():
    ring = Ring(8, msg.dtype("CanFrame").itemsize)
    rows = np.zeros(11, msg.dtype("CanFrame"))
    rows["id"] = np.arange(11)
    assert ring.push_many(rows) == 8 and ring.refused == 3
    found = np.zeros(8, rows.dtype)
    assert ring.pop_many(found) == 8 and (found == rows[:8]).all()
    with pytest.raises(ValueError, match="no whole number of slots"):
        ring.push_many(b"123")
