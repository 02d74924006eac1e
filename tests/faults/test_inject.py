from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from tests.faults import records
from tests.faults.records import START_NS, batches, flat, injector

DRIVE = records.drive()
CLEAN = flat(batches(DRIVE))
EVERY_KIND = [
    {"source": "imu", "kind": "drop", "start_s": 0.3, "end_s": 0.7, "probability": 0.5},
    {"source": "can0", "kind": "delay", "start_s": 0.2, "end_s": 1.5, "value": 0.053},
    {"source": "gnss", "kind": "delay", "value": 0.3, "probability": 0.7, "seed": 3},
    {"source": "radar", "kind": "duplicate", "value": 2, "probability": 0.4},
    {"source": "/in/imu", "kind": "reorder", "start_s": 0.5, "end_s": 1.1, "value": 0.08},
    {"source": "lidar", "kind": "corrupt", "value": 5, "start_s": 0.4},
    {"source": "wheel", "kind": "corrupt", "value": 2, "start_s": 0.4, "signal": "FRONT_LEFT"},
    {"source": "radar", "kind": "corrupt", "value": 3, "signal": "x"},
    {"source": "gnss", "kind": "clock_jump", "value": 0.25, "start_s": 1.0},
    {"source": "radar", "kind": "clock_jump", "value": -0.6, "start_s": 1.0},
    {"source": "imu", "kind": "noise", "value": 0.01},
    {"source": "wheel", "kind": "noise", "value": 0.3},
    {"source": "gnss", "kind": "bias", "value": 4.0, "signal": "north"},
    {"source": "radar", "kind": "scale", "value": 1.1},
    {"source": "steering", "kind": "freeze", "start_s": 0.5},
    {"source": "radar", "kind": "freeze", "start_s": 0.5, "probability": 0.6},
    {"source": "can0", "message": "EEC1", "kind": "not_available", "start_s": 0.9},
    {"source": "gnss", "kind": "not_available", "start_s": 1.8},
]
LIST_TIMES = {2: "ImuSample", 3: "GnssSample", 7: "RadarPoint"}


def expected(fault: dict) -> list[tuple[int, int, bytes]]:
    """The clean drive with one fault alone in it, in one batch."""
    return flat(injector(fault).apply(batches(DRIVE, 10**9)))


@pytest.mark.parametrize("size", [1, 7, 113, 1000])
@pytest.mark.parametrize("fault", EVERY_KIND, ids=lambda fault: f"{fault['kind']}-{fault['source'].strip('/')}")
def test_where_batches_end_does_not_matter(fault, size):
    whole = injector(fault)
    parts = injector(fault)
    assert flat(parts.apply(batches(DRIVE, size))) == flat(whole.apply(batches(DRIVE, 10**9))) != CLEAN
    assert parts.as_json() == whole.as_json()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_all_at_once_neither(size):
    assert flat(injector(*EVERY_KIND).apply(batches(DRIVE, size))) == flat(injector(*EVERY_KIND).apply(batches(DRIVE, 10**9)))


@pytest.mark.parametrize("fault", [fault for fault in EVERY_KIND if fault["kind"] in ("delay", "reorder", "clock_jump")],
                         ids=lambda fault: f"{fault['kind']}-{fault['source'].strip('/')}")  # fmt: skip
def test_records_that_come_late_do_not_change_that(fault):
    def out_of_order(size):
        place = 0
        for batch in batches(DRIVE, size):
            numbers = np.arange(place, place + len(batch.records))
            batch.records["log_time_ns"] -= np.where(numbers % 37 == 5, 300_000_000, 0)
            place += len(batch.records)
            yield batch

    whole = flat(injector(fault).apply(out_of_order(10**9)))
    assert len(whole) == len(CLEAN)
    for size in (1, 7, 100):
        assert flat(injector(fault).apply(out_of_order(size))) == whole


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([("imu", 2), ("gnss", 3), ("can0", 1), ("lidar", 4)]), st.integers(0, 200), st.integers(1, 200))
def test_drop_takes_exactly_the_window(source, start, length):
    name, channel = source
    fault = {"source": name, "kind": "drop", "start_s": start / 100, "end_s": (start + length) / 100}
    under_test = injector(fault)
    found = flat(under_test.apply(batches(DRIVE, 50)))
    begin, end = START_NS + start * 10_000_000, START_NS + (start + length) * 10_000_000
    assert found == [item for item in CLEAN if item[1] != channel or not begin <= item[0] < end]
    assert under_test.as_json()[0]["records"]["dropped"] == len(CLEAN) - len(found)


