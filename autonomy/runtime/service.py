"""Tells systemd how we are: ready, alive, stopping. Does nothing when no service manager asked for it.

The protocol is that of sd_notify(3): datagrams of NAME=VALUE lines to the socket that NOTIFY_SOCKET names.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Service:
    """`environment`: NOTIFY_SOCKET, as systemd sets it for `Type=notify`."""

    def __init__(self, environment: Mapping[str, str] = os.environ):
        self._progress: int | None = None
        self._socket: socket.socket | None = None
        address = environment.get("NOTIFY_SOCKET", "")
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self, status: str) -> None:
        """The loop ticks."""
        self._tell(f"READY=1\nSTATUS={status}")

    def alive(self, progress: int) -> None:
        """Feeds the watchdog when the loop has ticked since the last call: a loop that hangs lets it bite."""
        if progress != self._progress:
            self._progress = progress
            self._tell("WATCHDOG=1")

    def stopping(self, status: str) -> None:
        self._tell(f"STOPPING=1\nSTATUS={status}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # a manager that does not listen is no reason to stop a truck
                self._socket.sendto(text.encode(), self._address)
