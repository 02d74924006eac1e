"""Records of equal time keep the order of the recording, over buses, kinds of frames and formats; steps back are told."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pytest

from autonomy import msg
from autonomy.cli.main import main
from autonomy.log.importers import recording
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader, rows_of
from autonomy.log.topics import message_of
from autonomy.log.writer import LogWriter
from tests.log.formats.recordings import START_NS, Frame, frames_of, read_frames, write_log
from tests.log.formats.ros_bags import COUNT, write
from tests.log.samples import can_frames

LINES = [
    f"({1_700_000_000 + n // 40}.{n // 8 % 5 * 100:06d}) can{(7 * n) % 5} {name}\n"
    for n in range(4000)
    for name in [f"123#{n:08X}", f"18FEF100##1{n:08X}"][n % 2 : n % 2 + 1]
]  # eight records of each time, on five buses, every other one CAN FD


@pytest.fixture
def candump(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("".join(LINES))
    return path


def test_equal_times_keep_the_order_of_the_recording_byte_for_byte(candump, tmp_path, capsys):
    """Through reading, converting and every command that copies or writes."""
    expected = candump.read_text()

    def text_of(path) -> str:
        assert main(["log", "export", str(path), str(tmp_path / "out.log")]) == 0
        return (tmp_path / "out.log").read_text()

    assert text_of(candump) == expected
    assert main(["log", "convert", str(candump), str(tmp_path / "a.mcap")]) == 0
    assert text_of(tmp_path / "a.mcap") == expected
    for action in ("cut", "sort", "merge", "recover"):
        assert main(["log", action, str(tmp_path / "a.mcap"), "-o", str(tmp_path / f"{action}.mcap")]) == 0
        assert text_of(tmp_path / f"{action}.mcap") == expected, action
    for ending in (".blf", ".asc", ".mf4"):
        assert main(["log", "export", "--raw", str(candump), str(tmp_path / f"b{ending}")]) == 0
        found, whole = read_frames(tmp_path / f"b{ending}"), read_frames(candump)
        assert [frame._replace(bus=0, flags=0) for frame in found] == [frame._replace(bus=0, flags=0) for frame in whole]
    capsys.readouterr()
    assert main(["can", "dump", "-L", str(tmp_path / "a.mcap")]) == 0
    classic = "".join(line for line in expected.splitlines(keepends=True) if "##" not in line)
    assert capsys.readouterr().out in (classic, expected)


def test_recordings_merged_keep_their_own_orders(tmp_path):
    times = [START_NS + n // 4 for n in range(40)]
    one = write_log(tmp_path / "one.mcap", [Frame(time, 1, 9 - n % 10, 0, bytes([n])) for n, time in enumerate(times)])
    two = write_log(tmp_path / "two.mcap", [Frame(time, 2, n % 10, 0, bytes([n])) for n, time in enumerate(times)])
    recording.convert([one, two], tmp_path / "both.mcap")
    found = read_frames(tmp_path / "both.mcap")
    for identifier, path in ((1, one), (2, two)):
        assert [frame for frame in found if frame.identifier == identifier] == read_frames(path)
    for time in set(times):  # those of one recording stand together
        assert [frame.identifier for frame in found if frame.time_ns == time] == [1] * 4 + [2] * 4


def test_what_a_tick_writes_stands_behind_what_it_may_have_used(tmp_path):
    with LogWriter(tmp_path / "a.mcap") as writer:
        for topic in ("/out/ego", "/cut", "/in/imu", "/raw/can/1", "/raw/can/0", "/parameters"):
            writer.write(topic, START_NS, np.zeros((), msg.dtype(message_of(topic)))[()])
    with LogReader(tmp_path / "a.mcap") as reader:
        topics = [reader.channels[int(n)].topic for batch in reader.batches() for n in batch.records["channel"]]
    assert topics == ["/parameters", "/in/imu", "/raw/can/1", "/raw/can/0", "/cut", "/out/ego"]


def test_chunks_out_of_the_order_of_time_keep_that_of_the_file(tmp_path):
    """The later chunk begins earlier: among equal times the first chunk's records stand first all the same."""
    frames = can_frames(4)
    frames["time_ns"] = START_NS + 10
    with LogWriter(tmp_path / "a.mcap") as writer:
        for n in range(4):
            frames[n]["id"] = n
            if n == 2:
                writer.flush()
                writer.write("/raw/can/0", START_NS, can_frames(1)[0])
            writer.write(f"/raw/can/{3 - n}", int(frames[n]["time_ns"]), frames[n])
    with LogReader(tmp_path / "a.mcap") as reader:
        rows = [row for batch in reader.batches() for row in rows_of(batch, msg.dtype("CanFrame"))]
    assert [int(row["id"]) for row in rows[1:]] == [0, 1, 2, 3]


