"""A made-up log in memory: records as the reader hands them out, in batches of any size."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from autonomy import msg
from autonomy.faults.inject import Injector
from autonomy.faults.timeline import from_tables
from autonomy.log.ordered import RECORD_DTYPE, Batch
from drivers.can.database import parse
from drivers.can.route_config import read
from drivers.can.router import Router

START_NS = 1_000_000_000_000
TOPICS = {1: "/raw/can/0", 2: "/in/imu", 3: "/in/gnss", 4: "/raw/udp/lidar", 5: "/ref/pose", 6: "/raw/can/1", 7: "/in/radar"}
WHEELS, STEERING, ENGINE = 0xAA, 0x25, 0x8CF00400

DBC = """
VERSION ""
BS_:
BU_: X
BO_ 170 WHEEL_SPEEDS: 8 X
 SG_ FRONT_LEFT : 7|16@0+ (0.01,-67.67) [0|250] "km/h" X
 SG_ FRONT_RIGHT : 23|16@0+ (0.01,-67.67) [0|250] "km/h" X
 SG_ UNSEEN : 32|31@1+ (1,0) [0|1] "" X
 SG_ MOVING : 63|1@1+ (1,0) [0|1] "" X
BO_ 37 STEERING: 8 X
 SG_ ANGLE : 3|12@0- (1.5,0) [-500|500] "deg" X
 SG_ FRACTION : 39|4@0- (0.1,0) [-1|1] "deg" X
 SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] "" X
BO_ 2364540158 EEC1: 8 X
 SG_ engine_speed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ 2364540158 3;
