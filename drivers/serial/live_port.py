"""A serial port that is there now: bytes as they come, opened again by its name when it was unplugged.

`device` is what pyserial opens: a path, best one below /dev/serial/by-id, which names the receiver and not the socket it is
plugged into, or `hwgrep://1546:01A9` with USB vendor and product.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import select
import struct
from typing import TYPE_CHECKING

from autonomy.errors import EnvironmentFault

if TYPE_CHECKING:
    import serial

__all__ = ["LivePort"]

TIOCGICOUNT = 0x545D  # asm-generic/ioctls.h
COUNTERS = struct.Struct("<11i36x")  # serial_icounter_struct of linux/serial.h: frame, overrun, parity, brk, buf_overrun last


class LivePort:
    """`read` gives what is there. `reopened` counts how often it came back; `is_open` tells whether it is there now,
    `has_low_latency` whether its driver hands bytes on at once (else a USB adapter may hold them back for 16 ms)."""

    def __init__(self, device: str, baud: int):
        self.device, self.baud = device, baud
        self.reopened = 0
        self.has_low_latency = False
        self._port: serial.SerialBase | None = None
        self._errors: int | None = None

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Raises EnvironmentFault."""
        import serial

        try:
            port = serial.serial_for_url(self.device, baudrate=self.baud, timeout=0.0, do_not_open=True)
            if hasattr(port, "exclusive"):
                port.exclusive = True
            port.open()
        except (serial.SerialException, OSError, ValueError, re.error) as error:  # re: of a hwgrep:// address
            detail = " ".join(str(error).split()) or type(error).__name__
            raise EnvironmentFault(f"serial device '{self.device}' cannot be opened: {detail}") from None
        self.has_low_latency = _low_latency(port)
        self._port, self._errors = port, _errors_of(port)

    def open_again(self) -> bool:
        """Whether it is there again."""
        with contextlib.suppress(EnvironmentFault):
            self.open()
            self.reopened += 1
        return self.is_open

    def read(self, timeout_s: float) -> bytes:
        """What has come, waiting for the first byte as long as that; closes the port and gives nothing when it is gone."""
        import serial

        port = self._port
        if port is None:
            return b""
        try:
            if not select.select([port], [], [], timeout_s)[0]:
                return b""
            data = port.read(port.in_waiting or 1)
        except (serial.SerialException, OSError, ValueError):
            data = b""
        if not data:  # readable, and nothing to read: it was unplugged
            self.close()
        return data

    def lost(self) -> int:
        """Overrun, framing and parity errors that the driver has counted since the last call; 0 where it counts none."""
        now = None if self._port is None else _errors_of(self._port)
        new = max(now - self._errors, 0) if now is not None and self._errors is not None else 0
        self._errors = now
        return new

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(Exception):  # a device that is gone may refuse to be closed
                port.close()


def _low_latency(port: serial.SerialBase) -> bool:
    """Asks the driver for it (ASYNC_LOW_LATENCY of linux/tty_flags.h); pseudo terminals and network ports have none."""
    try:
        port.set_low_latency_mode(True)
    except (OSError, ValueError, AttributeError, NotImplementedError):
        return False
    return True


def _errors_of(port: serial.SerialBase) -> int | None:
    try:
        counters = COUNTERS.unpack(fcntl.ioctl(port.fileno(), TIOCGICOUNT, bytes(COUNTERS.size)))
    except (OSError, AttributeError, ValueError):  # pseudo terminals and network ports
        return None
    _, _, _, _, _, _, frame, overrun, parity, _, buffer_overrun = counters
    return frame + overrun + parity + buffer_overrun
