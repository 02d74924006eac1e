"""The outputs of a log as NumPy rows, also where another build wrote them with other fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.errors import LogError
from autonomy.log.layouts import message_name
from autonomy.log.reader import LogReader, rows_of
from autonomy.msg import definitions

BLOCK_ROWS = 4096  # of a foreign layout at a time


class OutputLog:
    """One output log. `topics` are its /out topics. Raises LogError."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.reader = LogReader(self.path)
        self.topics = sorted(topic for topic in self.reader.topics if topic.startswith("/out/") and topic.count("/") == 2)

    def __enter__(self) -> OutputLog:
        return self

    def __exit__(self, *exception) -> None:
        self.reader.close()

    def is_ours(self, topic: str) -> bool:
        """True where the topic's message has the layout of this build."""
        channels = [channel for channel in self.reader.channels.values() if channel.topic == topic]
        return all(self.reader.misfit(channel) is None for channel in channels)

    def dtype(self, topic: str) -> np.dtype:
        """Of the topic's messages, as this build or the log's own schema has it."""
        channel = next(channel for channel in self.reader.channels.values() if channel.topic == topic)
        name = message_name(channel.schema)
        if self.is_ours(topic):
            return msg.dtype(name)
        if name is None or channel.schema_encoding != "ros2msg":
            raise LogError(f"{self.path}: topic {topic} carries '{channel.schema}', which is not an output of this stack")
        try:
            return dtype_of_schema(name, channel.schema_text)
        except (definitions.DefinitionError, RecursionError) as error:
            raise LogError(f"{self.path}: the schema of topic {topic} cannot be read: {error}") from None

    def dtypes(self) -> dict[str, np.dtype]:
        """`dtype` of every topic."""
        return {topic: self.dtype(topic) for topic in self.topics}

    def blocks(self, topic: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(log times, rows) in the order of time, some at a time."""
        if self.is_ours(topic):
            dtype = self.dtype(topic)
            for batch in self.reader.batches([topic]):
                yield batch.records["log_time_ns"].astype(np.int64), rows_of(batch, dtype)
        else:
            yield from self._foreign_blocks(topic)

    def _foreign_blocks(self, topic: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        from mcap.reader import make_reader

        dtype = self.dtype(topic)
        header = len(msg.CDR_HEADER)
        with open(self.path, "rb") as file:
            times: list[int] = []
            rows = np.zeros(BLOCK_ROWS, dtype)
            raw = rows.view(np.uint8).reshape(BLOCK_ROWS, dtype.itemsize)
            for _, _, message in make_reader(file).iter_messages(topics=[topic]):
                if len(times) == BLOCK_ROWS:
                    yield np.array(times, np.int64), rows.copy()
                    times.clear()
                    raw[:] = 0
                body = message.data[header : header + dtype.itemsize]
                raw[len(times), : len(body)] = np.frombuffer(body, np.uint8)
                times.append(message.log_time)
            if times:
                yield np.array(times, np.int64), rows[: len(times)].copy()


def dtype_of_schema(name: str, text: str) -> np.dtype:
    """The NumPy dtype of a message as a `ros2msg` schema describes it. Raises DefinitionError."""
    head, *others = text.split(definitions.SCHEMA_SEPARATOR)
    texts = {}
    for part in others:
        title, _, body = part.strip().partition("\n")
        texts[title.removeprefix("MSG:").strip().split("/")[-1]] = body

    def resolve(inner: str) -> definitions.Message:
        if inner not in texts:
            raise definitions.DefinitionError(f"the type {inner} is not described")
        return definitions.parse(inner, texts[inner], resolve)

    return _dtype(definitions.parse(name, head, resolve), resolve)


def _dtype(message: definitions.Message, resolve) -> np.dtype:
    names, formats, offsets = [], [], []
    for item in message.fields:
        base = np.dtype(item.type) if item.type in definitions.PRIMITIVE_SIZES else _dtype(resolve(item.type), resolve)
        offset = item.offset
        if item.kind == "list":
            names += ["count", "count_padding"]
            formats += [np.dtype("uint32")] * 2
            offsets += [offset, offset + 4]
            offset += definitions.LIST_HEADER_SIZE
        names.append(item.name)
        formats.append(base if item.kind == "scalar" else (base, (item.length,)))
        offsets.append(offset)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": message.size})
