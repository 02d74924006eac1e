"""Replay: the same bytes in, the same bytes out - from samples, from cuts and from frames, in parts and in forks."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import Stack, replay
from autonomy.errors import UsageError
from autonomy.log.reader import LogReader
from autonomy.playback import determinism, difference


@pytest.fixture(scope="module")
def run(small_log, tmp_path_factory):
    return replay(small_log, output_dir=tmp_path_factory.mktemp("run"), report=False)


def test_a_tick_every_ten_milliseconds(run):
    times = run.outputs["tick_time_ns"]
    assert run.verdict == "pass" and run.exit_code == 0
    assert set(np.diff(times)) == {10_000_000} and (times % 10_000_000 == 0).all()
    assert run.metrics["ticks"] == len(times) == 400


def test_every_sample_is_accounted_for(run, small_log):
    with LogReader(small_log) as reader:
        for kind in ("imu", "gnss", "wheel"):
            counts = run.metrics["drops"][kind]
            assert counts["received"] == counts["used"] == reader.counts[f"/in/{kind}"]


def test_replaying_twice_gives_the_same_bytes(run, small_log):
    assert replay(small_log).metrics["output_sha256"] == run.metrics["output_sha256"]


@pytest.mark.parametrize("mode", ["cuts", "frames", "raw"])
def test_the_written_log_replays_to_the_same_bytes(run, mode):
    again = replay(run.log_path, mode=mode)
    assert again.metrics["mode"] == mode
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert difference.compare_result(again, run.log_path) == []


@pytest.mark.parametrize("mode", ["cuts", "frames", "raw"])
def test_pain_20_a_part_is_as_if_the_log_were_no_longer(run, small_log, tmp_path, mode):
    part = replay(small_log, start=1.0, end=2.5, output_dir=tmp_path, report=False)
    assert part.metrics["ticks"] == 150 and not any(part.metrics["oddities"].values())
    assert all(drop["max_gap_ms"] < 1000 for drop in part.metrics["drops"].values())
    again = replay(part.log_path, mode=mode)
    assert again.metrics["output_sha256"] == part.metrics["output_sha256"]


def test_a_stack_cannot_be_given_another_configuration():
    stack = Stack.from_config("vehicles/demo_truck")
    before = stack.config_sha256
    with pytest.raises(AttributeError):
        stack.config = None
    stack.config.sections["vehicle"]["mass_kg"] = 1.0
    assert stack.config_sha256 == before


def test_the_written_log_names_its_parameters_first(run):
    with LogReader(run.log_path) as reader:
        first = next(reader.batches())
        assert reader.channels[int(first.records["channel"][0])].topic == "/parameters"


def test_pain_1_a_fresh_process_gives_the_same_bytes(run, small_log):
    assert determinism.check(run, small_log, []) == {"equal": True, "first_difference": None}


def test_the_python_api_ticks_to_the_same_outputs(run, small_log):
    stack = Stack.from_config("vehicles/toyota_rav4_comma2k19")
    with LogReader(run.log_path) as reader:
        tables = {kind: reader.read_topic(f"/in/{kind}") for kind in ("imu", "gnss", "wheel", "frame", "lane_path")
                  if f"/in/{kind}" in reader.topics}  # fmt: skip
    expected = run.outputs
    for row, header in enumerate(tables["frame"][:150]):
        frame = stack.new_input()
        for name in ("tick_index", "tick_time_ns", "set_speed_mps", "engage"):
            frame[name] = header[name]
        for kind, table in tables.items():
            for entry in table[table["tick_index"] == header["tick_index"]] if kind != "frame" else ():
                for name in ("count", "overflow", "items"):
                    frame[kind][name] = entry[name]
        assert stack.tick(frame).tobytes() == expected[row].tobytes(), f"tick {row}"


def test_a_snapshot_continues_as_if_nothing_had_happened():
    stack = Stack.from_config("vehicles/toyota_rav4_comma2k19")
    frame = stack.new_input()
    for index in range(5):
        frame["tick_index"], frame["tick_time_ns"] = index, 10_000_000 * (index + 1)
        stack.tick(frame)
    blob = stack.snapshot()
    frame["tick_index"], frame["tick_time_ns"] = 5, 60_000_000
    expected = stack.tick(frame).tobytes()
    stack.restore(blob)
    assert stack.tick(frame).tobytes() == expected


def test_a_snapshot_of_other_parameters_is_refused():
    blob = Stack.from_config("vehicles/toyota_rav4_comma2k19").snapshot()
    other = Stack.from_config("vehicles/toyota_rav4_comma2k19", {"vehicle.mass_kg": 1800.0})
    with pytest.raises(UsageError, match="other parameters"):
        other.restore(blob)
    with pytest.raises(UsageError, match="no snapshot"):
        other.restore(b"nonsense")


def test_tick_writes_into_a_given_buffer():
    stack = Stack.from_config("vehicles/toyota_rav4_comma2k19")
    frame, buffer = stack.new_input(), np.zeros(1, stack.tick(stack.new_input()).dtype)
    frame["tick_time_ns"] = 10_000_000
    assert stack.tick(frame, out=buffer[0]) is not None
    assert buffer[0]["tick_time_ns"] == 10_000_000


@pytest.mark.parametrize("kind", ["imu", "gnss", "radar", "object", "lane_path"])
def test_a_count_beyond_its_list_is_refused(kind):
    stack = Stack.from_config("vehicles/toyota_rav4_comma2k19")
    frame = stack.new_input()
    frame[kind]["count"] = 4_000_000_000
    with pytest.raises(ValueError, match="room for"):
        stack.tick(frame)


def test_pain_20_start_and_end_cut_the_run(small_log):
    part = replay(small_log, start=1.0, end=2.0)
    times = part.outputs["tick_time_ns"]
    assert times[0] >= 1_001_000_000_000 and times[-1] < 1_002_001_000_000
    assert 99 <= len(times) <= 101


@pytest.mark.parametrize("limits", [{"start": -1.0}, {"start": 99.0}, {"start": 2.0, "end": 1.0}, {"end": float("nan")}])
def test_limits_outside_the_log_are_refused(small_log, limits):
    with pytest.raises(UsageError, match="--(start|end)"):
        replay(small_log, **limits)


def test_an_outage_does_not_touch_the_main_run(run, small_log):
    forked = replay(small_log, outages="at=1:end,at=2:1")
    assert forked.metrics["output_sha256"] == run.metrics["output_sha256"]


def test_a_differing_run_names_tick_topic_and_field(run, small_log):
    other = replay(small_log, overrides={"vehicle.mass_kg": 1800.0})
    found = difference.compare_result(other, run.log_path)
    assert any(item.field == "mass_kg" and item.topic == "/out/truck" and item.first_tick == 0 for item in found)
