"""A running drive as the feed, the fault timeline and the recorder know a log: channels, routes, records of one tick.

What the sensors gave becomes the records a recorder in the truck would have written, so closed loop and replay hand the
stack the same bytes by the same code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autonomy import config as configuration
from autonomy.errors import UsageError
from autonomy.inputs import lane_path
from autonomy.log import topics
from autonomy.log.ordered import RECORD_DTYPE, Batch
from autonomy.log.sample_lists import sample_list
from autonomy.log.structure import Channel
from autonomy.playback.source import KINDS, routes_of
from drivers.can.router import Router
from drivers.serial.route_config import PREFIX, ports_of
from drivers.serial.route_config import read as read_serial
from drivers.serial.router import SerialRouter

TICK_INPUT, CUT = struct.Struct("<QqdB7x"), struct.Struct("<QqQ")
RECORD = struct.Struct("<qQIIIHH")  # RECORD_DTYPE
Row = tuple[int, int, bytes]  # log time, channel, body
FRAME_TOPIC, CUT_TOPIC, POSE_TOPIC, TRUCK_TOPIC = "/in/frame", "/cut", "/ref/pose", "/ref/truck"


@dataclass
class LiveReader:
    """What an opened log tells beside its records."""

    channels: dict[int, Channel]
    start_ns: int
    attachments: dict[str, bytes] = field(default_factory=dict)

    def message_name(self, topic: str) -> str | None:
        return topics.message_of(topic) or None

    def attachment(self, name: str) -> bytes:
        return self.attachments[name]


class LiveSource:
    """`channels`: the topics the sensors write; `path`: the lane path of the drive, (n, 5) as autonomy/inputs/lane_path.py."""

    mode = "cuts"

    def __init__(self, stack, channels: list[str], start_ns: int, path: np.ndarray | None = None, path_label: str = "none"):
        self.config, self.parameters = stack.config, stack.parameters
        every = {*channels, FRAME_TOPIC, CUT_TOPIC, POSE_TOPIC, TRUCK_TOPIC}
        names = sorted(every, key=lambda topic: (topics.place(topic), topic))
        self.numbers = {topic: number for number, topic in enumerate(names, start=1)}
        self.ranks = [0] + [topics.place(topic) for topic in names]
        buses = [bus for bus in stack.config.sections.get("can", {}).get("bus", []) if f"/raw/can/{bus['bus']}" in channels]
        self.reader = LiveReader(
            {number: Channel(number, topic, "", "cdr", "ros2msg", "") for topic, number in self.numbers.items()}, start_ns,
            {f"can/{bus['bus']}.dbc": configuration.find(bus["dbc"]).read_bytes() for bus in buses})  # fmt: skip
        self.router, self.serial = Router.from_config(stack.config), SerialRouter.from_config(stack.config)
        self.routes = routes_of({number: topic for topic, number in self.numbers.items()}, self.serial)
        self.path, self.path_label = (lane_path.EMPTY, "none") if path is None else (path, path_label)

    def frames(self, bodies: list[bytes], bus: int) -> list[Row]:
        """CanFrame bodies of a bus."""
        channel = self._number(f"/raw/can/{bus}")
        return [(int.from_bytes(body[:8], "little"), channel, body) for body in bodies]

    def arrived(self, sensed, truth: dict[str, np.ndarray], others: list[Row]) -> list[Row]:
        """What the sensors and others gave in one tick, and of the truth a row (1,) a topic, in the order of a log."""
        rows: list[Row] = list(others)
        if isinstance(sensed, dict):
            for kind, samples in sensed.items():
                received_ns = samples["received_time_ns"]
                last_ns = int(received_ns[0] if len(samples) == 1 else received_ns.max())
                rows.append((last_ns, self._number(f"/in/{kind}"), sample_list(samples)))
        else:
            rows += [(record.time_ns, self._number(record.channel), record.data) for record in sensed]
        rows += [(int(row["time_ns"][0]), self.numbers[topic], row.tobytes()) for topic, row in truth.items()]
        rows.sort(key=time_and_channel)
        return rows

    def closing(self, tick: int, time_ns: int, set_speed: float, engage: bool) -> list[Row]:
        """The two records that make a tick of what came before: its head and its cut."""
        return [
            (time_ns, self.numbers[FRAME_TOPIC], TICK_INPUT.pack(tick, time_ns, set_speed, engage)),
            (time_ns, self.numbers[CUT_TOPIC], CUT.pack(tick, time_ns, 0)),
        ]

    def batch(self, rows: list[Row]) -> Batch:
        """Rows as records, in the order given."""
        records, offset = [], 0
        for time_ns, channel, body in rows:
            records.append(RECORD.pack(time_ns, offset, 0, len(body), self.ranks[channel], channel, 0))
            offset += len(body)
        return Batch(np.frombuffer(b"".join(records), RECORD_DTYPE), np.frombuffer(b"".join([row[2] for row in rows]), np.uint8))

    def _number(self, topic: str) -> int:
        try:
            return self.numbers[topic]
        except KeyError:
            raise UsageError(f"sensors: gave {topic}, which is not among their `channels` "
                             f"({', '.join(sorted(self.numbers))})") from None  # fmt: skip


def channels_of(sensors, config) -> list[str]:
    """The topics that sensors write: their own list, else every kind of sample (and every bus for raw bytes)."""
    told: Any = getattr(sensors, "channels", None)
    if told is not None:
        return list(told)
    buses = config.sections.get("can", {}).get("bus", [])
    ports = ports_of(read_serial(config.sections.get("serial", {}), config.path))
    return [f"/in/{kind}" for kind in KINDS[1:]] + [f"/raw/can/{bus['bus']}" for bus in buses] + [PREFIX + port for port in ports]


def time_and_channel(row: Row) -> tuple[int, int]:
    return row[:2]
