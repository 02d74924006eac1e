"""ROS bags: standard messages become ours, the rest keeps its bytes; rosbags is the judge."""

from __future__ import annotations

import shutil
import sqlite3

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import Writer as Writer2

from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.importers import recording
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from tests.log.formats.recordings import Frame, frames_of
from tests.log.formats.ros_bags import COUNT, START_NS, content, store, write


@pytest.mark.parametrize("kind", ["bag", "folder", "db3", "mcap"])
def test_standard_messages_become_ours(tmp_path, kind):
    path = write(tmp_path, kind)
    with open_recording(path) as reader:
        assert reader.counts == {"/in/imu": COUNT, "/in/gnss": COUNT, "/raw/can/1": COUNT, "/temperature": COUNT}
        assert not reader.unused and not reader.truncated
        told = reader.metadata["autonomy"]
        assert told["clock"] == "utc" and told["imu.source_0"] == "/imu/data" and told["gnss.source_0"] == "/fix"
        imu, fixes, frames = reader.read_topic("/in/imu"), reader.read_topic("/in/gnss"), frames_of(reader)
        assert (np.diff(reader.read_times("/in/imu")) == 10_000_000).all()
        kept = list(reader.messages("/temperature"))
    valid_ns = START_NS + np.arange(COUNT) * 10_000_000
    assert (imu["count"] == 1).all()
    item = imu["items"][:, 0]
    np.testing.assert_array_equal(item["valid_time_ns"], valid_ns)
    np.testing.assert_array_equal(item["received_time_ns"], valid_ns + 2_500_000)
    good = np.arange(COUNT) != 7
    np.testing.assert_array_equal(item["validity"], np.where(good, 0, 1))
    np.testing.assert_array_equal(item["angular_rate_x"][good], (0.1 * np.arange(COUNT))[good])
    assert (item["acceleration_z"][good] == 9.81).all() and np.isnan(item["acceleration_z"][7])
    fix = fixes["items"][:, 0]
    good = np.arange(COUNT) != 3
    np.testing.assert_array_equal(fix["latitude_deg"][good], (48.0 + np.arange(COUNT))[good])
    assert (fix["position_sigma"][good] == 2.0).all() and (fix["altitude_sigma"][good] == 3.0).all()
    assert fix["validity"][3] == 1 and fix["fix_type"][3] == 0 and (fix["fix_type"][good] == 3).all()
    for n, frame in enumerate(frames):
        flags = can.REMOTE * (n == 5) | can.ERROR * (n == 6)
        identifier = 0x18FEF100 | can.EXTENDED if n % 2 else 0x123
        data = b"" if n == 5 else bytes(range(n % 9))
        assert frame == Frame(int(valid_ns[n]) + 2_500_002, identifier, 1, flags, data, asked=5 if n == 5 else 0)
    types = store(kind == "bag")
    expected = [message for topic, _, _, message in content(types, kind == "bag") if topic == "/temperature"]
    for (_, data), message in zip(kept, expected, strict=True):
        name = "sensor_msgs/msg/Temperature"
        payload = types.deserialize_ros1(data, name) if kind == "bag" else types.deserialize_cdr(b"\0\1\0\0" + data, name)
        assert payload.temperature == message.temperature and payload.header.frame_id == message.header.frame_id


@pytest.mark.parametrize("kind", ["bag", "folder", "mcap"])
def test_converted_the_rest_keeps_its_bytes(tmp_path, kind):
    path = write(tmp_path, kind)
    result = recording.convert([path], tmp_path / "b.mcap")
    assert sum(result.messages.values()) == 4 * COUNT and not result.unused and not result.problems
    with open_recording(path) as before, LogReader(tmp_path / "b.mcap") as after:
        assert list(before.messages("/temperature")) == list(after.messages("/temperature"))
        assert before.read_topic("/in/gnss").tobytes() == after.read_topic("/in/gnss").tobytes()


def test_blocks_break_anywhere(tmp_path, monkeypatch):
    """Small blocks, messages of equal times among them: all come once."""
    for module in ("rosbag1", "rosbag2"):
        monkeypatch.setattr(f"autonomy.log.formats.{module}.BLOCK_BYTES", 700)
    for kind in ("bag", "folder"):
        (tmp_path / kind).mkdir()
        with open_recording(write(tmp_path / kind, kind)) as reader:
            assert set(reader.counts.values()) == {COUNT} and len(reader._sections) > 5
            reader._kept.clear()
            assert reader.check() == reader.counts


def test_equal_times_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("autonomy.log.formats.rosbag1.BLOCK_BYTES", 40)
    monkeypatch.setattr("autonomy.log.formats.rosbag2.BLOCK_BYTES", 40)
    for ros1 in (True, False):
        types = store(ros1)
        path = tmp_path / ("a.bag" if ros1 else "a")
        name = "std_msgs/msg/UInt32"
        with Writer1(path) if ros1 else Writer2(path, version=8) as writer:
            connection = writer.add_connection("/x", name, typestore=types)
            for n in range(50):
                message = types.types[name](data=n)
                data = types.serialize_ros1(message, name) if ros1 else types.serialize_cdr(message, name)
                writer.write(connection, START_NS + n // 20, bytes(data))
        with open_recording(path) as reader:
            assert [int.from_bytes(data, "little") for _, data in reader.messages("/x")] == list(range(50))


@pytest.mark.parametrize("kind", ["bag", "db3"])
def test_cut_bags_are_a_sentence_or_their_beginning(tmp_path, kind):
    path = write(tmp_path, kind)
    data = path.read_bytes()
    other = tmp_path / f"b.{kind}"
    for end in range(16, len(data), max(len(data) // 40, 1)):
        other.write_bytes(data[:end])
        try:
            with open_recording(other) as reader:
                assert sum(reader.counts.values()) <= 4 * COUNT
                assert reader.check() == reader.counts
        except LogError as error:
            assert str(other) in str(error)


def test_another_database_is_no_bag(tmp_path):
    path = tmp_path / "a.db3"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE x (y)")
    database.commit()
    database.close()
    with pytest.raises(LogError, match="cannot be read as a ROS 2 bag: no such table: topics"):
        open_recording(path)


def test_a_split_bag_is_one_recording(tmp_path):
    first = write(tmp_path, "folder")
    half = next(first.glob("*.db3"))
    second = half.with_name(half.name.replace("a", "a_1"))
    shutil.copy(half, second)
    database = sqlite3.connect(second)
    database.execute("UPDATE messages SET timestamp = timestamp + 1000000000")
    database.commit()
    database.close()
    with open_recording(first) as reader:
        assert reader.counts["/in/imu"] == 2 * COUNT
        assert (np.diff(reader.read_times("/in/imu")) > 0).all()


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "topic", "kind", "count"), [
    ("vlp16__1673400471837873222__1673400471837873222_0.db3", "/velodyne_packets", "velodyne_msgs/msg/VelodyneScan", 4),
    ("ars548__1708578204__1708578204.db3", "/sensing/radar/front_center/nebula_packets", "nebula_msgs/msg/NebulaPackets", 2),
])  # fmt: skip
def test_packets_of_recorded_bags_pass_through(data_directory, tmp_path, name, topic, kind, count):
    path = data_directory / "lidar_radar_packets" / name
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    expected = [(time, data[4:]) for time, data in database.execute("SELECT timestamp, data FROM messages ORDER BY timestamp")]
    database.close()
    with open_recording(path) as reader:
        assert reader.counts == {topic: count} and list(reader.messages(topic)) == expected
        assert next(iter(reader.channels.values())).schema == kind
