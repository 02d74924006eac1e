"""A running stack in Foxglove: its messages and the pictures made of them, over a WebSocket, while somebody looks.

    show = LiveView("127.0.0.1", 8765, vehicle)
    show.write(outputs)          # rows of OutputFrame as they come
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault
from autonomy.log import layouts, topics
from autonomy.playback.rows import output_dtypes, output_rows
from autonomy.viewers.moments import Sampler
from autonomy.viewers.views import Views

__all__ = ["LiveView"]

NAME = "autonomy run"


class LiveView:
    """Serves until `close`. What Views declares and writes goes to whoever listens. Raises EnvironmentFault."""

    def __init__(self, host: str, port: int, vehicle: np.void):
        """`vehicle` is the run's VehicleParameters."""
        import foxglove

        self._foxglove, self._context = foxglove, foxglove.Context()
        self._channels: dict[str, tuple[Any, np.void]] = {}
        self._views, self._sampler = Views(self, vehicle), Sampler()
        self._to_utc_ns = time.time_ns() - time.monotonic_ns()
        try:
            self._server = foxglove.start_server(name=NAME, host=host, port=port, context=self._context)
        except Exception as error:  # whatever the SDK finds amiss: no such address, a port that is taken
            raise EnvironmentFault(f"--telemetry {host}:{port}: {error}") from None
        for topic in output_dtypes():
            message = topics.message_of(topic)
            self._open(topic, layouts.schema_name(message), msg.schema_text(message), layouts.layout(message))

    @property
    def port(self) -> int:
        return self._server.port

    def write(self, outputs: np.ndarray) -> int:
        """Rows of OutputFrame; how many of them were the viewers' moments, ten a second, and were shown."""
        self._sampler.add(outputs, {}, [])
        moments = self._sampler.take()
        self.write_merged(output_rows(moments.outputs))
        self._views.write(moments)
        return len(moments.outputs)

    def declare_foreign(self, topic: str, schema: str, schema_text: str, layout: np.ndarray) -> None:
        """As LogWriter has it."""
        self._open(topic, schema, schema_text, layout)

    def write_merged(self, streams: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """As LogWriter has it."""
        for topic, (times_ns, rows) in streams.items():
            if not self.is_watched(topic):
                continue
            channel, layout = self._channels[topic]
            for time_ns, row in zip(times_ns.tolist(), rows, strict=True):
                channel.log(msg.CDR_HEADER + layouts.body(row.tobytes(), layout), log_time=time_ns + self._to_utc_ns)

    def is_watched(self, topic: str) -> bool:
        return self._channels[topic][0].has_sinks()

    def close(self) -> None:
        self._server.stop()
        for channel, _ in self._channels.values():
            channel.close()

    def _open(self, topic: str, schema: str, text: str, layout: np.ndarray) -> None:
        described = self._foxglove.Schema(name=schema, encoding=layouts.SCHEMA_ENCODING, data=text.encode())
        channel = self._foxglove.Channel(topic, schema=described, message_encoding=layouts.ENCODING,
                                         context=self._context)  # fmt: skip
        self._channels[topic] = channel, layout[0]
