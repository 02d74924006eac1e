"""What the radar kernels compute, stated plainly: one frame, one packet, one row at a time; no state but the scan being made."""

from __future__ import annotations

import math
import struct

from autonomy.msg import constants
from drivers.can.checksums import checksum_toyota
from drivers.radar import ars548
from drivers.radar.model import CanRadar, Signal

DETECTION = constants("RadarDetection")
LATE = 3


def raw_bits(signal: Signal, data: bytes) -> int:
    """The bits from `start` on, downwards within a byte, then on in the next, as a DBC counts them."""
    first = signal.start // 8 * 8 + 7 - signal.start % 8
    stream = "".join(f"{byte:08b}" for byte in data)
    raw = int(stream[first : first + signal.length], 2)
    return raw - (1 << signal.length) if signal.is_signed and raw >> signal.length - 1 else raw


def target(radar: CanRadar, identifier: int, data: bytes) -> dict[str, float] | None:
    """The target of one frame; None where its place holds nothing. Raises ValueError for a frame that is malformed."""
    if len(data) < radar.target_length or (radar.is_checked and checksum_toyota(data, identifier) != data[-1]):
        raise ValueError("malformed")
    data = data.ljust(8, b"\0")
    told = {signal.field: raw_bits(signal, data) * signal.scale for signal in radar.signals}
    if told["status"] not in radar.valid_status:
        return None
    if "range" in told:
        told["x"], told["y"] = told["range"] * math.cos(told["azimuth"]), told["range"] * math.sin(told["azimuth"])
    else:
        told["range"], told["azimuth"] = math.hypot(told["x"], told["y"]), math.atan2(told["y"], told["x"])
    flags = DETECTION["INVALID_ELEVATION"] | DETECTION["INVALID_ELEVATION_SIGMA"]
    flags |= DETECTION["FLAG_NEW"] if told.get("is_new") or told["status"] in radar.new_status else 0
    flags |= DETECTION["FLAG_COASTED"] if told["status"] in radar.coasted_status else 0
    flags |= DETECTION["FLAG_BRIDGE"] if told.get("is_bridge") else 0
    flags |= DETECTION["FLAG_ONCOMING"] if told.get("is_oncoming") else 0
    keys = ("x", "y", "range", "azimuth", "range_rate")
    return {key: told[key] for key in keys} | {"flags": flags, "target_id": identifier}


def scans(radar: CanRadar, frames: list[tuple[int, int, bytes]]) -> list[dict[int, dict[str, float] | None]]:
    """(time in ns, identifier, data) into what each scan's places held. Sound frames of a radar that never pauses."""
    found: list[dict[int, dict[str, float] | None]] = []
    counter, current, is_open = None, {}, False
    for _, identifier, data in frames:
        place = identifier - radar.first_identifier
        is_header, is_target = identifier == radar.header_identifier, 0 <= place < radar.count
        if is_header or (is_target and radar.header_identifier is None):
            told = raw_bits(radar.counter, data.ljust(8, b"\0"))
            modulo = 1 << radar.counter.length
            ahead = modulo if counter is None else (told - counter) % modulo
            if counter is None or 0 < ahead < modulo - LATE:
                if is_open:
                    found.append(current)
                counter, current, is_open = told, {}, True
            elif ahead or not is_open:
                continue
        if is_target and is_open and place not in current:
            current[place] = target(radar, identifier, data)
            if len(current) == radar.count:
                found.append(current)
                is_open = False
    return [*found, current] if is_open else found


def detections(packet: bytes) -> list[dict[str, float]]:
    """The rows of an ARS548's list of detections, by the names of RadarDetection."""
    (count,) = struct.unpack_from(">I", packet, ars548.DETECTIONS_SIZE - ars548.TAIL.size + 8)
    names = ("azimuth", "azimuth_sigma", "flags", "elevation", "elevation_sigma", "range", "range_sigma", "range_rate",
             "range_rate_sigma", "rcs_dbsm", "target_id", "existence", "classification", "multi_target", "object_id",
             "ambiguity")  # fmt: skip
    found = []
    for number in range(count):
        told = ars548.DETECTION.unpack_from(packet, ars548.HEAD.size + ars548.ORIGIN.size + number * ars548.DETECTION.size)
        row = dict(zip(names, told[:-1], strict=True))
        for bit, name in enumerate(("range", "range_sigma", "azimuth", "azimuth_sigma", "elevation", "elevation_sigma",
                                    "range_rate",
                                    "range_rate_sigma")):  # fmt: skip
            if row["flags"] >> bit & 1 or not math.isfinite(row[name]):
                row[name] = math.nan
        for name in ("existence", "multi_target", "ambiguity"):
            row[name] *= 0.01
        flat = row["range"] * (math.cos(row["elevation"]) if math.isfinite(row["elevation"]) else 1.0)
        row["x"], row["y"] = flat * math.cos(row["azimuth"]), flat * math.sin(row["azimuth"])
        found.append(row)
    return found


VECTORS = ("velocity", "relative_velocity", "acceleration", "relative_acceleration")


def objects(packet: bytes) -> list[dict[str, float]]:
    """The rows of an ARS548's list of objects, by the names of RadarObject."""
    found = []
    for number in range(packet[ars548.HEAD.size]):
        told = iter(ars548.OBJECT.unpack_from(packet, ars548.HEAD.size + 1 + number * ars548.OBJECT.size))
        row: dict = {}
        _, row["object_id"], row["age"], row["measured"], row["movement"], is_invalid, row["reference"] = (
            next(told) for _ in range(7)
        )
        names = ("x", "x_sigma", "y", "y_sigma", "z", "z_sigma", "xy_covariance", "yaw", "yaw_sigma")
        row |= _valid(names, [next(told) for _ in names], is_invalid)
        is_invalid, existence, _ = (next(told) for _ in range(3))
        row |= _valid(("existence",), [0.01 * existence], is_invalid)
        row["likelihood"] = [next(told) for _ in range(10)]
        for name in VECTORS:
            is_invalid, *values = (next(told) for _ in range(6))
            row |= _valid(
                (f"{name}_x", f"{name}_x_sigma", f"{name}_y", f"{name}_y_sigma", f"{name}_covariance"), values, is_invalid
            )
        is_invalid, *values = (next(told) for _ in range(3))
        row |= _valid(("yaw_rate", "yaw_rate_sigma"), values, is_invalid)
        for name in ("length", "width"):
            _, is_invalid, *values = (next(told) for _ in range(4))
            row |= _valid((name, f"{name}_sigma"), values, is_invalid)
        found.append(row)
    return found


def _valid(names: tuple[str, ...], values: list[float], is_invalid: int) -> dict[str, float]:
    return {
        name: math.nan if is_invalid or not math.isfinite(value) else value for name, value in zip(names, values, strict=True)
    }
