"""A CAN bus that is there now, through python-can: opened by name, read in batches, what was lost counted.

python-can hands out its times as float seconds; they are rounded to microseconds, which is what they hold.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.msg import dtype
from drivers.can import network_link
from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from drivers.can.tables import EXTENDED

if TYPE_CHECKING:
    import can

__all__ = ["LiveBus", "open_bus"]

RECEIVE_BUFFER_BYTES = 8 << 20  # the kernel's default of 208 KiB holds about 300 frames
MOST_FRAMES = 4096  # in a batch
POLL_S = 0.1  # how long a read waits before it looks whether to stop
LOCAL = "local"  # our own, see local_bus.py
SO_RCVBUFFORCE, SO_MEMINFO, MEMINFO_DROPS = 33, 55, 8  # asm-generic/socket.h; linux/sock_diag.h


def open_bus(interface: str, channel: str, bit_rate: int | None = None) -> can.BusABC:
    """A python-can bus. Raises EnvironmentFault with what python-can says."""
    import can

    options = {} if bit_rate is None else {"bitrate": bit_rate}
    try:
        if interface == LOCAL:
            from drivers.can.local_message_bus import LocalBus

            return LocalBus(channel)
        bus = can.Bus(interface=interface, channel=channel, **options)
    except Exception as error:  # interfaces let whatever their drivers raise through
        detail = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, NameError):  # what python-can's interfaces say where the maker's library could not be loaded
            detail = f"the library of its maker is not installed ({detail})"
        known = ""
        if interface not in {LOCAL, *can.VALID_INTERFACES}:
            known = f"; there is {LOCAL}, and python-can knows {', '.join(sorted(can.VALID_INTERFACES))}"
        raise EnvironmentFault(f"cannot open channel '{channel}' of CAN interface '{interface}': {detail}{known}") from error
    inner = _socket_of(bus)
    if inner is not None:
        _enlarge_receive_buffer(inner)
    return bus


def _enlarge_receive_buffer(inner: socket.socket) -> None:
    """Beyond net.core.rmem_max where this process may (CAP_NET_ADMIN), else up to it: the kernel says nothing of the cut."""
    try:
        inner.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


class LiveBus:
    """Reads one bus. `received`, `fd_frames` (left out) and `lost()` tell what became of the frames."""

    def __init__(self, bus: can.BusABC, interface: str, channel: str, number: int = 0) -> None:
        self.bus, self.interface, self.channel, self.number = bus, interface, channel, number
        self.received = self.fd_frames = 0
        self._lost_before = self._loss_counter()

    def batches(self) -> Iterator[np.ndarray]:
        """Arrays of CanFrame as they come, empty ones while the bus is silent. Ends when the bus fails, with EnvironmentFault."""
        import can

        row = dtype("CanFrame")
        while True:
            frames = np.zeros(MOST_FRAMES, row)
            count, timeout_s = 0, POLL_S
            try:
                while count < MOST_FRAMES and (message := self.bus.recv(timeout_s)) is not None:
                    count += self._store(message, frames[count])
                    timeout_s = 0.0
            except (can.CanError, OSError) as error:
                raise EnvironmentFault(f"CAN interface '{self.interface}' channel '{self.channel}' failed: {error}") from error
            yield frames[:count]

    def _store(self, message: can.Message, frame: np.void) -> bool:
        self.received += 1
        if message.is_fd:
            self.fd_frames += 1
            return False
        frame["time_ns"] = round(message.timestamp * 1e6) * 1000
        frame["id"] = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
        frame["bus"], frame["length"] = self.number, message.dlc
        frame["flags"] = (
            (ERROR if message.is_error_frame else 0)
            | (REMOTE if message.is_remote_frame else 0)
            | (0 if message.is_rx else TRANSMITTED)
        )
        frame["data"][: len(message.data)] = np.frombuffer(message.data, np.uint8)
        return True

    def lost(self) -> int | None:
        """Frames the system threw away since the start; None where it does not tell."""
        now = self._loss_counter()
        return None if now is None or self._lost_before is None else now - self._lost_before

    def _loss_counter(self) -> int | None:
        inner = _socket_of(self.bus)
        if self.interface == "socketcan":
            return network_link.frames_lost(self.channel) + (_socket_drops(inner) if inner is not None else 0)
        if inner is not None and self.interface == "udp_multicast":
            return _udp_drops(os.fstat(inner.fileno()).st_ino)
        return None


def _socket_of(bus: can.BusABC) -> socket.socket | None:
    for owner in (bus, getattr(bus, "_multicast", None)):
        for name in ("socket", "_socket"):
            inner = getattr(owner, name, None)
            if isinstance(inner, socket.socket):
                return inner
    return None


def _socket_drops(inner: socket.socket) -> int:
    """Frames for which this socket's receive buffer had no room; the interface does not count them."""
    figures = inner.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (MEMINFO_DROPS + 1))
    return int(np.frombuffer(figures, np.uint32)[MEMINFO_DROPS])


def _udp_drops(inode: int) -> int | None:
    """The last column of /proc/net/udp and udp6 for the socket of that inode."""
    for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] == str(inode):
                    return int(fields[-1])
    return None
