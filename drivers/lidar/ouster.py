"""Ouster OS0, OS1 and OS2: packets as the sensor's metadata describe them.

Source: Ouster Sensor Docs, "Lidar Data Format" (profiles LEGACY, RNG19_RFL8_SIG16_NIR16, .._DUAL, RNG15_RFL8_NIR8) and
"Coordinate Frames and XYZ Calculation" [V], held against ouster-sdk by a test. A column states its measurement id, from 0 to the
columns of a turn, which is its azimuth, clockwise; the points are in the sensor's frame, whose x looks away from the plug.
"""

from __future__ import annotations

from drivers.lidar.model import Beams, LidarModel, PacketShape, Pixel

PACKET_TYPE_LIDAR = 1
HEADER, FOOTER, COLUMN_HEADER = 32, 32, 12
LEGACY_COLUMN_HEADER, LEGACY_STATUS = 16, 4

# Profile: bytes of a pixel, where its fields stand, m of a unit of distance
PROFILES = {
    "LEGACY": (12, Pixel((0,), (4,), 0xFFFFF), 0.001),
    "RNG19_RFL8_SIG16_NIR16": (12, Pixel((0,), (4,), 0x7FFFF), 0.001),
    "RNG19_RFL8_SIG16_NIR16_DUAL": (16, Pixel((0, 4), (3, 7), 0x7FFFF), 0.001),
    "RNG15_RFL8_NIR8": (4, Pixel((0,), (2,), 0x7FFF), 0.008),
}


def lidar(
    name: str,
    profile: str,
    beams: Beams,
    *,
    columns_per_turn: int = 1024,
    columns_per_packet: int = 16,
    rate_hz: int = 10,
    height_m: float = 0.0,
    range_limit_m: float = 120.0,
) -> LidarModel:
    """The model of a sensor with these beams, set to this profile and this rate."""
    size, pixel, unit = PROFILES[profile]
    rings, is_legacy = len(beams.elevation_deg), profile == "LEGACY"
    column_header = LEGACY_COLUMN_HEADER if is_legacy else COLUMN_HEADER
    column_size = column_header + rings * size + (LEGACY_STATUS if is_legacy else 0)
    around = 0 if is_legacy else HEADER
    return LidarModel(
        name=name,
        family="ouster",
        beams=beams,
        firing_time_ns=(0,) * rings,
        column_period_ns=round(1e9 / (columns_per_turn * rate_hz)),
        first_column_ns=(0, 0),
        zero_yaw_deg=180.0,
        is_azimuth_at_start=False,
        azimuth_units=columns_per_turn,
        range_resolution_m=unit,
        range_limit_m=range_limit_m,
        shape=PacketShape(
            size=around + columns_per_packet * column_size + (0 if is_legacy else FOOTER), header=around,
            blocks=columns_per_packet, block_size=column_size, block_header=column_header, channels=rings, channel_size=size,
            columns=columns_per_packet, dual_columns=columns_per_packet, pixel=pixel,
        ),
        height_m=height_m,
    )  # fmt: skip


def nominal_beams(rings: int, view_deg: float, origin_m: float, stagger_deg: tuple[float, ...]) -> Beams:
    """Evenly spread over the view, the highest first; each unit's metadata say it better.

    The beams begin `origin_m` from the axis; distances count from the axis.
    """
    step = view_deg / (rings - 1)
    return Beams(
        elevation_deg=tuple(view_deg / 2.0 - step * row for row in range(rings)),
        azimuth_offset_deg=tuple(stagger_deg[row % len(stagger_deg)] for row in range(rings)),
        range_offset_m=(-origin_m,) * rings,
        forward_offset_m=(origin_m,) * rings,
    )


_STAGGER = (4.2, 1.4, -1.4, -4.2)  # [M]; of an OS1. An OS2's: a third of it
_NARROW = (2.1, 0.7, -0.7, -2.1)
_DEFAULT, _DUAL = "RNG19_RFL8_SIG16_NIR16", "RNG19_RFL8_SIG16_NIR16_DUAL"
_OS1 = {"height_m": 0.03618, "range_limit_m": 120.0}
_OS2 = {"height_m": 0.074296, "range_limit_m": 240.0}
MODELS = (
    lidar("OS1-64", _DEFAULT, nominal_beams(64, 42.4, 0.015806, _STAGGER), **_OS1),
    lidar("OS1-64-dual", _DUAL, nominal_beams(64, 42.4, 0.015806, _STAGGER), **_OS1),
    lidar("OS1-64-legacy", "LEGACY", nominal_beams(64, 33.2, 0.015806, _STAGGER), **_OS1),
    lidar("OS1-128", _DEFAULT, nominal_beams(128, 42.4, 0.015806, _STAGGER), **_OS1),
    lidar("OS2-64", _DEFAULT, nominal_beams(64, 22.5, 0.013762, _NARROW), **_OS2),
    lidar("OS2-128", _DEFAULT, nominal_beams(128, 22.5, 0.013762, _NARROW), **_OS2),
    lidar("OS2-128-dual", _DUAL, nominal_beams(128, 22.5, 0.013762, _NARROW), **_OS2),
)
