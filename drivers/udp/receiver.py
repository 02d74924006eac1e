"""Datagrams of a UDP port in batches (recvmmsg), the kernel's time of reception, its count of those that found no room."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import NamedTuple

from autonomy.errors import EnvironmentFault, UsageError
from drivers.udp._batch import DatagramBatch

__all__ = ["Received", "UdpReceiver", "place_of"]

RECEIVE_BUFFER_BYTES = 1 << 23
SO_RXQ_OVFL, SO_TIMESTAMPNS, SO_RCVBUFFORCE = 40, 35, 33  # asm-generic/socket.h
ANY_ADDRESS = "0.0.0.0"


def place_of(name: str, text: str) -> tuple[str, int]:
    """(address, port) of `--udp NAME=[ADDRESS:]PORT`. Raises UsageError."""
    address, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) <= 65535:
        raise UsageError(f"--udp {name}={text}: write {name}=PORT or {name}=ADDRESS:PORT")
    return address or ANY_ADDRESS, int(port)


class Received(NamedTuple):
    """`time_ns` of CLOCK_REALTIME: when the kernel got it, or when it was read where the kernel does not tell; addresses as
    IPv4 numbers."""

    time_ns: int
    source_address: int
    source_port: int
    data: bytes


class UdpReceiver:
    """`lost`: datagrams the kernel threw away before the last one that was read. A multicast group is joined.

    Raises EnvironmentFault.
    """

    def __init__(self, address: str, port: int):
        self.address, self.port = address, port
        self._node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                self._node.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                self._node.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
            self._node.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._node.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            number = socket.inet_aton(address)
            if number[0] & 0xF0 == 0xE0:  # multicast, RFC 5771
                self._node.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._node.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, number + bytes(4))
            self._node.bind((address, port))
            self.port = self._node.getsockname()[1]
        except (OSError, OverflowError) as error:
            self._node.close()
            reason = getattr(error, "strerror", None) or error
            raise EnvironmentFault(f"UDP {address}:{port} cannot be opened: {reason}") from None
        self._batch = DatagramBatch(self._node.fileno())

    @property
    def lost(self) -> int:
        return self._batch.overflowed

    def receive(self, timeout_s: float) -> list[Received]:
        """What is there, 64 at most, waiting for the first one as long as that. Raises EnvironmentFault."""
        try:
            return [Received(*item) for item in self._batch.receive(round(timeout_s * 1e3))]
        except OSError as error:
            raise EnvironmentFault(f"UDP {self.address}:{self.port} failed: {os.strerror(error.errno)}") from None

    def fileno(self) -> int:
        """For a poll over several."""
        return self._node.fileno()

    def close(self) -> None:
        self._batch.close()
        self._node.close()
