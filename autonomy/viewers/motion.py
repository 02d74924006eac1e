"""Where the vehicle is: /tf (map, base_link, trailer), odometry, and the pose with its covariance."""

from __future__ import annotations

import numpy as np

from autonomy.viewers import geometry
from autonomy.viewers.geometry import Poses
from autonomy.viewers.moments import Moments
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

MAP, VEHICLE, TRAILER = "map", "base_link", "trailer"

TRANSFORMS = tuple(
    Memory(
        "tf2_msgs/TFMessage",
        {
            "transforms[0].header.frame_id": MAP,
            "transforms[0].child_frame_id": VEHICLE,
            "transforms[1].header.frame_id": VEHICLE,
            "transforms[1].child_frame_id": TRAILER,
        },
        {"transforms": count},
        apart=frozenset(["transforms"]),
    )
    for count in (1, 2)  # without and with a trailer
)
ODOMETRY = Memory("nav_msgs/Odometry", {"header.frame_id": MAP, "child_frame_id": VEHICLE})
POSE = Memory("geometry_msgs/PoseWithCovarianceStamped", {"header.frame_id": MAP})

DIAGONAL = 7  # from one diagonal element of a 6 x 6 matrix to the next


def transforms(moments: Moments, poses: Poses, vehicle: np.void) -> tuple[Memory, np.ndarray]:
    """The vehicle in the map, and its trailer: a frame in the kingpin, on the ground, x along the trailer."""
    memory = TRANSFORMS[int(vehicle["has_trailer"] > 0)]
    rows = memory.rows(len(moments.outputs))
    _transform(rows["transforms"]["0"], moments.time_ns, poses.position, poses.quaternion)
    if vehicle["has_trailer"]:
        kingpin = np.array([-float(vehicle["hitch_offset_m"]), 0.0, 0.0])
        angle = np.nan_to_num(moments.outputs["truck"]["articulation_angle"])
        _transform(rows["transforms"]["1"], moments.time_ns, kingpin, geometry.yaw_quaternion(angle))
    return memory, rows


def _transform(target: np.ndarray, time_ns: np.ndarray, translation: np.ndarray, rotation: np.ndarray) -> None:
    fill.stamp(target["header"], time_ns)
    fill.point(target["transform"]["translation"], translation)
    fill.quaternion(target["transform"]["rotation"], rotation)


def odometry(moments: Moments, poses: Poses) -> np.ndarray:
    """Twist in vehicle axes, as its message has it; its covariance is turned from the map's axes, without their correlations."""
    ego = moments.outputs["ego"]
    rows = ODOMETRY.rows(len(ego))
    fill.stamp(rows["header"], moments.time_ns)
    _pose_with_covariance(rows["pose"], ego, poses)
    back = poses.quaternion * (-1.0, -1.0, -1.0, 1.0)
    fill.point(rows["twist"]["twist"]["linear"], np.nan_to_num(geometry.rotated(back, ego["velocity"])))
    fill.point(rows["twist"]["twist"]["angular"], np.nan_to_num(ego["angular_rate"]))
    axes = geometry.rotated(back[:, None], np.eye(3)[None])  # (n, 3, 3): each map axis in vehicle axes
    variance = np.einsum("nk,nki->ni", np.square(ego["sigma"][:, 3:6]), np.square(axes))
    rows["twist"]["covariance"][:, : 3 * DIAGONAL : DIAGONAL] = variance
    return rows


def pose(moments: Moments, poses: Poses) -> np.ndarray:
    rows = POSE.rows(len(moments.outputs))
    fill.stamp(rows["header"], moments.time_ns)
    _pose_with_covariance(rows["pose"], moments.outputs["ego"], poses)
    return rows


def _pose_with_covariance(target: np.ndarray, ego: np.ndarray, poses: Poses) -> None:
    fill.point(target["pose"]["position"], poses.position)
    fill.quaternion(target["pose"]["orientation"], poses.quaternion)
    covariance, sigma = target["covariance"], ego["sigma"]
    covariance[:, : 3 * DIAGONAL : DIAGONAL] = np.square(sigma[:, :3])
    covariance[:, 3 * DIAGONAL :: DIAGONAL] = np.square(sigma[:, 6:9])
    covariance[:, 1] = covariance[:, 6] = ego["covariance_xy"]
