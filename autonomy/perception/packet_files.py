"""Scans from the packets of one lidar in a recording: pcap, ROS bags, MCAP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import thread_time_ns

import numpy as np

from autonomy.errors import BadInputError
from autonomy.log.opening import open_recording
from drivers.lidar.decoder import Decoder
from drivers.udp.message import packets_of

TOPIC = "/raw/udp/"


def read_scans(path: Path, sensor: str, counts: dict[str, int]) -> Iterator[tuple[np.ndarray, int, dict[str, bool | int]]]:
    """(LidarPoint [n], processor time of decoding in ns, `Scan.as_json`) of each scan that begins at the cut and is not the
    recording's last, cut one.

    Fills `counts` with the decoder's and with `scans_left_out`. Raises LogError for a file that is no recording, BadInputError
    when it holds no scan of this lidar.
    """
    decoder, found, left_out, spent_ns = Decoder(sensor), 0, 0, 0
    with open_recording(path) as reader:
        topics = [topic for topic in reader.topics if topic.startswith(TOPIC)]
        for topic in topics:
            for packet, received_ns in packets_of(reader.messages(topic)):
                begun = thread_time_ns()
                scans = decoder.feed(packet, received_ns)
                spent_ns += thread_time_ns() - begun
                for scan in scans:
                    if scan.begins_at_cut:
                        found += 1
                        yield scan.points, spent_ns, scan.as_json()
                    else:
                        left_out += 1
                    spent_ns = 0
    counts.update({name: int(value) for name, value in decoder.counts().items()}, scans_left_out=left_out + len(decoder.finish()))
    if not found:
        told = ", ".join(topics) or "no packets"
        raise BadInputError(f"{path}: holds no scan of a {sensor} from its cut on ({told}); give another --sensor")
