"""Cutting, merging, sorting, recovering: what comes out is what went in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.log import sorting
from autonomy.log._copy import pack, record_lengths
from autonomy.log.copying import RecordWriter
from autonomy.log.copying_twin import pack as pack_twin
from autonomy.log.cutting import cut, is_latched
from autonomy.log.merging import merge
from autonomy.log.reader import LogReader
from autonomy.log.recovering import recover
from autonomy.log.sorting import sort
from autonomy.log.structure import Channel
from autonomy.log.writer import LogWriter
from tests.log.samples import START_NS, can_frames, messages, write_small


def payloads(path, topic=None) -> list[tuple]:
    """(topic, log time, sequence, payload) of everything, in the reader's order."""
    found = []
    with LogReader(path) as reader:
        for batch in reader.batches(topic and [topic], as_bytes=reader.channels.values()):
            for item in batch.records:
                offset = int(item["offset"])
                data = batch.data[offset : offset + int(item["length"])].tobytes()
                found.append((reader.channels[int(item["channel"])].topic, int(item["log_time_ns"]), int(item["sequence"]), data))
    return found


def publish_times(path) -> list[int]:
    """Publish times in file order, as the mcap library reads them."""
    from mcap.reader import make_reader

    with open(path, "rb") as file:
        return [message.publish_time for _, _, message in make_reader(file).iter_messages()]


def foreign(path, messages_of: dict[str, list[tuple[int, int, bytes]]], metadata: dict | None = None) -> None:
    """A log of the mcap library: {topic: [(log time, publish time, payload)]}, encoding cdr, schema of somebody else."""
    from mcap.writer import Writer

    with open(path, "wb") as file:
        writer = Writer(file, chunk_size=200)
        writer.start()
        schema = writer.register_schema("other/msg/Thing", "ros2msg", b"uint8 x")
        rows = []
        for topic, items in messages_of.items():
            channel = writer.register_channel(topic, "cdr", schema, (metadata or {}).get(topic, {}))
            rows += [(log_ns, publish_ns, channel, data) for log_ns, publish_ns, data in items]
        for number, (log_ns, publish_ns, channel, data) in enumerate(rows):
            writer.add_message(channel, log_ns, data, publish_ns, number)
        writer.finish()


def test_a_cut_has_the_records_of_its_stretch_byte_for_byte(tmp_path):
    write_small(tmp_path / "a.mcap")
    start, end = START_NS + 50_000_000, START_NS + 150_000_000
    with LogReader(tmp_path / "a.mcap") as reader:
        copied = cut(reader, tmp_path / "b.mcap", start_ns=start, end_ns=end)
    assert payloads(tmp_path / "b.mcap") == [item for item in payloads(tmp_path / "a.mcap") if start <= item[1] < end]
    assert sum(copied.messages.values()) == 100 + 10 + 10
    with LogReader(tmp_path / "b.mcap") as reader:
        assert reader.attachment("can/0.dbc") == b'VERSION ""\n' and reader.metadata["autonomy"]["config_hash"] == "abc"
        assert not reader.truncated and reader.counts == copied.messages


def test_foreign_records_keep_publish_time_cdr_header_and_channel_metadata(tmp_path):
    items = [(1000 + 10 * k, 500 + k, bytes([0, 0, 0, 0, k])) for k in range(50)]  # big-endian CDR
    foreign(tmp_path / "a.mcap", {"/x": items}, {"/x": {"offered_qos_profiles": "- history: 1"}})
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap", start_ns=1100)
    assert publish_times(tmp_path / "b.mcap") == [publish for log, publish, _ in items if log >= 1100]
    with LogReader(tmp_path / "b.mcap") as reader:
        (channel,) = reader.channels.values()
        assert channel.metadata == {"offered_qos_profiles": "- history: 1"} and channel.schema == "other/msg/Thing"
        (batch,) = reader.batches()
        head = int(batch.records["offset"][0])
        assert batch.data[head - 4 : head].tobytes() == bytes(4)


def test_overlapping_chunks_keep_publish_times(tmp_path):
    """Records that waited for an overlapping chunk in the reader are whole as well."""
    times = [0, 1000, 10, 990, 20, 980, 30, 970] * 5
    items = [(time + k, 7 * k, bytes([0, 1, 0, 0, k])) for k, time in enumerate(times)]
    foreign(tmp_path / "a.mcap", {"/x": items})
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap")
    assert payloads(tmp_path / "a.mcap") == payloads(tmp_path / "b.mcap")
    assert sorted(publish_times(tmp_path / "b.mcap")) == sorted(publish for _, publish, _ in items)


