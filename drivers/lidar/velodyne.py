"""Velodyne VLP-16, VLP-32C and VLS-128 as data.

Sources: VLP-16 User Manual 63-9243 Rev. E, chapters 8 and 9 and appendix; VLP-32C User Manual 63-9325 Rev. B, chapter 9; VLS-128
User Manual 63-9483 Rev. B (packet structure, firing sequence). Angles of the VLS-128 are the nominal ones, which its own
calibration file (XML) replaces. [V] for VLP-16 and VLP-32C, [M] for VLS-128, all held against recordings by the tests.
"""

from __future__ import annotations

from drivers.lidar.model import Beams, LidarModel, PacketShape

PACKET_SIZE = 1206
MODEL_BYTES = {"VLP-16": 0x22, "VLP-32C": 0x28, "VLS-128": 0xA1}  # the packet's last byte
STRONGEST, LAST, DUAL = 0x37, 0x38, 0x39  # the byte before it
BLOCKS, CHANNELS = 12, 32
BANK_FLAGS = (0xEEFF, 0xDDFF, 0xCCFF, 0xBBFF)  # of a block: lasers 0-31, and on a VLS-128 32-63, 64-95, 96-127

VLP16_ELEVATIONS = (-15.0, 1.0, -13.0, 3.0, -11.0, 5.0, -9.0, 7.0, -7.0, 9.0, -5.0, 11.0, -3.0, 13.0, -1.0, 15.0)
VLP32C_ELEVATIONS = (
    -25.0, -1.0, -1.667, -15.639, -11.31, 0.0, -0.667, -8.843, -7.254, 0.333, -0.333, -6.148, -5.333, 1.333, 0.667, -4.0,
    -4.667, 1.667, 1.0, -3.667, -3.333, 3.333, 2.333, -2.667, -3.0, 7.0, 4.667, -2.333, -2.0, 15.0, 10.333, -1.333,
)  # fmt: skip
VLP32C_AZIMUTHS = (  # the manual's offsets turn against the azimuth
    -1.4, 4.2, -1.4, 1.4, -1.4, 1.4, -4.2, 1.4, -1.4, 4.2, -1.4, 1.4, -4.2, 1.4, -4.2, 1.4,
    -1.4, 4.2, -1.4, 4.2, -4.2, 1.4, -1.4, 1.4, -1.4, 1.4, -1.4, 4.2, -4.2, 1.4, -1.4, 1.4,
)  # fmt: skip
VLS128_ELEVATIONS = (
    -11.742, -1.99, 3.4, -5.29, -0.78, 4.61, -4.08, 1.31, -6.5, -1.11, 4.28, -4.41, 0.1, 6.48, -3.2, 2.19,
    -3.86, 1.53, -9.244, -1.77, 2.74, -5.95, -0.56, 4.83, -2.98, 2.41, -6.28, -0.89, 3.62, -5.07, 0.32, 7.58,
    -0.34, 5.18, -3.64, 1.75, -25.0, -2.43, 2.96, -5.73, 0.54, 9.7, -2.76, 2.63, -7.65, -1.55, 3.84, -4.85,
    3.18, -5.51, -0.12, 5.73, -4.3, 1.09, -16.042, -2.21, 4.06, -4.63, 0.76, 15.0, -3.42, 1.97, -6.85, -1.33,
    -5.62, -0.23, 5.43, -3.53, 0.98, -19.582, -2.32, 3.07, -4.74, 0.65, 11.75, -2.65, 1.86, -7.15, -1.44, 3.95,
    -2.1, 3.29, -5.4, -0.01, 4.5, -4.19, 1.2, -13.565, -1.22, 4.17, -4.52, 0.87, 6.08, -3.31, 2.08, -6.65,
    1.42, -10.346, -1.88, 3.51, -6.06, -0.67, 4.72, -3.97, 2.3, -6.39, -1.0, 4.39, -5.18, 0.21, 6.98, -3.09,
    4.98, -3.75, 1.64, -8.352, -2.54, 2.85, -5.84, -0.45, 8.43, -2.87, 2.52, -6.17, -1.66, 3.73, -4.96, 0.43,
)  # fmt: skip
VLS128_AZIMUTHS = (-6.354, -4.548, -2.732, -0.911, 0.911, 2.732, 4.548, 6.354) * 16


def _shape(columns: int, dual_columns: int) -> PacketShape:
    return PacketShape(
        size=PACKET_SIZE, header=0, blocks=BLOCKS, block_size=100, block_header=4, channels=CHANNELS, channel_size=3,
        columns=columns, dual_columns=dual_columns,
    )  # fmt: skip


def _clockwise(offsets: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-offset for offset in offsets)


VLP16 = LidarModel(
    name="VLP-16",
    family="velodyne",
    beams=Beams(VLP16_ELEVATIONS, (0.0,) * 16),
    firing_time_ns=tuple(2304 * channel for channel in range(16)),
    column_period_ns=55_296,
    first_column_ns=(0, 0),
    zero_yaw_deg=0.0,
    is_azimuth_at_start=True,
    azimuth_units=36_000,
    range_resolution_m=0.002,
    range_limit_m=100.0,
    shape=_shape(24, 12),
)
VLP32C = LidarModel(
    name="VLP-32C",
    family="velodyne",
    beams=Beams(VLP32C_ELEVATIONS, _clockwise(VLP32C_AZIMUTHS)),
    firing_time_ns=tuple(2304 * (channel // 2) for channel in range(32)),
    column_period_ns=55_296,
    first_column_ns=(0, 0),
    zero_yaw_deg=0.0,
    is_azimuth_at_start=True,
    azimuth_units=36_000,
    range_resolution_m=0.004,
    range_limit_m=200.0,
    shape=_shape(12, 6),
)
VLS128 = LidarModel(
    name="VLS-128",
    family="velodyne",
    beams=Beams(VLS128_ELEVATIONS, _clockwise(VLS128_AZIMUTHS)),
    # Eight fire at once; after the eighth group there is a pause of one
    firing_time_ns=tuple(2665 * (channel // 8 + channel // 64) for channel in range(128)),
    column_period_ns=53_300,
    first_column_ns=(-8_700, -8_700),
    zero_yaw_deg=0.0,
    is_azimuth_at_start=True,
    azimuth_units=36_000,
    range_resolution_m=0.004,
    range_limit_m=300.0,
    shape=_shape(3, 1),
)
MODELS = (VLP16, VLP32C, VLS128)
