"""A drive with a lidar replays from its packets as from the results in its log."""

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

import hil
from autonomy import Stack, msg, replay
from autonomy.cli.main import main
from autonomy.errors import UsageError
from autonomy.log.cutting import cut
from autonomy.log.reader import LogReader
from autonomy.perception.perceive import CLASSES
from autonomy.playback import stored
from autonomy.playback.result import SCANS
from autonomy.report.drive import Drive
from autonomy.report.page import render
from autonomy.viewers import layout
from autonomy.viewers.scans import MOST_POINTS, POINT
from hil.sensors import Bytes
from hil.worlds.motorway import Motorway
from tests.viewers.decoding import decoded, raw

SCAN_TOPICS = ("/view/points", "/view/scan_lines")

LIDAR = {"name": "roof", "model": "VLP-16", "source": 30, "x_m": 5.0, "height_m": 3.25, "cut_azimuth_rad": 3.14159265,
         "gives": ["obstacle", "lane"]}  # fmt: skip
RAW = ["/raw/*", "/parameters", "/cut", "/in/frame", "/ref/*"]


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    stack = Stack.from_config("vehicles/demo_truck_lidar", {"lidar.sensor": [LIDAR]})
    return hil.run(Motorway(), stack, Bytes(stack.config, 4), 3.0, 4, None, tmp_path_factory.mktemp("drive"), report=False)


def test_the_log_holds_packets_and_what_was_made_of_them(drive):
    with LogReader(drive.log_path) as log:
        assert log.message_name("/raw/udp/roof") == "UdpPacket" and log.counts["/raw/udp/roof"] > 1000
        obstacles = log.read_topic("/in/obstacle")
    assert (obstacles["items"]["source"][obstacles["count"] > 0, 0] == 30).all()
    assert drive.metrics["drops"]["obstacle"]["used"] > 10


@pytest.mark.parametrize("mode", ["cuts", "frames", "packets"])
def test_from_packets_cuts_and_frames_the_outputs_are_the_same_bytes(drive, mode):
    found = replay(drive.log_path, mode=mode, report=False).metrics
    assert found["output_sha256"] == drive.metrics["output_sha256"]
    if mode == "packets":
        told = found["perception"]  # the last scan's results were not there when the drive ended
        assert told["scans"] >= 27 + 57 and told["different"] == 0
        assert told["equal"] > told["scans"] and told["without_partner"] <= 2


def test_packets_without_results_are_processed_as_in_the_truck(drive, tmp_path):
    bare = tmp_path / "bare.mcap"
    with LogReader(drive.log_path) as log:
        cut(log, bare, topics=RAW)
    with LogReader(bare) as log:
        assert "/in/obstacle" not in log.topics
    without = replay(bare, report=False).metrics
    found = replay(bare, mode="packets", report=False).metrics
    assert "obstacle" not in without["drops"] or not without["drops"]["obstacle"]["received"]
    assert found["drops"]["obstacle"]["used"] == drive.metrics["drops"]["obstacle"]["used"]
    assert found["drops"]["lane"]["used"] == drive.metrics["drops"]["lane"]["used"]


def test_scans_after_the_last_tick_of_a_cut_log_are_not_called_different(drive, tmp_path):
    """Packets and results go on for half a second after the ticks: without the ego states, which the truck had, scans differ."""
    path = tmp_path / "cut.mcap"
    with LogReader(drive.log_path) as log:
        ticks = [number for number, channel in log.channels.items() if channel.topic in ("/cut", "/in/frame")]
        last_ns, end_ns = log.start_ns + 1_500_000_000, log.start_ns + 2_000_000_000

        def without_later_ticks(batches):
            for batch in batches:
                left_out = np.isin(batch.records["channel"], ticks) & (batch.records["log_time_ns"] > last_ns)
                yield batch._replace(records=batch.records[~left_out])

        cut(log, path, end_ns=end_ns, watch=without_later_ticks)
    told = replay(path, mode="packets", report=False).metrics["perception"]
    assert told["different"] == 0 and told["equal"] > 40 and told["without_partner"] == 0
    assert told["after_last_tick"] > 10


