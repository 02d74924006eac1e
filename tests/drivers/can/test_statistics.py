"""Counts, gaps and load: the same however the frames are cut into batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.can import statistics
from drivers.can.availability import Availability
from drivers.can.frame_bits import frame_bits
from drivers.can.statistics import BusLoad, Flows
from tests.drivers.can.build import EXTENDED, J1939, can_frame, can_frames, codec_of, dbc

SECOND = 1_000_000_000


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2 * SECOND)), max_size=40), st.integers(1, 40))
def test_flows_do_not_depend_on_the_batches(items, size):
    keys = np.array([key for key, _ in items], np.int64)
    times = np.cumsum([gap for _, gap in items]).astype(np.int64)
    flows = Flows()
    for start in range(0, len(keys), size):
        flows.add(keys[start : start + size], times[start : start + size])
    assert set(flows.flows) == set(keys.tolist())
    for key, flow in flows.flows.items():
        own = times[keys == key]
        gaps = np.diff(own)
        assert (flow.count, flow.first_ns, flow.last_ns) == (len(own), own[0], own[-1])
        assert (flow.shortest_gap_ns, flow.longest_gap_ns) == ((gaps.min(), gaps.max()) if len(gaps) else (None, None))
        assert flow.mean_gap_ns == (pytest.approx(gaps.mean()) if len(gaps) else None)


def test_flows_are_bounded(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_FLOWS", 3)
    flows = Flows()
    flows.add(np.arange(5), np.zeros(5, np.int64))
    assert len(flows.flows) == 3 and flows.left_out == 2


def test_load_is_bits_over_time_and_its_peak_the_busiest_second():
    times = [0, SECOND // 2, SECOND, SECOND + 1, SECOND + 2, 4 * SECOND]
    frames = can_frames(*(can_frame(EXTENDED | 0x18FEF100, bytes(range(8)), time_ns=time) for time in times))
    each = int(frame_bits(frames)[0])
    whole, pieces = BusLoad(), BusLoad()
    whole.add(frames)
    for frame in frames:
        pieces.add(can_frames(frame))
    for load in (whole, pieces):
        assert (load.bits, load.peak_bits, load.peak_second) == (6 * each, 3 * each, 1)
        assert load.mean(250_000) == pytest.approx(6 * each / 4 / 250_000)
    assert BusLoad().mean(250_000) is None


def test_availability_by_sender():
    codec = codec_of(
        dbc(f'{EXTENDED | 0x18FEF1FE} M 8 |;a : 0|8@1+ (1,0) [0|0] ""|;b : 8|8@1+ (1,0) [0|0] ""', tail=J1939), bus=255
    )
    found = Availability(codec, {255}, 255)
    group = EXTENDED | 0x18FEF100
    data = (b"\x01\xff", b"\x01\xfe", b"\x01\x02")
    senders = ((group, 0), (group, 0), (group | 0x31, 1))
    found.add(
        can_frames(*(can_frame(who, what.ljust(8, b"\xff"), bus=bus) for what, (who, bus) in zip(data, senders, strict=True)))
    )
    assert {key: counts.tolist() for key, counts in found.counts.items()} == {
        (0, "M", 0x00): [[2, 0, 0], [0, 1, 1]],
        (1, "M", 0x31): [[1, 0, 0], [1, 0, 0]],
    }
    assert found.missing_share(0, "M", 0) == 0.5 and found.missing_share(0, "M", 9) is None