"""
ROUTES = {
    "bus": [{"bus": 0, "dbc": "made_up.dbc"}],
    "route": [
        {"bus": 0, "message": "WHEEL_SPEEDS", "kind": "wheel", "source": 1,
         "valid_when": {"signal": "MOVING", "equals": 1}, "fields": {
            "front_left": {"signal": "FRONT_LEFT"}, "front_right": {"signal": "FRONT_RIGHT"},
            "vehicle_speed": [{"signal": "FRONT_LEFT", "scale": 0.5}, {"signal": "FRONT_RIGHT", "scale": 0.5}]}},
        {"bus": 0, "message": "STEERING", "kind": "steering", "source": 1, "fields": {
            "steering_wheel_angle": [{"signal": "ANGLE"}, {"signal": "FRACTION"}]}},
        {"bus": 0, "message": "EEC1", "kind": "signal", "signal": "ENGINE_SPEED", "source_address": 0, "fields": {
            "value": {"signal": "engine_speed"}}},
    ],
}  # fmt: skip


def source(mode: str = "raw", topics: dict[int, str] = TOPICS) -> SimpleNamespace:
    """What an injector reads of an opened log."""
    router = Router(read(ROUTES, "made up"), {0: parse(DBC, "made up")})
    router.codec.protect("STEERING", checksum="CHECKSUM", kind="toyota")
    channels = {number: SimpleNamespace(topic=topic) for number, topic in topics.items()}
    reader = SimpleNamespace(channels=channels, start_ns=START_NS, end_ns=START_NS + 10**10)
    config = SimpleNamespace(path="made_up.toml", sections={"can": ROUTES})
    return SimpleNamespace(reader=reader, router=router, config=config, mode=mode)


def injector(*faults: dict, mode: str = "raw") -> Injector:
    tables = {"schema": "autonomy.faults/1", "fault": list(faults)}
    return Injector(from_tables(tables, "faults.toml"), source(mode))


def frame(time_ns: int, identifier: int, data: bytes, bus: int = 0) -> bytes:
    row = np.zeros(1, msg.dtype("CanFrame"))
    row["time_ns"], row["id"], row["bus"], row["length"] = time_ns, identifier, bus, len(data)
    row["data"][0, : len(data)] = np.frombuffer(data, np.uint8)
    return row.tobytes()


def sample_list(message: str, time_ns: int, valid_ns: int, count: int = 1, **fields) -> bytes:
    """CDR body of a list message with `count` samples."""
    row = np.zeros(1, msg.dtype(message))
    row["tick_index"], row["count"] = 2**64 - 1, count
    row["items"]["received_time_ns"][0, :count] = time_ns
    row["items"]["valid_time_ns"][0, :count] = valid_ns
    for name, value in fields.items():
        row["items"][name][0, :count] = value
    return msg.to_cdr(message, row[0])[4:]


def drive(duration_s: float = 2.0) -> list[tuple[int, int, bytes]]:
    """(time, channel, body) in order: IMU at 100 Hz, two messages at 50 Hz at the same instants, the rest slower."""
    codec = source().router.codec
    found = []
    for number in range(int(duration_s * 100)):
        now = START_NS + number * 10_000_000
        if number % 2 == 0:
            _, data = codec.encode("WHEEL_SPEEDS", {"FRONT_LEFT": 50 + number % 7, "FRONT_RIGHT": 51.0, "UNSEEN": number * 77777,
                                                      "MOVING": number < 180})  # fmt: skip
            found.append((now, 1, frame(now, WHEELS, data)))
            _, data = codec.encode("STEERING", {"ANGLE": 1.5 * (number % 9), "FRACTION": 0.1 * (number % 5)})
            found.append((now, 1, frame(now, STEERING, data)))
            identifier, data = codec.encode("EEC1", {"engine_speed": 1000.0 + number}, source_address=number // 2 % 2)
            found.append((now, 1, frame(now, identifier, data)))
        found.append((now, 2, sample_list("ImuInput", now, now - 2_000_000, angular_rate_z=0.01 * number, acceleration_z=9.81)))
        if number % 10 == 0:
            found.append((now, 3, sample_list("GnssInput", now, now, latitude_deg=48.0, longitude_deg=11.0, speed=float(number))))
            found.append((now, 5, bytes(88)))
        if number % 5 == 0:
            found.append((now, 4, bytes([number % 256]) * 40))
            targets = np.arange(3)
            found.append((now, 7, sample_list("RadarInput", now, now, 3, x=targets * 10.0 + number, target_id=targets)))
    return found


def batches(contents: list[tuple[int, int, bytes]], size: int = 1000):
    """The reader's batches: records of RECORD_DTYPE and the buffer they point into."""
    sequences = dict.fromkeys(TOPICS, 0)
    numbered = []
    for time_ns, channel, body in contents:
        numbered.append((time_ns, channel, sequences[channel], body))
        sequences[channel] += 1
    numbered.sort(key=lambda item: (item[0], item[1], item[2]))
    for begin in range(0, len(numbered), size):
        part = numbered[begin : begin + size]
        records = np.zeros(len(part), RECORD_DTYPE)
        offset = 0
        for row, (time_ns, channel, sequence, body) in zip(records, part, strict=True):
            row["log_time_ns"], row["offset"], row["sequence"], row["length"] = time_ns, offset, sequence, len(body)
            row["rank"] = row["channel"] = channel
            offset += len(body)
        yield Batch(records, np.frombuffer(b"".join(item[3] for item in part), np.uint8))


def flat(stream) -> list[tuple[int, int, bytes]]:
    """(time, channel, body) of every record that comes out."""
    found = []
    for batch in stream:
        for row in batch.records:
            body = batch.data[int(row["offset"]) :][: int(row["length"])].tobytes()
            found.append((int(row["log_time_ns"]), int(row["channel"]), body))
    return found


def samples(contents: list[tuple[int, int, bytes]], channel: int, message: str) -> np.ndarray:
    """All samples on a channel, one after the other."""
    return np.concatenate([np.frombuffer(body[32:], msg.dtype(message)) for _, number, body in contents if number == channel])


def frames(contents: list[tuple[int, int, bytes]], identifier: int | None = None) -> np.ndarray:
    found = np.frombuffer(b"".join(body for _, channel, body in contents if channel == 1), msg.dtype("CanFrame"))
    return found if identifier is None else found[found["id"] == identifier]