def test_a_clock_set_back_is_told_by_info_check_and_convert(tmp_path, capsys):
    path = tmp_path / "a.log"
    times = [*range(100, 160), *range(130, 190)]
    path.write_text("".join(f"({1_700_000_000 + time}.000000) can0 123#11\n" for time in times))
    for action in ("info", "check"):
        assert main(["log", action, str(path), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["steps_back"] == 1 and told["largest_step_back_ns"] == 29 * 10**9
        assert main(["log", action, str(path)]) == 0
        assert "time goes back once, by up to 29.000000 s" in capsys.readouterr().out
    assert main(["log", "convert", str(path), str(tmp_path / "a.mcap")]) == 0
    assert "a.log: time goes back, by up to 29.000000 s (put in order of time): 1" in capsys.readouterr().out


@pytest.mark.parametrize("first", [False, True])
def test_one_step_back_of_an_mcap_log_is_one(tmp_path, capsys, first):
    """Also where the step lies within a chunk, even the first."""
    before = START_NS + np.arange(3 if first else 100) * 200_000_000
    times = np.concatenate([before, before[-1] - 60_000_000_000 + np.arange(100) * 200_000_000])
    with LogWriter(tmp_path / "a.mcap", chunk_ns=1 << 60, chunk_bytes=500) as writer:
        writer.write_batch("/raw/can/0", times, can_frames(len(times)))
    with LogReader(tmp_path / "a.mcap") as reader:
        assert reader.steps_back == 1 and abs(reader.largest_step_back_ns - 60 * 10**9) < 4 * 10**9
    assert main(["log", "convert", str(tmp_path / "a.mcap"), str(tmp_path / "b.mcap")]) == 0
    assert "time goes back" in capsys.readouterr().out
    assert main(["log", "info", str(tmp_path / "b.mcap")]) == 0
    assert "goes back" not in capsys.readouterr().out


def test_a_step_back_across_blocks_and_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("autonomy.log.formats.candump.BLOCK_BYTES", 300)
    path = tmp_path / "a.log"
    path.write_text("".join(f"({1000 + n % 50}.5) can0 123#11\n" for n in range(150)))
    with open_recording(path) as reader:
        assert len(reader._sections) > 5
        assert (reader.steps_back, reader.largest_step_back_ns) == (2, 49 * 10**9)


def test_the_groups_of_an_mf4_file_each_begin_anew(tmp_path):
    found = [Frame(START_NS + n * 10**9, 0x100, 0, n % 2 * 4, b"", asked=1 if n % 2 else 0) for n in range(10)]
    write_log(tmp_path / "a.mcap", found)
    assert main(["log", "export", "--raw", str(tmp_path / "a.mcap"), str(tmp_path / "a.mf4")]) == 0
    with open_recording(tmp_path / "a.mf4") as reader:
        assert reader.steps_back == 0 and frames_of(reader) == found


def test_a_step_back_of_a_ros_bag_is_seen_in_its_rows(tmp_path):
    path = write(tmp_path, "db3")
    with open_recording(path) as reader:
        assert reader.steps_back == 0
    database = sqlite3.connect(path)
    database.execute("UPDATE messages SET timestamp = timestamp - 5000000000 WHERE id > ?", (2 * COUNT,))
    database.commit()
    database.close()
    with open_recording(path) as reader:
        assert reader.steps_back == 1 and 4.9e9 < reader.largest_step_back_ns < 5.1e9
