"""The recorder's process: what the loop wrote down is in the log when it ends, and a failure is a sentence."""

from __future__ import annotations

import pytest

from autonomy.errors import EnvironmentFault
from autonomy.inputs import lane_path
from autonomy.log.reader import LogReader
from autonomy.runtime.journal import open_log
from autonomy.runtime.recorder import Recorder
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
    assert recorder.stop() == {"frames": 40, "ticks": 40, "pieces": 0}
    with LogReader(path) as log:
        assert len(log.read_topic("/raw/can/0")) == len(log.read_topic("/cut")) == len(log.read_topic("/out/actuation")) == 40
        assert {"config.json", "lane_path.csv", "can/0.dbc", "can/1.dbc"} <= set(log.attachments)


def test_a_log_that_cannot_be_opened_is_a_sentence(tmp_path):
    rig = Rig.build(None, lane_path.EMPTY)

    def fails():
        raise EnvironmentFault("the disk is full")

    with pytest.raises(EnvironmentFault, match="recorder failed while opening the log: the disk is full"):
        Recorder(fails, rig.rings)