def test_a_scan_that_differs_before_the_last_tick_is_told(drive, tmp_path):
    path = tmp_path / "other.mcap"
    with LogReader(drive.log_path) as log:
        roof = next(number for number, channel in log.channels.items() if channel.topic == "/raw/udp/roof")
        gap_ns = log.start_ns + 1_200_000_000

        def with_a_gap(batches):
            for batch in batches:
                since = batch.records["log_time_ns"] - gap_ns
                left_out = (batch.records["channel"] == roof) & (since >= 0) & (since < 30_000_000)
                yield batch._replace(records=batch.records[~left_out])

        cut(log, path, watch=with_a_gap)
    told = replay(path, mode="packets", report=False).metrics["perception"]
    assert told["different"] > 0 and told["equal"] > told["different"]


def test_a_log_without_packets_cannot_begin_from_them(drive, tmp_path):
    bare = tmp_path / "bare.mcap"
    with LogReader(drive.log_path) as log:
        cut(log, bare, topics=["/raw/can/*", "/parameters", "/cut", "/in/frame"])
    with pytest.raises(UsageError, match=r"bare.mcap: no packets to begin from; its configuration has /raw/udp/roof"):
        replay(bare, mode="packets", report=False)
    with pytest.raises(UsageError, match="its configuration has no .*lidar.sensor"):
        replay(drive.log_path, "vehicles/demo_truck", mode="packets", report=False)


@pytest.fixture(scope="module")
def again(drive, tmp_path_factory):
    """Replayed from the packets into a folder."""
    return replay(drive.log_path, mode="packets", output_dir=tmp_path_factory.mktemp("again"), report=False)


def test_viewers_get_the_obstacles_that_went_into_the_ticks(drive):
    with LogReader(drive.log_path) as log:
        taken = log.read_topic("/in/obstacle")
    taken = taken[taken["tick_index"] != msg.constants("ObstacleInput")["NOT_IN_A_TICK"]]
    messages = decoded(drive.log_path)["/view/obstacles"]
    assert len(messages) >= 8
    for time_ns, scene in messages:
        # What went into the ten ticks before the moment; of two scans the later one
        lists = taken[(taken["tick_time_ns"] <= time_ns) & (taken["tick_time_ns"] > time_ns - 100_000_000)]
        items = np.concatenate([row["items"][: row["count"]] for row in lists])
        items = items[items["valid_time_ns"] == items["valid_time_ns"].max()]
        first, *boxes = scene.markers
        assert first.action == 3 and [box.text.strip() for box in boxes] == [CLASSES[c] for c in items["classification"]]
        assert np.allclose([[b.pose.position.x, b.pose.position.y] for b in boxes], np.stack([items["x"], items["y"]], axis=1))
        assert np.allclose([b.scale.x for b in boxes], items["length"]) and {b.lifetime.nanosec for b in boxes} == {300_000_000}
        turns = [2.0 * np.arctan2(b.pose.orientation.z, b.pose.orientation.w) for b in boxes]
        assert np.allclose(turns, items["yaw"], atol=1e-6)


def test_viewers_get_points_of_scans_bounded_in_number_and_rate(drive):
    messages = decoded(drive.log_path)["/view/points"]
    times = [time_ns for time_ns, _ in messages]
    assert len(messages) >= 8 and min(np.diff(times)) > 150_000_000
    for time_ns, cloud in messages:
        assert [field.name for field in cloud.fields] == ["x", "y", "z", "height", "label"] and cloud.is_dense
        points = np.frombuffer(bytes(cloud.data), POINT)
        assert 500 < len(points) == cloud.width <= MOST_POINTS and cloud.row_step == len(cloud.data)
        assert set(points["label"]) <= {1, 2, 3, 4, 5} and {1, 2} <= set(points["label"])
        assert np.abs(points["height"][points["label"] == 1]).max() < 0.5
        assert 0 < time_ns - cloud.header.stamp.sec * 10**9 - cloud.header.stamp.nanosec < 200_000_000


