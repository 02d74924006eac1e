"""What viewers decode is what the stack said at the same tick."""

from __future__ import annotations

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from autonomy import msg
from autonomy.geodesy import geodetic_to_enu
from autonomy.log.reader import LogReader
from autonomy.viewers import diagnostics, geometry, grid
from tests.viewers.conftest import DRIVE_S
from tests.viewers.decoding import raw

MARKER_ADD, MARKER_DELETE_ALL, CUBE, TEXT, LINE_STRIP = 0, 3, 1, 9, 4
EVERY_MOMENT = (
    "/tf", "/view/odometry", "/view/pose", "/view/fix", "/view/wanted_path", "/view/stop_path", "/view/lane", "/view/objects",
    "/view/radar",
)  # fmt: skip


def stamp_ns(header) -> int:
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def xyz(point) -> list[float]:
    return [point.x, point.y, point.z]


def xyzw(quaternion) -> np.ndarray:
    return np.array([quaternion.x, quaternion.y, quaternion.z, quaternion.w])


def test_ten_a_second_on_every_topic(messages):
    for topic in EVERY_MOMENT:
        times = [time_ns for time_ns, _ in messages[topic]]
        assert set(np.diff(times)) == {100_000_000}, topic
        assert len(times) == pytest.approx(10 * DRIVE_S, abs=2), topic
    assert len(messages["/view/grid"]) == pytest.approx(2 * DRIVE_S, abs=2)
    assert len(messages["/diagnostics"]) >= DRIVE_S - 1


def test_rosbags_reads_every_message_and_writes_the_same_bytes(log):
    store = get_typestore(Stores.ROS2_HUMBLE)
    seen = set()
    for topic, schema, _, _, data in raw(log):
        value = store.deserialize_cdr(data, schema)
        assert bytes(store.serialize_cdr(value, schema)).rstrip(b"\0") == data.rstrip(b"\0"), topic
        seen.add(topic)
    assert seen >= {*EVERY_MOMENT, "/view/gnss", "/view/reference", "/view/route", "/view/trailer", "/view/grid", "/diagnostics"}


def test_transforms_pose_and_odometry_are_the_ego_state(messages, outputs):
    for (time_ns, tf), (_, odometry), (_, pose) in zip(
        messages["/tf"], messages["/view/odometry"], messages["/view/pose"], strict=True
    ):
        ego, truck = outputs[time_ns]["ego"], outputs[time_ns]["truck"]
        vehicle, trailer = tf.transforms
        assert (vehicle.header.frame_id, vehicle.child_frame_id) == ("map", "base_link")
        assert (trailer.header.frame_id, trailer.child_frame_id) == ("base_link", "trailer")
        assert stamp_ns(vehicle.header) == stamp_ns(trailer.header) == time_ns
        assert xyz(vehicle.transform.translation) == ego["position"].tolist()
        assert xyzw(vehicle.transform.rotation).tolist() == ego["orientation"][[1, 2, 3, 0]].tolist()
        turn = xyzw(trailer.transform.rotation)
        assert 2 * np.arctan2(turn[2], turn[3]) == pytest.approx(np.nan_to_num(truck["articulation_angle"]), abs=1e-12)
        for estimate in (odometry.pose, pose.pose):
            assert xyz(estimate.pose.position) == ego["position"].tolist()
            covariance = np.reshape(estimate.covariance, (6, 6))
            assert np.allclose(np.sqrt(np.diag(covariance)), ego["sigma"][[0, 1, 2, 6, 7, 8]])
            assert covariance[0, 1] == covariance[1, 0] == ego["covariance_xy"]
        # The twist is in vehicle axes: forward speed, hardly any sideways
        assert np.hypot(odometry.twist.twist.linear.x, odometry.twist.twist.linear.y) == pytest.approx(
            np.linalg.norm(ego["velocity"]), abs=0.3
        )
        assert xyz(odometry.twist.twist.angular) == ego["angular_rate"].tolist()
    assert odometry.twist.twist.linear.x == pytest.approx(float(ego["speed"]), abs=0.2)
    assert abs(odometry.twist.twist.linear.y) < 0.3


