"""What the writer writes, other programs read; and it refuses what no reader could use.

The mcap library reads what the kernel autonomy.log._mcap packed.
"""

from __future__ import annotations

import numpy as np
import pytest
from mcap.reader import NonSeekingReader, make_reader
from mcap_ros2.decoder import DecoderFactory

from autonomy import msg
from autonomy.errors import EnvironmentFault, LogError
from autonomy.log import layouts
from autonomy.log.reader import LogReader, rows_of
from autonomy.log.writer import LogWriter
from tests.log.samples import START_NS, can_frames, messages, write_small


def bodies(name: str, rows: np.ndarray) -> list[bytes]:
    return [msg.to_cdr(name, row) for row in rows]


@pytest.mark.parametrize("compression", ["lz4", "zstd", ""])
def test_the_mcap_library_finds_every_message_in_time_order(tmp_path, compression):
    path = tmp_path / "a.mcap"
    written = write_small(path, compression=compression)
    expected = {
        "/raw/can/0": bodies("CanFrame", written["/raw/can/0"]),
        "/in/imu": bodies("ImuInput", written["/in/imu"]),
        "/out/tracks": bodies("TrackList", written["/out/tracks"]),
    }
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        found = {topic: [] for topic in expected}
        times, sequences = [], {topic: [] for topic in expected}
        for schema, channel, message in reader.iter_messages():
            found[channel.topic].append(message.data)
            sequences[channel.topic].append(message.sequence)
            times.append(message.log_time)
            assert schema.encoding == "ros2msg" and channel.message_encoding == "cdr"
        assert found == expected
        assert times == sorted(times)
        assert all(numbers == list(range(len(numbers))) for numbers in sequences.values())
        assert [item.metadata["config_hash"] for item in reader.iter_metadata()] == ["abc"]
        assert [(item.name, item.data) for item in reader.iter_attachments()] == [("can/0.dbc", b'VERSION ""\n')]
        statistics = reader.get_summary().statistics
        assert statistics.message_count == sum(map(len, expected.values()))
        assert (statistics.message_start_time, statistics.message_end_time) == (min(times), max(times))
        assert statistics.chunk_count == len(reader.get_summary().chunk_indexes) > 5
        # By index: a window of one topic
        window = list(
            reader.iter_messages(topics=["/in/imu"], starting_at=START_NS + 50_000_000, ending_before=START_NS + 90_000_000)
        )
        assert [item[2].data for item in window] == expected["/in/imu"][5:9]


def test_it_reads_as_a_stream_and_decodes_with_ros2_support(tmp_path):
    path = tmp_path / "a.mcap"
    written = write_small(path)
    with path.open("rb") as file:
        reader = NonSeekingReader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        ids = [decoded.id for _, _, _, decoded in reader.iter_decoded_messages(topics=["/raw/can/0"])]
    assert ids == written["/raw/can/0"]["id"].tolist()


def test_one_by_one_and_in_a_batch_give_the_same_file(tmp_path):
    frames, tracks = can_frames(500), messages("TrackList", 5)
    with LogWriter(tmp_path / "one.mcap", chunk_bytes=3000) as one, LogWriter(tmp_path / "batch.mcap", chunk_bytes=3000) as batch:
        for row in frames:
            one.write("/raw/can/0", int(row["time_ns"]), row)
        for number, row in enumerate(tracks):
            one.write("/out/tracks", START_NS + number, row.tobytes())
        batch.write_batch("/raw/can/0", frames["time_ns"], frames)
        batch.write_batch("/out/tracks", START_NS + np.arange(5), tracks)
    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "batch.mcap").read_bytes()


def test_short_rows_give_the_same_messages_as_full_ones(tmp_path):
    full = messages("GnssInput", 10, most=1)
    short = np.zeros(10, layouts.short_dtype("GnssInput", 1))
    for name in full.dtype.names:
        short[name] = full[name][:, :1] if name == "items" else full[name]
    for path, rows in ((tmp_path / "full.mcap", full), (tmp_path / "short.mcap", short)):
        with LogWriter(path) as writer:
            writer.write_batch("/in/gnss", START_NS + np.arange(10), rows)
    assert (tmp_path / "full.mcap").read_bytes() == (tmp_path / "short.mcap").read_bytes()