def test_a_kind_takes_the_frames_that_feed_it_and_no_others():
    found = expected({"source": "wheel", "kind": "drop"})
    left = records.frames(found)["id"]
    assert records.WHEELS not in left and records.STEERING in left and len(found) == len(CLEAN) - 100


def test_message_narrows_to_one_sender():
    found = expected({"source": "can0", "message": "EEC1@01", "kind": "drop"})
    engine = records.frames(found)["id"][records.frames(found)["id"] > 0x80000000]
    assert set(engine & 0xFF) == {0}
    by_name = expected({"source": "EEC1@01", "kind": "drop"})
    assert by_name == found


def test_a_route_with_a_sender_takes_only_that_sender():
    found = expected({"source": "signal", "kind": "drop"})
    assert set(records.frames(found)["id"][records.frames(found)["id"] > 0x80000000] & 0xFF) == {1}


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 900), st.integers(0, 100), st.integers(1, 150), st.sampled_from([1, 40, 10**9]))
def test_delay_keeps_order_and_count(delay_ms, start, length, size):
    fault = {"source": "imu", "kind": "delay", "start_s": start / 100, "end_s": (start + length) / 100}
    found = flat(injector({**fault, "value": delay_ms / 1000}).apply(batches(DRIVE, size)))
    assert [item[0] for item in found] == sorted(item[0] for item in found)
    assert [item for item in found if item[1] != 2] == [item for item in CLEAN if item[1] != 2]
    begin, end = START_NS + start * 10_000_000, START_NS + (start + length) * 10_000_000
    clean, moved = records.samples(CLEAN, 2, "ImuSample"), records.samples(found, 2, "ImuSample")
    hit = (clean["received_time_ns"] >= begin) & (clean["received_time_ns"] < end)
    for inside in (hit, ~hit):
        values = clean["angular_rate_z"][inside]
        got = moved[np.isin(moved["angular_rate_z"], values)]
        assert (got["angular_rate_z"] == values).all()
        step_ns = delay_ms * 1_000_000 if inside is hit else 0
        assert (got["received_time_ns"] - clean["received_time_ns"][inside] == step_ns).all()
        assert (got["valid_time_ns"] == clean["valid_time_ns"][inside]).all()  # it was true when it was true


def test_a_delay_moves_the_validity_of_samples_that_know_no_better():
    clean = records.samples(CLEAN, 3, "GnssSample")
    found = records.samples(expected({"source": "gnss", "kind": "delay", "value": 0.4}), 3, "GnssSample")
    assert (found["valid_time_ns"] - clean["valid_time_ns"] == 400_000_000).all()


def test_a_delayed_frame_bears_the_time_it_arrives_at():
    found = expected({"source": "can0", "kind": "delay", "value": 0.1})
    assert len(found) == len(CLEAN)
    for time_ns, channel, body in found:
        if channel == 1:
            assert time_ns == int.from_bytes(body[:8], "little")


def test_reorder_loses_nothing_and_lets_records_overtake():
    found = expected({"source": "can0", "kind": "reorder", "value": 0.2})
    assert [item[0] for item in found] == sorted(item[0] for item in found)
    before, after = records.frames(CLEAN), records.frames(found)
    assert sorted(after["data"].tobytes()[n : n + 8] for n in range(0, 8 * len(after), 8)) == sorted(
        before["data"].tobytes()[n : n + 8] for n in range(0, 8 * len(before), 8)
    )
    assert (after["data"] != before["data"]).any()


def test_duplicates_follow_their_original():
    found = expected({"source": "gnss", "kind": "duplicate", "start_s": 0.5, "end_s": 0.9})
    assert len(found) == len(CLEAN) + 4
    assert [item for n, item in enumerate(found) if n == 0 or item != found[n - 1]] == CLEAN


def test_another_sender_repeats_each_frame_from_its_own_address():
    found = expected({"source": "wheel", "kind": "impersonate", "value": 0x31})
    added = records.frames(found, records.WHEELS & ~0xFF | 0x31)
    assert len(added) == 100 == len(found) - len(CLEAN)
    originals = records.frames(found, records.WHEELS)
    assert (added["data"] == originals["data"]).all() and (added["time_ns"] == originals["time_ns"]).all()


def test_a_recorded_truck_cannot_break():
    with pytest.raises(UsageError, match="hil run"):
        injector({"source": "truck", "kind": "engine_lost"})


