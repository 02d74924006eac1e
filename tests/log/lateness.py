"""How far a log's messages are from the order of time in the file itself."""

from __future__ import annotations

from pathlib import Path

from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader


def lateness_ns(log: Path) -> dict[str, int]:
    """By topic, how far the latest of its messages stands behind one with a later log time."""
    topics: dict[int, str] = {}
    found: dict[str, int] = {}
    newest_ns = 0
    with log.open("rb") as file:
        for record in StreamReader(file).records:
            if isinstance(record, Channel):
                topics[record.id] = record.topic
            elif isinstance(record, Message):
                newest_ns = max(newest_ns, record.log_time)
                topic = topics[record.channel_id]
                found[topic] = max(found.get(topic, 0), newest_ns - record.log_time)
    return found
