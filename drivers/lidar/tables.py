"""The numbers that the kernel decodes with, computed once from a LidarModel. Layout: ext/drivers/lidar/_tables.pxd."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from drivers.lidar.model import FAMILIES, LidarModel
from drivers.lidar.velodyne import MODEL_BYTES

TURNED = 6  # column of `beams`


def plan(model: LidarModel, cut_azimuth_rad: float, minimum_range_m: float, maximum_range_m: float, is_nebula: bool) -> dict:
    """What `_decoder.Kernel` takes."""
    angles = np.arange(model.azimuth_units) * (2.0 * math.pi / model.azimuth_units)
    smallest = max(1, math.ceil(minimum_range_m / model.range_resolution_m - 1e-9))
    columns = max(1, model.shape.channels // model.rings)  # that a block holds
    column = np.repeat(np.arange(columns), model.rings)
    of_columns = np.tile(nebula_beams(model) if is_nebula and model.family == "velodyne" else beams(model), (columns, 1))
    of_columns[:, TURNED] += column
    most = model.shape.pixel.distance_mask if model.shape.pixel else 0xFFFF
    largest = min(math.floor(maximum_range_m / model.range_resolution_m + 1e-9), most)
    return {
        "family": FAMILIES.index(model.family),
        "is_nebula": is_nebula,
        "model": MODEL_BYTES.get(model.name, 0),
        "rings": model.rings,
        "azimuth_units": model.azimuth_units,
        "cut": round(cut_azimuth_rad / (2.0 * math.pi) * model.azimuth_units) % model.azimuth_units,
        "shape": model.shape,
        "first_column_ns": model.first_column_ns,
        "column_period_ns": model.column_period_ns,
        "smallest": smallest,
        "span": max(largest, smallest) - smallest,
        "beams": of_columns,
        "firing_ns": np.tile(np.array(model.firing_time_ns, np.int32), columns) + column * model.column_period_ns,
        "column": column,
        "ring": np.tile(model.ring_of_channel(), columns),
        "turn": np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
    }


def beams(model: LidarModel) -> np.ndarray:
    """[channels, 8] float32: beam for one unit of distance, where it begins, share of a column's turn when it fires, units ahead.

    At azimuth 0, in the sensor's frame; the azimuth turns both about z, clockwise. What a unit's calibration adds to a distance
    is part of the beginning.
    """
    turned = np.array(model.firing_time_ns) / model.column_period_ns * model.is_azimuth_at_start
    return np.concatenate([_lines(model), turned[:, None], np.zeros((model.rings, 1))], axis=1).astype(np.float32)


def nebula_beams(model: LidarModel) -> np.ndarray:
    """The same as the open driver nebula has it.

    Offsets are rounded with the azimuth, and the lasers of a VLP-32C, which fire in pairs, turn one after the other.
    """
    channel = np.arange(model.rings, dtype=np.float32)
    turned = np.array(model.firing_time_ns, np.float32) / np.float32(model.column_period_ns)
    if model.name == "VLP-32C":
        turned = np.float32(2.304) * channel / np.float32(55.296)
    offset_rad = np.radians(np.array(model.beams.azimuth_offset_deg)).astype(np.float32)
    ahead = offset_rad.astype(float) / (2.0 * math.pi) * model.azimuth_units
    straight = model.with_beams(replace(model.beams, azimuth_offset_deg=(0.0,) * model.rings))
    return np.concatenate([_lines(straight), turned[:, None], ahead[:, None]], axis=1).astype(np.float32)


def _lines(model: LidarModel) -> np.ndarray:
    """[channels, 6] beam for one unit of distance, where it begins."""
    of = model.beams
    elevation = np.radians(np.array(of.elevation_deg))
    yaw = math.radians(model.zero_yaw_deg) - np.radians(np.array(of.azimuth_offset_deg))
    ahead = np.stack([np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)], axis=1)
    left = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    beam = ahead * np.cos(elevation)[:, None] + up * np.sin(elevation)[:, None]
    above = up * np.cos(elevation)[:, None] - ahead * np.sin(elevation)[:, None]
    zero_yaw = math.radians(model.zero_yaw_deg)
    forward = np.array([math.cos(zero_yaw), math.sin(zero_yaw), 0.0])
    origin = (
        beam * np.array(of.range_offset_m)[:, None]
        + above * np.array(of.vertical_offset_m)[:, None]
        + left * np.array(of.horizontal_offset_m)[:, None]
        + forward * np.array(of.forward_offset_m)[:, None]
        + up * model.height_m
    )
    return np.concatenate([beam * model.range_resolution_m, origin], axis=1)
