"""Hesai Pandar64 and PandarXT-32 as data.

Sources: user manuals of the Pandar64 (640-en-2003A1) and the PandarXT-32 (X32-en-210430), chapters "Data structure" and "Absolute
time of point cloud data", appendix "Channel distribution" (read in secondary sources [M], held against recordings by the tests).
Azimuths of a column hold for all its lasers. The angle file of a unit (CSV) replaces these beams.
"""

from __future__ import annotations

from drivers.lidar.model import Beams, LidarModel, PacketShape

MAGIC = 0xFFEE  # the packet's first two bytes
FIRST, STRONGEST, LAST = 0x33, 0x37, 0x38  # return mode
LAST_STRONGEST, LAST_FIRST, FIRST_STRONGEST = 0x39, 0x3B, 0x3C  # of a dual one, in the order of its blocks
# Where the fields of the tail stand, behind the blocks, for headers of 12 and of 8 bytes
TAIL_LONG = {"mode": 10, "speed": 11, "date": 13, "micro": 19}
TAIL_SHORT = {"speed": 8, "micro": 10, "mode": 14, "date": 16}

PANDAR64_ELEVATIONS = (
    14.9, 11.05, 8.077, 5.075, 3.058, 2.046, 1.878, 1.706, 1.54, 1.369, 1.202, 1.031, 0.864, 0.693, 0.526, 0.355,
    0.187, 0.018, -0.151, -0.319, -0.49, -0.657, -0.827, -0.995, -1.166, -1.333, -1.504, -1.67, -1.842, -2.01, -2.18, -2.347,
    -2.518, -2.682, -2.855, -3.022, -3.192, -3.357, -3.53, -3.694, -3.866, -4.032, -4.203, -4.367, -4.54, -4.702, -4.874, -5.039,
    -5.211, -5.373, -5.547, -5.708, -5.88, -6.043, -7.045, -8.041, -9.042, -10.027, -11.014, -11.988, -12.956, -13.912, -18.871,
    -24.879,
)  # fmt: skip
# Six outer ones above and ten below stand in one line, those between in steps of six
PANDAR64_AZIMUTHS = (
    (-1.042,) * 6 + (1.042, 3.125, 5.208) + (-5.208, -3.125, -1.042, 1.042, 3.125, 5.208) * 7 + (-5.208, -3.125, -1.042)
    + (-1.042,) * 10
)  # fmt: skip
PANDAR64_FIRINGS_NS = (
    -23180, -21876, -20572, -19268, -17964, -16660, -11444, -46796,
    -7532, -36956, -50732, -54668, -40892, -44828, -31052, -34988,
    -48764, -52700, -38924, -42860, -29084, -33020, -46796, -25148,
    -36956, -50732, -27116, -40892, -44828, -31052, -34988, -48764,
    -25148, -38924, -42860, -29084, -33020, -52700, -6228, -54668,
    -15356, -27116, -10140, -23180, -4924, -21876, -14052, -17964,
    -8836, -19268, -3620, -20572, -12748, -16660, -7532, -11444,
    -6228, -15356, -10140, -4924, -3620, -14052, -8836, -12748,
)  # fmt: skip
# A typical angle file, as open drivers bring it; the nominal grid is 15 to -16 in steps of 1 without offsets
XT32_ELEVATIONS = (
    14.972363, 13.952372, 12.938632, 11.931141, 10.926151, 9.922410, 8.917419, 7.917429,
    6.919938, 5.919947, 4.922456, 3.924965, 2.929974, 1.936233, 0.944992, -0.047500,
    -1.039991, -2.036232, -3.028723, -4.024964, -5.019955, -6.016196, -7.013687, -8.013678,
    -9.011169, -10.011159, -11.006150, -12.003641, -12.996131, -13.997372, -15.004862, -16.023602,
)  # fmt: skip
XT32_AZIMUTHS = (
    0.082385, 0.076529, 0.078240, 0.076267, 0.064337, 0.059942, 0.049319, 0.044992,
    0.034446, 0.027658, 0.020896, 0.014147, 0.008668, -0.000548, -0.007248, -0.015201,
    -0.025654, -0.031126, -0.037837, -0.045822, -0.061312, -0.065570, -0.068599, -0.076658,
    -0.088476, -0.091580, -0.098438, -0.092837, -0.102247, -0.104231, -0.118783, -0.129679,
)  # fmt: skip


def _first_column_ns(after_block_ns: int, period_ns: int, blocks: int) -> tuple[int, int]:
    """The packet's time belongs to its last block."""
    return after_block_ns - period_ns * (blocks - 1), after_block_ns - period_ns * (blocks // 2 - 1)


PANDAR64 = LidarModel(
    name="Pandar64",
    family="hesai",
    beams=Beams(PANDAR64_ELEVATIONS, PANDAR64_AZIMUTHS),
    firing_time_ns=PANDAR64_FIRINGS_NS,
    column_period_ns=55_560,
    first_column_ns=_first_column_ns(-42_580, 55_560, 6),
    zero_yaw_deg=90.0,
    is_azimuth_at_start=False,
    azimuth_units=36_000,
    range_resolution_m=0.004,
    range_limit_m=200.0,
    shape=PacketShape(1198, 8, blocks=6, block_size=194, block_header=2, channels=64, channel_size=3, columns=6, dual_columns=3),
)
XT32 = LidarModel(
    name="XT32",
    family="hesai",
    beams=Beams(XT32_ELEVATIONS, XT32_AZIMUTHS),
    firing_time_ns=tuple(1512 * channel for channel in range(32)),
    column_period_ns=50_000,
    first_column_ns=_first_column_ns(5_632 + 368, 50_000, 8),
    zero_yaw_deg=90.0,
    is_azimuth_at_start=False,
    azimuth_units=36_000,
    range_resolution_m=0.004,
    range_limit_m=120.0,
    shape=PacketShape(1080, 12, blocks=8, block_size=130, block_header=2, channels=32, channel_size=4, columns=8, dual_columns=4),
)
MODELS = (PANDAR64, XT32)
