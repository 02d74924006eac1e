"""Standard messages as other people's libraries decode them."""

from __future__ import annotations

from pathlib import Path

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory


def is_standard(topic: str) -> bool:
    return topic in ("/tf", "/diagnostics") or topic.startswith("/view/")


def decoded(log: Path) -> dict[str, list]:
    """{topic: [(log time, message)]}."""
    found: dict[str, list] = {}
    with log.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        topics = [channel.topic for channel in reader.get_summary().channels.values() if is_standard(channel.topic)]
        for _, channel, message, value in reader.iter_decoded_messages(topics=topics):
            found.setdefault(channel.topic, []).append((message.log_time, value))
    return found


def raw(log: Path) -> list[tuple[str, str, str, int, bytes]]:
    """(topic, schema name, schema text, log time, bytes) of every standard message."""
    with log.open("rb") as file:
        return [
            (channel.topic, schema.name, schema.data.decode(), message.log_time, message.data)
            for schema, channel, message in make_reader(file).iter_messages()
            if is_standard(channel.topic)
        ]