@pytest.mark.parametrize("jump", [0.35, -0.35])
def test_a_clock_jump_shifts_every_stamp_and_the_stream_stays_in_order(jump):
    under_test = injector({"source": "imu", "kind": "clock_jump", "value": jump, "start_s": 0.5, "end_s": 1.0})
    out = flat(under_test.apply(batches(DRIVE, 60)))
    clean, found = records.samples(CLEAN, 2, "ImuSample"), records.samples(out, 2, "ImuSample")
    found = found[np.argsort(found["angular_rate_z"], kind="stable")]
    step = np.where((np.arange(200) >= 50) & (np.arange(200) < 100), round(jump * 1e9), 0)
    assert (found["received_time_ns"] - clean["received_time_ns"] == step).all()
    assert (found["valid_time_ns"] - clean["valid_time_ns"] == step).all()
    assert [item[0] for item in out] == sorted(item[0] for item in out)
    if jump > 0:  # the log's own time goes with the stamps; backwards it cannot
        assert sorted(item[0] for item in out if item[1] == 2) == sorted(found["received_time_ns"].tolist())
    else:
        assert [item[0] for item in out] == [item[0] for item in CLEAN]
        assert under_test.as_json()[0]["records"]["late"] == 50


def test_corruption_flips_as_many_bits_as_it_says_in_data_only():
    clean, found = records.frames(CLEAN), records.frames(expected({"source": "can0", "kind": "corrupt", "value": 3}))
    assert (np.bitwise_count(clean["data"] ^ found["data"]).sum(axis=1) == 3).all()
    for name in ("time_ns", "id", "bus", "length", "flags"):
        assert (clean[name] == found[name]).all()
    again = records.frames(expected({"source": "can0", "kind": "corrupt", "value": 3, "seed": 1}))
    assert (again["data"] != found["data"]).any()


def test_corruption_of_a_signal_stays_inside_it():
    fault = {"source": "can0", "message": "WHEEL_SPEEDS", "signal": "FRONT_RIGHT", "kind": "corrupt", "value": 4}
    clean, found = records.frames(CLEAN, records.WHEELS), records.frames(expected(fault), records.WHEELS)
    flipped = clean["data"] ^ found["data"]
    assert (np.bitwise_count(flipped[:, 2:4]).sum(axis=1) == 4).all()
    assert not flipped[:, :2].any() and not flipped[:, 4:].any()


def test_probability_is_a_share_and_does_not_hang_on_what_else_is_in_the_log():
    fault = {"source": "imu", "kind": "drop", "probability": 0.3}
    found = [item for item in expected(fault) if item[1] == 2]
    assert 0.2 < 1 - len(found) / 200 < 0.4
    alone = flat(injector(fault).apply(batches([item for item in DRIVE if item[1] == 2], 13)))
    assert alone == found


def test_frames_mode_takes_only_lists_of_ticks():
    under_test = injector({"source": "imu", "kind": "drop"}, mode="frames")
    assert flat(under_test.apply(batches(DRIVE))) == CLEAN
    with pytest.raises(UsageError, match="use --from raw"):
        injector({"source": "imu", "kind": "delay", "value": 1}, mode="frames")


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        ({"source": "sonar", "kind": "drop"}, ["source = 'sonar'", "imu", "can0"]),
        ({"source": "can7", "kind": "drop"}, ["source = 'can7'", "not in this log", "can0"]),
        ({"source": "lane", "kind": "drop"}, ["source = 'lane'", "not in this log"]),
        ({"source": "/ref/pose", "kind": "drop"}, ["source = '/ref/pose'", "no input"]),
        ({"source": "can0", "message": "WHEELS", "kind": "drop"}, ["message = 'WHEELS'", "WHEEL_SPEEDS"]),
        ({"source": "wheel", "message": "STEERING", "kind": "drop"}, ["message = 'STEERING'", "wheel"]),
        ({"source": "/in/gnss", "message": "STEERING", "kind": "drop"}, ["narrows CAN only"]),
        ({"source": "can0", "kind": "bias", "value": 1.0}, ["signal is missing"]),
        ({"source": "gnss", "kind": "scale", "value": 1.0}, ["signal is missing", "scaled"]),
        ({"source": "imu", "kind": "bias", "value": 1.0, "signal": "yaw"}, ["signal = 'yaw'", "angular_rate_z"]),
        ({"source": "can0", "message": "EEC1@00", "kind": "bias", "value": 1.0, "signal": "rpm"}, ["'rpm'", "engine_speed"]),
        ({"source": "lidar", "kind": "noise", "value": 1.0}, ["/raw/udp/lidar carries plain bytes"]),
        ({"source": "lidar", "kind": "clock_jump", "value": -1.0}, ["value = -1", "/raw/udp/lidar", "forwards"]),
        ({"source": "can0", "kind": "bus_off"}, ["needs the rig"]),
    ],
)
def test_what_a_log_does_not_have_is_said(fault, parts):
    with pytest.raises(UsageError) as caught:
        injector(fault)
    assert str(caught.value).startswith("faults.toml: fault 1: ")
    for part in parts:
        assert part in str(caught.value)
