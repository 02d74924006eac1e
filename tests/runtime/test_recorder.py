"""The recorder's process: what the loop wrote down is in the log when it ends, and a failure is a sentence."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from autonomy import Stack, msg
from autonomy.errors import EnvironmentFault
from autonomy.inputs import lane_path
from autonomy.log.merging import merge
from autonomy.log.reader import LogReader
from autonomy.playback.replay import replay
from autonomy.playback.rows import OUTPUTS
from autonomy.runtime.journal import Journal, open_log
from autonomy.runtime.recorder import Recorder
from autonomy.runtime.segments import Segments, Snapshots
from drivers.ring import Ring
from tests.drivers.lidar.test_calibration import lasers, yaml_of
from tests.runtime.drives import PERIOD_NS, Rig
from tests.runtime.test_loop import frame


def test_everything_is_in_the_log_when_it_stops(tmp_path):
    rig = Rig.build(None, lane_path.EMPTY)
    path = tmp_path / "run.mcap"
    recorder = Recorder(
        lambda: open_log(path, rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none", PERIOD_NS), rig.rings
    )
    for tick in range(1, 41):
        rig.arrivals[0].push(frame(tick * PERIOD_NS - 5))
        rig.step(tick * PERIOD_NS)
    nothing = {"pieces": 0, "lists": 0, "datagrams": 0, "events": 0}
    assert recorder.stop() == {"frames": 40, "ticks": 40, **nothing, "files": [str(path)]}
    with LogReader(path) as log:
        assert len(log.read_topic("/raw/can/0")) == len(log.read_topic("/cut")) == len(log.read_topic("/out/actuation")) == 40
        assert {"config.json", "lane_path.csv", "can/0.dbc", "can/1.dbc"} <= set(log.attachments)


def test_a_log_that_cannot_be_opened_is_a_sentence(tmp_path):
    rig = Rig.build(None, lane_path.EMPTY)

    def fails():
        raise EnvironmentFault("the disk is full")

    with pytest.raises(EnvironmentFault, match="recorder failed while opening the log: the disk is full"):
        Recorder(fails, rig.rings)


@pytest.mark.parametrize("durable", [False, True])
def test_a_durable_log_is_on_the_disk_twice_a_second(durable, tmp_path, monkeypatch):
    synced, drained = [], [0]
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(drained[0]))
    rig = Rig.build(None, lane_path.EMPTY)
    log = open_log(tmp_path / "run.mcap", rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none", PERIOD_NS,
                   durable=durable)  # fmt: skip
    journal = Journal(log, rig.rings)
    for tick in range(1, 301):
        rig.step(tick * PERIOD_NS)
        drained[0] += journal.drain()
    log.close()
    assert len(synced) >= 6 if durable else not synced
    assert not durable or max(np.diff([0, *synced, 300])) <= 100  # ticks: a second


def test_a_killed_recorder_has_lost_less_than_a_second(tmp_path):
    """What was drained, but for the chunk under way, is with the operating system already; nobody closed the file."""
    rig = Rig.build(None, lane_path.EMPTY)
    path = tmp_path / "run.mcap"
    log = open_log(path, rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none", PERIOD_NS)
    journal = Journal(log, rig.rings)
    for tick in range(1, 1001):
        rig.arrivals[0].push(frame(tick * PERIOD_NS - 5))
        rig.step(tick * PERIOD_NS)
        if tick % 5 == 0:  # as often as the recorder looks
            journal.drain()
            if tick in (300, 555, 1000):
                with LogReader(path) as found:
                    assert found.truncated and int(found.read_topic("/cut")["tick_time_ns"][-1]) > (tick - 60) * PERIOD_NS
    log.close()


@pytest.fixture(scope="module")
def in_segments(tmp_path_factory):
    """A drive of 6 s in segments of 2 s, with a snapshot of a mark at 3 s."""
    folder = tmp_path_factory.mktemp("segments")
    rig, marks = Rig.build(None, lane_path.EMPTY), Ring(8, 8)

    def opened(path, first_ns):
        return open_log(path, rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none", first_ns or PERIOD_NS)

    with Segments(folder / "run.mcap", opened, segment_s=2.0) as log:
        journal = Journal(log, rig.rings._replace(marks=marks), (), Snapshots(log, before_s=1.0, after_s=0.5))
        for tick in range(1, 601):
            if tick == 300:
                marks.push((tick * PERIOD_NS).to_bytes(8, "little"))
            rig.arrivals[0].push(frame(tick * PERIOD_NS - 5, number=tick))
            rig.step(tick * PERIOD_NS)
            if tick % 5 == 0:
                journal.drain()
        journal.close()
    return rig, journal.counts


def test_segments_together_are_the_whole_drive_and_replay_to_its_bytes(in_segments, tmp_path):
    rig, counts = in_segments
    names = [Path(path).name for path in counts["files"]]
    assert names == ["run_0000.mcap", "run_0001.mcap", "run_event_0000.mcap", "run_0002.mcap"]
    parts = [path for path in counts["files"] if "event" not in path]
    readers = [LogReader(path) for path in parts]
    assert [len(reader.read_topic("/cut")) for reader in readers] == [200, 200, 200]
    assert all({"config.json", "can/0.dbc"} <= set(reader.attachments) for reader in readers)
    merge(readers, tmp_path / "whole.mcap")
    result = replay(tmp_path / "whole.mcap", mode="cuts", report=False)
    outputs = np.array(rig.outputs)
    assert len(result.outputs) == 600
    for name in OUTPUTS:
        assert result.outputs[name].tobytes() == outputs[name].tobytes(), name


def test_an_event_has_a_log_with_what_was_before_it(in_segments):
    _, counts = in_segments
    (path,) = [path for path in counts["files"] if "event" in path]
    with LogReader(path) as log:
        times = log.read_topic("/cut")["tick_time_ns"] / PERIOD_NS
        frames = log.read_topic("/raw/can/0")
        assert log.metadata["event"]["time_ns"] == str(300 * PERIOD_NS)
    assert counts["events"] == 1 and times[0] == 200 and 350 <= times[-1] <= 356 and len(set(times)) == len(times)
    assert frames["data"][:, 0].tolist() == [int(time) % 256 for time in times[1:]], "the first tick's came before it"


def test_a_stack_that_stops_is_an_event():
    rig = Rig.build(None, lane_path.EMPTY)
    journal = Journal(None, rig.rings)
    actuation = np.zeros(6, msg.dtype("Actuation"))
    actuation["time_ns"], actuation["mode"] = np.arange(6), [1, 2, 2, 1, 2, 2]
    assert journal._events(actuation) == [1, 4] and journal._events(actuation[1:3]) == []


def test_an_interruption_while_the_log_is_opened_leaves_no_recorder_behind(monkeypatch):
    """Ctrl-C: the recorder, which ignores it, waited for word that nobody would send, and the exit waited for the recorder."""

    def interrupted(self, doing):
        raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "_answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Recorder(lambda: threading.Event().wait(), None)
    assert not [child for child in multiprocessing.active_children() if child.name == "recorder"]


def test_a_recorder_that_dies_is_told_once_and_at_the_end(tmp_path):
    """Not only at the end, when the drive is over: who watches learns it as it happens, and what fills the rings goes on."""
    rig = Rig.build(None, lane_path.EMPTY)
    recorder = Recorder(lambda: open_log(tmp_path / "run.mcap", rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none",
                                         PERIOD_NS), rig.rings)  # fmt: skip
    assert recorder.look() == []
    (process,) = (child for child in multiprocessing.active_children() if child.name == "recorder")
    process.kill()
    process.join()
    told = [line for _ in range(3) for line in recorder.look()]
    assert told == ["the recorder's process died while writing the log; the log ends there"]
    rig.step(PERIOD_NS)
    with pytest.raises(EnvironmentFault, match="died while writing the log"):
        recorder.stop()


def test_a_disk_that_is_full_is_told_as_it_happens(tmp_path):
    rig = Rig.build(None, lane_path.EMPTY)

    class Full:
        def __init__(self, *_):
            self.counts = {}

        def drain(self):
            raise OSError(28, "No space left on device")

    recorder = Recorder(lambda: open_log(tmp_path / "run.mcap", rig.stack.config, rig.stack.parameters, lane_path.EMPTY, "none",
                                         PERIOD_NS), rig.rings, journal=Full)  # fmt: skip
    (process,) = (child for child in multiprocessing.active_children() if child.name == "recorder")
    process.join()
    assert "No space left on device" in recorder.look()[0]
    with pytest.raises(EnvironmentFault, match="No space left"):
        recorder.stop()


def test_the_log_of_a_run_carries_the_calibration_files_of_its_lidars(tmp_path):
    (tmp_path / "roof.yaml").write_text(yaml_of(lasers()))
    lidar = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.2,
             "calibration": str(tmp_path / "roof.yaml")}  # fmt: skip
    stack = Stack.from_config("vehicles/demo_truck_lidar", {"lidar.sensor": [lidar]})
    with open_log(tmp_path / "run.mcap", stack.config, stack.parameters, lane_path.EMPTY, "none", PERIOD_NS):
        pass
    with LogReader(tmp_path / "run.mcap") as log:
        assert log.attachment("lidar/roof.yaml") == (tmp_path / "roof.yaml").read_bytes()
