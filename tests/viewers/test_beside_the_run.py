"""The standard messages disturb nobody: replays, readers and comparisons pass them by, and they cost little."""

from __future__ import annotations

import shutil

import pytest

from autonomy import replay
from autonomy.cli.main import main
from autonomy.log.formats.ros_mcap import needs_translation
from autonomy.log.importers.comma2k19 import convert
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from autonomy.viewers.stored import StoredRun
from autonomy.viewers.views import Views
from tests.log.lateness import lateness_ns
from tests.viewers.decoding import is_standard, raw


def test_a_replay_of_the_output_gives_the_same_outputs_and_the_same_views(run_folder, log, tmp_path):
    told = replay(run_folder.parent / "drive.mcap", report=False).metrics["output_sha256"]
    again = replay(log, mode="frames", output_dir=tmp_path, report=False)
    assert again.metrics["output_sha256"] == told
    assert raw(tmp_path / "output.mcap") == raw(log)


def test_the_output_is_a_log_of_ours_although_it_holds_positions_as_ros_has_them(log, tmp_path):
    reader = open_recording(log)
    assert isinstance(reader, LogReader) and not needs_translation(reader)
    merged = tmp_path / "merged.mcap"
    assert main(["log", "cut", str(log), "--topics", "/in/*", "/view/*", "-o", str(merged)]) == 0
    with LogReader(merged) as kept:
        assert kept.check()["/view/gnss"] > 0
    assert not needs_translation(LogReader(merged))


def test_commands_on_logs_take_the_views_along(log, tmp_path, capsys):
    copy = tmp_path / "copy.mcap"
    shutil.copy(log, copy)
    assert main(["log", "check", str(copy)]) == 0
    assert main(["log", "diff", str(log), str(copy)]) == 0
    assert main(["log", "sort", str(copy), "-o", str(tmp_path / "sorted.mcap")]) == 0
    assert sorted(raw(tmp_path / "sorted.mcap")) == sorted(raw(log))
    assert main(["report", str(log.parent), str(log.parent)]) == 0


def test_no_topic_is_written_a_second_behind_another(log, capsys):
    lateness = lateness_ns(log)
    assert lateness["/view/odometry"] > 0 and max(lateness.values()) < 1_000_000_000
    assert main(["log", "info", str(log)]) == 0
    assert "goes back" not in capsys.readouterr().out


def share_of_the_views(log, folder) -> float:
    """The log's size over that of the same log without them, less one."""
    without = folder / "without.mcap"
    with LogReader(log) as reader:
        topics = [topic for topic in reader.topics if not is_standard(topic)]
    assert main(["log", "cut", str(log), "--topics", *topics, "-o", str(without)]) == 0
    return log.stat().st_size / without.stat().st_size - 1.0


def test_the_views_take_little_room_beside_a_small_log(log, tmp_path):
    assert share_of_the_views(log, tmp_path) < 0.15  # the demonstration has few messages: 0.12


@pytest.mark.real_data
def test_the_views_take_less_than_a_tenth_of_a_recorded_drive(data_directory, tmp_path):
    convert([data_directory / "comma2k19"], tmp_path / "drive.mcap")
    replay(tmp_path / "drive.mcap", output_dir=tmp_path, report=False, end=20.0)
    assert share_of_the_views(tmp_path / "output.mcap", tmp_path) < 0.10


def test_a_stored_run_draws_the_same_messages(run_folder, log, tmp_path):
    with StoredRun(run_folder) as run, LogWriter(tmp_path / "view.mcap") as writer:
        views = Views(writer, run.vehicle)
        for stretch in run.stretches():
            if stretch.moments is not None:
                views.write(stretch.moments)
    assert raw(tmp_path / "view.mcap") == raw(log)
