"""ROS bags for the tests, written by rosbags: inertial measurements, fixes, CAN frames and a topic that stays as it is."""

from __future__ import annotations

import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

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


def content(types, ros1: bool, count: int = COUNT):
    """(topic, type, receive time, message) in order of time; frame names of every length, for their alignment."""
    kinds = types.types
    vector, status = kinds["geometry_msgs/msg/Vector3"], kinds["sensor_msgs/msg/NavSatStatus"]
    for n in range(count):
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


def write(folder, kind: str, count: int = COUNT):
    ros1 = kind == "bag"
    types = store(ros1)
    if ros1:
        path, writer = folder / "a.bag", Writer1(folder / "a.bag")
    else:
        plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
        path, writer = folder / "a", Writer2(folder / "a", version=8, storage_plugin=plugin)
    with writer:
        connections = {}
        for topic, name, time_ns, message in content(types, ros1, count):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=types)
            data = types.serialize_ros1(message, name) if ros1 else types.serialize_cdr(message, name)
            writer.write(connections[topic], time_ns, data)
    if kind == "mcap":
        return next(path.glob("*.mcap"))
    return next(path.glob("*.db3")) if kind == "db3" else path
