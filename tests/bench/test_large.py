"""Memory and time of every command on a log larger than the memory it may take."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from autonomy.bench import large, synthetic
from autonomy.bench.measuring import measure
from autonomy.cli.main import main
from autonomy.errors import EnvironmentFault
from autonomy.log.reader import LogReader

LIMIT_MB = 300.0
SHORT_BYTES, LONG_BYTES = 160_000_000, 640_000_000
ADDRESS_SPACE_BYTES = 620_000_000


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A short and a four times longer log, and the longer one with its chunks in disorder."""
    folder = tmp_path_factory.mktemp("large")
    synthetic.write(folder / "short.mcap", SHORT_BYTES)
    synthetic.write(folder / "long.mcap", LONG_BYTES)
    yield folder
    shutil.rmtree(folder)


COMMANDS = {
    "info": ["log", "info", "{log}"],
    "check": ["log", "check", "{log}"],
    "cut": ["log", "cut", "{log}", "--start", "30", "-o", "{out}.mcap"],
    "merge": ["log", "merge", "{log}", "{log}", "-o", "{out}.mcap"],
    "sort": ["log", "sort", "{log}", "-o", "{out}.mcap"],
    "cat": ["log", "cat", "{log}", "--topics", "/in/*"],
    "export csv": ["log", "export", "{log}", "{out}.csv", "--topics", "/in/*"],
    "export parquet": ["log", "export", "{log}", "{out}.parquet"],
    "export mf4": ["log", "export", "{log}", "{out}.mf4"],
    "recover": ["log", "recover", "{log}", "-o", "{out}.mcap"],
    "diff": ["log", "diff", "{log}", "{log}"],
    "replay": ["replay", "{log}"],
    "replay with report": ["replay", "{log}", "-o", "{out}"],
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_pain_16_memory_does_not_grow_with_the_log(logs, tmp_path, command):
    """Four times the log may take a little more memory, far from four times, and never the limit."""
    peaks = {}
    for name in ("short", "long"):
        arguments = [part.format(log=logs / f"{name}.mcap", out=tmp_path / name) for part in COMMANDS[command]]
        found = measure(arguments, keep_output=False)
        assert found.code == 0
        peaks[name] = found.peak_rss_mb
    assert peaks["long"] <= LIMIT_MB and peaks["long"] < 1.6 * peaks["short"] + 20, peaks


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_pain_16_a_log_larger_than_the_address_space(logs, tmp_path, command):
    """No command maps or keeps the whole log: it ends where the log would not fit, libraries and their threads included."""
    log = logs / "long.mcap"
    assert log.stat().st_size > ADDRESS_SPACE_BYTES
    arguments = [part.format(log=log, out=tmp_path / "out") for part in COMMANDS[command]]
    assert measure(arguments, keep_output=False, address_space_bytes=ADDRESS_SPACE_BYTES).code == 0


@pytest.mark.slow
def test_pain_16_recovering_and_sorting_a_cut_disordered_log_stay_small(logs, tmp_path):
    """Chunks in a random order and no index: the worst that a command can meet."""
    from autonomy.log.copying import RecordWriter

    log = tmp_path / "disorder.mcap"
    with LogReader(logs / "short.mcap") as reader:
        sections = list(reader._sections)
        np.random.default_rng(0).shuffle(sections)
        reader._sections = sections
        writer = RecordWriter(log)
        table = writer.channel_table(reader)
        for section in sections:
            reader._sections = [section]
            for batch in reader.batches():
                writer.write(batch, table)
        writer.abandon()  # no summary
    for command in (["log", "sort", log, "-o", tmp_path / "s.mcap"], ["log", "recover", log, "-o", tmp_path / "r.mcap"]):
        found = measure(command)
        assert found.peak_rss_mb <= LIMIT_MB, command
    with LogReader(tmp_path / "s.mcap") as reader:
        last = -1
        for batch in reader.batches(file_order=True):
            times = batch.records["log_time_ns"]
            assert times[0] >= last and (np.diff(times) >= 0).all()
            last = times[-1]


def test_the_synthetic_log_is_a_drive_that_replays(tmp_path):
    seconds = synthetic.write(tmp_path / "a.mcap", 1)
    with LogReader(tmp_path / "a.mcap") as reader:
        assert seconds == 60.0 and not reader.truncated and reader.counts == reader.check()
        gnss = reader.read_topic("/in/gnss")["items"][:, 0]
        assert (np.diff(gnss["valid_time_ns"]) > 0).all()
        assert (reader.read_times("/in/gnss") == gnss["valid_time_ns"]).all()


def test_minutes_join_without_a_jump(tmp_path):
    synthetic.write(tmp_path / "a.mcap", 70_000_000)
    with LogReader(tmp_path / "a.mcap") as reader:
        gnss = reader.read_topic("/in/gnss")["items"][:, 0]
        assert len(gnss) == 1200
        assert (np.diff(gnss["valid_time_ns"]) == 100_000_000).all()
        step = np.hypot(np.diff(gnss["latitude_deg"]) * 111_200, np.diff(gnss["longitude_deg"]) * 74_500)
        np.testing.assert_allclose(step, 2.0, atol=0.05)
        assert (np.diff(reader.read_topic("/raw/can/5")["time_ns"]) > 0).all()


def test_no_room_on_the_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(EnvironmentFault, match="needs 2.5 times its size"):
        large.rows(1.0, tmp_path)


def test_a_size_that_makes_no_sense_is_refused(capsys):
    assert main(["bench", "large", "--gigabytes", "-1"]) == 2
    assert "--gigabytes" in capsys.readouterr().err