def test_lines_of_the_scan_are_strips_of_their_sides(drive):
    messages = decoded(drive.log_path)["/view/scan_lines"]
    known = 0
    for _, scene in messages:
        assert [marker.id for marker in scene.markers] == list(range(6))
        left, right = scene.markers[:2]
        if left.action == right.action == 0:
            known += 1
            at = [np.interp(5.0, [p.x for p in line.points], [p.y for p in line.points]) for line in (left, right)]
            assert 3.0 < at[0] - at[1] < 4.2 and at[0] > 0.0 > at[1]
    assert known > 3


def test_rosbags_reads_the_new_messages_and_writes_the_same_bytes(drive):
    store = get_typestore(Stores.ROS2_HUMBLE)
    seen = set()
    for topic, schema, _, _, data in raw(drive.log_path):
        value = store.deserialize_cdr(data, schema)
        assert bytes(store.serialize_cdr(value, schema)).rstrip(b"\0") == data.rstrip(b"\0"), topic
        seen.add(topic)
    assert seen >= {"/view/obstacles", "/view/points", "/view/scan_lines"}


def test_views_change_no_output_and_come_again_from_the_packets(drive, again):
    assert again.metrics["output_sha256"] == drive.metrics["output_sha256"]
    first, second = ([row for row in raw(log) if row[0] in SCAN_TOPICS] for log in (drive.log_path, again.log_path))
    assert first == second and len(first) >= 16
    assert {name: array.tobytes() for name, array in again.scans.items()} == {
        name: array.tobytes() for name, array in drive.scans.items()
    }


def test_a_stored_run_draws_its_scans_as_they_were(drive, tmp_path):
    assert main(["viz", str(drive.log_path), "-o", str(tmp_path / "view.mcap")]) == 0
    assert raw(tmp_path / "view.mcap") == raw(drive.log_path)


def test_scans_for_the_report_lie_beside_the_log(drive):
    back = stored.load(drive.log_path)
    assert {name: array.tobytes() for name, array in back.scans.items()} == {
        name: array.tobytes() for name, array in drive.scans.items()
    }
    assert len(back.scans["time_ns"]) >= 17 and 'id="scans"' in render(Drive(back))


def test_scans_that_cannot_be_read_are_left_out_and_a_replay_without_any_takes_them_away(drive, tmp_path):
    replay(drive.log_path, mode="packets", output_dir=tmp_path, report=False)
    file = tmp_path / SCANS
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        assert stored.load(tmp_path).scans is None
    np.savez(file, time_ns=np.zeros(3))
    assert stored.load(tmp_path).scans is None
    replay(drive.log_path, output_dir=tmp_path, report=False)
    assert not file.exists()


@pytest.mark.parametrize("topic", ["/view/points", "/view/obstacles"])
def test_a_layout_panel_shows_them(topic):
    assert layout.load()["configById"]["3D!scene"]["topics"][topic]["visible"]


def test_rerun_gets_points_and_obstacles(drive, tmp_path):
    pytest.importorskip("rerun")
    from rerun.chunk import RrdReader

    assert main(["viz", str(drive.log_path), "--rerun", "-o", str(tmp_path / "run.rrd")]) == 0
    counts = {chunk.entity_path: 0 for chunk in RrdReader(tmp_path / "run.rrd").stream()}
    for chunk in RrdReader(tmp_path / "run.rrd").stream():
        counts[chunk.entity_path] += chunk.to_record_batch().num_rows
    messages = decoded(drive.log_path)
    assert counts["/map/base_link/points"] == len(messages["/view/points"])
    assert counts["/map/base_link/obstacles"] == len(messages["/view/obstacles"])
