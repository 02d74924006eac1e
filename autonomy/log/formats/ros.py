"""Standard ROS messages into ours: Imu to /in/imu, NavSatFix to /in/gnss, can_msgs/Frame to /raw/can/<bus>, packets to /raw/udp.

Everything else (images, point clouds ...) keeps its topic, schema and bytes. Log time is when the bag got
the message, valid time is its header's stamp. Axes of sensor_msgs/Imu are taken as REP 103 has them, which is ISO 8855.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.log import layouts
from autonomy.log.formats import frames as can
from autonomy.log.formats.buses import BusNames
from autonomy.log.formats.network import Datagram, packet_body
from autonomy.log.formats.ros_packets import PACKET_KINDS, packets, topic_of
from autonomy.log.importers import samples
from autonomy.log.ordered import own_channel
from autonomy.log.structure import Channel

IMU, NAV_SAT_FIX, CAN_FRAME = "sensor_msgs/Imu", "sensor_msgs/NavSatFix", "can_msgs/Frame"
TRANSLATED = (IMU, NAV_SAT_FIX, CAN_FRAME, *PACKET_KINDS)
_IMU_CHANNEL, _GNSS_CHANNEL = can.OTHER_CHANNELS, can.OTHER_CHANNELS + 1
_FIRST_CHANNEL = can.OTHER_CHANNELS + 2

# The ends of the messages: numbers only, so their place does not hang on the frame's name in front
_IMU_END = struct.Struct("<37d")  # orientation 4 + 9, angular velocity 3 + 9, acceleration 3 + 9
_FIX_END = struct.Struct("<3d9dB")  # latitude, longitude, altitude, covariance, its type
_CAN_END = struct.Struct("<IBBBB8s")  # identifier, remote, extended, error, length, data


def short_type(name: str) -> str:
    """'sensor_msgs/msg/Imu' as 'sensor_msgs/Imu'."""
    return name.replace("/msg/", "/")


class Header(NamedTuple):
    valid_ns: int
    start: int  # of what follows the frame's name
    lost: list[str]  # what of it has no place in ours


class Translator:
    """Turns the messages of one bag into records; `channels` are those of the topics that keep their bytes."""

    def __init__(self, is_ros1: bool) -> None:
        self._is_ros1 = is_ros1
        self._buses = BusNames()
        self._sources: dict[tuple[str, str], int] = {}
        self._by_topic: dict[str, int] = {}
        self._can_topics: dict[str, int] = {}  # their buses
        self._packet_topics: dict[str, str] = {}  # as they are called here
        self.channels: dict[int, Channel] = {
            _IMU_CHANNEL: own_channel(_IMU_CHANNEL, "/in/imu", "ImuInput"),
            _GNSS_CHANNEL: own_channel(_GNSS_CHANNEL, "/in/gnss", "GnssInput"),
        }

    def details(self) -> dict[str, str]:
        """Which topic became which source or bus, for the metadata."""
        told = {f"{kind}.source_{number}": topic for (kind, topic), number in self._sources.items()}
        return told | ({"buses": self._buses.told()} if len(self._buses) else {})

    def other_names(self) -> dict[str, str]:
        """Our topics by those of the bag."""
        told = {topic: f"/in/{kind}" for kind, topic in self._sources}
        return told | {topic: f"/raw/can/{bus}" for topic, bus in self._can_topics.items()} | self._packet_topics

    def take(self, time_ns: int, topic: str, kind: str, payload: bytes, schema: Channel, frames: can.FrameList,
             unused: Counter[str], notes: Counter[str]) -> None:  # fmt: skip
        """One message; `kind` as `short_type` has it, `schema` describes its channel (its id and topic are not used).

        `notes` counts the messages of which something has no place in ours.
        """
        if not 0 <= time_ns < can.MOST_TIME_NS:
            unused["messages with a time out of range"] += 1
            return
        if kind not in TRANSLATED:
            frames.add_body(time_ns, self._channel(topic, schema), payload[4:] if schema.encoding == "cdr" else payload)
            return
        take = {IMU: self._take_imu, NAV_SAT_FIX: self._take_fix, CAN_FRAME: self._take_frame}.get(kind)
        try:
            lost = take(time_ns, topic, payload, frames) if take else self._take_packets(time_ns, topic, kind, payload, frames)
        except (struct.error, ValueError):
            unused[f"{kind} messages that cannot be read"] += 1
            return
        if lost:
            notes[f"{topic}: {', '.join(lost)} not kept"] += 1

    def _channel(self, topic: str, schema: Channel) -> int:
        number = self._by_topic.setdefault(topic, _FIRST_CHANNEL + len(self._by_topic))
        if number not in self.channels:
            self.channels[number] = Channel(
                number, topic, schema.schema, schema.encoding, schema.schema_encoding, schema.schema_text
            )
        return number

    def _header(self, payload: bytes, time_ns: int) -> Header:
        """Raises struct.error, ValueError."""
        sequence = 0
        if self._is_ros1:
            sequence, second, nanosecond, length = struct.unpack_from("<IIII", payload)
        else:
            if payload[1] != 1:
                raise ValueError("not little endian")
            second, nanosecond, length = struct.unpack_from("<iII", payload, 4)
        start = 16 + length
        if start > len(payload):
            raise ValueError("shorter than its header")
        stamp_ns = second * 10**9 + nanosecond
        valid_ns = stamp_ns if 0 < stamp_ns < can.MOST_TIME_NS else time_ns
        lost = (["seq"] if sequence else []) + (["frame_id"] if payload[16:start].strip(b"\0") else [])
        return Header(valid_ns, start, lost)

    def _source(self, kind: str, topic: str) -> int:
        known = [name for name in self._sources if name[0] == kind]
        return self._sources.setdefault((kind, topic), len(known))

    def _take_imu(self, time_ns: int, topic: str, payload: bytes, frames: can.FrameList) -> list[str]:
        header = self._header(payload, time_ns)
        values = _end(_IMU_END, payload)
        item = samples.blank("ImuSample", np.array([header.valid_ns]))
        item["received_time_ns"], item["source"] = time_ns, self._source("imu", topic)
        rates, accelerations = values[13:16], values[25:28]
        is_told = values[16] != -1.0 and values[28] != -1.0 and bool(np.isfinite([*rates, *accelerations]).all())
        if is_told:  # a first covariance of -1 means that the sensor does not measure it
            for axis, rate, acceleration in zip("xyz", rates, accelerations, strict=True):
                item[f"angular_rate_{axis}"], item[f"acceleration_{axis}"] = rate, acceleration
        item["validity"] = samples.OK if is_told else samples.NOT_AVAILABLE
        frames.add_body(time_ns, _IMU_CHANNEL, _body("ImuInput", item))
        covariances = sum(_holds(values[first : first + 9]) for first in (4, 16, 28))
        lost = ["orientation"] if values[4] != -1.0 and any(values[:4]) else []
        if covariances:
            lost.append(f"{covariances} covariances" if covariances > 1 else "a covariance")
        return header.lost + lost

    def _take_fix(self, time_ns: int, topic: str, payload: bytes, frames: can.FrameList) -> list[str]:
        header = self._header(payload, time_ns)
        latitude, longitude, altitude, *covariance, covariance_type = _end(_FIX_END, payload)
        status, service = self._status(payload, header.start)
        item = samples.blank("GnssSample", np.array([header.valid_ns]))
        item["received_time_ns"], item["source"] = time_ns, self._source("gnss", topic)
        is_fix = status >= 0 and bool(np.isfinite([latitude, longitude]).all())
        if is_fix:
            item["latitude_deg"], item["longitude_deg"], item["altitude_m"] = latitude, longitude, altitude
            if covariance_type and min(covariance[0], covariance[4], covariance[8]) >= 0:
                item["position_sigma"] = np.sqrt((covariance[0] + covariance[4]) / 2)
                item["altitude_sigma"] = np.sqrt(covariance[8])
        item["validity"] = samples.OK if is_fix else samples.NOT_AVAILABLE
        item["fix_type"] = (3 if np.isfinite(altitude) else 2) if is_fix else 0
        item["satellites"] = 255
        frames.add_body(time_ns, _GNSS_CHANNEL, _body("GnssInput", item))
        lost = (["kind of augmentation"] if status > 0 else []) + (["service"] if service else [])
        is_round = covariance[0] == covariance[4] and not any(covariance[at] for at in (1, 2, 3, 5, 6, 7))
        if covariance_type and _holds(covariance) and not is_round:
            lost.append("covariance between the axes")
        return header.lost + lost

    def _take_packets(self, time_ns: int, topic: str, kind: str, payload: bytes, frames: can.FrameList) -> list[str]:
        """Each at its own stamp; at that of the message where it has none."""
        header = self._header(payload, time_ns)
        found = list(packets(kind, payload, header.start, self._is_ros1))  # all or none
        channel = self._packet_channel(topic)
        for stamp_ns, data in found:
            moment_ns = stamp_ns if 0 < stamp_ns < can.MOST_TIME_NS else header.valid_ns
            frames.add_body(moment_ns, channel, packet_body(moment_ns, Datagram(0, 0, 0, 0, data)))
        return header.lost

    def _packet_channel(self, topic: str) -> int:
        number = self._by_topic.setdefault(topic, _FIRST_CHANNEL + len(self._by_topic))
        if number not in self.channels:
            self.channels[number] = own_channel(number, topic_of(topic), "UdpPacket")
        self._packet_topics[topic] = self.channels[number].topic
        return number

    def _status(self, payload: bytes, start: int) -> tuple[int, int]:
        """Status and service of a NavSatStatus; ROS 2 aligns the second."""
        (status,) = struct.unpack_from("<b", payload, start)
        at = start + 1 if self._is_ros1 else start + 1 + (start + 1) % 2
        return status, *struct.unpack_from("<H", payload, at)

    def _take_frame(self, time_ns: int, topic: str, payload: bytes, frames: can.FrameList) -> list[str]:
        header = self._header(payload, time_ns)
        identifier, is_remote, is_extended, is_error, length, data = _end(_CAN_END, payload)
        flags = (can.REMOTE if is_remote else 0) | (can.ERROR if is_error else 0)
        lost = header.lost + (["header stamp"] if header.valid_ns != time_ns else [])
        if length > 8:
            lost.append("lengths above 8")
            length = 8
        number = identifier & 0x1FFFFFFF | (can.EXTENDED if is_extended else 0)
        content = b"" if is_remote else data[:length]
        bus = self._can_topics[topic] = self._buses.number(_bus_name(topic))
        frames.add(time_ns, number, bus, flags, length, content, False)
        return lost


def names_as_ours(channels: Iterable[Channel]) -> dict[str, list[str]]:
    """Topics of a bag by the names they have as ours."""
    buses, found = BusNames(), {}
    for channel in channels:
        kind = short_type(channel.schema)
        if kind in TRANSLATED:
            name = {IMU: "/in/imu", NAV_SAT_FIX: "/in/gnss"}.get(kind)
            if kind in PACKET_KINDS:
                name = topic_of(channel.topic)
            elif name is None:
                name = f"/raw/can/{buses.number(_bus_name(channel.topic))}"
            found.setdefault(name, []).append(channel.topic)
    return found


def _holds(covariance) -> bool:
    """Whether a covariance tells something: zeros mean unknown, -1 in front that nothing is measured."""
    return covariance[0] != -1.0 and any(covariance)


def _bus_name(topic: str) -> str:
    """The part of a topic that numbers the bus: /sensing/can1/rx is can1."""
    found = re.search(r"can_?\d+", topic)
    return found[0] if found else topic


def _end(form: struct.Struct, payload: bytes) -> tuple:
    return form.unpack(payload[-form.size :])


def _body(message: str, item: np.ndarray) -> bytes:
    return msg.to_cdr(message, samples.as_messages(message, item)[0])[len(msg.CDR_HEADER) :]


def foreign_schema(kind: str, encoding: str, schema_encoding: str, text: str) -> Channel:
    """What a topic carries, for `Translator.take`."""
    return Channel(0, "", kind, encoding or layouts.ENCODING, schema_encoding if text else "", text)
