"""Datagrams of a log as a decoder takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["packets_of"]


def packets_of(messages: Iterable[tuple[int, np.void]]) -> Iterator[tuple[bytes, int]]:
    """(packet, time received in ns) of UdpPacket messages as a log's reader gives them: `reader.messages("/raw/udp/...")`."""
    for time_ns, message in messages:
        yield message["data"][: message["count"]].tobytes(), time_ns
