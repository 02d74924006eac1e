"""One lane a target: what is open there, the queue before it and the thread that sends at the right times (see _pacer.pyx).

Sockets and lines are written to by the compiled thread, which never takes the GIL. For other CAN interfaces (pacers.py) a Python
thread waits in compiled code and then sends, as late as the interpreter lets it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import threading
from typing import Any

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from drivers.can.live_bus import LOCAL, open_bus
from drivers.can.socketcan import SocketCan
from drivers.can.wire import local_bytes, socketcan_bytes
from hil.rig._pacer import BYTES, DATAGRAMS, NOTHING, Port
from hil.rig.pacers import Pacer, open_pacer
from hil.rig.recorded import CAN, SERIAL
from hil.rig.targets import PTY, Target

__all__ = ["Lane"]

ENTRIES = 1 << 14
ARENA_BYTES = {CAN: 1 << 20, SERIAL: 1 << 20, "udp": 1 << 24}
SEND_BUFFER_BYTES = 1 << 20
DRAIN_MS = 100
INTERNET_ADDRESS = struct.Struct("=H2s4s8x")  # struct sockaddr_in: family, port and address in network order
WIRES = {"socketcan": socketcan_bytes}  # of the interfaces that are descriptors; python-can's get those of the local bus


class Lane(threading.Thread):
    """`put` what is to be sent, `start`, `join`. `bare` opens nothing and sends nothing: a loop over the same deadlines.

    Raises EnvironmentFault when the target cannot be opened.
    """

    def __init__(self, target: Target, *, patience_ns: int, bucket_ns: int, bare: bool = False, baud: int = 115200):
        super().__init__(name=f"play {target}", daemon=True)
        self.target, self.bare = target, bare
        self.priority = realtime.PRIORITY
        self.findings: list[realtime.Finding] = []
        self.is_ready = threading.Event()  # real-time, memory locked: that takes its time, before the first deadline
        self._go = threading.Event()
        self._origin_ns = 0
        self.error: str | None = None
        self.where = str(target)  # a pseudo terminal's name is known once it is open
        self._pacer: Pacer | None = None
        self._closing: list[Any] = []
        self._drain: threading.Thread | None = None
        self._ended = threading.Event()
        descriptor, kind, address = (-1, NOTHING, None) if bare else self._open(baud)
        self.port = Port(descriptor, kind, ENTRIES, ARENA_BYTES[target.kind], patience_ns, bucket_ns, address)

    def wire(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (n, size): frames (n,) as this lane's descriptor takes them."""
        return WIRES.get(self.target.interface, local_bytes)(frames)

    def run(self) -> None:
        self.findings = realtime.enter(self.priority)
        self.is_ready.set()
        self._go.wait()
        if self._pacer is None:
            self.port.run(self._origin_ns)
            return
        while (data := self.port.wait(self._origin_ns)) is not None:
            try:
                self._pacer.send(data)
            except Exception as error:  # interfaces let whatever their drivers raise through
                self.error = " ".join(str(error).split()) or type(error).__name__
                number = getattr(error, "error_code", None) or getattr(error, "errno", None) or 0
                self.port.failed(number if isinstance(number, int) else 0)
            else:
                self.port.sent()

    def begin(self, origin_ns: int) -> None:
        """Time 0 is at `origin_ns` of CLOCK_MONOTONIC."""
        self._origin_ns = origin_ns
        self._go.set()

    def stop(self) -> None:
        """Ends it before its next entry."""
        self.port.stop()
        self._go.set()

    def close(self) -> None:
        """Behind `join`."""
        self._ended.set()
        if self._drain is not None:
            self._drain.join()
        for item in self._closing:
            with contextlib.suppress(OSError):
                item()
        self._closing.clear()

    def account(self) -> dict[str, Any]:
        """The port's counts, with the system's names of what failed."""
        counts = self.port.counts()
        counts["failed"] = {
            errno.errorcode.get(number, "refused by the interface"): count for number, count in counts["failed"].items()
        }
        return counts

    def _open(self, baud: int) -> tuple[int, int, np.ndarray | None]:
        """(descriptor, kind of port, address)."""
        if self.target.kind == CAN:
            return self._open_can()
        if self.target.kind == SERIAL:
            return self._open_line(baud), BYTES, None
        node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        node.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._closing.append(node.close)
        address = socket.inet_aton(socket.gethostbyname(self.target.name))
        packed = INTERNET_ADDRESS.pack(socket.AF_INET, self.target.port.to_bytes(2, "big"), address)
        return node.fileno(), DATAGRAMS, np.frombuffer(packed, np.uint8).copy()  # not connected: no errors of datagrams before

    def _open_can(self) -> tuple[int, int, None]:
        if self.target.interface == "socketcan":
            node = SocketCan(self.target.name)
            self._closing.append(node.close)
            return node.fileno(), DATAGRAMS, None
        if self.target.interface != LOCAL:
            self._pacer = open_pacer(self.target.interface, self.target.name)
            self._closing.append(self._pacer.close)
            return -1, NOTHING, None
        bus = open_bus(LOCAL, self.target.name)
        self._closing.append(bus.shutdown)
        # The hub waits for nobody: what others say is read and left
        self._drain = threading.Thread(target=self._read_on, args=(bus.fileno(),), name=f"{self.name} drain", daemon=True)
        self._drain.start()
        return bus.fileno(), DATAGRAMS, None

    def _open_line(self, baud: int) -> int:
        import serial

        if self.target.name == PTY:
            import tty

            ours, theirs = os.openpty()
            tty.setraw(theirs)
            tty.setraw(ours)
            self.where = os.ttyname(theirs)
            self._closing += [lambda: os.close(ours), lambda: os.close(theirs)]
            os.set_blocking(ours, False)
            return ours
        try:
            port = serial.Serial(self.target.name, baud, timeout=0.0)
        except (serial.SerialException, OSError, ValueError) as error:
            raise EnvironmentFault(
                f"serial device '{self.target.name}' cannot be opened: {' '.join(str(error).split())}"
            ) from None
        self._closing.append(port.close)
        os.set_blocking(port.fileno(), False)
        return port.fileno()

    def _read_on(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not self._ended.is_set():
            if poll.poll(DRAIN_MS):
                with contextlib.suppress(OSError):
                    if not os.read(descriptor, 256):
                        return
