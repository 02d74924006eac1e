"""What a fault acts on when it names no signal: the primary fields of each kind of sample, in SI units."""

from __future__ import annotations

# Kind: fields that bias, scale and noise act on. `east` and `north` are metres on the ground, not fields of the sample.
PRIMARY_FIELDS = {
    "imu": ("angular_rate_z",),  # rad/s: the yaw rate
    "wheel": ("vehicle_speed", "front_left", "front_right", "rear_left", "rear_right"),  # m/s
    "shaft": ("shaft_speed",),  # rad/s
    "steering": ("steering_wheel_angle",),  # rad
    "gnss": ("east",),  # m
    "radar": ("x",),  # m
    "lane": ("left[0]", "right[0]"),  # m: both boundaries shift to the left
    "obstacle": ("x",),  # m
    "odometry": ("translation[0]",),  # m
    "driver": ("accelerator_pedal",),  # 0..1
    "object": ("x",),  # m
    "signal": ("value",),  # SI
    "cruise": ("speed[0]",),  # m/s
}
GROUND_FIELDS = ("east", "north")  # of GNSS, written to longitude and latitude

SAMPLE_MESSAGES = {
    "imu": "ImuSample", "wheel": "WheelSample", "shaft": "ShaftSample", "steering": "SteeringSample", "gnss": "GnssSample",
    "radar": "RadarPoint", "lane": "LaneSample", "obstacle": "ObstacleSample", "odometry": "OdometrySample",
    "driver": "DriverSample", "object": "ObjectSample", "signal": "SignalSample", "cruise": "CruisePlan",
}  # fmt: skip
# What tells samples of one kind and source apart, for freezing each by itself
IDENTITY_FIELDS = {"radar": "target_id", "object": "object_id", "signal": "signal"}
LIST_FIRST = 32  # bytes in front of the first sample of a list message
LIST_COUNT = 24  # place of the count
