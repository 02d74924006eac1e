"""Rows of standard messages are the bytes that ROS serialises, whatever their strings and lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore

from autonomy.log.writer import LogWriter
from autonomy.viewers import markers
from autonomy.viewers.standard import definitions, fill
from autonomy.viewers.standard.memory import USED, Bytes, Memory
from tests.viewers.decoding import raw

STORE = get_typestore(Stores.ROS2_HUMBLE)
names = st.text("abcdefghij_/", max_size=12)


def message_bytes(memory: Memory, row: np.ndarray) -> bytes:
    """One row as the log's writer cuts it."""
    layout, data = memory.layout[0], row.tobytes()
    size = int(layout["size"])
    if layout["count_offset"] >= 0:
        count = int.from_bytes(data[layout["count_offset"] :][:4], "little")
        size = int(layout["first"] + count * layout["element"]) if count else int(layout["count_offset"]) + 4
    return b"\0\1\0\0" + data[:size]


def decode(memory: Memory, row: np.ndarray):
    data = message_bytes(memory, row)
    value = STORE.deserialize_cdr(data, definitions.schema_name(memory.name))
    again = bytes(STORE.serialize_cdr(value, definitions.schema_name(memory.name)))
    assert again.rstrip(b"\0") == data.rstrip(b"\0")
    return value


@settings(max_examples=60, deadline=None)
@given(frame=names, child=names, x=st.floats(allow_nan=False), time_ns=st.integers(0, 2**31 * 10**9 - 1))
def test_strings_of_any_length(frame, child, x, time_ns):
    memory = Memory("nav_msgs/Odometry", {"header.frame_id": frame, "child_frame_id": child})
    rows = memory.rows(1)
    fill.stamp(rows["header"], np.array([time_ns]))
    rows["pose"]["pose"]["position"]["x"], rows["twist"]["covariance"][:, 35] = x, 2 * x
    found = decode(memory, rows[:1])
    assert (found.header.frame_id, found.child_frame_id) == (frame, child)
    assert found.pose.pose.position.x == x and found.twist.covariance[35] == 2 * x
    assert found.header.stamp.sec * 10**9 + found.header.stamp.nanosec == time_ns


@settings(max_examples=60, deadline=None)
@given(frame=names, inner=names, points=st.integers(2, 6), used=st.integers(0, 6))
def test_a_list_that_begins_unevenly_is_used_in_part(frame, inner, points, used):
    memory = Memory("nav_msgs/Path", {"header.frame_id": frame, "poses.header.frame_id": inner}, {"poses": points}, "poses")
    rows, used = memory.rows(1), min(points, used)
    poses = rows["poses"]
    parts = [poses["lead"][:, None], poses["items"]] if "lead" in poses.dtype.names else [poses["items"]]
    number = 0
    for part in parts:
        for place in range(part.shape[1]):
            part["pose"]["position"]["y"][:, place], number = number, number + 1
    poses["count"] = used
    found = decode(memory, rows)
    assert [pose.pose.position.y for pose in found.poses] == list(range(used))
    assert all(pose.header.frame_id == inner for pose in found.poses)


@settings(max_examples=40, deadline=None)
@given(first=names, second=names, third=names)
def test_elements_with_strings_of_their_own(first, second, third):
    strings = {
        "transforms[0].header.frame_id": first, "transforms[0].child_frame_id": second,
        "transforms[1].header.frame_id": second, "transforms[1].child_frame_id": third,
    }  # fmt: skip
    memory = Memory("tf2_msgs/TFMessage", strings, {"transforms": 2}, apart=frozenset(["transforms"]))
    rows = memory.rows(1)
    rows["transforms"]["1"]["transform"]["rotation"]["w"] = 0.5
    found = decode(memory, rows)
    assert [(each.header.frame_id, each.child_frame_id) for each in found.transforms] == [(first, second), (second, third)]
    assert found.transforms[1].transform.rotation.w == 0.5


@pytest.mark.parametrize("width", range(8, 16))
def test_markers_with_labels_of_any_width(width):
    memory = Memory("visualization_msgs/MarkerArray", {"markers.text": width}, {"markers": 5}, ends_in="markers")
    rows = memory.rows(1)
    markers = rows["markers"]
    uneven = "lead" in markers.dtype.names
    markers["items"]["id"] = np.arange(1, 5) if uneven else np.arange(5)
    markers["items"]["text"]["text"] = b"x" * width
    assert [marker.id for marker in decode(memory, rows).markers] == list(range(5))


def test_a_scene_whose_markers_lie_unevenly_is_refused():
    with pytest.raises(ValueError, match="unevenly"):
        markers.array("map", "x", 3, characters=13)


@settings(max_examples=30, deadline=None)
@given(bodies=st.lists(st.binary(min_size=1, max_size=64), min_size=1, max_size=5))
def test_bytes_of_any_length_come_back_from_the_log(bodies, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "x.mcap"
    kind = Bytes("diagnostic_msgs/DiagnosticArray", 64)
    with LogWriter(path) as writer:
        writer.declare_foreign("/view/x", "x/msg/X", "byte a", kind.layout)
        writer.write_batch("/view/x", np.arange(len(bodies)), kind.rows(bodies))
    assert [data[4:] for *_, data in raw(path)] == bodies
    assert kind.rows(bodies)[USED].tolist() == [len(body) for body in bodies]
