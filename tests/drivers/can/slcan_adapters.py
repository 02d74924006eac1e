"""Serial CAN adapters on one bus, each a pseudo-terminal: what python-can's `slcan` talks to. LAWICEL's ASCII protocol.

Opened by `O`, closed by `C`; `t T r R` are frames, as text of one line that ends in CR, either way. Nothing is answered.
"""

from __future__ import annotations

import os
import pty
import select
import threading
import tty

FRAMES = b"tTrR"


class SlcanAdapters(threading.Thread):
    """Passes each line that is a frame on to all other open ports. What a port does not take yet waits."""

    def __init__(self, count: int):
        super().__init__(name="slcan adapters", daemon=True)
        self._pairs = [pty.openpty() for _ in range(count)]
        for master, port in self._pairs:
            tty.setraw(port)
            os.set_blocking(master, False)
        self.ports = [os.ttyname(port) for _, port in self._pairs]
        self._masters = [master for master, _ in self._pairs]
        self._heard = {master: bytearray() for master in self._masters}
        self._waiting = {master: bytearray() for master in self._masters}
        self._open: set[int] = set()
        self._changed = threading.Condition()
        self._end, self._ending = os.pipe()

    def run(self) -> None:
        while True:
            full = [master for master in self._masters if self._waiting[master]]
            readable, writable, _ = select.select([*self._masters, self._end], full, [])
            if self._end in readable:
                return
            for master in writable:
                del self._waiting[master][: os.write(master, self._waiting[master][:1024])]
            for master in readable:
                self._heard[master] += os.read(master, 4096)
                *lines, self._heard[master] = self._heard[master].split(b"\r")
                for line in lines:
                    self._take(master, bytes(line))

    def wait_until_open(self, count: int) -> None:
        """So many ports have been opened: what is sent from now on reaches them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._open) >= count, timeout=60.0)

    def stop(self) -> None:
        os.write(self._ending, b"x")
        self.join()
        for number in (*(end for pair in self._pairs for end in pair), self._end, self._ending):
            os.close(number)

    def _take(self, master: int, line: bytes) -> None:
        if line in (b"O", b"C"):
            with self._changed:
                (self._open.add if line == b"O" else self._open.discard)(master)
                self._changed.notify_all()
        elif line[:1] and line[0] in FRAMES and master in self._open:
            for other in self._open - {master}:
                self._waiting[other] += line + b"\r"
