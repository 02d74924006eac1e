"""One end of a serial line as the rig writes to it: a device, or a pseudo terminal that others open by a path of our own."""

from __future__ import annotations

import contextlib
import os
import tty
from typing import Any

from autonomy.errors import EnvironmentFault

__all__ = ["TERMINALS", "Line", "is_device"]

MOST_BYTES = 480  # in one piece: what a log's row holds
TERMINALS = "/dev/pts/"


def is_device(place: str) -> bool:
    """Else a pseudo terminal is made and known by that path; a link to one that an earlier run left behind is none."""
    return place.startswith("/dev/") or os.path.exists(place) and not os.path.realpath(place).startswith(TERMINALS)


class Line:
    """`read` and `write` never wait. Raises EnvironmentFault."""

    def __init__(self, place: str, baud: int, *, makes_terminal: bool = False):
        self.place, self.baud, self.makes_terminal = place, baud, makes_terminal
        self._descriptor = -1
        self._closing: list[Any] = []
        self.open()

    def open(self) -> None:
        if self._descriptor >= 0:
            return
        if self.makes_terminal:
            ours, theirs = os.openpty()
            tty.setraw(theirs)
            self._closing = [lambda: os.close(ours), lambda: os.close(theirs)]
            try:
                if os.path.islink(self.place) and os.readlink(self.place).startswith(TERMINALS):  # of an earlier run
                    os.unlink(self.place)
                os.symlink(os.ttyname(theirs), self.place)
            except OSError as error:
                self.close()
                raise EnvironmentFault(f"serial line {self.place} cannot be made: {error.strerror}; name a free path") from None
            self._closing.append(lambda: os.unlink(self.place))
            self._descriptor = ours
        else:
            import serial

            try:
                port = serial.Serial(self.place, self.baud, timeout=0.0)
            except (serial.SerialException, OSError, ValueError) as error:
                detail = " ".join(str(error).split())
                raise EnvironmentFault(f"serial device '{self.place}' cannot be opened: {detail}") from None
            self._closing, self._descriptor = [port.close], port.fileno()
        os.set_blocking(self._descriptor, False)

    def read(self) -> bytes:
        """What is there; nothing while it is closed."""
        with contextlib.suppress(OSError):  # nothing there, or nobody at the other end of a pseudo terminal
            return os.read(self._descriptor, MOST_BYTES) if self._descriptor >= 0 else b""
        return b""

    def write(self, data: bytes) -> bool:
        """Whether all of it was taken."""
        with contextlib.suppress(OSError):
            return self._descriptor >= 0 and os.write(self._descriptor, data) == len(data)
        return False

    def close(self) -> None:
        closing, self._closing, self._descriptor = self._closing, [], -1
        for item in closing:
            with contextlib.suppress(OSError):
                item()
