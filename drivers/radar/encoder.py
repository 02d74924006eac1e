"""The way back: detections into the frames or the packet that a radar would send. For emulators, tests, the rig."""

from __future__ import annotations

import struct

import numpy as np

from autonomy.msg import constants, dtype
from drivers.can.checksums import checksum_toyota
from drivers.radar import ars548
from drivers.radar.model import CanRadar, Signal

DETECTION = constants("RadarDetection")


def can_frames(radar: CanRadar, detections: np.ndarray, counter: int, time_ns: int, bus: int = 0) -> np.ndarray:
    """[n] of CanFrame: one whole scan. `detections` of RadarDetection stand at the place of their `target_id`, which is
    the frame's identifier; other places hold nothing. Values are clipped to what the signals can say. Raises ValueError."""
    places = detections["target_id"].astype(np.int64) - radar.first_identifier
    if len(places) and (places.min() < 0 or places.max() >= radar.count or len(np.unique(places)) < len(places)):
        raise ValueError(f"target_id of {radar.name}: each once, from {radar.first_identifier} on, {radar.count} places")
    row_of = dict(zip(places.tolist(), detections, strict=True))
    messages = []
    if radar.header_identifier is not None:
        messages.append((radar.header_identifier, _bits(radar.counter, counter)))
    for place in range(radar.count):
        word = sum(_bits(signal, _raw(radar, signal, row_of.get(place), counter)) for signal in radar.signals)
        messages.append((radar.first_identifier + place, word))
    frames = np.zeros(len(messages), dtype("CanFrame"))
    for frame, (identifier, word) in zip(frames, messages, strict=True):
        data = word.to_bytes(8, "big")
        if radar.is_checked and identifier != radar.header_identifier:
            data = data[:7] + bytes([checksum_toyota(data, identifier)])
        frame["time_ns"], frame["id"], frame["bus"], frame["length"] = time_ns, identifier, bus, 8
        frame["data"] = np.frombuffer(data, np.uint8)
    return frames


def _raw(radar: CanRadar, signal: Signal, row: np.void | None, counter: int) -> int:
    if signal.field == "counter":
        return counter
    if row is None:
        return 0
    if signal.field == "status":
        is_new, is_coasted = bool(row["flags"] & DETECTION["FLAG_NEW"]), bool(row["flags"] & DETECTION["FLAG_COASTED"])
        fitting = [status for status in radar.valid_status if (status in radar.coasted_status) == is_coasted
                   and (not radar.new_status or (status in radar.new_status) == is_new)]  # fmt: skip
        return fitting[0] if fitting else radar.valid_status[0]
    flag = {"is_new": "FLAG_NEW", "is_bridge": "FLAG_BRIDGE", "is_oncoming": "FLAG_ONCOMING"}.get(signal.field)
    if flag is not None:
        return int(bool(row["flags"] & DETECTION[flag]))
    least, most = (-(1 << signal.length - 1), (1 << signal.length - 1) - 1) if signal.is_signed else (0, (1 << signal.length) - 1)
    return int(np.clip(round(float(row[signal.field]) / signal.scale), least, most))


def _bits(signal: Signal, raw: int) -> int:
    return (raw & (1 << signal.length) - 1) << signal.shift


def ars548_detections(detections: np.ndarray, stamp_ns: int, counter: int = 0, origin: tuple[float, ...] = (0.0,) * 12,
                      range_rate_limits: tuple[float, float] = (-60.0, 60.0)) -> bytes:  # fmt: skip
    """The packet of up to 800 RadarDetections. `origin`: x, y, z, roll, pitch, yaw, each with its sigma. Raises ValueError."""
    if len(detections) > ars548.MOST_DETECTIONS:
        raise ValueError(f"{len(detections)} detections: an ARS548 sends {ars548.MOST_DETECTIONS} at most")
    packet = bytearray(_head(ars548.DETECTION_METHOD, ars548.DETECTIONS_SIZE, stamp_ns, counter))
    packet += ars548.ORIGIN.pack(0, *origin, 0)
    for row in detections:
        at = {name: _or_zero(row[name]) for name in ("azimuth", "azimuth_sigma", "elevation", "elevation_sigma", "range",
                                                     "range_sigma",
                                                     "range_rate", "range_rate_sigma", "rcs_dbsm")}  # fmt: skip
        percent = [round(100.0 * _or_zero(row[name])) for name in ("existence", "multi_target", "ambiguity")]
        packet += ars548.DETECTION.pack(
            at["azimuth"], at["azimuth_sigma"], int(row["flags"]) & 0xFF, at["elevation"], at["elevation_sigma"], at["range"],
            at["range_sigma"], at["range_rate"], at["range_rate_sigma"], int(np.clip(round(at["rcs_dbsm"]), -128, 127)),
            int(row["target_id"]) & 0xFFFF, percent[0], int(row["classification"]), percent[1],
            int(row["object_id"]), percent[2], 0,
        )  # fmt: skip
    packet += bytes((ars548.MOST_DETECTIONS - len(detections)) * ars548.DETECTION.size)
    return bytes(packet + ars548.TAIL.pack(*range_rate_limits, len(detections), 0.0, 0.0, 0))


VECTORS = ("velocity", "relative_velocity", "acceleration", "relative_acceleration")


def ars548_objects(objects: np.ndarray, stamp_ns: int, counter: int = 0) -> bytes:
    """The packet of up to 50 RadarObjects. A group (place, velocity, ...) of which one number is NaN is marked as invalid. Raises
    ValueError."""
    if len(objects) > ars548.MOST_OBJECTS:
        raise ValueError(f"{len(objects)} objects: an ARS548 sends {ars548.MOST_OBJECTS} at most")
    packet = bytearray(_head(ars548.OBJECT_METHOD, ars548.OBJECTS_SIZE, stamp_ns, counter)) + bytes([len(objects)])
    for row in objects:
        place = [row[name] for name in ("x", "x_sigma", "y", "y_sigma", "z", "z_sigma", "xy_covariance", "yaw", "yaw_sigma")]
        packet += struct.pack(">HIHBBH", 0, row["object_id"], row["age"], row["measured"], row["movement"], _amiss(place))
        packet += struct.pack(">B9f", row["reference"], *map(_or_zero, place))
        packet += struct.pack(">Bff", _amiss([row["existence"]]), 100.0 * _or_zero(row["existence"]), 0.0)
        packet += row["likelihood"].tobytes()
        for name in VECTORS:
            packet += _group(
                [row[f"{name}_x"], row[f"{name}_x_sigma"], row[f"{name}_y"], row[f"{name}_y_sigma"], row[f"{name}_covariance"]]
            )
        packet += _group([row["yaw_rate"], row["yaw_rate_sigma"]])
        for name in ("length", "width"):
            packet += bytes(4) + _group([row[name], row[f"{name}_sigma"]])
    return bytes(packet.ljust(ars548.OBJECTS_SIZE, b"\0"))


def _group(values: list[float]) -> bytes:
    return struct.pack(f">B{len(values)}f", _amiss(values), *map(_or_zero, values))


def _head(method: int, size: int, stamp_ns: int, counter: int) -> bytes:
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    length = size - 8
    return ars548.HEAD.pack(0, method, length, 0, 0, 1, 1, 2, 0, 0, length - 8 if counter else 0, counter, 0,
                            nanoseconds, seconds, 1, 0, 0)  # fmt: skip


def _amiss(values: list[float]) -> int:
    return int(not np.isfinite(values).all())


def _or_zero(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