def test_a_chunk_closes_after_a_second_or_a_mebibyte(tmp_path):
    frames = can_frames(50_000, step_ns=1_000)
    slow = can_frames(50, step_ns=100_000_000, start_ns=START_NS + 10_000_000_000)
    with LogWriter(tmp_path / "a.mcap") as writer:
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
        writer.write_batch("/raw/can/0", slow["time_ns"], slow)
    with (tmp_path / "a.mcap").open("rb") as file:
        chunks = make_reader(file).get_summary().chunk_indexes
    assert max(chunk.uncompressed_size for chunk in chunks) <= (1 << 20) + 100
    assert max(chunk.message_end_time - chunk.message_start_time for chunk in chunks) < 1_000_000_000
    assert len(chunks) >= 3 + 5


def test_messages_of_a_closed_chunk_are_on_disk_before_the_end(tmp_path):
    writer = LogWriter(tmp_path / "a.mcap")
    frames = can_frames(3500)
    writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    reader = LogReader(tmp_path / "a.mcap")
    assert reader.truncated and len(reader.read_topic("/raw/can/0")) == 3000
    writer.close()
    assert len(LogReader(tmp_path / "a.mcap").read_topic("/raw/can/0")) == 3500


def test_the_same_messages_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_small(tmp_path / f"{name}.mcap")
    assert (tmp_path / "a.mcap").read_bytes() == (tmp_path / "b.mcap").read_bytes()


def test_an_empty_log_is_a_whole_log(tmp_path):
    with LogWriter(tmp_path / "a.mcap"):
        pass
    reader = LogReader(tmp_path / "a.mcap")
    assert not reader.truncated and reader.start_ns is None and list(reader.batches()) == []


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda w: w.write("/elsewhere", 0, b""), "topic /elsewhere is not in topics.toml; name its message"),
        (lambda w: w.declare("/in/imu", "CanFrame"), "/in/imu carries ImuInput, not CanFrame"),
        (lambda w: w.write("/raw/can/0", 0, b"123"), "CanFrame of 24 bytes, got 3"),
        (lambda w: w.write("/raw/can/0", -1, bytes(24)), "before the clock's zero"),
        (lambda w: w.write_batch("/raw/can/0", np.zeros(2), can_frames(2)), "wants 2 integer times"),
        (lambda w: w.write_batch("/raw/can/0", np.zeros(3, int), can_frames(2)), "wants 2 integer times"),
        (lambda w: w.write_batch("/in/imu", np.zeros(2, int), can_frames(2)), "wants rows of ImuInput"),
        (lambda w: (w.close(), w.write("/raw/can/0", 0, bytes(24))), "the log is closed"),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_sentence(tmp_path, action, sentence):
    with LogWriter(tmp_path / "a.mcap") as writer, pytest.raises(LogError, match=sentence):
        action(writer)


def test_a_list_beyond_its_bound_or_its_row_is_refused(tmp_path):
    rows = messages("GnssInput", 3, most=4)
    rows["count"][1] = 5
    short = np.zeros(1, layouts.short_dtype("GnssInput", 1))
    short["count"] = 2
    with LogWriter(tmp_path / "a.mcap") as writer:
        with pytest.raises(LogError, match="list of a GnssInput at 7 ns is longer than its bound"):
            writer.write_batch("/in/gnss", np.full(3, 7), rows)
        with pytest.raises(LogError, match="longer than its bound"):
            writer.write_batch("/in/gnss", np.array([8]), short)


def test_a_folder_that_is_not_there_is_made(tmp_path):
    LogWriter(tmp_path / "new" / "a.mcap").close()
    assert (tmp_path / "new" / "a.mcap").stat().st_size > 0


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot write"):
        LogWriter(tmp_path / "file" / "a.mcap")


def test_merged_topics_keep_a_common_order_that_is_told(tmp_path):
    frames = can_frames(6)
    frames["time_ns"] = START_NS + np.arange(6) // 3
    streams = {f"/raw/can/{bus}": (frames["time_ns"][bus::2], frames[bus::2]) for bus in (0, 1)}
    for places, expected in (
        (None, [0, 2, 1, 4, 3, 5]),
        ({"/raw/can/0": np.array([0, 2, 4]), "/raw/can/1": np.array([1, 3, 5])}, [0, 1, 2, 3, 4, 5]),
    ):
        with LogWriter(tmp_path / "a.mcap") as writer:
            writer.write_merged(streams, places)
        with LogReader(tmp_path / "a.mcap") as reader:
            rows = np.concatenate([rows_of(batch, frames.dtype) for batch in reader.batches()])
        assert rows.tobytes() == frames[expected].tobytes()
