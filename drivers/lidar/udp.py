"""Where packets come from: a UDP socket, read in batches, or the messages of `/raw/udp/<sensor>` in a log."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator

import numpy as np

from autonomy.errors import EnvironmentFault

LARGEST_PACKET = 65_507  # of IPv4
BUFFER_BYTES = 4 << 20  # a VLS-128 with two returns fills it in a quarter of a second
SO_RXQ_OVFL = 40  # asm-generic/socket.h: the kernel tells with each packet how many it has dropped


class UdpReceiver:
    """`receive` gives what has come since the last call. `lost` counts what the kernel dropped because nobody read."""

    def __init__(self, port: int, address: str = "0.0.0.0", group: str | None = None):
        """`group`: a multicast address to join. Port 0 takes a free one (`port` tells which). Raises EnvironmentFault."""
        self.lost = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            self._socket.bind((address, port))
            if group:
                member = socket.inet_aton(group) + socket.inet_aton(address)
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except (OSError, OverflowError) as error:
            self._socket.close()
            reason = getattr(error, "strerror", None) or error
            raise EnvironmentFault(f"UDP port {port} at {group or address} cannot be opened: {reason}") from None
        self._socket.setblocking(False)

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self, most: int = 512) -> list[tuple[bytes, int]]:
        """(packet, time received in ns of the system's clock), up to `most`, without waiting: use `select` for that."""
        found = []
        for _ in range(most):
            try:
                packet, ancillary, _, _ = self._socket.recvmsg(LARGEST_PACKET, socket.CMSG_SPACE(4))
            except (BlockingIOError, InterruptedError):
                break
            found.append((packet, time.time_ns()))
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
                    self.lost = int.from_bytes(value[:4], "little")
        return found

    def close(self) -> None:
        self._socket.close()


def packets_of(messages: Iterable[tuple[int, np.void]]) -> Iterator[tuple[bytes, int]]:
    """(packet, time received in ns) of UdpPacket messages as a log's reader gives them: `reader.messages("/raw/udp/...")`."""
    for time_ns, message in messages:
        yield message["data"][: message["count"]].tobytes(), time_ns
