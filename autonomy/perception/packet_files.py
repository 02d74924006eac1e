"""Scans from the packets of lidars of one model in a recording: pcap, ROS bags, MCAP. Each lidar has a decoder of its own.

    with PacketFile(path, model("VLP-16")) as file:
        for label, points, spent_ns, packets in file.scans():
            ...
        file.counts, file.notes, file.problem

Two lidars are two where their packets have different topics (ports of a capture) or come from different addresses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import thread_time_ns
from typing import NamedTuple, Self

import numpy as np

from autonomy.errors import BadInputError
from autonomy.log.opening import open_recording
from autonomy.perception.sensor_tables import PREFIX
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import LidarModel

__all__ = ["PacketFile"]


class Stream(NamedTuple):
    """Where the packets of one lidar are found; `address`: who sent them, 0 where nobody told."""

    topic: str
    address: int


class PacketFile:
    """One recording. Raises LogError for a file that is none."""

    def __init__(self, path: Path, lidar: LidarModel):
        self.path, self.lidar = path, lidar
        self.counts: dict[str, int | dict] = {}
        self._reader = open_recording(path)
        self._topics = [topic for topic in self._reader.topics
                        if topic.startswith(PREFIX) and self._reader.message_name(topic) == "UdpPacket"]  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self._reader.close()

    @property
    def problem(self) -> str | None:
        """Why the recording ends early; final when it was read."""
        return self._reader.problem

    @property
    def notes(self) -> dict[str, int]:
        """How much of the recording was left out, by reason; final when it was read."""
        reader = self._reader
        found = dict(reader.unused) | {f"unreadable messages of {topic}": count for topic, count in reader.malformed.items()}
        if reader.unknown_channel:
            found["messages on channels the log does not describe"] = reader.unknown_channel
        if reader.late:
            found["records out of order of time"] = reader.late
        return found

    def scans(self) -> Iterator[tuple[str, np.ndarray, int, dict[str, bool | int]]]:
        """(whose, LidarPoint [n], processor time of decoding in ns, `Scan.as_json`) of each scan that begins at the cut and
        is not the recording's last, cut one. Whose: empty where one lidar sent all, else its port or topic, and its address.

        Fills `counts`: over all lidars, and with several of each. Raises LogError, and BadInputError when there is no scan.
        """
        streams, others = self._streams()
        decoders = {stream: Decoder(self.lidar) for stream in streams}
        found, left_out = Counter[Stream](), Counter[Stream]()
        spent_ns = 0
        try:
            for topic in dict.fromkeys(stream.topic for stream in streams):
                for stream, packet, received_ns in self._packets(topic):
                    if stream not in decoders:
                        continue
                    begun = thread_time_ns()
                    scans = decoders[stream].feed(packet, received_ns)
                    spent_ns += thread_time_ns() - begun
                    for scan in scans:
                        (found if scan.begins_at_cut else left_out)[stream] += 1
                        if scan.begins_at_cut:
                            yield streams[stream], scan.points, spent_ns, scan.as_json()
                        spent_ns = 0
        finally:
            self._count(streams, decoders, left_out, others)
        if not found:
            told = ", ".join(self._topics) or "no packets"
            advice = "its packets are there, but no turn of them from its cut on" if streams else "give another --sensor"
            raise BadInputError(f"{self.path}: holds no scan of a {self.lidar.name} from its cut on ({told}); {advice}")

    def _streams(self) -> tuple[dict[Stream, str], int]:
        """What tells each lidar from the others, and how many packets are none of this model."""
        found: dict[Stream, None] = {}
        probe, sound, others = Decoder(self.lidar), 0, 0
        for topic in self._topics:
            for stream, packet, received_ns in self._packets(topic):
                if stream in found:
                    continue
                probe.feed(packet, received_ns)
                if (count := probe.counts()["packets"]) > sound:
                    sound, found[stream] = count, None
                else:
                    others += 1
        topics = list(dict.fromkeys(stream.topic for stream in found))
        return {stream: _label(stream, topics, list(found)) for stream in found}, others

    def _packets(self, topic: str) -> Iterator[tuple[Stream, bytes, int]]:
        for time_ns, row in self._reader.messages(topic):
            yield Stream(topic, int(row["source_address"])), row["data"][: row["count"]].tobytes(), time_ns

    def _count(self, streams: dict[Stream, str], decoders: dict[Stream, Decoder], left_out: Counter, others: int) -> None:
        each = {}
        for stream, decoder in decoders.items():
            counted = {name: int(value) for name, value in decoder.counts().items()}
            each[streams[stream]] = {**counted, "scans_left_out": left_out[stream] + len(decoder.finish())}
        names = list(next(iter(each.values()), {"other": 0, "scans_left_out": 0}))
        self.counts.update({name: sum(counted[name] for counted in each.values()) for name in names})
        self.counts["other"] += others
        if len(each) > 1:
            self.counts["lidars"] = each


def _label(stream: Stream, topics: list[str], streams: list[Stream]) -> str:
    """By what it differs from the others, with characters that file names have."""
    parts = [re.sub(r"[^A-Za-z0-9_.-]", "_", stream.topic.removeprefix(PREFIX))] if len(topics) > 1 else []
    if sum(other.topic == stream.topic for other in streams) > 1:
        parts.append(".".join(str(byte) for byte in stream.address.to_bytes(4, "big")))
    return "_".join(parts)
