"""ROS bags: standard messages become ours, the rest keeps its bytes; rosbags is the judge."""

from __future__ import annotations

import shutil
import sqlite3

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.importers import recording
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from tests.log.formats.recordings import Frame, frames_of

START_NS = 1_700_000_000_123_456_789
COUNT = 40
CAN_FRAME = """std_msgs/Header header
uint32 id
bool is_rtr
bool is_extended
bool is_error
uint8 dlc
uint8[8] data
"""


def store(ros1: bool):
    found = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    found.register(get_types_from_msg(CAN_FRAME, "can_msgs/msg/Frame"))
    return found


def header(types, time_ns: int, frame: str, ros1: bool):
    stamp = types.types["builtin_interfaces/msg/Time"](sec=time_ns // 10**9, nanosec=time_ns % 10**9)
    more = {"seq": 7} if ros1 else {}
    return types.types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame, **more)


def content(types, ros1: bool):
    """(topic, type, receive time, message) in order of time; frame names of every length, for their alignment."""
    kinds = types.types
    vector, status = kinds["geometry_msgs/msg/Vector3"], kinds["sensor_msgs/msg/NavSatStatus"]
    for n in range(COUNT):
        valid_ns, time_ns = START_NS + n * 10_000_000, START_NS + n * 10_000_000 + 2_500_000
        head = header(types, valid_ns, "f" * (n % 9), ros1)
        told = np.full(9, 0.01)
        untold = told.copy()
        untold[0] = -1.0
        yield "/imu/data", "sensor_msgs/msg/Imu", time_ns, kinds["sensor_msgs/msg/Imu"](
            header=head, orientation=kinds["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
            orientation_covariance=untold, angular_velocity=vector(x=0.1 * n, y=0.2, z=0.3),
            angular_velocity_covariance=told, linear_acceleration=vector(x=1.0, y=2.0, z=9.81),
            linear_acceleration_covariance=untold if n == 7 else told,
        )  # fmt: skip
        yield "/fix", "sensor_msgs/msg/NavSatFix", time_ns + 1, kinds["sensor_msgs/msg/NavSatFix"](
            header=head, status=status(status=-1 if n == 3 else 0, service=1), latitude=48.0 + n, longitude=11.0, altitude=500.0,
            position_covariance=np.diag([4.0, 4.0, 9.0]).ravel(), position_covariance_type=2,
        )  # fmt: skip
        yield "/can1/rx", "can_msgs/msg/Frame", time_ns + 2, kinds["can_msgs/msg/Frame"](
            header=head, id=0x18FEF100 if n % 2 else 0x123, is_rtr=n == 5, is_extended=bool(n % 2), is_error=n == 6,
            dlc=n % 9, data=np.arange(8, dtype=np.uint8),
        )  # fmt: skip
        yield (
            "/temperature",
            "sensor_msgs/msg/Temperature",
            time_ns + 3,
            kinds["sensor_msgs/msg/Temperature"](header=head, temperature=20.0 + n, variance=0.0),
        )


def write(folder, kind: str):
    ros1 = kind == "bag"
    types = store(ros1)
    if ros1:
        path, writer = folder / "a.bag", Writer1(folder / "a.bag")
    else:
        plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
        path, writer = folder / "a", Writer2(folder / "a", version=8, storage_plugin=plugin)
    with writer:
        connections = {}
        for topic, name, time_ns, message in content(types, ros1):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=types)
            data = types.serialize_ros1(message, name) if ros1 else types.serialize_cdr(message, name)
            writer.write(connections[topic], time_ns, data)
    if kind == "mcap":
        return next(path.glob("*.mcap"))
    return next(path.glob("*.db3")) if kind == "db3" else path


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
