"""The loop without a clock: what it takes and in which order, and that its log replays to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.runtime._bare_loop import bare_lateness
from autonomy.runtime._journal import FRAME_ROW, TICK_ROW
from autonomy.runtime._loop import Loop
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.inputs import lane_path
from autonomy.log.reader import LogReader
from autonomy.playback.replay import replay
from autonomy.playback.rows import OUTPUTS
from autonomy.runtime.reception import FRAME
from drivers.can.tables import EXTENDED
from drivers.ring import Ring
from tests.runtime.drives import BUSES, PERIOD_NS, Rig, drive

TRANSMITTED = 1


def frame(time_ns: int, bus: int = 0, number: int = 0) -> bytes:
    return FRAME.pack(time_ns, EXTENDED | 0x18FEF100, bus, 8, 0, number.to_bytes(8, "little"))


def taken(rig: Rig) -> np.ndarray:
    rows = np.zeros(1 << 14, FRAME_ROW)
    return rows[: rig.rings.frames.pop_many(rows)]


def assert_same(result, outputs: np.ndarray) -> None:
    assert len(result.outputs) == len(outputs)
    for name in OUTPUTS:
        assert result.outputs[name].tobytes() == outputs[name].tobytes(), name


@pytest.fixture(scope="module")
def active_drive(tmp_path_factory):
    """5 s, the stack drives from 4 s on, a tenth of the ticks get frames too late."""
    path = tmp_path_factory.mktemp("live") / "run.mcap"
    rig, outputs = drive(path, ticks=500, active=True, engage_tick=400, delayed_share=0.1)
    return path, rig, outputs


@pytest.mark.parametrize("mode", ["auto", "cuts", "frames"])
def test_pain_1_the_log_replays_to_the_same_bytes(active_drive, mode):
    path, rig, outputs = active_drive
    result = replay(path, mode=mode, report=False)
    assert_same(result, outputs)
    assert not any(result.metrics["oddities"].values()), result.metrics["oddities"]
    modes = set(outputs["actuation"]["mode"].tolist())
    assert rig.loop.engaged and 1 in modes and 0 in modes, "the drive must hold both, standby and active"


def test_every_frame_stands_in_the_log_once_and_in_the_order_taken(active_drive):
    path, rig, _ = active_drive
    counts = rig.loop.counts()
    with LogReader(path) as log:
        frames = np.concatenate([log.read_topic(f"/raw/can/{bus}") for bus in BUSES])
        cuts = log.read_topic("/cut")
    assert len(frames) == counts["records"] == cuts["records"][-1] > 2000
    own = frames[(frames["flags"] & TRANSMITTED) > 0]
    assert len(own) > 200 and (own["bus"] == 0).all()
    assert counts["deferred"] == counts["arrivals_lost"] == counts["frames_unrecorded"] == 0


def test_without_late_frames_the_grid_gives_the_same_too(tmp_path):
    _, outputs = drive(tmp_path / "run.mcap", ticks=150, active=False)
    result = replay(tmp_path / "run.mcap", mode="raw", report=False)
    # The grid of a replay begins at the first record: the same moments from there on
    begin = int(np.searchsorted(outputs["tick_time_ns"], result.outputs["tick_time_ns"][0]))
    assert result.outputs["tick_time_ns"][:100].tolist() == outputs["tick_time_ns"][begin : begin + 100].tolist()


def test_shadow_sends_nothing():
    rig = Rig.build(None, lane_path.EMPTY)
    rig.step(PERIOD_NS)
    assert rig.commands is None and rig.outputs[0]["actuation"]["mode"] == 0 and not rig.loop.engaged


def test_a_frame_waits_for_the_tick_of_its_stamp():
    rig = Rig.build(None, lane_path.EMPTY)
    for time_ns in (PERIOD_NS, PERIOD_NS + 1):
        rig.arrivals[0].push(frame(time_ns))
    rig.step(PERIOD_NS)
    assert taken(rig)["frame"]["time_ns"].tolist() == [PERIOD_NS]
    rig.step(2 * PERIOD_NS)
    assert taken(rig)["frame"]["time_ns"].tolist() == [PERIOD_NS + 1]


def test_a_late_frame_keeps_its_stamp_and_goes_into_the_log_behind_the_cut():
    rig = Rig.build(None, lane_path.EMPTY)
    rig.step(2 * PERIOD_NS)
    rig.arrivals[1].push(frame(PERIOD_NS, bus=1))
    rig.step(3 * PERIOD_NS)
    (line,) = taken(rig)
    assert (line["frame"]["time_ns"], line["log_time_ns"]) == (PERIOD_NS, 2 * PERIOD_NS + 1)


@given(st.lists(st.tuples(st.integers(0, 3 * PERIOD_NS), st.integers(0, 1)), max_size=40), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_the_order_is_total_and_nothing_is_taken_twice_or_lost(stamps, early):
    """Frames at any times on two buses, some pushed before the first tick and the rest behind it."""
    rig = Rig.build(None, lane_path.EMPTY)
    ordered = {bus: sorted(time for time, other in stamps if other == bus) for bus in (0, 1)}
    numbered = {bus: [frame(time, bus, place) for place, time in enumerate(times)] for bus, times in ordered.items()}
    lines = []
    for tick in range(1, 6):
        for bus, frames in numbered.items():
            batch = frames[:early] if tick == 1 else frames
            numbered[bus] = frames[len(batch) :]
            for data in batch:
                rig.arrivals[bus].push(data)
        rig.step(tick * PERIOD_NS)
        found = taken(rig)
        assert (found["log_time_ns"] <= tick * PERIOD_NS).all() and (found["log_time_ns"] > (tick - 1) * PERIOD_NS - 1).all()
        lines.append(found)
    lines = np.concatenate(lines)
    keys = list(zip(lines["log_time_ns"].tolist(), lines["frame"]["bus"].tolist(), strict=True))
    assert keys == sorted(keys)
    for bus, times in ordered.items():
        of_bus = lines["frame"][lines["frame"]["bus"] == bus]
        assert of_bus["time_ns"].tolist() == times
        assert of_bus["data"][:, 0].tolist() == list(range(len(times)))


def test_a_flood_is_spread_over_ticks_and_counted():
    rig = Rig.build(None, lane_path.EMPTY, slots=1 << 13)
    for number in range(5000):
        rig.arrivals[0].push(frame(number + 1, number=number))
    for tick in (1, 2):
        rig.step(tick * PERIOD_NS)
    lines = taken(rig)
    assert len(lines) == 5000 and rig.loop.counts()["deferred"] == 1
    assert np.count_nonzero(lines["log_time_ns"] <= PERIOD_NS) == 4096


def test_a_slow_recorder_costs_log_and_not_the_loop():
    rig = Rig.build(None, lane_path.EMPTY, tick_slots=4)
    for tick in range(1, 11):
        rig.step(tick * PERIOD_NS)
    counts = rig.loop.counts()
    assert (counts["ticks"], counts["ticks_unrecorded"]) == (10, 6)


def test_full_arrivals_are_counted():
    rig = Rig.build(None, lane_path.EMPTY, slots=4)
    for number in range(7):
        rig.arrivals[0].push(frame(1, number=number))
    assert rig.loop.counts()["arrivals_lost"] == 3


def test_ticks_that_are_past_are_left_out_and_counted():
    rig = Rig.build(None, lane_path.EMPTY)
    rig.loop.run(PERIOD_NS, 100 * PERIOD_NS)  # long ago
    counts = rig.loop.counts()
    assert counts["ticks"] == 1 and counts["missed"] > 98 and counts["late"] == 1 and counts["overrun"] == 1


def test_stop_ends_a_run_before_its_next_tick():
    rig = Rig.build(None, lane_path.EMPTY)
    rig.loop.stop()
    rig.loop.run(PERIOD_NS, 1 << 62)
    assert rig.loop.tick_index == 0


def test_lateness_and_work_are_counted_by_the_microsecond():
    rig = Rig.build(None, lane_path.EMPTY)
    for late_us in (0, 7, 7, 1500, 90_000):
        rig.loop.step(PERIOD_NS, PERIOD_NS + late_us * 1000)
    counts, longest_ns = rig.loop.histograms()["lateness"]
    assert (counts[0], counts[7], counts[1500], counts[-1], counts.sum()) == (1, 2, 1, 1, 5)
    assert longest_ns == 90_000_000 and rig.loop.counts()["late"] == 2


def test_a_late_tick_is_told_by_the_stage_that_took_longest():
    rig = Rig.build(None, lane_path.EMPTY)
    rig.loop.run(PERIOD_NS, 100 * PERIOD_NS)  # a deadline long ago: woken late
    stages = rig.loop.stages()
    assert list(stages) == ["wake", "take", "tick", "send", "record"]
    assert [stage["late"] for stage in stages.values()] == [1, 0, 0, 0, 0]
    assert stages["wake"]["max_us"] > 1e3 > stages["send"]["max_us"]
    assert rig.loop.first_output_ns > 0


def test_refuses_rings_of_another_size():
    rig = Rig.build(None, lane_path.EMPTY)
    with pytest.raises(ValueError, match="slots of 16 bytes where 24 are needed"):
        Loop(rig.stack.core, None, lane_path.EMPTY, [Ring(2, 16)], Ring(2, FRAME_ROW.itemsize), Ring(2, TICK_ROW.itemsize))
    assert msg.dtype("CanFrame").itemsize == FRAME.size


def test_the_response_counts_from_each_arrival_to_its_command():
    rig = Rig.build(None, lane_path.EMPTY)
    for time_ns in (PERIOD_NS - 3_000_000, PERIOD_NS - 1_000_000):
        rig.arrivals[0].push(frame(time_ns))
    rig.arrivals[0].push(FRAME.pack(PERIOD_NS - 500_000, EXTENDED | 0x18FEF127, 0, 8, TRANSMITTED, bytes(8)))
    rig.step(PERIOD_NS)
    rig.arrivals[1].push(frame(PERIOD_NS // 2, bus=1))  # late: it waited a tick longer
    rig.step(2 * PERIOD_NS)
    rig.loop.responded(PERIOD_NS, PERIOD_NS + 400_000)
    rig.loop.responded(2 * PERIOD_NS, 2 * PERIOD_NS + 200_000)
    rig.loop.responded(7 * PERIOD_NS, 8 * PERIOD_NS)  # of no tick
    counts, longest_ns = rig.loop.histograms()["response"]
    assert np.flatnonzero(counts).tolist() == [1_400, 3_400, 15_200] and counts.sum() == 3 and longest_ns == 15_200_000


def test_the_response_of_a_tick_long_past_or_of_a_flood_stays_within_its_room():
    rig = Rig.build(None, lane_path.EMPTY)
    for number in range(300):
        rig.arrivals[0].push(frame(PERIOD_NS - 1000, number=number))
    for tick in range(1, 66):
        rig.step(tick * PERIOD_NS)
        if tick == 1:
            rig.loop.responded(PERIOD_NS, PERIOD_NS)
    assert rig.loop.histograms()["response"][0].sum() == 256
    rig.loop.responded(PERIOD_NS, PERIOD_NS)  # its place is another tick's by now
    assert rig.loop.histograms()["response"][0].sum() == 256


def test_the_bare_loop_tells_how_late_it_wakes():
    """Deadlines that are long past: it does not wait, and each is a period less past."""
    late = bare_lateness(0, 5)
    assert (late > 0).all() and (np.diff(late) > -10_000_000).all() and late[0] - late[-1] < 40_000_000
