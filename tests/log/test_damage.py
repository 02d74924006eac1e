"""Cut and damaged logs: what was good is read, the end is named, nothing crashes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import LogError
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from tests.log.samples import START_NS, can_frames


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of a log with ten chunks of ten frames, and the frames."""
    path = tmp_path_factory.mktemp("log") / "whole.mcap"
    frames = can_frames(100, step_ns=100_000_000)
    with LogWriter(path) as writer:
        writer.attach("a.txt", b"hello")
        writer.write_batch("/raw/can/0", frames["time_ns"], frames)
    return path.read_bytes(), frames


def read(path) -> tuple[LogReader, np.ndarray]:
    reader = LogReader(path)
    return reader, reader.read_topic("/raw/can/0") if "/raw/can/0" in reader.topics else np.zeros(0)


def test_cut_at_every_byte_of_the_tail(tmp_path, whole):
    """Whatever is cut, the whole chunks before it come, with the time of the last good record."""
    data, frames = whole
    path = tmp_path / "a.mcap"
    counts = []
    for end in range(len(data) - 3000, len(data)):
        path.write_bytes(data[:end])
        reader, rows = read(path)
        assert reader.truncated and reader.problem
        np.testing.assert_array_equal(rows, frames[: len(rows)])
        assert len(rows) % 10 == 0
        assert reader.last_good_ns == (frames["time_ns"][len(rows) - 1] if len(rows) else None)
        counts.append(len(rows))
        reader.close()
    assert counts == sorted(counts) and counts[0] < 100 and counts[-1] == 100


def test_cut_at_every_byte_of_the_head(tmp_path, whole):
    data, _ = whole
    path = tmp_path / "a.mcap"
    for end in range(900):
        path.write_bytes(data[:end])
        if end < 8:
            with pytest.raises(LogError, match="is empty|not an MCAP file"):
                LogReader(path)
        else:
            reader, rows = read(path)
            assert reader.truncated and len(rows) == 0 and reader.start_ns is None and reader.last_good_ns is None
            reader.close()


def test_a_damaged_chunk_ends_the_log_there(tmp_path, whole):
    """Its checksum gives it away; the chunks before it are read, those behind it are not trusted."""
    data, frames = whole
    with LogReader(_write(tmp_path, data)) as reader:
        section = reader._sections[4]
    broken = bytearray(data)
    broken[section.offset + section.length // 2] ^= 0xFF
    reader, rows = read(_write(tmp_path, bytes(broken)))
    np.testing.assert_array_equal(rows, frames[:40])
    assert reader.truncated and "chunk at byte" in reader.problem
    assert reader.last_good_ns == frames["time_ns"][39]


def test_a_damaged_summary_costs_nothing(tmp_path, whole):
    data, frames = whole
    broken = bytearray(data)
    broken[-60] ^= 0xFF
    reader, rows = read(_write(tmp_path, bytes(broken)))
    np.testing.assert_array_equal(rows, frames)
    assert not reader.truncated


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"", "is empty"), (b"hello world", "not an MCAP file"), (b"\x89MCAP1\r\n", "not an")]
)
def test_what_is_no_log_is_refused(tmp_path, data, sentence):
    with pytest.raises(LogError, match=sentence) as raised:
        LogReader(_write(tmp_path, data))
    assert raised.value.exit_code == 3


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.mcap", tmp_path):
        with pytest.raises(LogError, match="cannot read"):
            LogReader(path)


def test_a_damaged_attachment_is_refused(tmp_path, whole):
    data, _ = whole
    reader = LogReader(_write(tmp_path, data.replace(b"hello", b"hallo")))
    with pytest.raises(LogError, match="attachment 'a.txt' is damaged"):
        reader.attachment("a.txt")


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6), cut=st.integers(0, 200))
def test_no_damage_makes_it_crash_or_invent(tmp_path_factory, whole, changes, cut):
    """Random bytes anywhere: an error with a sentence, or messages that are a prefix of what was written."""
    data, frames = whole
    broken = bytearray(data)
    for place, value in changes:
        broken[place % len(broken)] = value
    path = tmp_path_factory.getbasetemp() / "fuzz.mcap"
    path.write_bytes(bytes(broken[: len(broken) - cut]))
    try:
        with LogReader(path) as reader:
            for name in reader.attachments:
                try:
                    reader.attachment(name)
                except LogError:
                    continue
            reader.check()
            if "/raw/can/0" in reader.topics:
                rows = reader.read_topic("/raw/can/0")
                assert np.isin(rows["time_ns"], frames["time_ns"]).all()
    except LogError as error:
        assert str(path) in str(error)


@settings(max_examples=100, deadline=None)
@given(tail=st.binary(max_size=400))
def test_garbage_behind_the_signature_is_survived(tmp_path_factory, tail):
    path = tmp_path_factory.getbasetemp() / "garbage.mcap"
    path.write_bytes(b"\x89MCAP0\r\n" + tail)
    with LogReader(path) as reader:
        assert reader.truncated
        assert sum(reader.check().values()) == 0 or reader.start_ns is not None


def test_nothing_but_a_data_end_record_is_a_log_without_messages(tmp_path):
    magic = b"\x89MCAP0\r\n"
    with LogReader(_write(tmp_path, magic + b"\x0f" + (4).to_bytes(8, "little") + bytes(4) + magic)) as reader:
        assert not reader.truncated and reader.check() == {}


def test_a_size_beyond_all_reason_is_garbage_and_not_memory(tmp_path, whole):
    data, _ = whole
    with LogReader(_write(tmp_path, data)) as reader:
        section = reader._sections[0]
    place = section.offset - 8 - 4 - len("lz4") - 4 - 8  # the uncompressed size in the chunk's head
    broken = data[:place] + (2**62).to_bytes(8, "little") + data[place + 8 :]
    reader, rows = read(_write(tmp_path, broken))
    assert reader.truncated and len(rows) == 0 and "claims" in reader.problem
    assert reader.last_good_ns is None or reader.last_good_ns < START_NS + 100_000_000


def _write(folder, data: bytes):
    path = folder / "log.mcap"
    path.write_bytes(data)
    return path
