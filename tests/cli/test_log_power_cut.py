"""A log cut at every byte of its tail: every command reads what is there, says where it ends, and ends with 3."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from tests.cli.log_command import run
from tests.log.samples import can_frames

STEP_NS = 100_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of a log with four chunks of one second, its frames, and where its last chunk begins."""
    path = tmp_path_factory.mktemp("log") / "whole.mcap"
    frames = can_frames(40, step_ns=STEP_NS)
    with LogWriter(path) as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
        writer.declare("/in/imu")
    with LogReader(path) as reader:
        begin = reader._sections[-1].offset
    return path.read_bytes(), frames, begin - 60


def commands(folder, log):
    """Every command that reads a log, with what it writes to."""
    return {
        "info": ["info", log],
        "check": ["check", log],
        "cat": ["cat", log],
        "cut": ["cut", log, "-o", folder / "cut.mcap"],
        "merge": ["merge", log, "-o", folder / "merged.mcap"],
        "sort": ["sort", log, "-o", folder / "sorted.mcap"],
        "export": ["export", log, folder / "out.csv"],
        "diff": ["diff", log, log],
    }


# Every byte takes a minute; a coarse step is run always
STEPS = pytest.mark.parametrize("step", [67, pytest.param(1, marks=pytest.mark.slow)])


@STEPS
@pytest.mark.parametrize("command", ["info", "check", "cat", "cut", "merge", "sort", "export", "diff"])
def test_pain_15_every_command_reads_a_log_cut_at_every_byte_of_its_tail(tmp_path, capsys, whole, command, step):
    data, frames, begin = whole
    log = tmp_path / "a.mcap"
    kept = []
    for end in [*range(begin, len(data), step), len(data) - 1]:
        log.write_bytes(data[:end])
        code, out, err = run(capsys, *commands(tmp_path, log)[command])
        assert code == 3
        assert "it ends early" in err and f"autonomy log recover {log} -o" in err
        if command == "cat":
            kept.append(len(out.splitlines()))
        elif command in ("cut", "merge", "sort"):
            with LogReader(commands(tmp_path, log)[command][-1]) as reader:
                assert not reader.truncated
                rows = reader.read_topic("/raw/can/0") if "/raw/can/0" in reader.topics else []
                np.testing.assert_array_equal(rows, frames[: len(rows)])
                kept.append(len(rows))
    # The open chunk is lost at most: one second
    assert all(count in (30, 40) for count in kept) and kept == sorted(kept)


@STEPS
def test_pain_15_recover_gives_the_readable_prefix_and_says_what_is_lost(tmp_path, capsys, whole, step):
    data, frames, begin = whole
    log, out = tmp_path / "a.mcap", tmp_path / "b.mcap"
    for end in [*range(begin, len(data), step), len(data) - 1]:
        log.write_bytes(data[:end])
        with LogReader(log) as reader:
            prefix = reader.read_topic("/raw/can/0")
        code, printed, err = run(capsys, "recover", log, "-o", out, "--json")
        found = json.loads(printed)
        assert code == 0 and found["problem"]
        with LogReader(out) as reader:
            assert not reader.truncated and reader.counts is not None
            np.testing.assert_array_equal(reader.read_topic("/raw/can/0"), prefix)
            assert {"/raw/can/0", "/in/imu"} >= set(reader.topics)
        assert len(frames) - len(prefix) <= 10
        if len(prefix) < len(frames):
            assert found["tail_bytes"] > 0 or "ends at byte" in found["problem"]
        code, printed, err = run(capsys, "check", out)
        assert code == 0


def test_recover_of_a_whole_log_says_that_nothing_is_lost(tmp_path, capsys, whole):
    (tmp_path / "a.mcap").write_bytes(whole[0])
    code, printed, _ = run(capsys, "recover", tmp_path / "a.mcap", "-o", tmp_path / "b.mcap")
    assert code == 0 and "nothing is lost" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["cut", "a.mcap", "-o", "a.mcap"],
        ["sort", "a.mcap", "-o", "./a.mcap"],
        ["merge", "b.mcap", "a.mcap", "-o", "a.mcap"],
        ["recover", "a.mcap", "-o", "link.mcap"],
    ],
)
def test_no_command_overwrites_its_own_input(tmp_path, monkeypatch, capsys, whole, arguments):
    monkeypatch.chdir(tmp_path)
    for name in ("a.mcap", "b.mcap"):
        (tmp_path / name).write_bytes(whole[0])
    (tmp_path / "link.mcap").symlink_to("a.mcap")
    code, _, err = run(capsys, *arguments)
    assert code == 2 and "is the recording to be read" in err
    assert (tmp_path / "a.mcap").read_bytes() == whole[0]


def test_a_failed_command_leaves_no_output(tmp_path, capsys, whole):
    (tmp_path / "a.mcap").write_bytes(whole[0])
    (tmp_path / "b.mcap").write_bytes(b"hello")
    code, _, _ = run(capsys, "merge", tmp_path / "a.mcap", tmp_path / "b.mcap", "-o", tmp_path / "c.mcap")
    assert code == 3 and sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "b.mcap"]


def test_a_killed_command_leaves_a_partial_file_that_recover_reads(tmp_path, capsys, monkeypatch, whole):
    """What a kill leaves is the .part file: simulated by keeping it just before it would get its summary."""
    from autonomy.log import container

    (tmp_path / "a.mcap").write_bytes(whole[0])
    snapshot = tmp_path / "killed.part.mcap"
    close = container.Container.close

    def killed(self):
        snapshot.write_bytes(self.path.read_bytes())
        close(self)

    monkeypatch.setattr(container.Container, "close", killed)
    run(capsys, "cut", tmp_path / "a.mcap", "-o", tmp_path / "b.mcap")
    monkeypatch.undo()
    code, printed, _ = run(capsys, "recover", snapshot, "-o", tmp_path / "c.mcap")
    assert code == 0 and "no message is lost, only the index was" in printed
    assert (tmp_path / "c.mcap").read_bytes() == (tmp_path / "b.mcap").read_bytes()


def test_each_chunk_reaches_the_disk_when_the_log_is_durable(tmp_path, monkeypatch):
    import os

    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    frames = can_frames(30, step_ns=STEP_NS)
    with LogWriter(tmp_path / "a.mcap", durable=True) as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
        assert len(synced) >= 2
