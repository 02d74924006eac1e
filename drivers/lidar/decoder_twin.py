"""The points of one packet in NumPy, plainly, in float64: what ext/drivers/lidar computes, without its state.

Times count from the packet's own. Azimuths are rounded to the packet's unit, as the kernel does; a packet with one column alone
does not know how fast it turns and is told (`step_units`).
"""

from __future__ import annotations

import math

import numpy as np

from drivers.lidar import hesai
from drivers.lidar.model import LidarModel

FIELDS = ("x", "y", "z", "time_ns", "intensity", "column", "ring", "return_kind")
STRONGEST, LAST, BOTH, FIRST, SECOND = 1, 2, 3, 4, 6
KINDS = {
    0x33: (FIRST,), 0x37: (STRONGEST,), 0x38: (LAST,), 0x39: (LAST, STRONGEST), 0x3B: (LAST, FIRST), 0x3C: (FIRST, STRONGEST),
}  # fmt: skip


def decode(lidar: LidarModel, packet: bytes, step_units: float = 0.0) -> dict[str, np.ndarray]:
    """The columns of FIELDS, [points] each, in the order of column, return of the packet's order, channel."""
    data = np.frombuffer(packet, np.uint8)
    if lidar.family == "ouster":
        azimuth, distance, intensity, times, kinds = _ouster(lidar, data)
        equal = np.zeros(distance.shape[:2], bool)
    else:
        azimuth, distance, intensity, times, kinds = _blocks(lidar, data, step_units)
        equal = distance[..., 0] == distance[..., -1] if len(kinds) == 2 else np.zeros(distance.shape[:2], bool)
    columns, rings, returns = distance.shape
    kind = np.broadcast_to(np.array(kinds), distance.shape).copy()
    kind[equal, 0] = BOTH
    is_given = distance > 0
    if lidar.family != "ouster" and returns == 2:
        is_given[equal, 1] = False
    column, channel, one = np.nonzero(is_given)
    x, y, z = _place(lidar, azimuth[column, channel], channel, distance[column, channel, one])
    found = {
        "x": x, "y": y, "z": z,
        "time_ns": times[column] + np.array(lidar.firing_time_ns)[channel],
        "intensity": intensity[column, channel, one].astype(int),
        "column": column,
        "ring": lidar.ring_of_channel()[channel].astype(int),
        "return_kind": kind[column, channel, one],
    }  # fmt: skip
    return {name: found[name] for name in FIELDS}


def _place(lidar: LidarModel, azimuth_units: np.ndarray, channel: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y, z of distances in units along the beams of these channels."""
    of = lidar.beams
    elevation = np.radians(np.array(of.elevation_deg))[channel]
    column_yaw = math.radians(lidar.zero_yaw_deg) - azimuth_units * (2.0 * math.pi / lidar.azimuth_units)
    yaw = column_yaw - np.radians(np.array(of.azimuth_offset_deg))[channel]
    length = distance * lidar.range_resolution_m + np.array(of.range_offset_m)[channel]
    above, left = np.array(of.vertical_offset_m)[channel], np.array(of.horizontal_offset_m)[channel]
    forward = np.array(of.forward_offset_m)[channel]
    flat = length * np.cos(elevation) - above * np.sin(elevation)
    x = flat * np.cos(yaw) - left * np.sin(yaw) + forward * np.cos(column_yaw)
    y = flat * np.sin(yaw) + left * np.cos(yaw) + forward * np.sin(column_yaw)
    return x, y, length * np.sin(elevation) + above * np.cos(elevation) + lidar.height_m


def _blocks(lidar: LidarModel, data: np.ndarray, step_units: float) -> tuple:
    """Velodyne and Hesai: (azimuth [columns, channels], distance and intensity [columns, channels, returns], times, kinds)."""
    shape = lidar.shape
    blocks = data[shape.header : shape.header + shape.blocks * shape.block_size].reshape(shape.blocks, shape.block_size)
    stated = blocks[:, shape.block_header - 2 : shape.block_header].copy().view("<u2")[:, 0].astype(int)
    cells = blocks[:, shape.block_header :].reshape(shape.blocks, shape.channels, shape.channel_size)
    mode = data[1204] if lidar.family == "velodyne" else data[shape.header + shape.blocks * shape.block_size:][
        (hesai.TAIL_LONG if shape.header == 12 else hesai.TAIL_SHORT)["mode"]]  # fmt: skip
    kinds = KINDS[int(mode)]
    returns, columns = len(kinds), shape.columns if len(kinds) == 1 else shape.dual_columns
    subcolumns, banks = max(1, shape.channels // lidar.rings), max(1, lidar.rings // shape.channels)
    groups = columns // subcolumns
    used = cells[: groups * banks * returns].reshape(groups, banks, returns, subcolumns, -1, shape.channel_size)
    # column = group and subcolumn; channel = bank and place within
    used = used.transpose(0, 3, 1, 4, 2, 5).reshape(columns, lidar.rings, returns, shape.channel_size).astype(int)
    start = stated[: groups * banks * returns : banks * returns]
    step = np.zeros(groups)
    if lidar.family == "velodyne":
        turned = np.diff(start) % lidar.azimuth_units / subcolumns
        step = np.append(turned, turned[-1]) if groups > 1 else np.array([step_units])
        step[step >= 1000.0] = 0.0
    share = np.array(lidar.firing_time_ns) / lidar.column_period_ns * lidar.is_azimuth_at_start
    within = np.tile(np.arange(subcolumns), groups)
    azimuth = np.repeat(start, subcolumns)[:, None] + np.repeat(step, subcolumns)[:, None] * (within[:, None] + share)
    times = lidar.first_column_ns[returns - 1] + np.arange(columns) * lidar.column_period_ns
    return np.floor(azimuth + 0.5) % lidar.azimuth_units, used[..., 0] + 256 * used[..., 1], used[..., 2], times, kinds


def _ouster(lidar: LidarModel, data: np.ndarray) -> tuple:
    shape, pixel = lidar.shape, lidar.shape.pixel
    columns = data[shape.header : shape.header + shape.blocks * shape.block_size].reshape(shape.blocks, shape.block_size)
    times = columns[:, :8].copy().view("<u8")[:, 0].astype(np.int64)
    ids = columns[:, 8:10].copy().view("<u2")[:, 0].astype(float)
    held = columns[:, shape.block_header : shape.block_header + lidar.rings * shape.channel_size]
    cells = held.reshape(shape.blocks, lidar.rings, shape.channel_size).astype(np.int64)
    bytes_held = (pixel.distance_mask.bit_length() + 7) // 8
    distance = np.stack([sum(cells[..., at + k] << 8 * k for k in range(bytes_held)) for at in pixel.distance_at], axis=-1)
    intensity = np.stack([cells[..., at] for at in pixel.intensity_at], axis=-1)
    valid = columns[:, 10] & 1 if shape.header else (columns[:, -4:] == 0xFF).all(axis=1)
    distance = (distance & pixel.distance_mask) * valid[:, None, None]
    azimuth = np.broadcast_to(ids[:, None], cells.shape[:2])
    return azimuth, distance, intensity, times - times[0], (STRONGEST, SECOND)[: distance.shape[-1]]
