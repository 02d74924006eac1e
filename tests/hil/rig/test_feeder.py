"""Entries of several recordings reach each lane in the order of their times, whole, whatever room there is."""

from __future__ import annotations

import numpy as np
from hil.rig._pacer import NOTHING, Port
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.rig.feeder import LEAD_NS, STEP_NS, Feeder
from hil.rig.recorded import CAN
from hil.rig.targets import Target
from hil.rig.track import Due

FAR_NS = 1 << 60


class Fake:
    """A track that gives these times to these targets, so many in a batch."""

    def __init__(self, entries: list[tuple[int, Target]], batch: int):
        self.entries, self.batch = sorted(entries, key=lambda entry: entry[0]), batch

    def due(self, wire):
        for first in range(0, len(self.entries), self.batch):
            part = self.entries[first : first + self.batch]
            given = []
            for target in {target for _, target in part}:
                times = np.array([time for time, of in part if of == target], np.int64)
                data = times.view(np.uint8)
                given.append(Due(target, times, np.arange(len(times)) * 8, np.full(len(times), 8), data))
            yield part[-1][0], given


class Lane:
    def __init__(self, entries: int):
        self.port = Port(-1, NOTHING, entries=entries, arena_bytes=1 << 12)
        self.found: list[int] = []

    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.port))):
            self.found.append(int.from_bytes(self.port.wait(0), "little"))
            self.port.sent()


TARGETS = [Target(CAN, name, "local") for name in "ab"]
TRACK = st.lists(st.tuples(st.integers(0, 3 * STEP_NS), st.sampled_from(TARGETS)), max_size=60)


@settings(deadline=None)
@given(
    st.lists(TRACK, min_size=1, max_size=3),
    st.integers(1, 20),
    st.sampled_from([4, 16, 64]),
    st.none() | st.integers(1, 4 * STEP_NS),
)
def test_every_lane_gets_its_own_in_the_order_of_time(tracks, batch, room, end_ns):
    lanes: dict[Target, Lane] = {}
    feeder = Feeder([Fake(entries, batch) for entries in tracks], lambda target: lanes.setdefault(target, Lane(room)), end_ns)
    for _ in range(1000):
        feeder.fill(FAR_NS)
        for lane in lanes.values():
            lane.take(3)
        if feeder.has_all and not feeder.left() and not any(len(lane.port) for lane in lanes.values()):
            break
    everything = [entry for entries in tracks for entry in entries]
    limit = FAR_NS if end_ns is None else end_ns
    for target in TARGETS:
        own = sorted(time for time, of in everything if of == target and time < limit)
        assert (lanes[target].found if target in lanes else []) == own
    assert feeder.left() == 0


def test_it_reads_no_further_ahead_than_it_should():
    target = TARGETS[0]
    lane = Lane(1 << 10)
    feeder = Feeder([Fake([(number * STEP_NS, target) for number in range(100)], 1)], lambda _: lane, None)
    feeder.fill(0)
    assert not feeder.has_all and len(lane.port) == LEAD_NS // STEP_NS
    feeder.fill(5 * LEAD_NS)
    assert len(lane.port) == 6 * LEAD_NS // STEP_NS


def test_pain_16_what_is_kept_stays_as_long_as_the_lead_however_long_it_plays():
    """A record in every piece lies beyond each step, so that something always waits."""
    spacing_ns, count = STEP_NS // 7, 7 * 400
    lanes: dict[Target, Lane] = {}
    feeder = Feeder([Fake([(n * spacing_ns, TARGETS[0]) for n in range(count)], 5)],
                    lambda target: lanes.setdefault(target, Lane(64)), None)  # fmt: skip
    most = 0
    for step in range(400):
        feeder.fill(step * STEP_NS)
        lanes[TARGETS[0]].take(20)
        most = max(most, feeder.kept_bytes())
    assert len(lanes[TARGETS[0]].found) > 2_000 and most < 8 * 200, "of 22 400 bytes in all"
