"""The reader gives every message once, in one total order, whoever wrote the file.

The kernel autonomy.log._mcap reads what the mcap library wrote.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapWriter

from autonomy import msg
from autonomy.errors import LogError
from autonomy.log import ordered
from autonomy.log import reader as reading
from autonomy.log.layouts import schema_name
from autonomy.log.ordered import RECORD_DTYPE
from autonomy.log.reader import LogReader, sha256
from autonomy.log.writer import LogWriter
from tests.log.samples import START_NS, can_frames, messages, write_small


def order_of(path, topics=None) -> list[tuple[int, str]]:
    reader = LogReader(path)
    return [
        (int(record["log_time_ns"]), reader.channels[record["channel"]].topic)
        for batch in reader.batches(topics)
        for record in batch.records
    ]


def test_a_log_comes_back_as_it_was_written(tmp_path):
    written = write_small(tmp_path / "a.mcap")
    reader = LogReader(tmp_path / "a.mcap")
    assert not reader.truncated and reader.problem is None
    for topic, rows in written.items():
        np.testing.assert_array_equal(reader.read_topic(topic).view(np.uint8), rows.view(np.uint8))
    assert reader.counts == {topic: len(rows) for topic, rows in written.items()} == reader.check()
    assert (reader.start_ns, reader.end_ns) == (START_NS, START_NS + 299_000_000) and reader.last_good_ns == reader.end_ns
    assert reader.metadata["autonomy"]["config_hash"] == "abc" and "version" in reader.metadata["autonomy"]
    assert reader.attachments == ["can/0.dbc"] and reader.attachment("can/0.dbc") == b'VERSION ""\n'
    assert [time for time, _ in reader.messages("/in/imu")] == reader.read_times("/in/imu").tolist()
    assert RECORD_DTYPE.itemsize == 32


def test_what_comes_of_inputs_stands_behind_them(tmp_path):
    """Whatever order they were written in; inputs among themselves keep theirs."""
    names = {"/ref/pose": "ReferencePose", "/out/ego": "EgoState", "/cut": "Cut", "/in/frame": "TickInput", "/in/imu": "ImuInput",
             "/raw/can/1": "CanFrame", "/raw/can/0": "CanFrame"}  # fmt: skip
    with LogWriter(tmp_path / "a.mcap") as writer:
        for topic, name in names.items():
            writer.write_batch(topic, np.array([5, 5]), np.zeros(2, msg.dtype(name)))
    assert [topic for _, topic in order_of(tmp_path / "a.mcap")][:6:2] == ["/in/imu", "/raw/can/1", "/raw/can/0"]
    assert [topic for _, topic in order_of(tmp_path / "a.mcap")][6::2] == ["/in/frame", "/cut", "/out/ego", "/ref/pose"]


@settings(max_examples=60, deadline=None)
@given(times=st.lists(st.integers(0, 3_000_000_000), min_size=1, max_size=60), chunk=st.integers(64, 900), data=st.data())
def test_any_order_of_writing_gives_one_sorted_stream(tmp_path_factory, times, chunk, data):
    """Overlapping chunks and messages out of order within them: all are there, in time order, none late."""
    topics = data.draw(st.lists(st.sampled_from(["/raw/can/0", "/raw/can/1"]), min_size=len(times), max_size=len(times)))
    path = tmp_path_factory.mktemp("log") / "a.mcap"
    with LogWriter(path, chunk_bytes=chunk) as writer:
        for number, (time, topic) in enumerate(zip(times, topics, strict=True)):
            row = np.zeros((), msg.dtype("CanFrame"))
            row["time_ns"], row["id"] = time, number
            writer.write(topic, time, row)
    reader = LogReader(path)
    found = []
    for batch in reader.batches():
        rows = reading.rows_of(batch, msg.dtype("CanFrame"))
        assert (rows["time_ns"] == batch.records["log_time_ns"]).all()
        found += [
            (int(r["log_time_ns"]), reader.channels[r["channel"]].topic, int(n))
            for r, n in zip(batch.records, rows["id"], strict=True)
        ]
    assert found == sorted(zip(times, topics, range(len(times)), strict=True), key=lambda row: (row[0], row[2]))
    assert reader.late == 0 and reader.unknown_channel == 0


def test_waiting_messages_are_bounded_and_late_ones_counted(tmp_path, monkeypatch):
    """With no room to wait, a message of an earlier time comes late, marked and counted."""
    monkeypatch.setattr(ordered, "MOST_WAITING_BYTES", 0)
    with LogWriter(tmp_path / "a.mcap", chunk_bytes=100) as writer:
        for time in (0, 900, 100, 200, 1000, 150):
            writer.write("/raw/can/0", time, bytes(24))
    reader = LogReader(tmp_path / "a.mcap")
    records = np.concatenate([batch.records for batch in reader.batches()])
    assert len(records) == 6 and reader.late == (records["flags"] & reading.FLAG_LATE > 0).sum() > 0


def test_only_the_wanted_topics_come(tmp_path):
    write_small(tmp_path / "a.mcap")
    assert {topic for _, topic in order_of(tmp_path / "a.mcap", ["/in/*"])} == {"/in/imu"}
    assert {topic for _, topic in order_of(tmp_path / "a.mcap", ["/in/imu", "/out/tracks"])} == {"/in/imu", "/out/tracks"}
    assert order_of(tmp_path / "a.mcap", []) == []


@pytest.mark.parametrize("compression", list(CompressionType))
@pytest.mark.parametrize("index", [IndexType.ALL, IndexType.NONE])
@pytest.mark.parametrize("chunked", [True, False])
def test_files_of_the_mcap_library_are_read(tmp_path, compression, index, chunked):
    """With and without index, chunks and compression; a foreign topic beside ours."""
    frames = can_frames(400)
    with (tmp_path / "a.mcap").open("wb") as file:
        writer = McapWriter(file, chunk_size=2000, compression=compression, index_types=index, use_chunking=chunked)
        writer.start()
        schema = writer.register_schema(schema_name("CanFrame"), "ros2msg", msg.schema_text("CanFrame").encode())
        text = writer.register_schema("", "", b"")
        ours = writer.register_channel("/raw/can/0", "cdr", schema)
        other = writer.register_channel("/note", "json", text)
        writer.add_metadata("autonomy", {"a": "b"})
        for number, row in enumerate(frames):
            time = int(row["time_ns"])
            writer.add_message(ours, time, msg.to_cdr("CanFrame", row), time, number)
            if number % 100 == 0:
                writer.add_message(other, time, b"{}", time)
        writer.finish()
    reader = LogReader(tmp_path / "a.mcap")
    assert not reader.truncated
    np.testing.assert_array_equal(reader.read_topic("/raw/can/0"), frames)
    assert [data for _, data in reader.messages("/note")] == [b"{}"] * 4
    assert reader.metadata == {"autonomy": {"a": "b"}} and reader.check() == {"/raw/can/0": 400, "/note": 4}
    assert (reader.start_ns, reader.end_ns) == (START_NS, START_NS + 399_000_000)
    with pytest.raises(LogError, match="topic /note is not a message of this project"):
        reader.read_topic("/note")


def write_foreign(path, topic: str, name: str, text: str, data: bytes, encoding: str = "cdr") -> None:
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start()
        channel = writer.register_channel(topic, encoding, writer.register_schema(name, "ros2msg", text.encode()))
        writer.add_message(channel, 5, data, 5)
        writer.finish()


@pytest.mark.parametrize(
    ("topic", "name", "text", "sentence"),
    [
        ("/in/imu", "std_msgs/msg/String", "string data", "it should carry ImuInput but carries 'std_msgs/msg/String'"),
        ("/in/imu", "autonomy/msg/CanFrame", "int64 a", "it should carry ImuInput but carries CanFrame"),
        ("/raw/can/0", "autonomy/msg/CanFrame", "int64 time_ns\nint64 id\n", "field CanFrame.id is 'int64' x 1"),
        ("/raw/can/0", "autonomy/msg/CanFrame", "int64 time_ns\n", "CanFrame has 1 fields there and 7 in this version"),
        ("/raw/can/0", "autonomy/msg/CanFrame", "?", "its schema cannot be read"),
        ("/x", "autonomy/msg/Nothing", "int64 a\n", "this version has no message Nothing"),
        ("/out/tracks", "autonomy/msg/TrackList", "Track[<=128] t\n", "its schema cannot be read"),
    ],
)
def test_a_log_of_another_layout_is_refused_with_a_sentence(tmp_path, topic, name, text, sentence):
    path = tmp_path / "a.mcap"
    write_foreign(path, topic, name, text, bytes(28))
    reader = LogReader(path)
    with pytest.raises(LogError, match=sentence):
        reader.read_topic(topic)
    with pytest.raises(LogError, match=sentence):
        reader.batches()
    assert reader.check() == {topic: 1}


def test_comments_and_constants_do_not_change_a_layout(tmp_path):
    lines = msg.schema_text("CanFrame").splitlines()
    text = "\n".join(line.replace("#", "# ah,") for line in lines if "FLAG_" not in line.partition("#")[0])
    write_foreign(tmp_path / "a.mcap", "/raw/can/0", "autonomy/CanFrame", text, b"\0\1\0\0" + bytes(24))
    assert len(LogReader(tmp_path / "a.mcap").read_topic("/raw/can/0")) == 1


@pytest.mark.parametrize("data", [b"", b"\0\1\0\0", b"\0\1\0\0" + bytes(23), b"\0\1\0\0" + bytes(25), b"\0\0\0\0" + bytes(24)])
def test_messages_of_a_wrong_length_are_left_out_and_counted(tmp_path, data):
    write_foreign(tmp_path / "a.mcap", "/raw/can/0", schema_name("CanFrame"), msg.schema_text("CanFrame"), data)
    reader = LogReader(tmp_path / "a.mcap")
    assert len(reader.read_topic("/raw/can/0")) == 0 and reader.malformed == {"/raw/can/0": 1}


def test_a_list_that_claims_too_much_is_left_out(tmp_path):
    value = messages("GnssInput", 1, most=2)[0]
    data = bytearray(msg.to_cdr("GnssInput", value))
    data[4 + 24] = 3  # one more than there are
    write_foreign(tmp_path / "a.mcap", "/in/gnss", schema_name("GnssInput"), msg.schema_text("GnssInput"), bytes(data))
    reader = LogReader(tmp_path / "a.mcap")
    assert len(reader.read_topic("/in/gnss")) == 0 and reader.malformed == {"/in/gnss": 1}


def test_absent_things_are_named(tmp_path):
    write_small(tmp_path / "a.mcap")
    reader = LogReader(tmp_path / "a.mcap")
    with pytest.raises(LogError, match="no topic /in/gnss; it has /in/imu, /out/tracks, /raw/can/0"):
        reader.read_topic("/in/gnss")
    with pytest.raises(LogError, match="no attachment 'x'; it has can/0.dbc"):
        reader.attachment("x")


def test_the_hash_is_that_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(LogError, match="cannot read"):
        sha256(tmp_path / "b")
