"""A log of any length: one made-up minute of a truck's drive, again and again with later times.

Lidar packets, 750 of 1206 bytes a second that do not compress, are most of it; CAN at 2 kHz, IMU, wheels and GNSS of a circle
at 20 m/s make it a drive that can be replayed. Chunks are copied as they are, only their times are changed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from autonomy.log import fields, layouts
from autonomy.log.container import Container
from autonomy.log.reader import FLAG_PLAIN, Batch, LogReader
from autonomy.log.writer import LogWriter
from autonomy.physics import STANDARD_GRAVITY_MPS2

MINUTE_S = 60
START_NS = 1_000_000_000_000
SPEED_MPS, YAW_RATE_RADPS = 20.0, 0.02
LIDAR_HZ, LIDAR_BYTES = 750, 1206
CAN_HZ, CAN_BUS = 2000, 5
VEHICLE = "vehicles/demo_truck"
ORIGIN = (48.0, 11.0, 500.0)
_TIMES = ("valid_time_ns", "received_time_ns", "time_ns")


@dataclass(frozen=True)
class _Chunk:
    raw: np.ndarray
    places: np.ndarray  # of every int64 time in `raw`
    times: np.ndarray
    offsets: np.ndarray
    channels: np.ndarray


def write(path: Path, size_bytes: int, compression: str = "lz4") -> float:
    """Writes a log of about `size_bytes`; returns its length in seconds."""
    with tempfile.TemporaryDirectory(prefix="autonomy-synthetic-") as folder:
        minute = Path(folder) / "minute.mcap"
        _write_minute(minute)
        with LogReader(minute) as reader:
            chunks = [_chunk(reader, batch) for batch in reader.batches(file_order=True)]
            container = Container(path, compression)
            for name, values in reader.metadata.items():
                container.add_metadata(name, values)
            schemas: dict[str, int] = {}
            for channel in reader.channels.values():
                if channel.schema and channel.schema not in schemas:
                    schemas[channel.schema] = container.add_schema(channel.schema, channel.schema_encoding, channel.schema_text)
                container.add_channel(schemas.get(channel.schema, 0), channel.topic, channel.encoding)
    copy = 0
    while not copy or path.stat().st_size < size_bytes:
        shift = copy * MINUTE_S * 1_000_000_000
        for chunk in chunks:
            raw = chunk.raw.copy()
            window = chunk.places[:, None] + np.arange(8)
            raw[window] = (raw[window].view(np.int64) + shift).view(np.uint8)
            container.add_chunk(raw.data, chunk.times + shift, chunk.offsets, chunk.channels)
        copy += 1
    container.close()
    return float(copy * MINUTE_S)


def _write_minute(path: Path) -> None:
    with LogWriter(path, {"vehicle": VEHICLE}) as writer:
        writer.write_merged(_drive())


def _drive() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A circle, {topic: (times, rows)}."""
    streams = {}
    turns = round(YAW_RATE_RADPS * MINUTE_S / (2 * np.pi)) or 1
    yaw_rate = 2 * np.pi * turns / MINUTE_S  # whole turns, so that minutes join without a jump
    for topic, message, rate in (("imu", "ImuInput", 100), ("wheel", "WheelInput", 50), ("gnss", "GnssInput", 10)):
        seconds = np.arange(MINUTE_S * rate) / rate
        times = START_NS + np.arange(len(seconds)) * (1_000_000_000 // rate)
        rows = np.zeros(len(times), layouts.short_dtype(message, 1))
        rows["count"], rows["tick_index"] = 1, msg.constants("ImuInput")["NOT_IN_A_TICK"]
        item = rows["items"][:, 0]
        for name in item.dtype.names:
            if item.dtype[name].kind == "f":
                item[name] = np.nan
        item["valid_time_ns"] = item["received_time_ns"] = times
        _fill(topic, item, yaw_rate * seconds, yaw_rate)
        rows["items"][:, 0] = item
        streams[f"/in/{topic}"] = times, rows
    frames = np.zeros(MINUTE_S * CAN_HZ, msg.dtype("CanFrame"))
    generator = np.random.default_rng(1)
    frames["time_ns"] = START_NS + np.arange(len(frames)) * (1_000_000_000 // CAN_HZ)
    frames["id"], frames["bus"], frames["length"] = generator.integers(0, 2048, len(frames)), CAN_BUS, 8
    frames["data"] = generator.integers(0, 256, frames["data"].shape)
    streams[f"/raw/can/{CAN_BUS}"] = frames["time_ns"].copy(), frames
    packets = np.zeros(MINUTE_S * LIDAR_HZ, layouts.short_dtype("UdpPacket", LIDAR_BYTES))
    packets["time_ns"] = START_NS + np.arange(len(packets)) * (1_000_000_000 // LIDAR_HZ)
    packets["count"], packets["data"] = LIDAR_BYTES, generator.integers(0, 256, packets["data"].shape, np.uint8)
    streams["/raw/udp/lidar"] = packets["time_ns"].copy(), packets
    return streams


def _fill(topic: str, item: np.ndarray, yaw: np.ndarray, yaw_rate: float) -> None:
    known = set(item.dtype.names)
    if topic == "imu":
        values = {"acceleration_x": 0.0, "acceleration_y": SPEED_MPS * yaw_rate, "acceleration_z": STANDARD_GRAVITY_MPS2,
                  "angular_rate_x": 0.0, "angular_rate_y": 0.0, "angular_rate_z": yaw_rate}  # fmt: skip
    elif topic == "wheel":
        values = {name: SPEED_MPS for name in known if "speed" in name and "sigma" not in name}
    else:
        radius = SPEED_MPS / yaw_rate
        east, north = radius * np.sin(yaw), radius * (1.0 - np.cos(yaw))
        latitude, longitude, altitude = enu_to_geodetic(np.column_stack([east, north, 0.0 * yaw]), ORIGIN)
        values = {"latitude_deg": latitude, "longitude_deg": longitude, "altitude_m": altitude, "speed": SPEED_MPS,
                  "course_deg": np.degrees(np.pi / 2 - yaw) % 360.0}  # fmt: skip
    for name, value in values.items():
        if name in known:
            item[name] = value


def _chunk(reader: LogReader, batch: Batch) -> _Chunk:
    records = batch.records
    offsets = records["offset"].astype(np.int64)
    heads = np.where(records["flags"] & FLAG_PLAIN, 0, len(msg.CDR_HEADER))
    places = [offsets - heads - 16, offsets - heads - 8]  # log and publish time
    for number, channel in reader.channels.items():
        message = layouts.message_name(channel.schema)
        if message is None:
            continue
        dtype, listed = msg.dtype(message), fields.list_field(message)
        chosen = offsets[records["channel"] == number]
        places += [chosen + dtype.fields[name][1] for name in dtype.names if name in _TIMES]
        if listed is not None and not fields.is_payload(message):  # each has one element
            element, first = dtype.fields[listed][0].base, dtype.fields[listed][1]
            places += [chosen + first + element.fields[name][1] for name in element.names if name in _TIMES]
    starts = offsets - heads - 31
    return _Chunk(batch.data.copy(), np.concatenate(places), records["log_time_ns"].copy(), starts, records["channel"].copy())