def test_pain_7_a_cut_repeats_what_holds_on(tmp_path):
    """Parameters and static transforms from before the start come first; the cut is no longer for it."""
    rows = messages("Parameters", 1)
    frames = can_frames(100)
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write("/parameters", START_NS, rows[0])
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    start = START_NS + 60_000_000
    with LogReader(tmp_path / "a.mcap") as reader:
        copied = cut(reader, tmp_path / "b.mcap", start_ns=start)
    assert copied.repeated == {"/parameters": 1}
    with LogReader(tmp_path / "b.mcap") as reader:
        assert reader.start_ns == start and reader.counts == {"/parameters": 1, "/raw/can/0": 40}
        assert reader.read_topic("/parameters")[0].tobytes() == rows[0].tobytes()
        first = next(reader.batches())
        assert reader.channels[int(first.records["channel"][0])].topic == "/parameters"
    assert publish_times(tmp_path / "b.mcap")[0] == START_NS


def test_pain_7_every_static_transform_holds_on_but_only_the_newest_map(tmp_path):
    static = [(10, 10, b"\0\1\0\0one"), (20, 20, b"\0\1\0\0two"), (30, 30, b"\0\1\0\0one"), (900, 900, b"\0\1\0\0three")]
    latched = [(10, 10, b"\0\1\0\0old"), (20, 20, b"\0\1\0\0new")]
    other = [(10, 10, b"\0\1\0\0a"), (600, 600, b"\0\1\0\0b")]
    profile = {"/costmap": {"offered_qos_profiles": "- history: 3\n  depth: 1\n  durability: 1\n"}}
    foreign(tmp_path / "a.mcap", {"/tf_static": static, "/costmap": latched, "/other": other}, profile)
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap", start_ns=500)
    found = {(topic, data) for topic, _, _, data in payloads(tmp_path / "b.mcap")}
    assert found == {
        ("/tf_static", b"one"), ("/tf_static", b"two"), ("/tf_static", b"three"), ("/costmap", b"new"), ("/other", b"b"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({}, False), ({"latching": "1"}, True), ({"offered_qos_profiles": "durability: transient_local"}, True),
     ({"offered_qos_profiles": "durability: 2"}, False), ({"offered_qos_profiles": "durability: 10"}, False)],
)  # fmt: skip
def test_latched_topics_are_known_by_their_quality_of_service(metadata, expected):
    assert is_latched(Channel(1, "/x", "a/b", "cdr", "ros2msg", "", metadata)) is expected


