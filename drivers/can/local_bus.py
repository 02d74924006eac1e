"""A CAN bus between the processes of one machine that loses nothing, for where there is no vcan: interface `local`.

The channel is the path of a Unix socket. A hub (`Hub`, `python -m drivers.can.local_bus PATH`) passes each frame on to all
others in one order, stamped with the moment it came. A node that does not read is not waited for: after MOST_WAITING frames
it is thrown off the bus and told so - its next call fails - because silently losing a frame is worse.

python-can's own choices: `virtual` stays within one process, `udp_multicast` loses a fifth of a burst without a word.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections import deque

from autonomy.errors import EnvironmentFault
from autonomy.msg import dtype

__all__ = ["Hub", "connected", "ready"]

CAN_FRAME, CAN_FD_FRAME = dtype("CanFrame"), dtype("CanFdFrame")
MOST_WAITING = 1 << 16  # frames for a node that does not read
MOST_AT_ONCE = 64  # frames read from one node before the next one has its turn
BUFFER_BYTES = 1 << 20
POLL_MS = 100
PRIORITY = 65  # SCHED_FIFO where it is allowed: above the rig's truck, below who receives for the loop under test
NS = 1_000_000_000
FRAME_SIZES = (CAN_FRAME.itemsize, CAN_FD_FRAME.itemsize)


class Hub(threading.Thread):
    """Passes frames on. `passed` counts them, `thrown_off` the nodes that did not read. Raises EnvironmentFault.

    A thread of the program that wants a bus, or a process of its own (see `main`).
    """

    def __init__(self, path: str | os.PathLike):
        super().__init__(name="can-hub", daemon=True)
        self.path = os.fspath(path)
        self.passed = self.thrown_off = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)  # of a hub that was killed
            self._listener.bind(self.path)
            self._listener.listen()
            self._listener.setblocking(False)
        except OSError as error:
            self._listener.close()
            raise EnvironmentFault(f"no local bus at {self.path}: {error.strerror}; give a path of at most 100 letters "
                                   "in a folder that can be written") from error  # fmt: skip
        self._nodes: dict[int, tuple[socket.socket, deque[bytes]]] = {}
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._stopping = False

    def run(self) -> None:
        while not self._stopping:
            for number, events in self._poll.poll(POLL_MS):
                if number == self._listener.fileno():
                    self._admit()
                elif number in self._nodes:
                    if events & select.POLLOUT:
                        self._flush(number)
                    if events & ~select.POLLOUT and number in self._nodes:
                        self._read(number)
        for node, _ in self._nodes.values():
            node.close()
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def stop(self) -> None:
        self._stopping = True

    def _admit(self) -> None:
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:  # nobody knocks, or this process has no descriptor left: who knocks waits
                return
            node.setblocking(False)
            node.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            self._nodes[node.fileno()] = node, deque()
            self._poll.register(node, select.POLLIN)

    def _read(self, number: int) -> None:
        """A node that had connected before a frame was sent gets it: those that knock are let in behind the reading."""
        node, _ = self._nodes[number]
        frames, has_gone = [], False
        while len(frames) < MOST_AT_ONCE and not has_gone:
            try:
                data = node.recv(CAN_FD_FRAME.itemsize + 1)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if len(data) in FRAME_SIZES:
                frames.append(time.time_ns().to_bytes(8, "little") + data[8:])
            has_gone = len(data) not in FRAME_SIZES  # also who sends what is no frame
        self._admit()
        self.passed += len(frames)
        for stamped in frames:
            for other in [other for other in self._nodes if other != number]:
                self._pass_on(other, stamped)
        if has_gone and number in self._nodes:
            self._dismiss(number)

    def _pass_on(self, number: int, data: bytes) -> None:
        node, waiting = self._nodes[number]
        if not waiting:
            try:
                node.send(data)
                return
            except BlockingIOError:
                self._poll.modify(node, select.POLLIN | select.POLLOUT)
            except OSError:
                self._dismiss(number)
                return
        waiting.append(data)
        if len(waiting) > MOST_WAITING:
            self.thrown_off += 1
            self._dismiss(number)

    def _flush(self, number: int) -> None:
        node, waiting = self._nodes[number]
        try:
            while waiting:
                node.send(waiting[0])
                waiting.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._dismiss(number)
            return
        self._poll.modify(node, select.POLLIN)

    def _dismiss(self, number: int) -> None:
        node, _ = self._nodes.pop(number)
        self._poll.unregister(node)
        node.close()


def connected(channel: str) -> socket.socket:
    """A node's end of the hub's bus; each datagram is a CanFrame or a CanFdFrame. Raises OSError."""
    node = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        node.connect(os.fspath(channel))
    except OSError:
        node.close()
        raise
    node.setblocking(False)  # sender and receiver may be two threads: each waits with a poll of its own
    return node


def ready(node: socket.socket, event: int, timeout_s: float | None) -> bool:
    """Waits for select.POLLIN or POLLOUT; None = as long as it takes."""
    poll = select.poll()
    poll.register(node, event)
    return bool(poll.poll(None if timeout_s is None else max(timeout_s, 0.0) * 1e3))


def main(arguments: list[str]) -> int:
    """`python -m drivers.can.local_bus PATH...`: hubs until the process is ended or its standard input closes."""
    hubs = [Hub(path) for path in arguments]
    with contextlib.suppress(OSError):  # a bus is not late because the machine is busy; its threads inherit this
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    for hub in hubs:
        hub.start()
    print("ready", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    for hub in hubs:
        hub.stop()
    for hub in hubs:
        hub.join()
        print(f"{hub.path}: {hub.passed} frames passed on, {hub.thrown_off} nodes thrown off", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
