"""Columns into the packets a lidar would send, for the rig and for tests. `decoder.Decoder` reads them back.

What the formats cannot hold is rounded: distances to the model's resolution, azimuths to 0.01 degrees, times to the microsecond,
intensities to whole numbers of 0 to 255.
"""

from __future__ import annotations

import math

import numpy as np

from autonomy.errors import UsageError
from drivers.lidar import hesai, ouster, velodyne
from drivers.lidar._encoder import fill_blocks
from drivers.lidar.model import LidarModel, model

HOUR_US = 3_600_000_000


def columns_per_packet(lidar: LidarModel, returns: int) -> int:
    """How many columns one packet holds; `encode` takes whole packets. An Ouster's profile says how many returns it has."""
    return lidar.shape.columns if returns == 1 else lidar.shape.dual_columns


def encode(
    lidar: LidarModel | str,
    azimuth_rad: np.ndarray,
    range_m: np.ndarray,
    intensity: np.ndarray,
    time_ns: np.ndarray,
    *,
    first_sequence: int = 0,
    motor_hz: float = 10.0,
) -> np.ndarray:
    """[packets, size] uint8: the packets of these columns.

    azimuth_rad [columns], clockwise from the sensor's azimuth 0; time_ns [columns], UTC. range_m and intensity [columns, rings,
    returns], the lowest ring first; a range that is NaN, not positive or too large is no return. Of one return the mode is
    "strongest"; of two the first is the last return and the second the strongest, and a second that is missing is the first (an
    Ouster's first is the strongest, its second the next). A Hesai's packets and an Ouster's turns count from `first_sequence`.
    Raises UsageError when columns fill no whole packets.
    """
    lidar = model(lidar) if isinstance(lidar, str) else lidar
    range_m, intensity = (np.ascontiguousarray(values, np.float32) for values in (range_m, intensity))
    azimuth_rad, time_ns = np.asarray(azimuth_rad, float), np.asarray(time_ns, np.int64)
    count, rings, returns = range_m.shape
    columns = columns_per_packet(lidar, returns)
    possible = (len(lidar.shape.pixel.distance_at),) if lidar.shape.pixel else (1, 2)
    if rings != lidar.rings or returns not in possible or intensity.shape != range_m.shape:
        told = " or ".join(map(str, possible))
        raise UsageError(f"{lidar.name}: ranges and intensities must be [columns, {lidar.rings}, {told}], not {range_m.shape}")
    if count % columns or not count == len(azimuth_rad) == len(time_ns):
        raise UsageError(f"{lidar.name}: {count} columns with {returns} returns fill no whole packets of {columns}")
    if lidar.family == "ouster":
        return _ouster(lidar, azimuth_rad, range_m, intensity, time_ns, first_sequence)
    shape = lidar.shape
    packets = np.zeros((count // columns, shape.size), np.uint8)
    layout = {
        "size": shape.size, "header": shape.header, "block_size": shape.block_size, "block_header": shape.block_header,
        "channels": shape.channels, "channel_size": shape.channel_size, "rings": rings, "returns": returns, "columns": columns,
        "per_unit": 1.0 / lidar.range_resolution_m,
    }  # fmt: skip
    offsets = np.array(lidar.beams.range_offset_m, np.float32)
    fill_blocks(layout, range_m, intensity, offsets, lidar.ring_of_channel().astype(np.int32), packets)
    units = np.round(azimuth_rad / (2.0 * math.pi) * lidar.azimuth_units).astype(np.int64) % lidar.azimuth_units
    packet_us = (time_ns[::columns] - lidar.first_column_ns[returns - 1] + 500) // 1000
    if lidar.family == "velodyne":
        _velodyne(lidar, packets, units.reshape(-1, columns), packet_us, returns)
    else:
        _hesai(lidar, packets, units.reshape(-1, columns), packet_us, returns, first_sequence, motor_hz)
    return packets


def _block(lidar: LidarModel, packets: np.ndarray, block: int) -> np.ndarray:
    """[packets, block_header] the view that begins that block."""
    start = lidar.shape.header + block * lidar.shape.block_size
    return packets[:, start : start + lidar.shape.block_header]


def _velodyne(lidar: LidarModel, packets: np.ndarray, azimuths: np.ndarray, packet_us: np.ndarray, returns: int) -> None:
    banks = max(1, lidar.rings // lidar.shape.channels)
    columns_of_block = max(1, lidar.shape.channels // lidar.rings)
    for block in range(azimuths.shape[1] // columns_of_block * banks * returns):
        column, bank = block // (banks * returns) * columns_of_block, block // returns % banks
        head = _block(lidar, packets, block)
        head[:, 0:2] = np.frombuffer(velodyne.BANK_FLAGS[bank].to_bytes(2, "little"), np.uint8)
        head[:, 2:4] = _bytes(azimuths[:, column], "<u2")
    packets[:, 1200:1204] = _bytes(packet_us % HOUR_US, "<u4")
    packets[:, 1204] = velodyne.STRONGEST if returns == 1 else velodyne.DUAL
    packets[:, 1205] = velodyne.MODEL_BYTES[lidar.name]


def _hesai(lidar: LidarModel, packets: np.ndarray, azimuths: np.ndarray, packet_us: np.ndarray, returns: int,
           first_sequence: int, motor_hz: float) -> None:  # fmt: skip
    shape = lidar.shape
    unit_mm = round(lidar.range_resolution_m * 1000)
    if shape.header == 12:
        head = [0xEE, 0xFF, 6, 1, 0, 0, lidar.rings, shape.blocks, 1, unit_mm, returns, 1]
    else:
        head = [0xEE, 0xFF, lidar.rings, shape.blocks, 0, unit_mm, 0, 0]
    packets[:, : len(head)] = head
    for block in range(shape.blocks):
        _block(lidar, packets, block)[:] = _bytes(azimuths[:, block // returns], "<u2")
    tail = packets[:, shape.header + shape.blocks * shape.block_size :]
    seconds, micro = packet_us // 1_000_000, packet_us % 1_000_000
    at = hesai.TAIL_LONG if shape.header == 12 else hesai.TAIL_SHORT
    tail[:, at["mode"]] = hesai.STRONGEST if returns == 1 else hesai.LAST_STRONGEST
    tail[:, at["speed"] : at["speed"] + 2] = _bytes(np.full(len(packets), round(motor_hz * 60.0)), "<u2")
    tail[:, at["date"] : at["date"] + 6] = _dates(seconds)
    tail[:, at["micro"] : at["micro"] + 4] = _bytes(micro, "<u4")
    tail[:, -4:] = _bytes(first_sequence + np.arange(len(packets)), "<u4")


def _ouster(lidar: LidarModel, azimuth_rad: np.ndarray, range_m: np.ndarray, intensity: np.ndarray, time_ns: np.ndarray,
            first_turn: int) -> np.ndarray:  # fmt: skip
    """A turn begins where the measurement id becomes smaller."""
    shape, pixel, count = lidar.shape, lidar.shape.pixel, len(time_ns) // lidar.shape.blocks
    ids = np.round(azimuth_rad / (2.0 * math.pi) * lidar.azimuth_units).astype(np.int64) % lidar.azimuth_units
    turns = first_turn + np.concatenate([[0], np.cumsum(np.diff(ids) < 0)])
    rows = lidar.ring_of_channel()
    # What is told counts from the axis; `range_m` is the beam's own
    offsets = np.array(lidar.beams.range_offset_m)[:, None]
    distances = np.round(np.nan_to_num((range_m[:, rows] - offsets) / lidar.range_resolution_m))
    distances = np.where((range_m[:, rows] > 0.0) & (distances <= pixel.distance_mask), distances, 0.0).astype(np.int64)
    reflectivity = np.clip(np.round(np.nan_to_num(intensity[:, rows])), 0, 255).astype(np.uint8)
    pixels = np.zeros((*distances.shape[:2], shape.channel_size), np.uint8)
    for one, (at, intensity_at) in enumerate(zip(pixel.distance_at, pixel.intensity_at, strict=True)):
        held = (pixel.distance_mask.bit_length() + 7) // 8
        words = distances[..., one].astype("<u4")[..., None].view(np.uint8)
        pixels[..., at : at + held] = words[..., :held]
        pixels[..., intensity_at] = np.where(distances[..., one] > 0, reflectivity[..., one], 0)
    columns = np.zeros((len(time_ns), shape.block_size), np.uint8)
    columns[:, 0:8] = time_ns.astype("<u8")[:, None].view(np.uint8)
    columns[:, 8:10] = _bytes(ids, "<u2")
    if shape.header:
        columns[:, 10] = 1
    else:
        columns[:, 10:12] = _bytes(turns, "<u2")
        columns[:, -4:] = 0xFF
    columns[:, shape.block_header : shape.block_header + pixels[0].size] = pixels.reshape(len(time_ns), -1)
    packets = np.zeros((count, shape.size), np.uint8)
    packets[:, shape.header : shape.header + shape.blocks * shape.block_size] = columns.reshape(count, -1)
    if shape.header:
        packets[:, 0] = ouster.PACKET_TYPE_LIDAR
        packets[:, 2:4] = _bytes(turns[:: shape.blocks], "<u2")
    return packets


def _dates(seconds: np.ndarray) -> np.ndarray:
    """[n, 6] year since 1900, month, day, hour, minute, second of Unix times."""
    moments = seconds.astype("datetime64[s]")
    years, months, days = (moments.astype(f"datetime64[{unit}]") for unit in "YMD")
    return np.stack([
        years.astype(int) + 70, (months - years).astype(int) + 1, (days - months).astype(int) + 1,
        seconds // 3600 % 24, seconds // 60 % 60, seconds % 60,
    ], axis=1).astype(np.uint8)  # fmt: skip


def _bytes(values: np.ndarray, kind: str) -> np.ndarray:
    """[n, size] the bytes of whole numbers."""
    return (values & ((1 << 8 * np.dtype(kind).itemsize) - 1)).astype(kind).reshape(-1, 1).view(np.uint8)
