"""Linux SocketCAN, our own: batches by recvmmsg and sendmmsg, the kernel's stamps, exact counts of loss, the controller's state.

What is lost is counted where it is lost: by controller and kernel before any socket (the interface's statistics), in this
socket's receive buffer (SO_RXQ_OVFL with each frame, SO_MEMINFO at any time), in front of a full transmit queue by us. The
controller tells by error frames (linux/can/error.h) when it goes passive or off the bus; `state` follows them. Who restarts it:
the interface itself with `ip link set can0 type can restart-ms 100`, else `restart()`, which needs CAP_NET_ADMIN; `BusOffGuard`
does that with growing pauses.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct

import numpy as np

from autonomy.errors import EnvironmentFault
from drivers.can import network_link
from drivers.can._controller import STATES, ControllerState
from drivers.can._socketcan import RawCan
from drivers.can.wire import socketcan_bytes

__all__ = ["BusOffGuard", "ControllerState", "SocketCan", "restart"]

NS = 1_000_000_000
RECEIVE_BUFFER_BYTES = 1 << 23
SO_MEMINFO, MEMINFO_DROPS = 55, 8  # asm-generic/socket.h; linux/sock_diag.h
BUS_OFF = STATES[3]
SIOCGIFMTU, CAN_FD_MTU = 0x8921, 72  # asm-generic/sockios.h, linux/can.h
INTERFACE_MTU = struct.Struct("=16si20x")  # struct ifreq
# linux/if_link.h, linux/can/netlink.h
IFLA_INFO_DATA, IFLA_CAN_RESTART, NLM_F_ACK = 2, 7, 4


class SocketCan:
    """A Transport (see transport.py); one thread may receive while another one sends. `controller` follows the error frames that
    came. Raises EnvironmentFault."""

    def __init__(self, channel: str, *, own: bool = False, hardware_stamps: bool = False,
                 receive_buffer_bytes: int = RECEIVE_BUFFER_BYTES):  # fmt: skip
        self.channel, self.hears_itself = channel, own
        try:
            self._raw = RawCan(socket.if_nametoindex(channel), own=own, receive_buffer_bytes=receive_buffer_bytes,
                               hardware_stamps=hardware_stamps)  # fmt: skip
        except OSError as error:
            raise EnvironmentFault(
                f"cannot open channel '{channel}' of CAN interface 'socketcan': {_reason(channel, error)}"
            ) from None
        self._hardware_stamps = hardware_stamps
        self._drops_before = self._drops()

    @property
    def source(self) -> RawCan:
        """For who receives without the GIL."""
        return self._raw

    @property
    def controller(self) -> ControllerState:
        return self._raw.controller

    @property
    def has_fd(self) -> bool:
        """The socket takes FD frames of every interface; whether the interface does is its MTU."""
        return self._raw.has_fd and self._mtu() >= CAN_FD_MTU

    @property
    def clock(self) -> str:
        if self._hardware_stamps and self._raw.hardware_stamped:
            return "the controller's own clock"
        return "the kernel's time of reception, CLOCK_REALTIME"

    @property
    def stamps_arrival(self) -> bool:
        return not self._hardware_stamps

    @property
    def waits(self) -> int:
        """Times the transmit queue was full."""
        return self._raw.waits

    def send(self, frames: np.ndarray, timeout_s: float = 0.0) -> int:
        """Nothing while the controller is known to be off the bus: the kernel would take frames then and throw them away."""
        if self.controller.state == BUS_OFF:
            return 0
        try:
            rows = socketcan_bytes(frames)
            return self._raw.send(rows.reshape(-1), rows.shape[1], round(timeout_s * NS))
        except OSError as error:
            raise EnvironmentFault(self.failure(error)) from None

    def receive(self, classic: np.ndarray, fd: np.ndarray, timeout_s: float) -> tuple[int, int]:
        try:
            count, fd_count = self._raw.receive(classic.view(np.uint8), fd.view(np.uint8), round(timeout_s * 1e3))
        except OSError as error:
            raise EnvironmentFault(self.failure(error)) from None
        return count, fd_count

    def failure(self, error: OSError) -> str:
        return f"CAN interface 'socketcan' channel '{self.channel}' failed: {_reason(self.channel, error)}"

    def lost(self) -> int:
        """Frames since it was opened without room in this socket's receive buffer, or lost by controller or kernel before any
        socket. Of the latter the kernel tells no sender: our own, which we would not have heard, count too."""
        return self._drops() - self._drops_before

    def lost_before_last(self) -> int:
        """Those without room in the buffer as of the last frame that `receive` gave: a step of it tells where the gap is."""
        return self._raw.overflowed

    def fileno(self) -> int:
        return self._raw.descriptor

    def close(self) -> None:
        self._raw.close()

    def _mtu(self) -> int:
        """bytes; 0 of an interface that is gone."""
        try:
            answer = fcntl.ioctl(self._raw.descriptor, SIOCGIFMTU, INTERFACE_MTU.pack(self.channel.encode(), 0))
        except (OSError, ValueError):
            return 0
        return INTERFACE_MTU.unpack(answer)[1]

    def _drops(self) -> int:
        if self._raw.descriptor < 0:
            raise EnvironmentFault(f"CAN interface 'socketcan' channel '{self.channel}' is closed")
        with socket.socket(fileno=os.dup(self._raw.descriptor)) as same:
            figures = same.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (MEMINFO_DROPS + 1))
        return int(np.frombuffer(figures, np.uint32)[MEMINFO_DROPS]) + network_link.frames_lost(self.channel)


class BusOffGuard:
    """Restarts a controller that went off the bus: at once, then with pauses that double up to `longest_s`.

    `look(state, now_s)` often; True when it restarted. A controller that stays on for `longest_s` is forgiven.
    """

    def __init__(self, channel: str, first_s: float = 0.1, longest_s: float = 10.0, restart=None):
        self.channel, self.first_s, self.longest_s = channel, first_s, longest_s
        self._restart = restart or globals()["restart"]
        self._pause_s, self._next_s = first_s, 0.0
        self.restarts = 0
        self._gave_up = False

    def look(self, state: ControllerState, now_s: float) -> bool:
        if state.state != BUS_OFF:
            if now_s >= self._next_s + self.longest_s:
                self._pause_s = self.first_s
            return False
        if now_s < self._next_s or self._gave_up:
            return False
        self._restart(self.channel)
        self.restarts += 1
        self._next_s = now_s + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, self.longest_s)
        return True

    def give_up(self) -> None:
        """Whoever may not restart it leaves it to the kernel."""
        self._gave_up = True


def restart(channel: str) -> None:
    """Brings a controller back that is off the bus. Raises EnvironmentFault: not allowed, or no such controller."""
    try:
        index = socket.if_nametoindex(channel)
        attribute = network_link.ATTRIBUTE
        data = attribute.pack(attribute.size + 4, IFLA_CAN_RESTART) + struct.pack("=I", 1)
        kind = attribute.pack(attribute.size + 4, network_link.IFLA_INFO_KIND) + b"can\0"
        nested = kind + attribute.pack(attribute.size + len(data), IFLA_INFO_DATA) + data
        body = network_link.LINK.pack(0, 0, index, 0, 0) + attribute.pack(
            attribute.size + len(nested), network_link.IFLA_LINKINFO
        )
        network_link.change(body + nested, NLM_F_ACK)
    except OSError as error:
        raise EnvironmentFault(f"CAN interface '{channel}' cannot be restarted: {error.strerror}; it needs CAP_NET_ADMIN, or let "
                               f"the kernel do it: ip link set {channel} type can restart-ms 100") from None  # fmt: skip


def _reason(channel: str, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    hint = {
        errno.EAFNOSUPPORT: "this kernel has no CAN; docs/socketcan.md tells how to test with one that has",
        errno.ENODEV: f"no such interface; 'ip link' lists them, 'modprobe vcan; ip link add {channel} type vcan' makes one",
        errno.ENXIO: f"no such interface; 'ip link' lists them, 'modprobe vcan; ip link add {channel} type vcan' makes one",
        errno.ENETDOWN: f"it is down: ip link set {channel} up type can bitrate 250000",
        errno.EINVAL: "a frame that it does not take: CAN FD needs an MTU of 72",
    }.get(error.errno, "")
    return f"{reason}; {hint}" if hint else reason