def test_a_cut_without_records_is_a_whole_log(tmp_path):
    write_small(tmp_path / "a.mcap")
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap", start_ns=START_NS + 10**12, topics=["/in/*"])
    with LogReader(tmp_path / "b.mcap") as reader:
        assert reader.topics == ["/in/imu"] and reader.start_ns is None and not reader.truncated


def test_pieces_of_a_log_merge_to_the_log(tmp_path):
    write_small(tmp_path / "a.mcap")
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "1.mcap", end_ns=START_NS + 77_000_000)
        cut(reader, tmp_path / "2.mcap", start_ns=START_NS + 77_000_000, topics=["/raw/*"])
        cut(reader, tmp_path / "3.mcap", start_ns=START_NS + 77_000_000, topics=["/in/*", "/out/*"])
    readers = [LogReader(tmp_path / f"{name}.mcap") for name in (3, 1, 2)]
    copied = merge(readers, tmp_path / "b.mcap")
    assert payloads(tmp_path / "b.mcap") == payloads(tmp_path / "a.mcap")
    assert copied.messages == {"/raw/can/0": 300, "/in/imu": 30, "/out/tracks": 20}
    with LogReader(tmp_path / "b.mcap") as reader:
        assert len(reader.channels) == 3 and list(reader.metadata) == ["autonomy"] and reader.attachments == ["can/0.dbc"]
        starts = [section.start_ns for section in reader._sections]
        ends = [section.end_ns for section in reader._sections]
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))  # no chunk overlaps another


def test_metadata_and_attachments_of_the_same_name_are_kept_apart(tmp_path):
    for name, value in (("a", "1"), ("b", "2")):
        with LogWriter(tmp_path / f"{name}.mcap", {"vehicle": value}) as writer:
            writer.attach("can/0.dbc", value.encode(), "text/x-dbc", 5)
            writer.write("/raw/can/0", START_NS, can_frames(1)[0])
    merge([LogReader(tmp_path / "a.mcap"), LogReader(tmp_path / "b.mcap")], tmp_path / "c.mcap")
    with LogReader(tmp_path / "c.mcap") as reader:
        assert [reader.metadata[name]["vehicle"] for name in ("autonomy", "autonomy@b.mcap")] == ["1", "2"]
        assert [reader.attachment(name) for name in ("can/0.dbc", "can/0.dbc@b.mcap")] == [b"1", b"2"]
        described = reader.describe_attachment("can/0.dbc@b.mcap")
        assert (described.media_type, described.log_time_ns) == ("text/x-dbc", 5)


def test_attachments_and_metadata_of_one_name_in_one_log_are_all_read(tmp_path):
    with LogWriter(tmp_path / "a.mcap") as writer:
        for value in (b"1", b"2"):
            writer.attach("x", value)
            writer.add_metadata("notes", {"value": value})
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap")
    for name in ("a", "b"):
        with LogReader(tmp_path / f"{name}.mcap") as reader:
            assert [reader.attachment(key) for key in ("x", "x#2")] == [b"1", b"2"]
            assert {"notes", "notes#2"} <= set(reader.metadata)


@settings(max_examples=40, deadline=None)
@given(
    times=st.lists(st.lists(st.integers(0, 400), max_size=30), min_size=1, max_size=4),
    run_bytes=st.sampled_from([200, 3000, 1 << 20]),
    most_runs=st.sampled_from([2, 3, 48]),
)
def test_sorting_any_disorder_gives_the_order_of_time_and_loses_nothing(tmp_path_factory, times, run_bytes, most_runs):
    folder = tmp_path_factory.mktemp("sort")
    items = {f"/{name}": [(time, 3 * time, bytes([0, 1, 0, 0, k, name])) for k, time in enumerate(column)]
             for name, column in enumerate(times)}  # fmt: skip
    foreign(folder / "a.mcap", items)
    kept = sorting.RUN_BYTES, sorting.MOST_RUNS
    sorting.RUN_BYTES, sorting.MOST_RUNS = run_bytes, most_runs
    try:
        with LogReader(folder / "a.mcap") as reader:
            sort(reader, folder / "b.mcap")
    finally:
        sorting.RUN_BYTES, sorting.MOST_RUNS = kept
    found = payloads(folder / "b.mcap")
    expected = [(topic, log, data[4:]) for topic, column in items.items() for log, _, data in column]
    assert sorted((topic, log, data) for topic, log, _, data in found) == sorted(expected)
    assert [item[1] for item in found] == sorted(item[1] for item in found)
    with LogReader(folder / "b.mcap") as reader:
        list(reader.batches())
        assert reader.late == 0
        file_order = [time for batch in reader.batches(file_order=True) for time in batch.records["log_time_ns"].tolist()]
    assert file_order == sorted(file_order) and list(folder.iterdir()) != []
    assert sorted(path.name for path in folder.iterdir()) == ["a.mcap", "b.mcap"]


def test_recover_keeps_sound_chunks_behind_a_damaged_one_and_says_what_is_lost(tmp_path):
    frames = can_frames(100, step_ns=100_000_000)
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.attach("a.txt", b"hello")
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    with LogReader(tmp_path / "a.mcap") as reader:
        section = reader._sections[4]
    data = bytearray((tmp_path / "a.mcap").read_bytes())
    data[section.offset + section.length // 2] ^= 0xFF
    for name, content in (("with_index.mcap", data), ("without.mcap", data[:-40])):
        (tmp_path / name).write_bytes(content)
        with LogReader(tmp_path / name) as reader:
            found = recover(reader, tmp_path / "b.mcap")
        with LogReader(tmp_path / "b.mcap") as reader:
            kept = reader.read_topic("/raw/can/0")
            assert not reader.truncated and reader.attachment("a.txt") == b"hello"
        np.testing.assert_array_equal(kept, np.delete(frames, np.s_[40:50]))
        (loss,) = found.losses
        assert (loss.offset, loss.length) == (section.offset, section.length)
        assert (loss.start_ns, loss.end_ns) == (frames["time_ns"][40], frames["time_ns"][49])
        assert "damaged" in found.problem and found.lost_bytes >= section.length


def test_recover_leaves_a_damaged_attachment_out_and_says_so(tmp_path):
    write_small(tmp_path / "a.mcap")
    data = (tmp_path / "a.mcap").read_bytes()
    (tmp_path / "a.mcap").write_bytes(data.replace(b'VERSION ""\n', b'VERSION "!\n'))
    with LogReader(tmp_path / "a.mcap") as reader:
        found = recover(reader, tmp_path / "b.mcap")
    (problem,) = found.problems
    assert "can/0.dbc" in problem and "left out" in problem


def test_packing_is_what_the_twin_says(tmp_path):
    """Kernel and twin give the same bytes, for records with and without their MCAP head."""
    items = [(10 * k, k, bytes([0, 1, 0, 0]) + bytes(k)) for k in range(20)]
    foreign(tmp_path / "a.mcap", {"/x": items, "/y": items[:3]})
    with LogReader(tmp_path / "a.mcap") as reader:
        for batch in reader.batches():
            for flags in (None, 0, 2):
                rows = batch.records.copy()
                if flags is not None:
                    rows["flags"] = flags
                table = np.arange(10, dtype=np.uint16)[::-1].copy()
                out = np.empty(100_000, np.uint8)
                lengths = np.empty(len(rows), np.int64)
                record_lengths(rows, lengths)
                used = pack(rows, batch.data, table, out)
                assert used == lengths.sum() and out[:used].tobytes() == pack_twin(rows, batch.data, table)


def test_chunks_stay_short_in_bytes_and_time(tmp_path):
    frames = can_frames(3000, step_ns=5_000_000)
    with LogWriter(tmp_path / "a.mcap", chunk_ns=10**12, chunk_bytes=1 << 24) as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    with LogReader(tmp_path / "a.mcap") as reader:
        writer = RecordWriter(tmp_path / "b.mcap", chunk_bytes=8000)
        table = writer.channel_table(reader)
        for batch in reader.batches():
            writer.write(batch, table)
        writer.close()
        assert len(reader._sections) == 1
    with LogReader(tmp_path / "b.mcap") as reader:
        assert all(section.end_ns - section.start_ns < 10**9 for section in reader._sections)
        assert all(section.size <= 8000 for section in reader._sections)
        np.testing.assert_array_equal(reader.read_topic("/raw/can/0"), frames)


def test_the_mcap_library_reads_what_is_copied_through_its_index(tmp_path):
    from mcap.reader import make_reader

    write_small(tmp_path / "a.mcap")
    with LogReader(tmp_path / "a.mcap") as reader:
        cut(reader, tmp_path / "b.mcap", start_ns=START_NS + 100_000_000)
    with open(tmp_path / "b.mcap", "rb") as file:
        reader = make_reader(file)
        found = list(reader.iter_messages(topics=["/in/imu"]))
        assert len(found) == 20 and reader.get_summary().statistics.message_count == 230
        assert [message.log_time for _, _, message in found] == [START_NS + 10_000_000 * k for k in range(10, 30)]
        assert found[0][2].data[:4] == msg.CDR_HEADER


def test_a_time_range_and_a_topic_open_only_the_chunks_they_need(tmp_path, monkeypatch):
    from autonomy.log import structure

    frames = can_frames(1000, step_ns=10_000_000)
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
        writer.write_batch("/raw/can/1", frames["time_ns"][-10:], frames[-10:])
    opened = []
    load = structure.load
    monkeypatch.setattr(structure, "load", lambda source, section: opened.append(section) or load(source, section))
    with LogReader(tmp_path / "a.mcap") as reader:
        assert len(reader._sections) == 11
        rows = sum(len(batch.records) for batch in reader.batches(start_ns=START_NS + 10**9, end_ns=START_NS + 2 * 10**9))
        assert rows == 100 and len(opened) == 1
        opened.clear()
        assert len(reader.read_topic("/raw/can/1")) == 10 and len(opened) == 1


def test_a_cut_file_may_lack_message_indexes_so_its_last_chunk_is_opened(tmp_path):
    with LogWriter(tmp_path / "a.mcap") as writer:
        frames = can_frames(10)
        writer.write_merged({f"/raw/can/{bus}": (frames["time_ns"], frames) for bus in range(4)})
    data = (tmp_path / "a.mcap").read_bytes()
    with LogReader(tmp_path / "a.mcap") as reader:
        section = reader._sections[0]
        assert section.channels == frozenset({1, 2, 3, 4})
    whole = section.offset + section.length
    for end in range(whole, whole + 500):
        (tmp_path / "b.mcap").write_bytes(data[:end])
        with LogReader(tmp_path / "b.mcap") as reader:
            for bus in range(4):
                assert len(reader.read_topic(f"/raw/can/{bus}")) == 10
