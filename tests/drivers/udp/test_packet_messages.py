"""Datagrams out of the ROS messages of lidar and radar drivers, as they went in; a message that ends early is told."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.recordings import find
from drivers.udp.packet_messages import SCHEMAS, datagrams
from hil.rig.recorded import Recording

NS = 1_000_000_000
FIXED = {"velodyne_msgs/msg/VelodyneScan": 1206, "pandar_msgs/msg/PandarScan": 1500, "nebula_msgs/msg/NebulaPackets": None}


def body(schema: str, frame: str, packets: list[tuple[int, bytes]]) -> bytes:
    """CDR of a scan, written field by field."""
    out = bytearray()

    def align() -> None:
        out.extend(b"\0" * (-len(out) % 4))

    def stamp(time_ns: int) -> None:
        align()
        out.extend(struct.pack("<iI", time_ns // NS, time_ns % NS))

    stamp(packets[0][0] if packets else 0)
    name = frame.encode() + b"\0"
    out.extend(struct.pack("<I", len(name)) + name)
    align()
    out.extend(struct.pack("<I", len(packets)))
    for time_ns, data in packets:
        stamp(time_ns)
        size = FIXED[schema]
        if size is None:
            out.extend(struct.pack("<I", len(data)) + data)
        else:
            out.extend(data.ljust(size, b"\0"))
        if "Pandar" in schema:
            align()
            out.extend(struct.pack("<I", len(data)))
    return bytes(out)


@pytest.mark.parametrize("schema", FIXED)
@given(frame=st.text("abc_", max_size=9), stamps=st.lists(st.integers(0, 2**31 * NS - 1), max_size=4), size=st.integers(1, 1206))
def test_packets_are_found_as_they_were_written(schema, frame, stamps, size):
    used = 1206 if "Velodyne" in schema else size
    packets = [(stamp, bytes([number + 1]) * used) for number, stamp in enumerate(stamps)]
    message = body(schema, frame, packets)
    found = [(item.stamp_ns, message[item.start : item.start + item.length]) for item in datagrams(schema, message)]
    assert found == packets


@pytest.mark.parametrize("schema", FIXED)
def test_a_message_that_ends_early_is_told(schema):
    message = body(schema, "lidar", [(1, b"x" * 1206), (2, b"y" * 1206)])
    for length in (3, 11, 20, 30, len(message) // 2, len(message) - 1):
        with pytest.raises(ValueError, match="ends"):
            datagrams(schema, message[:length])


def test_the_short_names_of_ros_1_are_known():
    assert {name.replace("/msg/", "/") for name in FIXED} < set(SCHEMAS)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "stream", "packets", "length"),
    [("vlp16__1673400471837873222__1673400471837873222_0.db3", "velodyne_packets", 603, 1206),
     ("xt32__1673400677802009732__1673400677802009732_0.db3", "pandar_packets", 2000, 1080)],
)  # fmt: skip
def test_recorded_scans_are_datagrams_at_the_distances_of_their_stamps(name, stream, packets, length):
    folder = find("lidar_radar_packets")
    if folder is None:
        pytest.skip("AUTONOMY_DATA has no lidar_radar_packets")
    recording = Recording(str(folder / name))
    (only,) = recording.streams
    pieces = [piece for _, given in recording.pieces() for piece in given]
    recording.close()
    times_ns = [time for piece in pieces for time in piece.times_ns.tolist()]
    assert only.name == stream and len(times_ns) == packets and recording.left_out() == {}
    assert {size for piece in pieces for size in piece.lengths.tolist()} == {length}
    steps = [after - before for before, after in zip(times_ns, times_ns[1:], strict=False)]
    assert min(steps) > 0 and 0.3e9 < times_ns[-1] - times_ns[0] < 0.5e9
