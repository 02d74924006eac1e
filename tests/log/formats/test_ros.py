"""ROS bags: standard messages become ours, the rest keeps its bytes; rosbags is the judge."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections import Counter

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import Writer as Writer2

from autonomy.cli.main import main
from autonomy.errors import LogError
from autonomy.log.formats import frames as can
from autonomy.log.formats import ros
from autonomy.log.formats.ros_packets import PACKET_KINDS, packets
from autonomy.log.importers import recording
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader, sha256
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


@pytest.mark.parametrize("kind", ["bag", "db3", "mcap"])
def test_what_has_no_place_in_ours_is_noted_with_its_count(tmp_path, kind, capsys):
    path = write(tmp_path, kind)
    named = COUNT - len(range(0, COUNT, 9))  # every ninth frame has no name
    with open_recording(path) as reader:
        notes = reader.notes
    header = "seq, " if kind == "bag" else ""
    assert notes[f"/imu/data: {header}frame_id, 2 covariances not kept"] == named - 1  # one has a covariance less
    assert notes[f"/fix: {header}frame_id, service not kept"] == named
    assert notes[f"/can1/rx: {header}frame_id, header stamp not kept"] == named
    imu = {name: count for name, count in notes.items() if name.startswith("/imu")}
    assert sum(imu.values()) == COUNT and not any("orientation" in name for name in imu)  # -1: it is not measured
    assert main(["log", "convert", str(path), str(tmp_path / "b.mcap")]) == 0
    assert f"noted: /fix: {header}frame_id, service not kept: {named}" in capsys.readouterr().out


def test_an_orientation_and_a_length_above_eight_are_noted():
    translator, frames, notes = ros.Translator(is_ros1=False), can.FrameList(), Counter()
    header = bytes([0, 1, 0, 0]) + struct.pack("<iII", 1, 0, 1) + b"\0" + bytes(3)
    nothing = ros.foreign_schema("", "cdr", "", "")
    imu = header + bytes(4) + struct.pack("<37d", 0.0, 0.0, 0.0, 1.0, *[0.0] * 33)
    translator.take(10**9, "/imu", ros.IMU, imu, nothing, frames, Counter(), notes)
    frame = header + struct.pack("<IBBBB8s", 1, 0, 0, 0, 12, bytes(8))
    translator.take(10**9, "/can0", ros.CAN_FRAME, frame, nothing, frames, Counter(), notes)
    assert notes == {"/imu: orientation not kept": 1, "/can0: lengths above 8 not kept": 1}
    fix = header[:17] + struct.pack("<bH3d9dB", 1, 0, 48.0, 11.0, 5.0, 4, 1, 0, 1, 4, 0, 0, 0, 9, 3)
    translator.take(10**9, "/fix", ros.NAV_SAT_FIX, fix, nothing, frames, Counter(), notes)
    assert notes["/fix: kind of augmentation, covariance between the axes not kept"] == 1


def test_a_bag_in_mcap_is_its_folder_and_several_files_are_one(tmp_path, capsys):
    first = write(tmp_path, "mcap")
    with open_recording(first) as reader:
        counts, times = reader.counts, reader.read_times("/in/imu")
    with open_recording(first.parent) as reader:
        assert reader.counts == counts and not reader.unused and not reader.truncated
        np.testing.assert_array_equal(reader.read_times("/in/imu"), times)
    assert main(["log", "cut", str(first), "--start", "0.2", "-o", str(first.with_name("a_1.mcap"))]) == 0
    with open_recording(first.parent) as reader:
        assert counts["/in/imu"] < reader.counts["/in/imu"] < 2 * counts["/in/imu"]
        assert reader.steps_back == 0  # by less than two seconds
    capsys.readouterr()
    assert main(["log", "convert", str(first.parent), str(tmp_path / "whole.mcap")]) == 0
    data = first.read_bytes()
    first.write_bytes(data[: len(data) // 2])
    assert main(["log", "check", str(first.parent)]) == 3
    assert "a.mcap: the record at byte" in capsys.readouterr().err


def test_a_folder_that_is_no_bag_stays_none(tmp_path):
    write(tmp_path, "mcap").replace(tmp_path / "output.mcap")
    with pytest.raises(LogError, match="is a folder"):
        open_recording(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "mcap"])
def test_the_hash_of_a_folder_is_that_of_its_files(tmp_path, kind):
    path = write(tmp_path, kind)
    folder = path if kind == "folder" else path.parent
    before = sha256(folder)
    assert before == sha256(folder) and len(before) == 64
    (folder / "metadata.yaml").write_text("other")
    assert sha256(folder) != before


@pytest.mark.parametrize("kind", ["folder", "mcap"])
def test_topics_are_known_by_both_names(tmp_path, kind, capsys):
    path = write(tmp_path, kind)
    for name in ("/imu/data", "/in/imu"):
        for number, command in enumerate((["cut"], ["merge"])):
            output = tmp_path / f"{name[-3:]}{number}{kind}.mcap"
            assert main(["log", *command, str(path), "--topics", name, "-o", str(output)]) == 0
            with open_recording(output) as reader:
                assert reader.counts == {"/in/imu": COUNT}
        assert main(["log", "cat", str(path), "--topics", name]) == 0
        assert len([line for line in capsys.readouterr().out.splitlines() if "/in/imu" in line and "items" in line]) == COUNT
    assert main(["log", "export", str(path), str(tmp_path / "x.log"), "--topics", "/can1/*"]) == 0
    assert "/raw/can/1" in capsys.readouterr().out
    assert main(["log", "cut", str(path), "--topics", "/nothing", "-o", str(tmp_path / "n.mcap")]) == 2
    assert "no such topic" in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "topic", "sizes"), [
    ("vlp16__1673400471837873222__1673400471837873222_0.db3", "/raw/udp/velodyne", {1206: 603}),
    ("xt32__1673400677802009732__1673400677802009732_0.db3", "/raw/udp/pandar", {1080: 2000}),
    ("ars548__1708578204__1708578204.db3", "/raw/udp/sensing_radar_front_center_nebula", {9401: 1, 35336: 1}),
])  # fmt: skip
def test_packets_of_recorded_bags_come_apart(data_directory, name, topic, sizes):
    path = data_directory / "lidar_radar_packets" / name
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    whole = b"".join(data for (data,) in database.execute("SELECT data FROM messages ORDER BY id"))
    database.close()
    with open_recording(path) as reader:
        assert reader.counts == {topic: sum(sizes.values())}
        found = [(time_ns, bytes(row["data"][: row["count"]])) for time_ns, row in reader.messages(topic)]
    assert Counter(len(data) for _, data in found) == sizes
    assert all(earlier <= later for (earlier, _), (later, _) in zip(found, found[1:], strict=False))
    # Each with its stamp in front, as it stands in the bag
    at = 0
    for time_ns, data in found:
        stamp = struct.pack("<II", time_ns // 10**9, time_ns % 10**9)
        at = whole.index(data, at)
        assert stamp in whole[at - 12 : at]


@pytest.mark.parametrize("is_ros1", [False, True])
@pytest.mark.parametrize("kind", PACKET_KINDS)
def test_packets_of_a_message(kind, is_ros1):
    sent = [(5 * 10**9 + index, bytes([index]) * size) for index, size in enumerate((1206, 1206, 1206))]
    payload = bytearray(b"abcd" + b"xyz" * (1 if is_ros1 else 0))
    start = len(payload)

    def align():
        while not is_ros1 and len(payload) % 4:
            payload.append(0)

    payload += struct.pack("<I", len(sent))
    for time_ns, data in sent:
        align()
        payload += struct.pack("<II", *divmod(time_ns, 10**9))
        if kind == "nebula_msgs/NebulaPackets":
            payload += struct.pack("<I", len(data)) + data
        elif kind == "pandar_msgs/PandarScan":
            payload += data.ljust(1500, b"\0") + struct.pack("<I", len(data))
        else:
            payload += data
    assert list(packets(kind, bytes(payload), start, is_ros1)) == sent
    with pytest.raises((ValueError, struct.error)):
        list(packets(kind, bytes(payload[:-5]), start, is_ros1))
