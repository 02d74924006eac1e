"""A foreign recording behind the face of a log: order, selection, blocks read again, and every command on it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy.bench.measuring import measure
from autonomy.cli.main import main
from autonomy.errors import LogError
from autonomy.log.formats import foreign
from autonomy.log.importers import recording
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from tests.log.formats.recordings import START_NS, Frame, frames_of, ordered, read_frames, write_log

COUNT = 60_000


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    """A candump of several blocks; its frames a little out of order, as several sockets write them."""
    generator = np.random.default_rng(1)
    times = START_NS // 1000 + np.arange(COUNT) * 500 + generator.integers(0, 1500, COUNT)
    path = tmp_path_factory.mktemp("long") / "a.log"
    path.write_text("".join(
        f"({time // 10**6}.{time % 10**6:06d}) can{number % 3} 18FEF1{number % 256:02X}#{number:016X}\n"
        for number, time in enumerate(times.tolist())
    ))  # fmt: skip
    return path, times * 1000


@pytest.mark.parametrize("kept_bytes", [foreign.KEPT_BYTES, 0])
def test_order_is_that_of_a_log(long_log, monkeypatch, kept_bytes):
    monkeypatch.setattr(foreign, "KEPT_BYTES", kept_bytes)
    path, times = long_log
    with open_recording(path) as reader:
        assert len(reader._sections) > 2
        found = [batch.records["log_time_ns"] for batch in reader.batches()]
        np.testing.assert_array_equal(np.concatenate(found), np.sort(times))
        assert reader.late == 0 and reader.check() == reader.counts
        assert reader.start_ns == times.min() and reader.end_ns == reader.last_good_ns == times.max()
        rows = reader.read_topic("/raw/can/1")
        assert len(rows) == COUNT // 3 and (rows["bus"] == 1).all()
        numbers = np.array([int.from_bytes(row.tobytes(), "big") for row in rows["data"]])
        np.testing.assert_array_equal(np.sort(numbers), np.arange(1, COUNT, 3))


def test_a_stretch_of_one_topic(long_log):
    path, times = long_log
    with open_recording(path) as reader:
        start_ns, end_ns = START_NS + 10**9, START_NS + 2 * 10**9
        found = list(reader.batches(["/raw/can/2"], start_ns=start_ns, end_ns=end_ns))
        chosen = np.sort(times[2::3])
        np.testing.assert_array_equal(
            np.concatenate([batch.records["log_time_ns"] for batch in found]),
            chosen[(chosen >= start_ns) & (chosen < end_ns)],
        )


def test_converted_it_is_the_same(long_log, tmp_path):
    path, _ = long_log
    result = recording.convert([path], tmp_path / "a.mcap")
    assert result.messages == {"/raw/can/0": COUNT // 3, "/raw/can/1": COUNT // 3, "/raw/can/2": COUNT // 3}
    with open_recording(path) as before, LogReader(tmp_path / "a.mcap") as after:
        assert after.metadata["autonomy"]["clock"] == "utc" and after.metadata["autonomy"]["buses"] == "0=can0 1=can1 2=can2"
        for topic in before.topics:
            np.testing.assert_array_equal(before.read_topic(topic), after.read_topic(topic))


def test_several_recordings_of_several_formats_are_merged(tmp_path):
    one = [Frame(START_NS + n * 2_000_000, 0x100, 0, 0, bytes([n])) for n in range(50)]
    two = [Frame(START_NS + 1_000_000 + n * 2_000_000, 0x200, 0, 0, bytes([n])) for n in range(50)]
    write_log(tmp_path / "a.mcap", one)
    (tmp_path / "b.log").write_text("".join(
        f"({frame.time_ns // 10**9}.{frame.time_ns % 10**9:09d}) can0 200#{frame.data.hex()}\n" for frame in two
    ))  # fmt: skip
    dbc = tmp_path / "x.dbc"
    dbc.write_text('VERSION ""\n')
    result = recording.convert([tmp_path / "a.mcap", tmp_path / "b.log"], tmp_path / "c.mcap", {0: dbc})
    assert result.messages == {"/raw/can/0": 100} and not result.problems
    assert read_frames(tmp_path / "c.mcap") == ordered(one + two)
    with LogReader(tmp_path / "c.mcap") as reader:
        assert reader.attachment("can/0.dbc") == dbc.read_bytes()


def test_recordings_of_different_clocks_are_refused(tmp_path):
    write_log(tmp_path / "a.mcap", [Frame(START_NS, 1, 0, 0, b"")])
    (tmp_path / "b.log").write_text("(12.5) can0 123#11\n")
    with pytest.raises(LogError, match=r"a.mcap: utc, b.log: unknown\); convert them apart"):
        recording.convert([tmp_path / "a.mcap", tmp_path / "b.log"], tmp_path / "c.mcap")
    assert not list(tmp_path.glob("c*"))


def test_a_cut_recording_is_converted_up_to_its_cut_and_told(tmp_path, capsys):
    path = tmp_path / "a.log"
    path.write_text("(1.0) can0 123#11\n(2.0) can0 123#11\n(3.0) ca")
    assert main(["log", "convert", str(path), str(tmp_path / "a.mcap"), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["messages"] == {"/raw/can/0": 2} and "has no end" in told["problems"][0]
    assert len(read_frames(tmp_path / "a.mcap")) == 2


def test_the_commands_know_no_format(tmp_path, capsys):
    found = [Frame(START_NS // 1000 * 1000 + n * 10_000_000, 0x100, 1, 0, bytes([n])) for n in range(100)]
    write_log(tmp_path / "a.mcap", found)
    assert main(["log", "export", str(tmp_path / "a.mcap"), str(tmp_path / "a.blf")]) == 0
    assert main(["log", "info", str(tmp_path / "a.blf")]) == 0
    assert "/raw/can/1" in capsys.readouterr().out
    assert main(["log", "check", str(tmp_path / "a.blf")]) == 0
    cut = ["log", "cut", str(tmp_path / "a.blf"), "-o", str(tmp_path / "cut.mcap"), "--start", "0.2", "--duration", "0.5"]
    assert main(cut) == 0
    assert read_frames(tmp_path / "cut.mcap") == found[20:70]
    assert main(["log", "diff", str(tmp_path / "a.mcap"), str(tmp_path / "a.blf")]) in (0, 1)
    assert main(["log", "sort", str(tmp_path / "a.blf"), "-o", str(tmp_path / "sorted.mcap")]) == 0
    assert read_frames(tmp_path / "sorted.mcap") == found


def test_frames_of_two_kinds_stay_apart(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("(1.0) can0 123#11\n(1.0) can0 123##0" + "22" * 64 + "\n(1.0) can0 123#33\n")
    with open_recording(path) as reader:
        assert reader.counts == {"/raw/can/0": 2, "/raw/canfd/0": 1}
        assert [frame.data[0] for frame in frames_of(reader)] == [0x11, 0x22, 0x33]
        assert reader.read_topic("/raw/canfd/0")["length"].tolist() == [64]


def test_an_unknown_format_is_told_with_those_that_are_known(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_bytes(b"nothing known")
    with pytest.raises(LogError, match="of no known format; .* BLF, MF4, PCAP, ROS 1 bag"):
        open_recording(path)


@pytest.mark.slow
def test_pain_16_a_long_recording_in_bounded_memory(tmp_path):
    """What a candump four times as long takes is no more memory."""
    peaks = []
    for blocks in (20, 80):
        path = tmp_path / f"{blocks}.log"
        with path.open("w") as file:
            for block in range(blocks):
                start = 1_700_000_000 + block * 20
                lines = (f"({start + n // 2000}.{n % 2000 * 500:06d}) can0 18FEF100#{n:016X}\n" for n in range(40_000))
                file.write("".join(lines))
        found = measure(["log", "check", path])
        assert found.code == 0 and f"{blocks * 40_000}" in found.output
        peaks.append(found.peak_rss_mb)
    assert peaks[1] < peaks[0] + 90 and peaks[1] < 300  # the first fits into what stays in memory