def test_positions_on_the_earth(messages, outputs, log):
    unknown = 0
    for time_ns, fix in messages["/view/fix"]:
        ego = outputs[time_ns]["ego"]
        if not ego["status"] & msg.constants("EgoState")["STATUS_POSITION_VALID"]:
            unknown += 1
            assert fix.status.status == -1 and np.isnan(fix.latitude)
            continue
        origin = tuple(float(ego[f"origin_{name}"]) for name in ("latitude_deg", "longitude_deg", "altitude_m"))
        assert np.allclose(geodetic_to_enu(fix.latitude, fix.longitude, fix.altitude, origin), ego["position"], atol=1e-5)
        assert fix.status.status == 0 and fix.position_covariance[0] == ego["sigma"][0] ** 2
    assert 0 < unknown < 20  # the filter starts after the first moments
    with LogReader(log) as reader:
        taken = reader.read_topic("/in/gnss")
        poses = reader.read_topic("/ref/pose")
    taken = taken[taken["tick_index"] != msg.constants("GnssInput")["NOT_IN_A_TICK"]]
    samples = np.concatenate([row["items"][: row["count"]] for row in taken])
    shown = [(stamp_ns(fix.header), fix.latitude, fix.longitude) for _, fix in messages["/view/gnss"]]
    assert shown == samples[["valid_time_ns", "latitude_deg", "longitude_deg"]][: len(shown)].tolist()
    assert len(shown) >= len(samples) - 2  # those after the last moment stay out
    shown = [(time_ns, fix.latitude) for time_ns, fix in messages["/view/reference"]]
    assert set(shown) <= set(poses[["time_ns", "latitude_deg"]].tolist()) and len(shown) >= 10 * DRIVE_S - 2


def test_the_objects_are_the_tracks(messages, outputs):
    leads = 0
    for time_ns, scene in messages["/view/objects"]:
        tracks = outputs[time_ns]["tracks"]
        items = tracks["tracks"][: tracks["count"]]
        items = items[items["status"] > 0]
        first, *others = scene.markers
        assert first.action == MARKER_DELETE_ALL and len(others) == 2 * len(items)
        assert len({(marker.ns, marker.id) for marker in scene.markers}) == len(scene.markers)
        for item, box, label in zip(items, others[::2], others[1::2], strict=True):
            assert (box.type, box.action, box.id, label.type) == (CUBE, MARKER_ADD, item["track_id"], TEXT)
            assert box.header.frame_id == "base_link" and stamp_ns(box.header) == time_ns
            near = box.pose.position.x - np.sign(item["x"]) * 0.5 * box.scale.x
            assert (near, box.pose.position.y) == (pytest.approx(item["x"], abs=1e-5), pytest.approx(item["y"], abs=1e-5))
            assert label.text.strip().startswith(f"#{item['track_id']} ")
            is_lead = np.isfinite(tracks["lead_distance"]) and item["track_id"] == tracks["lead_track_id"]
            leads += is_lead
            assert (box.color.g < 0.5) == is_lead
    assert leads > 20


def test_lane_and_paths_start_where_the_estimate_says(messages, outputs):
    known = 0
    for (time_ns, lane), (_, wanted), (_, stop) in zip(
        messages["/view/lane"], messages["/view/wanted_path"], messages["/view/stop_path"], strict=True
    ):
        state, plan = outputs[time_ns]["lane"], outputs[time_ns]["plan"]
        left, right = lane.markers
        if state["status"]:
            known += 1
            assert left.type == right.type == LINE_STRIP and left.action == MARKER_ADD
            at = [np.interp(0.0, [p.x for p in line.points], [p.y for p in line.points]) for line in (left, right)]
            middle = -float(state["offset"])
            assert at == pytest.approx([middle + state["width_left"], middle - state["width_right"]], abs=0.02)
            first = wanted.poses[0].pose.position
            assert [first.x, first.y] == pytest.approx([0.0, middle + plan["lateral_target"]], abs=0.02)
        else:
            assert left.action == 2 and wanted.poses == []
        if plan["fallback_valid"]:
            begin, end = stop.poses[0].pose.position, stop.poses[-1].pose.position
            assert (begin.x, begin.y) == (0.0, 0.0)
            assert np.hypot(end.x, end.y) == pytest.approx(min(float(plan["fallback_distance"]), 155.0), rel=0.02)
        else:
            assert stop.poses == []
    assert known > 50


def test_the_route_passes_under_the_vehicle(messages, outputs):
    windows = messages["/view/route"]
    assert len(windows) == pytest.approx(DRIVE_S, abs=3)  # one a second of those that came
    for time_ns, path in windows[1:]:
        position = outputs[time_ns]["ego"]["position"]
        points = np.array([[pose.pose.position.x, pose.pose.position.y] for pose in path.poses])
        assert path.header.frame_id == "map" and path.poses[0].pose.position.z == position[2]
        assert np.min(np.hypot(*(points - position[:2]).T)) < 3.0  # its points lie 5 m apart


def test_the_radar_cloud_holds_every_target(messages, log):
    with LogReader(log) as reader:
        lists = reader.read_topic("/in/radar")
    lists = lists[lists["tick_index"] != msg.constants("RadarInput")["NOT_IN_A_TICK"]]
    items = np.concatenate([row["items"][: row["count"]] for row in lists])
    shown = []
    for _, cloud in messages["/view/radar"]:
        assert [field.name for field in cloud.fields] == ["x", "y", "z", "v"] and cloud.is_dense
        assert [field.offset for field in cloud.fields] == [0, 4, 8, 12] and len(cloud.data) == cloud.row_step
        shown.append(np.frombuffer(bytes(cloud.data), "<f4").reshape(cloud.width, 4))
    shown = np.concatenate(shown)
    assert len(shown) > 100 and len(items) - len(shown) < 50  # those after the last moment stay out
    assert np.array_equal(shown[:, 0], items["x"][: len(shown)].astype("f4"))
    assert np.array_equal(shown[:, 3], items["range_rate"][: len(shown)].astype("f4"))


def test_the_vehicle_is_as_long_as_its_parameters_say(messages, log):
    with LogReader(log) as reader:
        vehicle = reader.read_topic("/parameters")[0]["vehicle"]
    cab, chassis = messages["/view/vehicle"][-1][1].markers
    (trailer,) = messages["/view/trailer"][-1][1].markers
    assert cab.pose.position.x + 0.5 * cab.scale.x == pytest.approx(vehicle["front_overhang_m"])
    assert trailer.header.frame_id == "trailer" and chassis.header.frame_id == "base_link"
    kingpin = -float(vehicle["hitch_offset_m"])
    assert kingpin + trailer.pose.position.x - 0.5 * trailer.scale.x == pytest.approx(-vehicle["rear_overhang_m"])


def test_the_grid_is_free_where_the_lane_is_and_occupied_at_the_lead(messages, outputs):
    seen = 0
    for time_ns, message in messages["/view/grid"]:
        cells = np.array(message.data, np.int8).reshape(message.info.height, message.info.width)
        lane, tracks = outputs[time_ns]["lane"], outputs[time_ns]["tracks"]
        if not lane["status"]:
            assert not (cells == grid.FREE).any()
            continue

        def cell(x: float, y: float, cells=cells, info=message.info) -> int:
            row, column = (y - info.origin.position.y) / info.resolution, (x - info.origin.position.x) / info.resolution
            return int(cells[int(row), int(column)])

        middle = -float(lane["offset"])
        assert cell(0.0, middle) == grid.FREE and cell(0.0, middle + 4.0) == grid.UNKNOWN
        confirmed = [each for each in tracks["tracks"][: tracks["count"]] if each["status"] >= 2 and 0 < each["x"] < 100]
        for each in confirmed:
            seen += 1
            assert cell(each["x"] + 1.0, each["y"]) == grid.OCCUPIED
    assert seen > 5


def test_diagnostics_tell_health_aids_and_inputs(messages, outputs):
    for time_ns, array in messages["/diagnostics"]:
        output = outputs[time_ns]
        told = {status.name: status for status in array.status}
        assert stamp_ns(array.header) == time_ns
        assert told["health"].level == min(int(output["health"]["level"]), 2)
        assert told["lane"].message == {0: "none", 1: "tracking", 2: "coasting"}[int(output["lane"]["status"])]
        values = {pair.key: pair.value for pair in told["aid: GNSS position"].values}
        assert values["accepted"] == str(output["ego"]["aids"][0]["accepted"])
        assert {"input: imu", "input: radar", "ego filter", "mode and behaviour", "aid: Wheel speed"} <= set(told)
    assert messages["/diagnostics"][0][1].status[0].level == 2 and told["health"].level == 0


def test_diagnostics_come_at_once_when_health_changes(messages, outputs):
    keys = [(t, int(o["health"]["level"]), int(o["health"]["faults"])) for t, o in sorted(outputs.items())]
    told = {time_ns for time_ns, _ in messages["/diagnostics"]}
    moments = [key for key in keys if outputs[key[0]]["tick_index"] % 10 == 0]
    changed = [b[0] for a, b in zip(moments, moments[1:], strict=False) if a[1:] != b[1:]]
    assert changed and set(changed) <= told


def test_a_diagnostic_of_every_length_decodes():
    store = get_typestore(Stores.ROS2_HUMBLE)
    for length in range(9):
        found = [diagnostics.Status(1, "n" * length, "m", {"k": "v" * length}), diagnostics.Status(2, "", "", {})]
        array = store.deserialize_cdr(b"\0\1\0\0" + diagnostics._body(7, found), "diagnostic_msgs/msg/DiagnosticArray")
        assert [(s.level, s.name, [(p.key, p.value) for p in s.values]) for s in array.status] == [
            (1, "n" * length, [("k", "v" * length)]), (2, "", []),
        ]  # fmt: skip


def test_before_the_filter_has_started_everything_is_finite():
    ego = np.zeros(2, msg.dtype("EgoState"))
    ego["position"][1] = np.nan
    poses = geometry.poses(ego)
    assert not poses.known.any() and np.isfinite(poses.position).all()
    assert poses.quaternion.tolist() == [[0, 0, 0, 1]] * 2
